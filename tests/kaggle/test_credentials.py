from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import KEY, SLUG, TOKEN, USER, Game, StandIn

import kit
from kit.errors import KaggleError
from kit.kaggle.credentials import find_credentials
from kit.kaggle.http_errors import resets
from kit.kaggle.retries import Retries
from kit.workspace import Workspace

FILES = {"sample_submission.csv": b"id,label\na,0\n"}


@pytest.fixture
def home(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody is known yet."""
    standin.games[SLUG] = Game(files=FILES)
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    (tmp_path / "home" / ".kaggle").mkdir()
    return tmp_path / "home"


def write_login(home: Path, **fields: object) -> None:
    (home / ".kaggle" / "credentials.json").write_text(json.dumps({"username": USER, "refresh_token": "r", **fields}))


def write_key(home: Path) -> None:
    (home / ".kaggle" / "kaggle.json").write_text(json.dumps({"username": USER, "key": KEY}))


def can_fetch(root: Path) -> bool:
    return kit.fetch(SLUG, files=["sample_submission.csv"], root=root, retries=Retries(attempts=1)).is_new


def test_all_four_ways_are_named_where_there_is_none(home: Path) -> None:
    with pytest.raises(
        KaggleError, match=r"\(1\).*KAGGLE_API_TOKEN.*\(2\).*access_token.*\(3\).*kaggle.json.*\(4\).*auth login"
    ):
        can_fetch(home)


def test_a_token_in_the_environment_is_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)

    assert can_fetch(home)


def test_a_variable_may_hold_the_path_of_a_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token"))

    assert can_fetch(home)


def test_a_token_file_is_taken(home: Path) -> None:
    (home / ".kaggle" / "access_token").write_text(f"{TOKEN}\n")

    assert can_fetch(home)


@pytest.mark.parametrize("token", ["tok\nen", "tok“en”", "\0"])
def test_a_token_that_cannot_be_sent_is_said_at_once_and_not_shown(token: str, home: Path, standin: StandIn) -> None:
    (home / ".kaggle" / "access_token").write_text(token)
    with pytest.raises(KaggleError, match="access_token holds characters that no token or key of Kaggle's has") as told:
        can_fetch(home)

    assert token not in str(told.value)
    assert not standin.seen


def test_bytes_that_are_no_text_are_no_token(home: Path) -> None:
    (home / ".kaggle" / "access_token").write_bytes(b"\xff\xfe")
    with pytest.raises(KaggleError, match="holds characters that no token"):
        can_fetch(home)


def test_marks_and_blanks_around_credentials_do_no_harm(home: Path) -> None:
    (home / ".kaggle" / "kaggle.json").write_text(
        "\ufeff" + json.dumps({"username": USER, "key": f"{KEY}\n"}), encoding="utf-8"
    )
    assert can_fetch(home)

    (home / ".kaggle" / "access_token").write_text(f"\ufeff{TOKEN}\r\n", encoding="utf-8")
    assert "~/.kaggle/access_token" == find_credentials().source
    assert TOKEN == find_credentials().secret


def test_a_key_file_is_taken(home: Path) -> None:
    write_key(home)

    assert can_fetch(home)


def test_a_key_file_elsewhere_is_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_key(home)
    (home / ".kaggle").rename(home / "elsewhere")
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home / "elsewhere"))

    assert can_fetch(home)


def test_a_login_asks_for_its_token(home: Path, standin: StandIn) -> None:
    write_login(home)

    assert can_fetch(home)
    assert 1 == standin.steps("GenerateAccessToken")


def test_a_login_with_a_token_that_still_holds_asks_for_none(home: Path, standin: StandIn) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    write_login(home, access_token=TOKEN, access_token_expiration=later.isoformat())

    assert can_fetch(home)
    assert 0 == standin.steps("GenerateAccessToken")


def test_a_login_that_is_over_says_how_to_log_in(home: Path, standin: StandIn) -> None:
    write_login(home)
    standin.faults["GenerateAccessToken"] = ("401", 9)
    with pytest.raises(
        KaggleError, match=r"credentials.json \(kaggle auth login\) \(401.*log in again: kaggle auth login"
    ):
        can_fetch(home)


def test_a_token_goes_first_and_the_others_are_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    write_key(home)
    write_login(home)
    found = find_credentials()

    assert ("KAGGLE_API_TOKEN", TOKEN, "") == (found.source, found.secret, found.username)
    assert ("~/.kaggle/kaggle.json", "~/.kaggle/credentials.json (kaggle auth login)") == found.others


def test_secrets_are_in_no_repr(home: Path) -> None:
    write_key(home)

    assert KEY not in repr(find_credentials())


@pytest.mark.parametrize("text", ["{", "[]", '{"username": "ada"}', f'{{"username": 3, "key": "{KEY}"}}', "\xff"])
def test_a_damaged_key_file_is_named_and_not_quoted(text: str, home: Path) -> None:
    (home / ".kaggle" / "kaggle.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(KaggleError, match=r"~/.kaggle/kaggle.json is not the file that Kaggle makes") as told:
        find_credentials()

    assert KEY not in str(told.value)


def test_a_damaged_key_file_that_is_not_needed_does_no_harm(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".kaggle" / "kaggle.json").write_text("{")
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)

    assert can_fetch(home)


@given(st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)))  # noqa: DTZ001
def test_the_limit_resets_within_a_day(now: dt.datetime) -> None:
    assert "the limit resets at 00:00 UTC, in " in resets(now)
    assert "24 h 0 min" in resets(now.replace(hour=0, minute=0, second=0, microsecond=0))
    assert resets(now.replace(hour=22, minute=30, second=0, microsecond=0)).endswith("in 1 h 30 min")


def test_a_notebook_on_kaggle_has_one_place_for_a_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    assert tmp_path / "submissions" / "run.csv" == Workspace(tmp_path).submission("run")

    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert Path("/kaggle/working/submission.csv") == Workspace(tmp_path).submission("run")
