"""Ledger of submissions, submissions/ledger.csv: one line each, with origin and score."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.errors import SubmissionError
from kit.files import write_whole
from kit.kaggle.ledger_lines import SEAL, Line, changed_seal, read_lines, remarks, seal
from kit.kaggle.responses import COMPLETE, ERROR, PENDING, Listed
from kit.locks import alone
from kit.submission.origin import Origin

UNCLEAR = "unclear"  # sent, without an answer yet on whether it was accepted
REFUSED = "refused"  # sent, and rejected

_KEY = ("time", "competition", "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the ledger, with all strings as in the file.

    Attributes:
        time: ISO time of sending, UTC.
        competition: Slug of the competition.
        file: Path of the file as given.
        sha256: SHA-256 of the file's bytes.
        message: Message shown on Kaggle.
        ref: Number of the submission on Kaggle; empty while it is unclear.
        status: "unclear", "pending", "complete", "error" or "refused".
        newest_before: Number of the account's newest submission before this one, to find it again.
        runs: Runs behind the predictions, separated by spaces.
        dataset: Predicted dataset.
        fingerprint: Fingerprint of the dataset.
        metric: Metric of `local_score`.
        local_score: Score on validation or out of fold.
        scored_on: "validation" or "out-of-fold".
        public_score: Public score on Kaggle.
        private_score: Private score on Kaggle, once the competition has ended.
        reason: Reason why Kaggle did not score or accept the file.
        command: Command that reproduces the file.
        others: Columns unknown to kit.
    """

    time: str
    competition: str
    file: str
    sha256: str
    message: str
    ref: str = ""
    status: str = UNCLEAR
    newest_before: str = ""
    runs: str = ""
    dataset: str = ""
    fingerprint: str = ""
    metric: str = ""
    local_score: str = ""
    scored_on: str = ""
    public_score: str = ""
    private_score: str = ""
    reason: str = ""
    command: str = ""
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether the outcome on Kaggle is still open."""
        return self.status in {UNCLEAR, PENDING}

    def number(self, name: str) -> float | None:
        """Parse a score; None if empty."""
        try:
            return float(getattr(self, name))
        except ValueError:
            return None

    def with_answer(self, listed: Listed) -> Entry:
        """Add Kaggle's answer about the submission."""
        return replace(
            self,
            ref=str(listed.ref),
            status=listed.status,
            public_score=_text(listed.public) or self.public_score,
            private_score=_text(listed.private) or self.private_score,
            reason=listed.reason if listed.status == ERROR else "",
        )

    def with_origin(self, origin: Origin | None) -> Entry:
        """Add the origin of the file."""
        if origin is None:
            return self
        return replace(
            self,
            runs=" ".join(origin.runs),
            dataset=origin.dataset,
            fingerprint=origin.fingerprint,
            metric=origin.metric or "",
            local_score=_text(origin.score),
            scored_on=origin.scored_on or "",
            command=shlex.join(origin.command),
        )

    def is_about(self, listed: Listed) -> bool:
        """Whether a submission in Kaggle's list is this one, even if its number is unknown."""
        if self.ref:
            return str(listed.ref) == self.ref
        is_newer = listed.ref > int(self.newest_before or 0)
        return is_newer and listed.file == Path(self.file).name and listed.message.strip() == self.message


