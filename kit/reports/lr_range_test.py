"""The learning-rate range test of a run, its curve and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kit.arguments import checked_arguments
from kit.datasets import find_dataset
from kit.files import write_whole
from kit.progress import NO_PROGRESS, Progress
from kit.reports.figure import BLUE, GREY, ORANGE, new_figure, png
from kit.reports.table import Table
from kit.runs.directory import RATES
from kit.specs.device_list import parse_devices
from kit.specs.recipe import DEFAULT_RECIPE
from kit.training.check import check_spec
from kit.training.lr_curve import RangeTest
from kit.training.train import run_id, run_spec
from kit.workspace import Workspace

_ROOM = 0.15  # of what is drawn, above and below


@dataclass(frozen=True, slots=True)
class FoundRates:
    """A range test and its files.

    Attributes:
        test: rates, losses and what they say.
        picture: PNG of the curve.
        table: CSV of rate, loss and smoothed loss.
    """

    test: RangeTest
    picture: Path
    table: Path


@checked_arguments
def find_learning_rate(
    name: str,
    *,
    recipe: str = DEFAULT_RECIPE,
    settings: Mapping[str, object] | None = None,
    seed: int = 0,
    devices: str = "auto",
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> FoundRates:
    """Try learning rates from 1e-7 to 10 on a model that is thrown away; leave the curve in runs/learning-rates/.

    Args:
        name: a dataset in tfrecords/.
        recipe: a shipped recipe, the path of a .toml file, or an arm of either as RECIPE/ARM.
        settings: changes to it by dotted path, such as {"train.optimizer": "sgd"}.
        seed: of initial weights and order.
        devices: to train on, see `train`.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every step.

    Raises:
        KitError: unknown dataset, recipe or setting, devices that are not here, or a model that does not fit the
            images.
    """
    dataset, wanted = find_dataset(name, root=root), parse_devices(devices)
    spec = run_spec(dataset, recipe, settings or {}, seed=seed)
    check_spec(spec, dataset, wanted)
    from kit.training.lr_range_test import measure_rates  # noqa: PLC0415 (TensorFlow)

    test = measure_rates(spec, dataset, devices=wanted, progress=progress)
    base = Workspace.at(root).runs / RATES / run_id(spec)
    found = FoundRates(test, base.with_name(f"{base.name}.png"), base.with_name(f"{base.name}.csv"))
    write_whole(found.table, _table(test).csv())
    write_whole(found.picture, plot_rates(test, f"{spec.dataset}, {spec.arm}, {spec.train.optimizer}"))
    return found


def plot_rates(test: RangeTest, title: str) -> bytes:
    """Draw the loss over the learning rate: each step thin, the smoothed curve bold, what is suggested dashed.

    Returns:
        A PNG.
    """
    figure = new_figure(8, 4.5)
    axes = figure.subplots()
    smoothed = test.smoothed
    axes.plot(test.rates, test.losses, color=GREY, linewidth=0.8, alpha=0.6, label="each batch")
    axes.plot(test.rates, smoothed, color=BLUE, linewidth=2, label="smoothed")
    lowest = f"lowest: {test.lowest:.2g}"
    axes.plot(test.lowest, smoothed.min(), "*", color="black", markersize=13, label=lowest, zorder=5)
    if test.suggestion is not None:
        label = f"suggested: {test.suggestion:g}"
        axes.axvline(test.suggestion, color=ORANGE, linestyle="--", linewidth=1.5, label=label)
    low, high = float(smoothed.min()), float(np.quantile(np.minimum(test.losses, 2 * test.beginning), 0.98))
    room = _ROOM * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss of the batch")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(loc="best")
    return png(figure)


def _table(test: RangeTest) -> Table:
    rows = zip(test.rates, test.losses, test.smoothed.tolist(), strict=True)
    return Table(
        "", ("learning_rate", "loss", "smoothed"), tuple(tuple(f"{value:.9g}" for value in row) for row in rows)
    )
