"""The learning-rate range test by name: everything is checked before TensorFlow is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kit.arguments import checked_arguments
from kit.errors import require
from kit.progress import NO_PROGRESS, Progress
from kit.runs.directory import RATES
from kit.specs import RunSpec, TrainSpec
from kit.specs.losses import KAPPA
from kit.specs.recipe import DEFAULT_RECIPE
from kit.training.check import check_spec
from kit.training.lr_curve import RangeTest
from kit.training.request import TrainRequest, run_id


@dataclass(frozen=True, slots=True)
class FoundRates:
    """A learning-rate range test and the path of its files.

    Attributes:
        test: Rates, losses and the suggestion.
        spec: Settings of the tested run.
        base: Path of its files without their endings, in runs/learning-rates/ of the workspace.
    """

    test: RangeTest
    spec: RunSpec
    base: Path


def _refuse_untestable(train: TrainSpec) -> None:
    """Refuse a training without a rate, or with a loss that may be below 0: whether it doubles says nothing then."""
    require(train.has_rate, f"optimizer {train.optimizer} has no learning rate to find")
    require(train.loss != KAPPA, f"train.loss={KAPPA} may be below 0, so its curve is no range test; test another loss")


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
    """Try learning rates from 1e-7 to 10 on a model that is discarded; `kit.write_range_test` saves the curve.

    Args:
        name: Dataset in tfrecords/.
        recipe: Shipped recipe, path of a .toml file, or an arm of either as RECIPE/ARM.
        settings: Changes to it by dotted path, such as {"train.optimizer": "sgd"}.
        seed: Seed for the initial weights and the order of examples.
        devices: Devices to train on, see `train`.
        root: Root of the workspace; KIT_ROOT or the current folder otherwise.
        progress: Receiver of every step.

    Raises:
        KitError: Unknown dataset, recipe or setting, devices that are not here, or a model that does not fit the
            images.
    """
    request = TrainRequest(name=name, recipe=recipe, settings=settings, seed=seed, devices=devices, root=root)
    planned = request.plan()
    _refuse_untestable(planned.spec.train)
    check_spec(planned.spec, planned.dataset, planned.devices)
    from kit.training.lr_sweep import measure_rates  # noqa: PLC0415 (TensorFlow)

    test = measure_rates(planned.spec, planned.dataset, devices=planned.devices, progress=progress)
    return FoundRates(test, planned.spec, planned.workspace.runs / RATES / run_id(planned.spec))
