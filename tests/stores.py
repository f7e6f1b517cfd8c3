"""Object stores on 127.0.0.1: moto's S3, and a stand-in for Google Cloud Storage; both with faults at any request."""

from __future__ import annotations

import itertools
import json
import os
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from google_storage import GoogleStorage

from kit.storage import Address
from kit.storage.store import open_store

ATTEMPTS = 1  # besides the first: the pauses before more take a second
PREFIX = "lab/retina"  # folder of the workspace in every bucket
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_X_GOOG_IF_GENERATION_MATCH")

_SETTINGS = ("AWS_", "GOOGLE_", "SERVICE_ACCOUNT", "GCE_", "KIT_CACHE", "XDG_CACHE_HOME")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}
_buckets = itertools.count()


@dataclass(frozen=True, slots=True)
class Request:
    """Request to a store.

    Attributes:
        method: HTTP method.
        name: Name of the object below the workspace; of another, with the bucket.
        query: Query string.
        is_conditional: Whether to write only if nobody else did.
        authorization: Header with the credentials.
    """

    method: str
    name: str
    query: str
    is_conditional: bool
    authorization: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Answer in place of the store's."""

    status: int
    code: str = ""


DROP = "drop"  # the connection, before the store has the request
LOSE = "lose"  # the answer, after the store has done it
CUT = "cut"  # the answer in its middle
IGNORE = "ignore"  # the conditions of a write

Fault = Callable[[Request], Refusal | str | None]


@dataclass
class StoreServer:
    """A bucket of a store.

    Attributes:
        scheme: Kind of store.
        port: Port on 127.0.0.1.
        bucket: Name of the bucket.
        seen: Requests so far.
        fault: Function that returns what goes wrong with a request; None for nothing.
    """

    scheme: str
    application: Callable[..., Iterable[bytes]]
    port: int = 0
    bucket: str = ""
    seen: list[Request] = field(default_factory=list)
    fault: Fault = lambda _: None

    @property
    def address(self) -> Address:
        return Address(self.scheme, self.bucket, PREFIX)

    @property
    def environment(self) -> dict[str, str]:
        """Settings by which any process reaches the server."""
        url = f"http://127.0.0.1:{self.port}"
        if self.scheme == "gs":
            return {"GOOGLE_BASE_URL": url, "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(_ACCOUNT)}
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        return {"AWS_ENDPOINT_URL": url, **keys}

    def count(self, method: str, name: str = "") -> int:
        """Count the requests of a method whose name contains a text."""
        return sum(request.method == method and name in request.name for request in self.seen)

    def before_writing(self, name: str, do: Callable[[], object]) -> None:
        """Have something happen just before an object is written conditionally for the first time."""
        waiting = [do]

        def intervene(request: Request) -> None:
            if waiting and request.is_conditional and request.name.endswith(name):
                waiting.pop()()

        self.fault = intervene

    def make_bucket(self) -> None:
        """Make a bucket for a test."""
        self.bucket, self.seen, self.fault = f"bucket-{next(_buckets)}", [], lambda _: None
        if isinstance(self.application, GoogleStorage):
            self.application.buckets[self.bucket] = {}
        else:
            url = f"http://127.0.0.1:{self.port}/{self.bucket}"
            with urllib.request.urlopen(urllib.request.Request(url, method="PUT")):
                self.seen.clear()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode().removeprefix(f"/{self.bucket}/{PREFIX}/")
        conditional = any(name in environ for name in CONDITIONS)
        authorization = environ.get("HTTP_AUTHORIZATION", "")
        request = Request(environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], conditional, authorization)
        self.seen.append(request)
        wrong = self.fault(request)
        if isinstance(wrong, Refusal):
            body = f"<Error><Code>{wrong.code}</Code></Error>".encode() if wrong.code else b""
            start_response(f"{wrong.status} Refused", [("Content-Length", str(len(body)))])
            return [body]
        if wrong == LOSE:
            list(self.application(environ, lambda *_: lambda _: None))
        if wrong == IGNORE:
            for name in CONDITIONS:
                environ.pop(name, None)
            return self.application(environ, start_response)
        if wrong == CUT:
            return _half(self.application(environ, start_response), environ["werkzeug.socket"])
        if wrong:
            _drop(environ["werkzeug.socket"])
        return self.application(environ, start_response)


def _half(answer: Iterable[bytes], connection: socket.socket) -> Iterator[bytes]:
    body = b"".join(answer)
    yield body[: len(body) // 2]
    _drop(connection)


def _drop(connection: socket.socket) -> NoReturn:
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


_ACCOUNT = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}


def _serve(scheme: str, application: Any) -> Iterator[StoreServer]:
    from werkzeug.serving import make_server

    state = StoreServer(scheme, application)
    server = make_server("127.0.0.1", 0, state, threaded=True)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def _s3() -> Iterator[StoreServer]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    yield from _serve("s3", DomainDispatcherApplication(create_backend_app))


@pytest.fixture(scope="session")
def _gs() -> Iterator[StoreServer]:
    yield from _serve("gs", GoogleStorage())


@pytest.fixture
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment of a user who has set nothing, with copies in the test's folder."""
    for name in list(os.environ):
        if name.startswith(_SETTINGS) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    return monkeypatch


@pytest.fixture
def s3_server(_s3: StoreServer, clean_settings: pytest.MonkeyPatch) -> StoreServer:
    """S3 with an empty bucket, and this process set up to reach it."""
    return _begin(_s3, clean_settings)


@pytest.fixture
def gs_server(_gs: StoreServer, clean_settings: pytest.MonkeyPatch) -> StoreServer:
    """Google Cloud Storage with an empty bucket, and this process set up to reach it."""
    return _begin(_gs, clean_settings)


@pytest.fixture(params=["s3_server", "gs_server"], ids=["s3", "gs"])
def store_server(request: pytest.FixtureRequest) -> StoreServer:
    """A store of each kind."""
    server: StoreServer = request.getfixturevalue(request.param)
    return server


def _begin(server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> StoreServer:
    server.make_bucket()
    monkeypatch.setattr("kit.storage.store._ATTEMPTS", ATTEMPTS)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    open_store(server.address).require_conditions()  # asked before the first upload of a process; so it is not counted
    server.seen.clear()
    return server