_TEXTS = ("time", "competition", "file", "sha256", "message")
_NUMBERS = ("ref", "newest_before")
_SCORES = ("local_score", "public_score", "private_score")
_COLUMNS = tuple(column.name for column in dataclasses.fields(Entry) if column.name != "others")
_SHOWN = 40  # characters of a wrong cell in a message
_PLAUSIBLE = {  # patterns for the cells of a line without a seal
    "time": re.compile(r".*\S.*"),
    "competition": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "status": re.compile(f"{UNCLEAR}|{PENDING}|{COMPLETE}|{ERROR}|{REFUSED}"),
}


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger file; always rewritten as a whole, under a lock."""

    path: Path

    def entries(self, competition: str | None = None) -> list[Entry]:
        """Read the entries in order, of one competition or all; a missing file has none.

        Raises:
            SubmissionError: The file is not a ledger, or a line is damaged.
        """
        found = [_entry(line.cells) for line in self._lines()]
        return [entry for entry in found if competition in {None, entry.competition}]

    def remarks(self) -> list[str]:
        """List edits by others since kit wrote the file; empty without any."""
        return remarks(self.path, self._lines())

    def twins(self, competition: str, sha256: str) -> list[Entry]:
        """List submissions of the same bytes that Kaggle accepted, or may have accepted."""
        return [one for one in self.entries(competition) if one.sha256 == sha256 and one.status != REFUSED]

    def write(self, changed: Iterable[Entry]) -> None:
        """Replace lines of the same time, competition and bytes; append the others."""
        new = {_key(entry): entry for entry in changed}
        with alone(self.path):  # others that write wait for their turn, however slow the disk is
            kept = []
            for line in self._lines():
                old = _entry(line.cells)
                entry = new.pop(_key(old), old)
                kept.append((replace(entry, others={**old.others, **entry.others}), line.is_changed))
            self._write([*kept, *((entry, False) for entry in new.values())])

    def _lines(self) -> list[Line]:
        """Read and check all lines."""
        return [self._checked(line) for line in read_lines(self.path, _KEY)] if self.path.is_file() else []

    def _checked(self, line: Line) -> Line:
        """Compare a line with its seal; without a valid seal it must at least look like a submission."""
        told = line.cells.get(SEAL, "")
        if line.index and told == _seal(_entry(line.cells), int(line.index[1]), int(line.index[2])):
            return line
        if wrong := next((name for name in _PLAUSIBLE if not _is_plausible(name, line.cells.get(name))), None):
            raise SubmissionError(
                f"{self.path}, line {line.number}: {wrong} cannot be {line.cells.get(wrong, '')[:_SHOWN]!r}; fix the"
                " line, or move it to another file"
            )
        return replace(line, is_changed=bool(told))

    def _write(self, entries: list[tuple[Entry, bool]]) -> None:
        columns = [*_COLUMNS, *dict.fromkeys(name for entry, _ in entries for name in entry.others), SEAL]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        for index, (entry, is_changed) in enumerate(entries, 1):
            sealed = changed_seal(index, len(entries)) if is_changed else _seal(entry, index, len(entries))
            writer.writerow({**_cells(entry), **entry.others, SEAL: sealed})
        write_whole(self.path, text.getvalue())


def refreshed(entries: Iterable[Entry], listed: Iterable[Listed]) -> list[Entry]:
    """Update entries from Kaggle's list; entries not in the list are kept unchanged."""
    entries, answers = list(entries), list(listed)
    known = {entry.ref for entry in entries if entry.ref}
    found: list[Entry] = []
    for entry in entries:
        mine = [one for one in answers if entry.is_about(one) and (entry.ref or str(one.ref) not in known)]
        if entry.status == REFUSED or not mine:
            found.append(entry)
            continue
        oldest = min(mine, key=lambda one: one.ref)
        known.add(str(oldest.ref))
        found.append(entry.with_answer(oldest))
    return found


def _entry(cells: Mapping[str, str]) -> Entry:
    known = {**dict.fromkeys(_TEXTS, ""), **{name: cells[name] for name in _COLUMNS if name in cells}}
    for name in _NUMBERS:  # pandas and spreadsheets write 1000 as 1000.0
        whole = known.get(name, "").strip().removesuffix(".0")
        known[name] = whole if whole.isdecimal() else ""
    return Entry(**known, others={name: text for name, text in cells.items() if name not in {SEAL, *_COLUMNS}})


def _cells(entry: Entry) -> dict[str, str]:
    """Format an entry's columns for reading back: uniform line ends, lone surrogates escaped."""
    return {name: _readable(getattr(entry, name)) for name in _COLUMNS}


def _readable(text: str) -> str:
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return plain.encode(errors="backslashreplace").decode()


def _seal(entry: Entry, index: int, count: int) -> str:
    """Seal an entry in the form that will be read back."""
    return seal(_cells(_entry(_cells(entry))), (*_NUMBERS, *_SCORES), index, count)


def _is_plausible(name: str, text: str | None) -> bool:
    """Whether a cell fits its column; a missing column always does."""
    return text is None or bool(_PLAUSIBLE[name].fullmatch(text))


def _key(entry: Entry) -> tuple[str, ...]:
    return tuple(getattr(entry, name) for name in _KEY)


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)
