"""Table and summary of a finished training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kit.reports.forecast import duration
from kit.reports.table import NOTHING, Table
from kit.runs import RunDirectory, RunResult
from kit.storage import shown
from kit.workspace import with_root

_VALIDATION = "val_"


def summary_table(run: RunDirectory) -> Table:
    """Tabulate the metrics of the best and the last epoch, on train and on validation; one column if they are the same.

    Raises:
        RunError: The run is unfinished.
    """
    result = run.result()
    epochs = _epochs(result)
    columns = [f"{epoch}\n{split}" for epoch, _ in epochs for split in ("train", "validation")]
    rows = tuple(
        (name, *(_figure(metrics, f"{before}{name}") for _, metrics in epochs for before in ("", _VALIDATION)))
        for name in result.final
        if not name.startswith(_VALIDATION)
    )
    return Table(f"metrics of the best epoch, by {run.spec().train.monitor}, and of the last", ("", *columns), rows)


def describe_run(run: RunDirectory, root: Path | str | None = None) -> list[str]:
    """Describe the duration and files of a finished training, and the next command in the workspace at `root`."""
    result, name = run.result(), run.path.name
    seconds = sum(run.history().column("seconds"))
    epochs = f"{result.epochs} epoch{'s' * (result.epochs != 1)} in {duration(seconds)}"
    parameters = f"{result.parameters:,} parameters, {result.trainable_parameters:,} of them trained"
    files = (run.best_weights, run.last_weights, run.history_file, run.predictions, run.tensorboard)
    has = [file for file in files if file.exists() or file.name in result.files]
    return [
        f"{epochs}, median {result.seconds_per_epoch:.2g} s; {parameters}",
        f"{shown(run.path)}: {', '.join(file.name for file in has)}",
        f"next: {with_root(f'kit evaluate {name}', root)}  (then kit predict, kit export)",
        *([result.doubt] if result.doubt else []),
    ]


def _epochs(result: RunResult) -> list[tuple[str, Mapping[str, float | None]]]:
    """List the epochs to show, each with its metrics."""
    if result.best_epoch is None:
        return [(f"last ({result.epochs})", result.final)]
    if result.best_epoch == result.epochs:
        return [(f"best and last ({result.epochs})", result.final)]
    return [(f"best ({result.best_epoch})", result.best), (f"last ({result.epochs})", result.final)]


def _figure(metrics: Mapping[str, float | None], name: str) -> str:
    value = metrics.get(name)
    return NOTHING if name not in metrics else "nan" if value is None else f"{value:.4f}"
