"""External histories: files of Keras' History and CSVLogger."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kit.comparison.trajectory import Trajectory
from kit.errors import RunError

_OLD_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}  # Keras before 2.3
_SEED = re.compile(r"(?:^|[-_=. ])seed[-_= ]?(?P<seed>\d+)$", re.IGNORECASE)
_SETTINGS = {"epoch", "lr", "learning_rate"}  # columns of CSVLogger that are not metrics


def read_histories(path: Path) -> list[Trajectory]:
    """Read a CSV of one history, or JSON of several, nested under names that form the arm's name.

    A name, or the end of a file's name, such as seed-0 gives the seed of the run.

    Raises:
        RunError: The file holds no history.
    """
    stem = str(path.with_suffix(""))
    if path.suffix.lower() == ".csv":
        metrics = _checked(path, path.stem, _read_csv(path))
        (arm, seed), (whence, _) = _without_seed(path.stem), _without_seed(stem)
        return [Trajectory(arm=arm, metrics=metrics, seed=seed, whence=whence)]
    try:
        data = json.loads(path.read_bytes())  # accepts the NaN of a diverged training
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"{path} is neither a CSV nor JSON of Keras histories: {error}") from error
    found = []
    for names, metrics in _find_histories(data, ()):
        arm, seed = _without_seed("=".join(names))
        checked = _checked(path, "=".join(names), metrics)
        whence = "/".join(filter(None, (stem, arm)))
        found.append(Trajectory(arm=arm or path.stem, metrics=checked, seed=seed, whence=whence))
    if not found:
        raise RunError(f"{path} holds no Keras history; it needs lists of numbers named loss, accuracy, val_loss, …")
    return found


def _without_seed(name: str) -> tuple[str, int | None]:
    """Split a name from the seed at its end.

    >>> _without_seed("momentum=0.9=seed-1"), _without_seed("seed_2"), _without_seed("momentum=0.9")
    (('momentum=0.9', 1), ('', 2), ('momentum=0.9', None))
    """
    found = _SEED.search(name)
    return (name[: found.start()], int(found["seed"])) if found else (name, None)


def _read_csv(path: Path) -> dict[str, list[float]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name not in _SETTINGS] if rows else []
        metrics = {name: [float(row[name]) for row in rows] for name in names}
    except (UnicodeDecodeError, TypeError, ValueError, csv.Error) as error:
        raise RunError(f"{path} is not a CSV of numbers, as Keras' CSVLogger writes it: {error}") from error
    if not rows:
        raise RunError(f"{path} holds no epoch; a line of names comes first, then one for each epoch")
    return metrics


def _find_histories(data: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, list[float]]]]:
    """Walk nested objects down to lists of numbers; the names on the path form the arm's name."""
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
