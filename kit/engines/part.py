"""Parts of a command's work: which of several, as an array job counts them, and its share."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from kit.errors import SpecError, option, require

Item = TypeVar("Item")

AUTO = "auto"
_PART = re.compile(r"(?P<index>\d{1,9})/(?P<count>\d{1,9})", re.ASCII)
_AUTO = re.compile(r"auto(?:/(?P<count>\d{1,9}))?", re.ASCII)
_SLURM = "SLURM_ARRAY_TASK_"
_ID, _COUNT, _MIN, _STEP = f"{_SLURM}ID", f"{_SLURM}COUNT", f"{_SLURM}MIN", f"{_SLURM}STEP"
_KUBERNETES = "JOB_COMPLETION_INDEX"


@dataclass(frozen=True, slots=True)
class Part:
    """One of several parts of a command's work.

    Attributes:
        index: Index of the part, from 1.
        count: Number of parts.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        """Refuse an index that is not among the parts."""
        said, is_one = option("part", str(self)), 1 <= self.index <= self.count
        require(self.count >= 1, f"{said} has no parts; give I/N, such as 1/4")
        require(is_one, f"{said} counts from 1: give 1/{self.count} to {self.count}/{self.count}")

    def __str__(self) -> str:
        """Format the part as `parse` reads it."""
        return f"{self.index}/{self.count}"

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] | None = None) -> Self:
        """Read "2/4", "auto" or "auto/4".

        "auto" is the task of a Slurm array by its position, whatever its indices; "auto/4" the task whose index is the
        number of the part, or the pod of an indexed Kubernetes job, whose index counts from 0.

        Args:
            text: Text to read.
            environment: Environment variables; those of the process by default.

        Raises:
            SpecError: The text is none of these, or a variable is missing or does not fit.
        """
        if found := _PART.fullmatch(text):
            return cls(int(found["index"]), int(found["count"]))
        found = _AUTO.fullmatch(text)
        if not found:
            raise SpecError(f"part must be I/N, such as 2/4, or {AUTO} or {AUTO}/N, got '{text}'")
        if found["count"] and not int(found["count"]):
            raise SpecError(f"{option('part', text)} has no parts; give {AUTO}/N, such as {AUTO}/4")
        return cls(*_array_task(os.environ if environment is None else environment, found["count"]))

    def share(self, items: Sequence[Item], cost: Callable[[Item], int] = lambda _: 1) -> list[Item]:
        """Return this part's share of some items, which are next to each other.

        The shares of all parts are disjoint and complete; none costs more than the largest item beyond an equal share.

        Args:
            items: Items in the same order for every part.
            cost: Function that returns the cost of an item, 0 or more.
        """
        costs = [cost(item) for item in items]
        if not sum(costs):
            costs = [1] * len(items)
        ends = itertools.accumulate(costs)
        middles = (2 * end - own for end, own in zip(ends, costs, strict=True))  # twice, to stay whole numbers
        whole = 2 * sum(costs)
        parts = (min(middle * self.count // whole, self.count - 1) for middle in middles)
        return [item for item, part in zip(items, parts, strict=True) if part == self.index - 1]


def _array_task(environment: Mapping[str, str], count: str | None) -> tuple[int, int]:
    """Return index and number of the part that runs in a task of an array job."""
    known = [name for name in (_ID, _KUBERNETES) if name in environment]
    if not known:
        raise SpecError(
            f"{option('part', AUTO)} needs {_ID} of a Slurm array job or {_KUBERNETES} of an indexed Kubernetes job,"
            f" and neither is set; give {option('part', '1/4')}"
        )
    if len(known) > 1:
        raise SpecError(f"{' and '.join(known)} are both set; give {option('part', '1/4')} instead of {AUTO}")
    if known == [_KUBERNETES]:
        return _pod(_number(environment, _KUBERNETES), count)
    task = _number(environment, _ID)
    return _numbered(task, int(count)) if count else _in_array(task, environment)


def _pod(index: int, count: str | None) -> tuple[int, int]:
    if not count:
        raise SpecError(
            f"{_KUBERNETES} does not say how many there are; give the job's completions, as in"
            f" {option('part', f'{AUTO}/4')}"
        )
    if index >= int(count):
        raise SpecError(f"{_KUBERNETES}={index} is not below {count}; give the job's completions after {AUTO}/")
    return index + 1, int(count)


def _numbered(task: int, count: int) -> tuple[int, int]:
    if not 1 <= task <= count:
        raise SpecError(
            f"{_ID}={task} is not in 1 to {count}; submit with --array=1-{count}, or give {option('part', AUTO)}"
        )
    return task, count


def _in_array(task: int, environment: Mapping[str, str]) -> tuple[int, int]:
    """Find the position of a task in an array of evenly spaced indices."""
    first, count, step = (_number(environment, name) for name in (_MIN, _COUNT, _STEP))
    position, rest = divmod(task - first, step or 1)
    if rest or not 0 <= position < count:
        raise SpecError(
            f"{_ID}={task} is not one of {count} indices from {first} in steps of {step}; submit evenly spaced ones, as"
            f" with --array=1-{count}, or give {option('part', f'{AUTO}/N')}"
        )
    return position + 1, count


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        said = f"is '{text}', which is no whole number" if name in environment else "is not set"
        raise SpecError(f"{name} {said}; give {option('part', '1/4')} instead of {AUTO}")
    return int(text)
