"""submissions/ledger.csv: a line for each submission, what it came from, and what it scored."""

from __future__ import annotations

import csv
import dataclasses
import io
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kit.errors import SubmissionError
from kit.files import locked, write_whole
from kit.kaggle.answers import ERROR, PENDING, Listed
from kit.submission.origin import Origin

UNCLEAR = "unclear"  # sent, and no answer yet that says whether it was taken
REFUSED = "refused"  # sent, and not taken

_KEY = ("time", "competition", "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the ledger; all texts as they stand in the file.

    Attributes:
        time: ISO, UTC, when it was sent.
        competition: slug.
        file: path as it was given.
        sha256: of the file's bytes.
        message: as Kaggle shows it.
        ref: the submission's number on Kaggle; empty while it is unclear.
        status: "unclear", "pending", "complete", "error" or "refused".
        newest_before: number of the account's newest submission before this one, by which it is found again.
        runs: that it came from, separated by blanks.
        dataset: that was predicted.
        fingerprint: of the dataset.
        metric: that `local_score` is about.
        local_score: on validation or out of fold.
        scored_on: "validation" or "out-of-fold".
        public_score: on Kaggle.
        private_score: on Kaggle, once the competition has ended.
        reason: why Kaggle did not score or take it.
        command: that makes the file again.
        others: columns that kit does not know.
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
        """Whether Kaggle may still have something to say about it."""
        return self.status in {UNCLEAR, PENDING}

    def number(self, name: str) -> float | None:
        """Read a score; None where there is none."""
        try:
            return float(getattr(self, name))
        except ValueError:
            return None

    def with_answer(self, listed: Listed) -> Entry:
        """Take over what Kaggle says about the submission."""
        return dataclasses.replace(
            self,
            ref=str(listed.ref),
            status=listed.status,
            public_score=_text(listed.public) or self.public_score,
            private_score=_text(listed.private) or self.private_score,
            reason=listed.reason if listed.status == ERROR else "",
        )

    def with_origin(self, origin: Origin | None) -> Entry:
        """Note what the file came from."""
        if origin is None:
            return self
        return dataclasses.replace(
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
        """Whether a submission that Kaggle lists is this one, though its number is not known."""
        if self.ref:
            return str(listed.ref) == self.ref
        is_newer = listed.ref > int(self.newest_before or 0)
        return is_newer and listed.file == Path(self.file).name and listed.message.strip() == self.message


_TEXTS = ("time", "competition", "file", "sha256", "message")
_NUMBERS = ("ref", "newest_before")
_COLUMNS = tuple(column.name for column in dataclasses.fields(Entry) if column.name != "others")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The file; appended and changed whole, under a lock."""

    path: Path

    def entries(self, competition: str | None = None) -> list[Entry]:
        """Read the lines in order, of one competition or all; a missing file has none.

        Raises:
            SubmissionError: it is no ledger.
        """
        if not self.path.is_file():
            return []
        try:
            rows = csv.DictReader(io.StringIO(self.path.read_text(encoding="utf-8-sig")), restkey="", restval="")
            names, found = rows.fieldnames or (), [*map(_entry, rows)]
        except (UnicodeDecodeError, csv.Error) as error:
            raise SubmissionError(
                f"{self.path} is no ledger: {error}; save it as CSV in UTF-8, or restore it"
            ) from error
        if missing := [name for name in _KEY if name not in names]:
            raise SubmissionError(
                f"{self.path} is no ledger: it has no column {missing[0]} between commas; restore it, or move it away"
            )
        return [entry for entry in found if competition in {None, entry.competition}]

    def twins(self, competition: str, sha256: str) -> list[Entry]:
        """List the submissions of the same bytes that Kaggle took, or may have taken."""
        return [one for one in self.entries(competition) if one.sha256 == sha256 and one.status != REFUSED]

    def write(self, changed: Iterable[Entry]) -> None:
        """Replace lines of the same time, competition and bytes; append the others."""
        new = {_key(entry): entry for entry in changed}
        with locked(self.path):
            kept = [new.pop(_key(entry), entry) for entry in self.entries()]
            self._write([*kept, *new.values()])

    def _write(self, entries: list[Entry]) -> None:
        columns = [*_COLUMNS, *dict.fromkeys(name for entry in entries for name in entry.others)]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**{name: getattr(entry, name) for name in _COLUMNS}, **entry.others} for entry in entries)
        write_whole(self.path, text.getvalue())


def refreshed(entries: Iterable[Entry], listed: Iterable[Listed]) -> list[Entry]:
    """Bring lines up to date with what Kaggle lists; those that it does not list stay as they are."""
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


def _entry(row: Mapping[str, str]) -> Entry:
    known = {**dict.fromkeys(_TEXTS, ""), **{name: row[name] for name in _COLUMNS if name in row}}
    for name in _NUMBERS:  # pandas and spreadsheets write 1000 as 1000.0
        whole = known.get(name, "").strip().removesuffix(".0")
        known[name] = whole if whole.isdecimal() else ""
    return Entry(**known, others={name: value for name, value in row.items() if name and name not in known})


def _key(entry: Entry) -> tuple[str, ...]:
    return tuple(getattr(entry, name) for name in _KEY)


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)
