"""Histories from elsewhere: what Keras' History and CSVLogger leave, as people publish it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kit.comparison.trajectory import Trajectory
from kit.errors import RunError

_OLD_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}  # Keras before 2.3
_SETTINGS = {"epoch", "lr", "learning_rate"}  # columns of CSVLogger that measure nothing


def read_histories(path: Path) -> list[Trajectory]:
    """Read a CSV of one history, or JSON of some, nested under names that become the arm's.

    Raises:
        RunError: it holds none.
    """
    stem = str(path.with_suffix(""))
    if path.suffix.lower() == ".csv":
        return [Trajectory(arm=path.stem, metrics=_checked(path, path.stem, _read_csv(path)), whence=stem)]
    try:
        data = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is neither a CSV nor JSON of Keras histories: {error}") from error
    found = [
        Trajectory(
            arm="=".join(names) or path.stem,
            metrics=_checked(path, "=".join(names), metrics),
            whence="/".join(filter(None, (stem, "=".join(names)))),
        )
        for names, metrics in _find_histories(data, ())
    ]
    if not found:
        raise RunError(f"{path} holds no Keras history; it needs lists of numbers named loss, accuracy, val_loss, …")
    return found


def _read_csv(path: Path) -> dict[str, list[float]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name not in _SETTINGS] if rows else []
        return {name: [float(row[name]) for row in rows] for name in names}
    except (UnicodeDecodeError, TypeError, ValueError, csv.Error) as error:
        raise RunError(f"{path} is not a CSV of numbers, as Keras' CSVLogger writes it: {error}") from error


def _find_histories(data: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, list[float]]]]:
    """Walk nested objects down to those that hold lists of numbers; the names on the way are the arm's."""
    if not isinstance(data, dict):
        return
    metrics = {name: [float(v) for v in values] for name, values in data.items() if _is_numbers(values)}
    if metrics:
        yield names, metrics
    else:
        for name, inner in data.items():
            yield from _find_histories(inner, (*names, str(name)))


def _is_numbers(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, int | float) for value in values)


def _checked(path: Path, arm: str, metrics: Mapping[str, list[float]]) -> dict[str, list[float]]:
    renamed = {_OLD_NAMES.get(name, name): values for name, values in metrics.items() if name not in _SETTINGS}
    if missing := {"accuracy", "val_accuracy"} - renamed.keys():
        raise RunError(
            f"{path}: history '{arm}' has no {' and no '.join(sorted(missing))}; it has {', '.join(renamed)}"
        )
    if len({len(values) for values in renamed.values()}) > 1:
        raise RunError(f"{path}: history '{arm}' has lists of different lengths")
    return renamed
