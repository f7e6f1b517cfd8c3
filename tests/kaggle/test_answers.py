"""What servers say that is not as documented: secrets repeated, odd headers, odd fields, deep nesting."""

from __future__ import annotations

import base64
import copy
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from packaging.requirements import Requirement
from standin import KEY, SLUG, TOKEN, USER, Game, StandIn

import kit
from kit.errors import KaggleError, KitError, NetworkError
from kit.kaggle.retries import Retries

CALM = Retries(connect_timeout=5, read_timeout=5, attempts=2, backoff=0.01, score_timeout=10)
IDS = [f"t{number}" for number in range(4)]
BASIC = base64.b64encode(f"{USER}:{KEY}".encode()).decode()


@pytest.fixture
def file(tmp_path: Path, standin: StandIn) -> Path:
    """A submission, and the sample where kit fetch puts it."""
    standin.games[SLUG] = Game(truth={one: str(number % 2) for number, one in enumerate(IDS)})
    folder = tmp_path / "data" / SLUG
    folder.mkdir(parents=True)
    (folder / "sample_submission.csv").write_text("id,label\n" + "".join(f"{one},0.5\n" for one in IDS))
    path = tmp_path / "first.csv"
    path.write_text("id,label\n" + "".join(f"{one},0.{number + 1}\n" for number, one in enumerate(IDS)))
    return path


def submit(file: Path) -> Any:
    return kit.submit(file, competition=SLUG, message="first", wait=True, root=file.parent, retries=CALM)


def pieces(secret: str) -> Iterator[str]:
    """Every part of a secret that is long enough to help somebody."""
    size = 10
    return (secret[begin : begin + size] for begin in range(len(secret) - size + 1))


def unspelt(text: str) -> str:
    """Undo what JSON, addresses and web pages do to characters, independently of kit."""
    from html import unescape
    from urllib.parse import unquote

    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return unquote(unescape(text.replace("\\", "")))


# Secrets.


