"""A stand-in for Kaggle on 127.0.0.1: competitions, files, uploads and scores, and faults at every step.

kagglesdk reaches it by its own settings: KAGGLE_API_ENVIRONMENT=LOCALHOST makes it ask http://localhost, and
http_proxy leads there. Files lie on another host, store.localhost, as they do on Kaggle.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

USER, KEY, TOKEN, SIGNATURE = "ada", "key-7f3a9c-secret", "token-51bd20-secret", "signature-99e1-secret"
SLUG = "dark-or-light"
MOMENT = "2026-05-04T10:00:00.000Z"

Fault = tuple[str, int]  # what goes wrong, and how often it does

_PLAIN = {  # status and body of answers that say no
    "500": (500, {"code": 500, "message": "boom"}),
    "502": (502, None),
    "503": (503, None),
    "401": (401, {"code": 401, "message": "Unauthenticated"}),
    "rules": (403, {"code": 403, "message": "You must accept this competition's rules before you can continue."}),
    "denied": (403, {"code": 403, "message": "Permission 'competitions.participate' was denied"}),
    "404": (404, {"code": 404, "message": "Not found"}),
    "limit": (400, {"code": 400, "message": "Submission not allowed: your team has used its daily limit of 5."}),
    "400": (400, {"code": 400, "message": "You must join the competition first."}),
    "429": (429, {"code": 429, "message": "Too many requests"}),
    "echo": (400, {"code": 400, "message": f"bad header {KEY}"}),
}


@dataclass
class Game:
    """A competition: its files by name, the true labels by id, and how many submissions a day it takes."""

    files: dict[str, bytes] = field(default_factory=dict)
    archive: bytes = b""
    truth: dict[str, str] = field(default_factory=dict)
    daily: int = 5
    entered: bool = True
    is_open: bool = False  # whether its data is for all
    notebooks_only: bool = False
    others: tuple[float, ...] = (0.99, 0.8, 0.4)  # scores of other teams


@dataclass
class StandIn:
    """The server's state, which a test sets up and looks at."""

    games: dict[str, Game] = field(default_factory=lambda: {SLUG: Game()})
    datasets: dict[str, Game] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # of uploaded files
    submissions: list[dict[str, Any]] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # steps, and the headers that came
    retry_after: str = "0"
    polls: int = 1  # looks at a submission that still find it pending
    mirror: Callable[[str], str] = str  # spells what the fault "mirror" repeats of a request: its headers and body
    mangle: Callable[[str, Any], Any] = lambda _, told: told  # changes what a step answers
    ranges: str = ""  # what the file store does with them: "careless" overlooks If-Range, "wrong" begins at 0, "none"
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    def steps(self, name: str) -> int:
        """Count the requests of one kind."""
        return sum(step == name for step, _ in self.seen)

    def take_fault(self, step: str) -> str:
        """Say what goes wrong with this request; empty for nothing."""
        kind, times = self.faults.get(step, ("", 0))
        if times > 0:
            self.faults[step] = (kind, times - 1)
            return kind
        return ""

    def grade(self, submission: dict[str, Any], game: Game) -> None:
        """Score a file: the share of labels that are right, or what is wrong with it."""
        try:
            rows = list(csv.DictReader(io.StringIO(submission["data"].decode())))
            right = sum((float(row["label"]) >= 0.5) == (game.truth[row["id"]] == "1") for row in rows)
            submission |= {"status": "COMPLETE", "publicScore": f"{right / len(game.truth):.5f}"}
        except (KeyError, ValueError) as error:
            submission |= {"status": "ERROR", "errorDescription": f"Submission has a wrong row: {error}"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and bodies go out at once
    state: StandIn

    def handle_one_request(self) -> None:
        # Clients hold bodies back until headers are acknowledged, which would otherwise take 40 ms.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        super().handle_one_request()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self.step = step = self.path.rpartition("/")[2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        self.asked = " ".join(map(str, body.values()))
        self._serve(step, lambda: self._call(step, body))

    def do_PUT(self) -> None:
        self._serve("Upload", self._upload)

    def do_GET(self) -> None:
        self._serve("Download", self._download)

    def _serve(self, step: str, work: Callable[[], None]) -> None:
        self.state.seen.append((step, dict(self.headers)))
        fault = self.state.take_fault(step)
        if fault in _PLAIN:
            status, told = _PLAIN[fault]
            self._answer(status, b"" if told is None else json.dumps(told).encode())
        elif fault:
            getattr(self, f"_fault_{fault}")(step, work)
        elif not self._knows_user(step):
            self._answer(401, json.dumps(_PLAIN["401"][1]).encode())
        else:
            work()

    def _fault_drop(self, *_: object) -> None:
        self._hang_up()

    def _fault_stall(self, *_: object) -> None:
        self.state.closing.wait(20)
        self._hang_up()

    def _fault_cut(self, step: str, _: object) -> None:
        if step == "Upload":
            self.rfile.read(int(self.headers["Content-Length"]) // 2)
            self._hang_up()
        else:
            self._download(cut=True)

    def _fault_lost(self, _: str, work: Callable[[], None]) -> None:
        self.wfile = io.BytesIO()
        work()
        self._hang_up()

    def _fault_held(self, _: str, work: Callable[[], None]) -> None:
        self.wfile = io.BytesIO()
        work()
        self._fault_stall()

    def _fault_noref(self, _: str, work: Callable[[], None]) -> None:
        self.wfile, sent = io.BytesIO(), self.wfile
        work()
        self.wfile = sent
        self._json({"message": "taken"})

    def _fault_html(self, *_: object) -> None:
        self._answer(200, b"<html>log in here</html>", kind="text/html")

    def _fault_mirror(self, *_: object) -> None:
        self._answer(400, self._mirrored())

    def _fault_mirror200(self, *_: object) -> None:
        self._answer(200, self._mirrored())  # a refusal whose status is in its text

    def _mirrored(self) -> bytes:
        headers = " ".join(self.headers[name] or "" for name in ("Authorization", "Proxy-Authorization"))
        return b'{"code": 400, "message": "%s"}' % self.state.mirror(f"bad: {headers} {self.asked}").encode()

    def _fault_deep(self, *_: object) -> None:
        self._answer(200, b'{"ref": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")

    def _fault_deep400(self, *_: object) -> None:
        self._answer(400, b'{"message": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")

    def _fault_words(self, *_: object) -> None:
        self._answer(400, b'{"message": ' + b"[" * 100 + b"]" * 100 + b"}")

    def _fault_garbage(self, *_: object) -> None:
        self._answer(200, b'{"ref": ')

    def _knows_user(self, step: str) -> bool:
        given = self.headers.get("Authorization")
        if step in {"Upload", "Download"}:
            return given is None  # a signed address speaks for itself, and nobody else is to see a key
        key = base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        return given in {f"Basic {key}", f"Bearer {TOKEN}"} or step == "GenerateAccessToken"

    def _call(self, step: str, body: dict[str, Any]) -> None:
        if step == "GenerateAccessToken":
            self._json({"token": TOKEN, "expiresIn": 3600})
            return
        if step in {"ListCompetitions", "ListDatasets"}:
            names = self.state.games if step == "ListCompetitions" else self.state.datasets
            found = [name for name in names if any(word in name for word in body.get("search", "").split())]
            key, before = (
                ("competitions", "https://www.kaggle.com/competitions/") if step[4] == "C" else ("datasets", "")
            )
            self._json({key: [{"ref": before + name} for name in found]})
            return
        if step == "GetSubmission":
            self._json(self._look(next(one for one in self.state.submissions if one["ref"] == body["ref"])))
            return
        owner = body.get("ownerSlug")
        name = f"{owner}/{body['datasetSlug']}" if owner else body["competitionName"]
        game = (self.state.datasets if owner else self.state.games).get(name)
        if game is None:
            self._answer(403, json.dumps(_PLAIN["denied"][1]).encode())
            return
        getattr(self, re.sub("([A-Z])", r"_\1", step).lower())(name, game, body)

    def _get_competition(self, slug: str, game: Game, _: object) -> None:
        mine = [float(one["publicScore"]) for one in self.state.submissions if one.get("publicScore")]
        place = 1 + sum(score > max(mine) for score in game.others) if mine else 0
        self._json(
            {
                "ref": slug,
                "userHasEntered": game.entered,
                "userRank": place,
                "teamCount": len(game.others) + bool(mine),
                "isKernelsSubmissionsOnly": game.notebooks_only,
            }
        )

    def _get_submission_limits(self, _: str, game: Game, __: object) -> None:
        made = len(self.state.submissions)
        self._json({"numToday": made, "numTotal": made, "numAllowedNow": max(0, game.daily - made)})

    def _list_submissions(self, _: str, __: Game, body: dict[str, Any]) -> None:
        newest = sorted(self.state.submissions, key=lambda one: -one["ref"])
        self._pages("submissions", [_shown(one) for one in newest], body, size=2)

    def _get_leaderboard(self, _: str, game: Game, __: object) -> None:
        teams = [{"teamName": f"team {place}", "score": str(score)} for place, score in enumerate(game.others)]
        self._json({"submissions": teams})

    def _start_submission_upload(self, _: str, __: Game, body: dict[str, Any]) -> None:
        token = f"upload-{len(self.state.uploads)}"
        self.state.uploads[token], self.state.names[token] = b"", body["fileName"]
        self._json({"token": token, "createUrl": f"http://store.localhost/{token}?upload_id={SIGNATURE}"})
        assert body["contentLength"] > 0

    def _create_submission(self, _: str, game: Game, body: dict[str, Any]) -> None:
        ref = 1000 + len(self.state.submissions)
        submission = {
            "ref": ref,
            "fileName": self.state.names[body["blobFileTokens"]],
            "description": body.get("submissionDescription", ""),
            "date": MOMENT,
            "status": "PENDING",
            "polls": self.state.polls,
            "game": game,
            "data": self.state.uploads[body["blobFileTokens"]],
        }
        self.state.submissions.append(submission)
        self._json({"message": "Successfully submitted", "ref": ref})

    def _list_data_files(self, _: str, game: Game, body: dict[str, Any]) -> None:
        files = [{"name": name, "totalBytes": len(data)} for name, data in game.files.items()]
        self._pages("files", files, body, size=3)

    def _list_dataset_files(self, _: str, game: Game, body: dict[str, Any]) -> None:
        files = [{"name": name, "totalBytes": len(data)} for name, data in game.files.items()]
        self._pages("datasetFiles", files, body, size=3)

    def _download_data_files(self, slug: str, game: Game, _: object) -> None:
        if not (game.entered or game.is_open):
            self._answer(403, json.dumps(_PLAIN["rules"][1]).encode())
            return
        self._redirect(f"games/{slug}")

    def _download_data_file(self, slug: str, game: Game, body: dict[str, Any]) -> None:
        if body["fileName"] not in game.files:
            self._answer(404, json.dumps(_PLAIN["404"][1]).encode())
            return
        self._redirect(f"games/{slug}/{body['fileName']}")

    def _download_dataset(self, name: str, _: Game, body: dict[str, Any]) -> None:
        self._redirect(f"datasets/{name}{'/' if body.get('fileName') else ''}{body.get('fileName', '')}")

    def _upload(self) -> None:
        token = urlsplit(self.path).path.strip("/")
        self.state.uploads[token] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"")

    def _download(self, *, cut: bool = False) -> None:
        split = urlsplit(self.path)
        assert [SIGNATURE] == parse_qs(split.query)["signature"]
        kind, *name = split.path.strip("/").split("/")
        depth = 1 if kind == "games" else 2
        game = (self.state.games if kind == "games" else self.state.datasets)["/".join(name[:depth])]
        data = game.files["/".join(name[depth:])] if name[depth:] else game.archive
        tag = f'"{hash(data)}"'
        begin = 0
        if "Range" in self.headers and self.state.ranges == "none":
            self._answer(416, b"")
            return
        if "Range" in self.headers and (self.headers.get("If-Range") == tag or self.state.ranges == "careless"):
            begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if begin else 200)
        if begin and self.state.ranges == "wrong":
            begin = 0
        self.send_header("Content-Length", str(len(data) - begin))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("ETag", tag)
        self.end_headers()
        sent = data[begin:]
        self.wfile.write(sent[: len(sent) // 2] if cut else sent)
        if cut:
            self._hang_up()

    def _look(self, submission: dict[str, Any]) -> dict[str, Any]:
        if submission["polls"] > 0:
            submission["polls"] -= 1
        elif submission["status"] == "PENDING":
            self.state.grade(submission, submission["game"])
        return _shown(submission)

    def _pages(self, key: str, entries: list[dict[str, Any]], body: dict[str, Any], size: int) -> None:
        begin = int(body.get("pageToken") or 0)
        more = {"nextPageToken": str(begin + size)} if begin + size < len(entries) else {}
        self._json({key: entries[begin : begin + size], **more})

    def _redirect(self, path: str) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://store.localhost/{path}?signature={SIGNATURE}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, told: dict[str, Any]) -> None:
        self._answer(200, json.dumps(self.state.mangle(self.step, told)).encode())

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", self.state.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _shown(submission: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in submission.items() if name not in {"polls", "game", "data"}}


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    """Run a stand-in, with a good key in the environment and an empty home folder."""
    with running(monkeypatch, tmp_path) as state:
        yield state


@contextlib.contextmanager
def running(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[StandIn]:
    """Run a stand-in; the home folder is made in `folder`."""
    state = StandIn()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.port = server.server_port
    server.daemon_threads = True
    for name in ("no_proxy", "NO_PROXY", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR", "KAGGLE_KERNEL_RUN_TYPE", "KIT_ROOT"):
        monkeypatch.delenv(name, raising=False)
    (folder / "home").mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("KAGGLE_USERNAME", USER)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{state.port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    state.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def closed_port(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lead everything to a port where nobody listens, nor can while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert port != standin.port
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        yield
