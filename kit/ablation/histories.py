"""Runs to compare: kit's own, and published Keras histories."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from kit.ablation.measured import Measured
from kit.errors import RunError, unknown
from kit.runs import RunDirectory
from kit.specs import from_json
from kit.workspace import Workspace

_OLD_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}  # Keras before 2.3
_SETTINGS = {"epoch", "lr", "learning_rate"}  # columns of CSVLogger that measure nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A run as a comparison sees it.

    Attributes:
        arm: that it belongs to.
        metrics: values over the epochs, by Keras' names.
        seed: None for histories from elsewhere.
        fold: that validated; None for the dataset's own validation split.
        dataset: name and fingerprint; empty for histories from elsewhere.
        parameters: of the model.
        seconds_per_epoch: median.
        run: the directory; None for histories from elsewhere.
        recipe: that its ablation was made from; empty for none.
        measured: on whole splits, where somebody asked.
    """

    arm: str
    metrics: Mapping[str, list[float]]
    seed: int | None = None
    fold: int | None = None
    dataset: tuple[str, str] = ("", "")
    parameters: int | None = None
    seconds_per_epoch: float | None = None
    run: RunDirectory | None = None
    recipe: str = ""
    measured: Measured | None = None

    def last(self, metric: str) -> float | None:
        """Value of the last epoch; None if the metric was not recorded."""
        values = self.metrics.get(metric)
        return values[-1] if values else None


class _Plan(msgspec.Struct):
    arms: tuple[str, ...] = ()
    recipe: str = ""


def read_trajectories(name: str | Path, workspace: Workspace) -> tuple[list[Trajectory], list[Path]]:
    """Read a run, an ablation, or a file of Keras histories.

    Args:
        name: a path, or a name below runs/.
        workspace: whose runs/ is meant.

    Returns:
        What is finished, and the folders of what is not.

    Raises:
        RunError: nothing of that name, or nothing in it.
    """
    for path in (Path(name), workspace.runs / name):
        if path.is_file():
            return _read_file(path), []
        if path.is_dir():
            return _read_folder(path)
    known = [path.name for path in workspace.runs.iterdir()] if workspace.runs.is_dir() else []
    raise RunError(f"{unknown('run or ablation', str(name), known)} (in {workspace.runs})")


def _read_folder(folder: Path) -> tuple[list[Trajectory], list[Path]]:
    runs = [RunDirectory(path.parent) for path in sorted(folder.rglob("spec.json"))]
    if not runs:
        raise RunError(f"{folder} holds no run")
    finished = [_read_run(run) for run in runs if run.is_finished]
    order = list(_read_plan(folder).arms)
    finished.sort(
        key=lambda run: (
            order.index(run.arm) if run.arm in order else len(order),
            run.arm,
            run.seed,
        )
    )
    return finished, [run.path for run in runs if not run.is_finished]


def _read_plan(folder: Path) -> _Plan:
    """Read an ablation's plan; an empty one where there is none."""
    plan = folder / "ablation.json"
    return from_json(plan, _Plan) if plan.is_file() else _Plan()


def _read_run(run: RunDirectory) -> Trajectory:
    spec, result, history = run.spec(), run.result(), run.history()
    if not history.rows:
        raise RunError(f"{history.path} is missing or empty; remove the folder {run.path} and run its command again")
    names = list(history.metrics()[0])
    return Trajectory(
        arm=spec.arm,
        metrics={name: history.column(name) for name in names},
        seed=spec.seed,
        fold=spec.fold,
        dataset=(spec.dataset, spec.fingerprint),
        parameters=result.parameters,
        seconds_per_epoch=result.seconds_per_epoch,
        run=run,
        recipe=_read_plan(run.path.resolve().parent.parent).recipe,  # ablation / arm / seed
    )


def _read_file(path: Path) -> list[Trajectory]:
    if path.suffix.lower() == ".csv":
        return [Trajectory(arm=path.stem, metrics=_checked(path, path.stem, _read_csv(path)))]
    try:
        data = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is neither a CSV nor JSON of Keras histories: {error}") from error
    found = [
        Trajectory(arm="=".join(names) or path.stem, metrics=_checked(path, "=".join(names), metrics))
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


def refuse_mixed(trajectories: list[Trajectory]) -> None:
    """Refuse runs of different datasets: their figures do not compare."""
    datasets = sorted({run.dataset[1]: run.dataset for run in trajectories if run.dataset[1]}.values())
    if len(datasets) > 1:
        named = ", ".join(f"{name} ({fingerprint})" for name, fingerprint in datasets)
        raise RunError(f"runs of different datasets do not compare: {named}; name runs of one of them")
