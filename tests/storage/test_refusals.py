"""Every refusal of a store is a line that names the address and the next step."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stores import ATTEMPTS, DROP, Refusal, StoreServer

from kit.errors import KitError, MissingDependencyError, StoreError, UnreachableError
from kit.storage import Address
from kit.storage.refusal import refusal
from kit.storage.store import Store, Tag

WORK: dict[str, Callable[[Store, Path], object]] = {
    "read": lambda store, _: store.read("a"),
    "list": lambda store, _: store.objects("a"),
    "folders": lambda store, _: store.folders("a"),
    "write": lambda store, _: store.write("a", b"1"),
    "create": lambda store, _: store.create("a", b"1"),
    "replace": lambda store, _: store.replace("a", b"1", Tag("1", "1")),
    "upload": lambda store, file: store.upload(file, "a"),
    "download": lambda store, file: store.download("a", file, ""),
    "remove": lambda store, _: store.remove(["a"]),
}
SSO = """[profile lab]
sso_start_url = https://lab.awsapps.com/start
sso_region = eu-north-1
sso_account_id = 1
sso_role_name = trainer
"""
each_work = pytest.mark.parametrize("work", WORK.values(), ids=list(WORK))


@pytest.fixture
def store(store_server: StoreServer) -> Store:
    return Store(store_server.address)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"1")
    return tmp_path / "file"


@each_work
def test_missing_bucket_is_named(
    store: Store, store_server: StoreServer, file: Path, work: Callable[[Store, Path], object]
) -> None:
    store_server.fault = lambda _: Refusal(404, "NoSuchBucket")

    error = _raised(StoreError, lambda: work(store, file))

    bucket = f"{store.address.scheme}://{store.address.bucket}"
    assert f"there is no bucket {bucket}; make it, or correct the address" == error


@pytest.mark.parametrize("name", ["read", "list", "write", "create", "upload", "download"])
def test_bucket_that_was_never_made_is_named(store_server: StoreServer, file: Path, name: str) -> None:
    store = Store(Address(store_server.scheme, "never-made", "lab"))

    error = _raised(StoreError, lambda: WORK[name](store, file))

    assert f"there is no bucket {store_server.scheme}://never-made; make it, or correct the address" == error


@pytest.mark.parametrize("name", ["list", "folders", "write", "create", "replace", "upload"])
def test_server_that_knows_no_buckets_is_no_store(
    store: Store, store_server: StoreServer, file: Path, name: str
) -> None:
    store_server.fault = lambda _: Refusal(404)

    error = _raised(StoreError, lambda: WORK[name](store, file))

    assert error.startswith("there is no bucket ")


@each_work
def test_denied_request_names_the_code_and_the_login(
    store: Store, store_server: StoreServer, file: Path, work: Callable[[Store, Path], object]
) -> None:
    store_server.fault = lambda _: Refusal(403, "SignatureDoesNotMatch")

    error = _raised(StoreError, lambda: work(store, file))

    assert error.startswith(f"{store.address}/a: the store refuses these credentials (SignatureDoesNotMatch); log in")
    assert error.endswith(", or ask for the right to list, read and write there")


def test_unknown_user_is_refused(store: Store, store_server: StoreServer) -> None:
    store_server.fault = lambda _: Refusal(401)

    error = _raised(StoreError, lambda: store.read("a"))

    assert error.startswith(f"{store.address}/a: the store refuses these credentials; log in with")


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_expired_token_is_a_matter_of_the_login(store: Store, store_server: StoreServer, code: str) -> None:
    store_server.fault = lambda _: Refusal(400, code)

    error = _raised(StoreError, lambda: store.read("a"))

    assert error.startswith(f"{store.address}/a: the store refuses these credentials ({code}); log in with")


def test_wrong_clock_is_named(store: Store, store_server: StoreServer) -> None:
    store_server.fault = lambda _: Refusal(403, "RequestTimeTooSkewed")

    error = _raised(StoreError, lambda: store.read("a"))

    assert f"{store.address}/a: this machine's clock differs from the store's (RequestTimeTooSkewed); set it" == error


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1:9000", "http://", "ftp://lab", "http://lab:99999", "http://lab:9000 ", "https:/lab"]
)
def test_endpoint_that_is_no_server_is_named(
    store_server: StoreServer, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    name = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_BASE_URL"}[store_server.scheme]
    monkeypatch.setenv(name, text)

    error = _raised(StoreError, lambda: Store(store_server.address).read("a"))

    assert (
        f"{name} is '{text}', which is no address of a server; write http://HOST:PORT or https://HOST, or unset it"
        == error
    )


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"])
def test_key_with_a_line_break_is_named_and_not_shown(
    s3_server: StoreServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "key\r")

    error = _raised(StoreError, lambda: Store(s3_server.address).read("a"))

    assert f"{name} has a character that no request can have, such as a line break; set it again" == error


@pytest.mark.parametrize(
    "answer", [Refusal(301), Refusal(301, "PermanentRedirect"), Refusal(400, "AuthorizationHeaderMalformed")]
)
def test_other_region_is_named(store: Store, store_server: StoreServer, answer: Refusal) -> None:
    store_server.fault = lambda _: answer

    error = _raised(StoreError, lambda: store.read("a"))

    assert (
        f"{store.address.scheme}://{store.address.bucket} lies in another region; set AWS_REGION to its region" == error
    )


@pytest.mark.parametrize("answer", [Refusal(400, "InvalidRequest"), Refusal(501, "NotImplemented")])
def test_refusal_that_stays_is_no_reason_to_try_again(store: Store, store_server: StoreServer, answer: Refusal) -> None:
    store_server.fault = lambda _: answer

    error = _raised(StoreError, lambda: store.read("a"))

    assert f"{store.address}/a: the store answers {answer.status} ({answer.code})" == error


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_of_the_store_is_tried_again_and_may_pass(store: Store, store_server: StoreServer, status: int) -> None:
    store_server.fault = lambda _: Refusal(status)

    error = _raised(UnreachableError, lambda: store.read("a"))

    assert f"{store.address}/a: the store answers {status}; check the network and the address, and try again" == error
    assert 1 + ATTEMPTS == store_server.count("GET", "a")
    assert 3 == UnreachableError.exit_status


@each_work
def test_dropped_connections_are_no_answer(
    store: Store, store_server: StoreServer, file: Path, work: Callable[[Store, Path], object]
) -> None:
    store_server.fault = lambda _: DROP

    error = _raised(UnreachableError, lambda: work(store, file))

    assert f"{store.address}/a: the store does not answer; check the network and the address, and try again" == error


def test_closed_port_is_no_answer(store_server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")

    error = _raised(UnreachableError, lambda: Store(store_server.address).read("a"))

    assert (
        f"{store_server.address}/a: the store does not answer; check the network and the address, and try again"
        == error
    )


@pytest.mark.usefixtures("clean_settings")
def test_missing_credentials_for_s3_name_the_login() -> None:
    error = _raised(StoreError, lambda: Store(Address("s3", "bucket", "lab")))

    assert (
        "s3://bucket/lab: no credentials were found; log in with 'aws configure', or set AWS_ACCESS_KEY_ID and"
        " AWS_SECRET_ACCESS_KEY"
    ) == error


def test_missing_credentials_for_s3_without_boto3_name_the_login(
    s3_server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in s3_server.environment:
        monkeypatch.delenv(name)
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", None)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{s3_server.port}")
    s3_server.fault = lambda _: Refusal(404)

    error = _raised(StoreError, lambda: Store(Address("s3", "bucket", "lab")).read("a"))

    assert error.startswith("s3://bucket/lab: no credentials were found; log in with 'aws configure'")


def test_missing_credentials_for_google_name_the_login(gs_server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in gs_server.environment:
        monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{gs_server.port}")  # of the machine's metadata
    gs_server.fault = lambda _: Refusal(404)

    error = _raised(StoreError, lambda: Store(Address("gs", "bucket", "lab")).read("a"))

    assert (
        "gs://bucket/lab: no credentials were found; log in with 'gcloud auth application-default login', or set"
        " GOOGLE_APPLICATION_CREDENTIALS"
    ) == error


def test_credentials_of_a_profile_are_used(
    s3_server: StoreServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    folder = tmp_path / "home" / ".aws"
    folder.mkdir(parents=True)
    (folder / "credentials").write_text("[lab]\naws_access_key_id = profile-key\naws_secret_access_key = secret\n")
    (folder / "config").write_text("[profile lab]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_PROFILE", "lab")

    Store(s3_server.address).read("a")

    assert "Credential=profile-key/" in s3_server.seen[-1].authorization
    assert "/eu-north-1/s3/" in s3_server.seen[-1].authorization


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "The config profile (lab) could not be found"),
        ("[profile lab]\naws_access_key_id = key\n", "Partial credentials found"),
        ("[profile lab]\ncredential_process = false\n", "Error when retrieving credentials from custom-process"),
        ("profile lab", "Unable to parse config file"),
        (SSO, "SSOTokenLoadError: Error loading SSO Token: Token for https://lab.awsapps.com/start does not exist"),
    ],
    ids=["unknown", "half", "failing-tool", "malformed", "logged-out"],
)
def test_profiles_without_credentials_are_repeated(
    clean_settings: pytest.MonkeyPatch, tmp_path: Path, config: str, said: str
) -> None:
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    (tmp_path / "home" / ".aws" / "config").write_text(config)
    clean_settings.setenv("AWS_PROFILE", "lab")

    error = _raised(StoreError, lambda: Store(Address("s3", "bucket", "lab")).read("a"))

    assert re.match(rf"s3://bucket/lab(/a)?: {re.escape(said)}", error)
    assert "; correct the settings, or log in with 'aws configure'" in error


def test_login_that_has_ended_is_named() -> None:
    said = (
        "Generic GCS error: Error performing token request: Error performing POST https://oauth2.googleapis.com/token"
        ' in 1ms - Server returned non-2xx status code: 400 Bad Request: {"error": "invalid_grant"}'
    )

    error = str(refusal(Address("gs", "bucket"), "gs://bucket/a", said))

    assert error.startswith("gs://bucket/a: the store refuses these credentials; log in with 'gcloud auth")


@pytest.mark.parametrize(
    ("scheme", "name", "value", "said"),
    [
        ("gs", "GOOGLE_SERVICE_ACCOUNT", "/nowhere.json", "/nowhere.json: No such file"),
        ("gs", "GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json", "/nowhere.json: No such file"),
        ("gs", "GOOGLE_SERVICE_ACCOUNT_KEY", "{", "Unable to decode service account file"),
        ("s3", "AWS_CONDITIONAL_PUT", "perhaps", 'Failed to parse "perhaps"'),
    ],
)
def test_wrong_settings_are_repeated(
    clean_settings: pytest.MonkeyPatch, scheme: str, name: str, value: str, said: str
) -> None:
    for setting, text in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", name: value}.items():
        clean_settings.setenv(setting, text)

    error = _raised(StoreError, lambda: Store(Address(scheme, "bucket", "lab")))

    assert error.startswith(f"{scheme}://bucket/lab: ")
    assert said in error
    assert "; correct the settings, or log in with" in error


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    error = _raised(MissingDependencyError, lambda: Store(Address(scheme, "bucket")))

    assert f"{scheme}:// needs obstore; install 'kit[{scheme}]'" == error


def _raised(kind: type[KitError], work: Callable[[], object]) -> str:
    """Return the line of the error that is raised, of this very kind."""
    with pytest.raises(KitError) as raised:
        work()
    said = str(raised.value)
    assert kind is raised.type, said
    assert 1 == len(said.splitlines())
    return said