def as_json(text: str) -> str:
    """Spell all but letters as JSON encoders do that are made for web pages."""
    return "".join(one if one.isalnum() or one == " " else f"\\u{ord(one):04X}" for one in text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": as_json,
    "JSON, slashes": lambda text: text.replace("/", "\\/"),
    "address": lambda text: quote(text, safe=""),
    "web page": lambda text: "".join(one if one.isalnum() else f"&#{ord(one)};" for one in text),
    "web page, hexadecimal": lambda text: "".join(one if one.isalnum() else f"&#x{ord(one):X};" for one in text),
    "JSON in JSON": lambda text: json.dumps(as_json(text))[1:-1],
    "lower case": lambda text: text.replace("Basic", "basic"),
    **{f"after {number} characters": lambda text, before=number: "x" * before + text for number in range(255, 300, 6)},  # type: ignore[misc]
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", ["mirror", "mirror200"])
def test_a_key_that_a_server_repeats_is_never_told(spelling: str, kind: str, file: Path, standin: StandIn) -> None:
    standin.mirror = SPELLINGS[spelling]
    standin.faults["GetCompetition"] = (kind, 9)
    with pytest.raises(KitError) as told:
        submit(file)

    text = unspelt(str(told.value))
    assert "***" in text or "after" in spelling
    assert not [piece for secret in (KEY, BASIC) for piece in pieces(secret) if piece.lower() in text.lower()]


@pytest.mark.parametrize("spelling", ["plain", "JSON", "address"])
def test_a_token_and_a_password_of_a_proxy_are_never_told(
    spelling: str, file: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    monkeypatch.setenv("http_proxy", f"http://grace:proxy%2Fsecret@127.0.0.1:{standin.port}")
    standin.mirror = SPELLINGS[spelling]
    standin.faults["GetCompetition"] = ("mirror", 9)
    with pytest.raises(KitError) as told:
        submit(file)

    (_, headers), *_ = standin.seen
    sent = headers["Proxy-Authorization"].partition(" ")[2].rstrip("=")
    assert b"grace:proxy/secret" == base64.b64decode(sent + "==")
    text = unspelt(str(told.value))
    assert "Bearer ***" in text
    assert not [piece for secret in (TOKEN, sent) for piece in pieces(secret) if piece in text]


def test_what_a_log_in_is_renewed_with_is_never_told(
    file: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    folder = file.parent / "home" / ".kaggle"
    folder.mkdir()
    (folder / "credentials.json").write_text(json.dumps({"username": USER, "refresh_token": "refresh-81c4-secret"}))
    standin.faults["GenerateAccessToken"] = ("mirror", 9)
    with pytest.raises(KitError, match=r"bad: \*\*\*|bad: .*\*\*\*") as told:
        submit(file)

    assert not [piece for piece in pieces("refresh-81c4-secret") if piece in str(told.value)]


def test_a_key_in_the_reason_of_a_bad_score_is_in_no_message_and_not_in_the_ledger(
    file: Path, standin: StandIn
) -> None:
    standin.mangle = lambda step, told: (
        {**told, "status": "ERROR", "errorDescription": f"row Basic {BASIC} {KEY}"} if step == "GetSubmission" else told
    )
    with pytest.raises(KaggleError, match=r"could not score .*row Basic \*\*\*(==?)? \*\*\*") as told:
        submit(file)

    everything = str(told.value) + (file.parent / "submissions" / "ledger.csv").read_text()
    assert not [piece for secret in (KEY, BASIC) for piece in pieces(secret) if piece in everything]


# Odd answers.

WAITS = ["²", "9" * 400, "-5", "1e3", "nan", "inf", "1.5", "0x10", "1, 2", "soon", "Wed, 21 Oct 2015 07:28:00 -0000"]
WAITS += ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 1 Jan 0001 00:00:00 +2359", "Mon, 1 Jan 10000 00:00:00 GMT"]


@pytest.mark.parametrize("told", WAITS)
@pytest.mark.parametrize("kind", ["429", "503"])
def test_an_odd_wait_is_a_wait_of_the_network(told: str, kind: str, file: Path, standin: StandIn) -> None:
    standin.retry_after = told
    standin.faults["GetCompetition"] = (kind, 9)
    with pytest.raises(NetworkError) as waited:
        submit(file)

    assert 3 == waited.value.exit_status
    assert "\n" not in str(waited.value)


STEPS = ("GetCompetition", "ListSubmissions", "GetSubmissionLimits", "StartSubmissionUpload", "CreateSubmission")


@pytest.mark.parametrize("kind", ["deep", "deep400"])
@pytest.mark.parametrize("step", [*STEPS, "GetSubmission"])
def test_an_answer_of_deep_nesting_is_no_answer(kind: str, step: str, file: Path, standin: StandIn) -> None:
    standin.faults[step] = (kind, 9)
    with pytest.raises(NetworkError) as told:
        submit(file)

    assert 3 == told.value.exit_status


@pytest.mark.parametrize("step", STEPS)
def test_a_refusal_whose_words_are_lists_has_none(step: str, file: Path, standin: StandIn) -> None:
    standin.faults[step] = ("words", 9)
    with pytest.raises(KaggleError, match=r"\(400\)"):
        submit(file)


def test_a_list_without_an_end_is_given_up(file: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.kaggle.connection._PAGES", 5)
    standin.mangle = lambda step, told: (
        {**told, "nextPageToken": str(len(standin.seen))} if step == "ListSubmissions" else told
    )
    with pytest.raises(NetworkError, match="the list has no end after 5 pages"):
        submit(file)


ODD = (None, "x", "\ud800", -1, 1e400, 10**400, True, [[]], {"a": None})


def places(told: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of an answer, the answer itself included."""
    yield before
    steps = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, value in steps:
        yield from places(value, (*before, name))


def changed(told: Any, place: tuple[Any, ...], value: object) -> Any:
    """Put a value at a place of an answer, if it has that place."""
    if not place:
        return value
    told = copy.deepcopy(told)
    inner = told
    try:
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
    except (LookupError, TypeError):
        return told
    return told


def answers(file: Path, standin: StandIn) -> dict[str, Any]:
    """Submit, refresh, and keep the last answer of every step."""
    kept: dict[str, Any] = {}
    standin.mangle = lambda step, told: kept.setdefault(step, told) and told
    submit(file)
    kit.submissions(SLUG, refresh=True, root=file.parent, retries=CALM)
    standin.mangle = lambda step, told: kept.__setitem__(step, told) or told
    kit.submissions(SLUG, refresh=True, root=file.parent, retries=CALM)
    return kept


@pytest.mark.slow
def test_whatever_stands_in_a_field_of_an_answer_ends_in_words(file: Path, standin: StandIn) -> None:
    kept = answers(file, standin)
    fields = [(step, place) for step, told in kept.items() for place in places(told)]
    counts = {"done": 0, "refused": 0}
    for step, place in fields:
        for value in ODD:
            standin.submissions.clear()
            (file.parent / "submissions" / "ledger.csv").unlink(missing_ok=True)
            standin.mangle = lambda name, told, step=step, place=place, value=value: (  # type: ignore[misc]
                changed(told, place, value) if name == step else told
            )
            try:
                submit(file)
                kit.submissions(SLUG, refresh=True, root=file.parent, retries=CALM)
                counts["done"] += 1
            except KitError:
                counts["refused"] += 1

    assert {"GetCompetition", "ListSubmissions", "CreateSubmission", "GetSubmission"} <= {step for step, _ in fields}
    assert len(fields) * len(ODD) == sum(counts.values())
    assert min(counts.values()) > 0


# What kit is made with.


def test_what_talks_to_kaggle_is_declared_from_a_version_that_can() -> None:
    import kagglesdk
    import requests

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    declared = {found.name: found for found in map(Requirement, project["dependencies"])}

    assert {kagglesdk.__name__, requests.__name__} <= declared.keys()
    assert declared["kagglesdk"].specifier.contains("0.1.35")
    assert not declared["kagglesdk"].specifier.contains("0.1.34")  # its types have no ApiGetSubmissionLimitsRequest
    assert not declared["kaggle"].specifier.contains("2.2.3")  # which asks for kagglesdk 0.1.30
    assert not declared["requests"].specifier.contains("2.32.3")  # CVE-2024-47081: .netrc credentials to other hosts
