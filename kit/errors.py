"""The tree of errors; `kit.cli` prints each as one line, with exit status 1, or 3 if it may pass.

KitError
├── WorkspaceError         a dataset, run or output file that is missing, or would be overwritten
│   └── BusyError          another kit command is at work on it: try again later
├── SpecError              a setting: its name or value, and what is allowed
├── SourceError            images or labels that cannot become a dataset
├── ShardError             a dataset that is damaged or does not fit its use
│   └── CorruptRecordError shard, record index, byte offset
├── EngineError            a worker process that died
├── RunError               a run that is unfinished or of another dataset
├── PeerError              a machine of a training on several that ended or does not answer: try again
├── StoreError             an object store that refuses, or lacks what is asked of it
│   ├── StoreConflictError another machine wrote the same object meanwhile
│   ├── DamagedObjectError an object with other bytes than were uploaded
│   └── UnreachableError   no answer: try again
├── SubmissionError        predictions that do not fit the sample submission
├── KaggleError            a request or a file that Kaggle refuses, or an archive that is not safe to unpack
│   └── NetworkError       no clear answer: try again
└── MissingDependencyError an optional package that is not installed: which extra brings it
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar


class KitError(Exception):
    """An error that the user can resolve; the message names the next step.

    Arguments in messages are marked by `option`: `str` writes them as in Python, ``folds=5``, and `as_options` as on
    the command line, ``--folds 5``.

    Attributes:
        exit_status: Exit status of the command line.
    """

    exit_status: ClassVar[int] = 1

    def __str__(self) -> str:
        """Write the message for a caller: arguments are keywords."""
        return _MARKED.sub(r"\g<keyword>", self.marked)

    def as_options(self) -> str:
        """Write the message for the command line: arguments are options."""
        return as_options(self.marked)

    @property
    def marked(self) -> str:
        """Message with marked arguments, for use in another error's message."""
        return super().__str__()


class WorkspaceError(KitError):
    """A dataset, run or output file is missing, or would be overwritten."""


class BusyError(WorkspaceError):
    """Another process of kit is at work on the same files; trying again later may help.

    Attributes:
        path: Path that the other process has locked; None if it is not known.
    """

    exit_status = 3

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(message)
        self.path = path


class SpecError(KitError, ValueError):
    """A setting is unknown or has a value that is not allowed."""


class SourceError(KitError):
    """Images or labels cannot become a dataset.

    Attributes:
        instead: Source to give instead, if there is one.
        choices: Options to choose between, if labels can be read in two ways.
        problem: Message without the choices.
    """

    def __init__(self, message: str, *, instead: Path | None = None, choices: Sequence[Mapping[str, str]] = ()) -> None:
        said = (" ".join(option(name, value) for name, value in choice.items()) for choice in choices)
        super().__init__(f"{message}; give {' or '.join(said)}" if choices else message)
        self.problem = message
        self.instead = instead
        self.choices = tuple(choices)


class ShardError(KitError):
    """A dataset is damaged, or does not fit its use."""


class CorruptRecordError(ShardError):
    """A record's bytes differ from those that were written."""


class EngineError(KitError):
    """A worker process died before it returned its result."""


class RunError(KitError):
    """A run is unfinished, damaged, or of another dataset."""


class PeerError(KitError):
    """A machine of a training on several ended or does not answer; trying again may help."""

    exit_status = 3


class StoreError(KitError):
    """An object store refuses a request, or lacks what is asked of it."""


class StoreConflictError(StoreError):
    """Another machine wrote the same object meanwhile, so this one was not written."""


class DamagedObjectError(StoreError):
    """An object in a store has other bytes than were uploaded."""


class UnreachableError(StoreError):
    """An object store does not answer; trying again may help."""

    exit_status = 3


class SubmissionError(KitError):
    """Predictions do not fit the sample submission."""


class KaggleError(KitError):
    """Kaggle refuses a request or a file, or sends an archive that is not safe to unpack."""


class NetworkError(KaggleError):
    """Kaggle gave no clear answer: trying again may help.

    Attributes:
        after: Time to wait before, as requested by the server, seconds; None without a request.
    """

    exit_status = 3

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class MissingDependencyError(KitError):
    """An optional package is not installed; the message names the extra that brings it."""


def require(condition: bool, message: str) -> None:
    """Raise SpecError with `message` unless `condition` holds."""
    if not condition:
        raise SpecError(message)


_MARKED = re.compile("\x02(?P<option>[^\x02\x03\x04]*)\x03(?P<keyword>[^\x02\x03\x04]*)\x04")


def option(name: str, value: object = None, *, typed: str | None = None) -> str:
    """Mark an argument in an error message: ``name=`` in Python, ``--name`` on the command line.

    Args:
        name: Name of the argument.
        value: Value to give it; None names the argument alone.
        typed: Value on the command line, if it differs; empty for none.

    Returns:
        Text for the message of a `KitError`.

    >>> error = SpecError(f"give {option('split', (0.7, 0.3), typed='70/30')}, or {option('force', True)}")
    >>> str(error), error.as_options()
    ('give split=(0.7, 0.3), or force=True', 'give --split 70/30, or --force')
    """
    words = "" if value is None or value is True else str(value)
    after = words if typed is None else typed
    keyword = f"{name}={'' if value is None else repr(value)}"
    return worded(f"--{name.replace('_', '-')}{after and f' {after}'}", keyword)


def worded(typed: str, called: str) -> str:
    """Mark a text in an error message that differs between the command line and Python, such as a whole command.

    Args:
        typed: Text for the command line.
        called: Text for Python.

    Returns:
        Text for the message of a `KitError`.
    """
    return f"\x02{typed}\x03{called}\x04"


def as_options(text: str) -> str:
    """Write a text whose arguments are marked for the command line.

    >>> as_options(f"{option('target', 'grades')} makes them ordered")
    '--target grades makes them ordered'
    """
    return _MARKED.sub(r"\g<option>", text)


_LISTED = 300  # characters of names in a readable message


def unknown(kind: str, name: str, known: Collection[str]) -> str:
    """Write that `name` is unknown, with the nearest known one first.

    >>> unknown("recipe", "histo", ["histology", "digits"])
    "unknown recipe 'histo'; did you mean 'histology'? Known: digits, histology"
    """
    within = sorted(other for other in known if name and name.lower() in other.lower())
    nearest = [*difflib.get_close_matches(name, known, n=1, cutoff=0.6), *within]
    hint = f"; did you mean '{nearest[0]}'?" if nearest else "."
    ends = itertools.accumulate(len(other) + len(", ") for other in sorted(known))
    listed = [other for other, end in zip(sorted(known), ends, strict=True) if end <= _LISTED]
    more = f", … ({len(known):,})" if len(listed) < len(known) else ""
    shown = name if len(name) <= _LISTED else f"{name[:_LISTED]}…"
    return f"unknown {kind} '{shown}'{hint} Known: {', '.join(listed) or 'none yet'}{more}"


def first_three(items: Iterable[str], count: int) -> str:
    """Write the first three of `count` items: "a, b, c, … (5)"."""
    named = [item for item, _ in zip(items, range(3), strict=False)]
    return f"{', '.join(named)}{', …' if count > len(named) else ''} ({count:,})"
