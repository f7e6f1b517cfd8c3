"""Settings of the learning rate's schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from kit.errors import require
from kit.specs.named_arguments import Argument, Takes, check_arguments, naming
from kit.specs.schedules import EPOCHS, INITIAL, MAXIMAL, STEPS, cyclical_entries, find_schedule

Monitor: TypeAlias = str
"""Figure that is watched: val_loss, or val_ and the name of a metric; empty for the dataset's choice."""


class ScheduleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Learning-rate schedule.

    Attributes:
        kind: "constant"; "cosine" falls from `TrainSpec.learning_rate` to `smallest` along half a cosine (Loshchilov &
            Hutter 2017, arXiv:1608.03983); "plateau" multiplies by `factor` when `monitor` has not improved for
            `patience` epochs (Keras' ReduceLROnPlateau). "triangular", "triangular2" and "exponential_cyclical" rise
            and fall over and over (Smith 2017, arXiv:1506.01186): to the same height, to half the height of the cycle
            before, or to one that falls by `gamma` a step; "addons/TriangularCyclicalLearningRate",
            "addons/Triangular2CyclicalLearningRate" and "addons/ExponentialCyclicalLearningRate" are those of
            TensorFlow Addons.
        args: Arguments of the cyclical kinds: `maximal_learning_rate`, by default `TrainSpec.learning_rate`;
            `initial_learning_rate`, by default a tenth of it; half a cycle as `step_epochs`, in epochs and by default
            2, or as `step_size`, in steps; `scale_mode`, "cycle" or "iterations"; and `gamma` of
            "exponential_cyclical". Rates are multiplied where `TrainSpec.scale_learning_rate` asks for it.
        warmup_epochs: Epochs in which the rate rises linearly from 0 first; "cosine" only.
        smallest: Lowest learning rate of "cosine" and "plateau".
        monitor: Figure that "plateau" watches, as `TrainSpec.monitor`; empty is "val_loss" where the dataset's metric
            is accuracy, else its metric.
        patience: Epochs that "plateau" waits for an improvement.
        factor: Factor by which "plateau" lowers the rate.
        min_delta: Smallest change of `monitor` that counts as an improvement; "plateau" only.
    """

    kind: str = "constant"
    args: Mapping[str, Argument] = {}
    warmup_epochs: int = 0
    smallest: float = 0.0
    monitor: Monitor = ""
    patience: int = 10
    factor: float = 0.1
    min_delta: float = 0.0001

    def __post_init__(self) -> None:
        """Refuse unknown kinds and arguments, values out of range, and a warm-up of other schedules."""
        with naming("kind"):
            taken = self.taken("args")
        checked = check_arguments(self.args, taken, table="args", named=f"schedule {self.kind}")
        msgspec.structs.force_setattr(self, "args", checked)
        lowest = checked.get(INITIAL, 0.0)
        require(not isinstance(lowest, float) or lowest >= 0, f"args.{INITIAL} must be 0 or more, got {lowest}")
        for name in (MAXIMAL, STEPS, EPOCHS, "gamma"):
            value = checked.get(name, 1.0)
            require(not isinstance(value, float) or value > 0, f"args.{name} must be above 0, got {value}")
        require(not {STEPS, EPOCHS} <= checked.keys(), f"args.{STEPS} and args.{EPOCHS} say the same; give one")
        require(self.warmup_epochs >= 0, f"warmup_epochs must be 0 or more, got {self.warmup_epochs}")
        require(not self.warmup_epochs or self.kind == "cosine", "warmup_epochs needs kind cosine")
        require(self.smallest >= 0, f"smallest must be 0 or more, got {self.smallest}")
        require(self.patience >= 1, f"patience must be 1 or more, got {self.patience}")
        require(0 < self.factor < 1, f"factor must be between 0 and 1, got {self.factor}")
        require(self.min_delta >= 0, f"min_delta must be 0 or more, got {self.min_delta}")

    def taken(self, table: str) -> list[Takes]:
        """List what the schedule takes, of the only table of arguments."""
        del table
        return [find_schedule(self.kind)]

    @staticmethod
    def declared(table: str) -> list[Takes]:
        """List what all schedules take."""
        del table
        return [entry.takes for entry in cyclical_entries().values()]
