"""Settings of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from kit.errors import require
from kit.specs.losses import find_loss, loss_entries
from kit.specs.named_arguments import Argument, Takes, check_arguments, naming
from kit.specs.optimizers import OptimizerEntry, find_optimizer, optimizer_entries
from kit.specs.schedule import Monitor, ScheduleSpec
from kit.specs.schedules import INITIAL, MAXIMAL

CHECKPOINT_MINUTES = 10.0  # default time between checkpoints within an epoch: the most that a crash costs

_VALIDATION = "val_"

Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]
Weights = Literal["best", "last"]
Cache = Literal["auto", "memory", "disk", "none"]


class EarlyStoppingSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Early stopping of a training.

    A run always keeps the weights of its best epoch by `TrainSpec.monitor` (Keras' restore_best_weights);
    `TrainSpec.evaluate` decides whether they are used afterwards.

    Attributes:
        patience: Epochs without an improvement after which the training ends; 0 turns early stopping off.
        monitor: Figure that should improve, as `TrainSpec.monitor`; empty is "val_loss" where the dataset's metric
            is accuracy, else its metric.
        min_delta: Smallest change that counts as an improvement.
        start_epoch: Number of first epochs that are ignored: they do not end the training, and are never the best.
    """

    patience: int = 0
    monitor: Monitor = ""
    min_delta: float = 0.0
    start_epoch: int = 0

    def __post_init__(self) -> None:
        """Refuse counts below zero."""
        for name in ("patience", "min_delta", "start_epoch"):
            require(getattr(self, name) >= 0, f"{name} must be 0 or more, got {getattr(self, name)}")


class TrainSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a training.

    Attributes:
        epochs: Passes over the train split.
        batch_size: Images per step over all devices together; a train split's last short batch waits for the next
            epoch's shuffle.
        optimizer: Optimizer, with its own defaults except for the settings below; "adamw" is Loshchilov & Hutter 2019
            (arXiv:1711.05101). One around another is written "lookahead(adamw)" or "swa(sgd)". Names that begin with
            "addons/" are TensorFlow Addons', in its environment: "addons/RectifiedAdam", "addons/Lookahead(adamw)".
        optimizer_args: Arguments of the optimizer by name, such as `sync_period`; of one around another each goes to
            the outermost that takes it.
        learning_rate: Learning rate at the start, or at the end of the warm-up.
        scale_learning_rate: Whether the learning rate is multiplied by the number of devices, as in Goyal et al. 2017
            (arXiv:1706.02677), where batches grow with the devices; here `batch_size` stays the same.
        momentum: Momentum of "sgd" and "addons/SGDW".
        weight_decay: Weight decay of "adamw", "addons/AdamW" and "addons/SGDW", times the learning rate in all of
            them; others take it in `optimizer_args`.
        schedule: Schedule of the learning rate.
        early_stopping: Early stopping before the last epoch.
        loss: "crossentropy", of each unit where the head has sigmoids, and of numbers scaled from 0 to 1; "focal" is
            Lin et al. 2017 (arXiv:1708.02002), of names only; "mse", "mae" and "huber" are of standardised numbers, the
            last one linear beyond one standard deviation. "addons/SigmoidFocalCrossEntropy" (names),
            "addons/WeightedKappaLoss" (grades) and "addons/PinballLoss" (numbers) are those of TensorFlow Addons.
            Empty is "mse" where the head is "value", else "crossentropy".
        loss_args: Arguments of the loss by name: `delta` of "huber", and those of Addons.
        focal_gamma: Exponent of "focal".
        label_smoothing: Share of the label's probability that is spread over all classes, or over yes and no of each
            sigmoid; heads of numbers take none.
        class_weights: "balanced" weighs each image by the rarity of its class or grade, and in the loss of each tag by
            that of having the tag or not, as scikit-learn does.
        sampling: Order of the training images: "balanced" draws each class equally often, repeating the rarer ones;
            "shuffle" draws every image once an epoch.
        cache: Storage of decoded images between epochs: "memory", "disk" (files beside the run, until it is finished)
            or "none" (streamed from the shards in every epoch). "auto" is memory if they fill at most a quarter of it,
            otherwise none. Streamed images are shuffled by shard and within a window, cached ones as a whole, so their
            orders differ; memory and disk give the same order.
        ema: Momentum of a moving average of the weights (Polyak & Juditsky 1992), which is validated and kept instead
            of them; 0 for none.
        metrics: Metrics in history and result besides the loss, by the names of `kit.metric_names()` or as
            file.py:function, each computed from all outputs of the epoch; for more than two classes precision, recall
            and f1 are means over the classes, auc is one class against the others. The dataset's metric is always
            added, and accuracy for classes where none is named.
        monitor: Figure that decides the best epoch: "val_loss", or a metric as in "val_auc"; the first wins a tie.
            Empty is the dataset's metric.
        evaluate: Weights used by default to evaluate, compare on whole splits, predict and export a run: "best", of
            the best epoch, or "last", of the last epoch.
        progressive: Shorter sides, in pixels, of the images in the first epochs, in increasing order: the training is
            divided into as many equal parts and one more, which uses the images at their stored size. Validation always
            uses the stored size. It takes less time, and a network often does better on images larger than those that
            it was first trained on (Touvron et al. 2019, arXiv:1906.06423). Models with top "average" only.
        precision: Precision of the model's arithmetic; "mixed_float16" (for GPUs; the loss is scaled) and
            "mixed_bfloat16" keep weights, statistics and the last layer in float32 (Micikevicius et al. 2018,
            arXiv:1710.03740).
        jit: Whether XLA compiles the steps: "auto" does on a single GPU, the only device setup that supports it.
        histograms: Whether TensorBoard gets histograms of the weights after each epoch.
        threads: Number of threads shared by operations on CPUs; 0 is one per core. Equal seeds give bit-equal results
            with equal numbers of threads on one machine with the same packages; other numbers of threads and other
            processors round sums differently.
    """

    epochs: int = 20
    batch_size: int = 64
    optimizer: str = "adam"
    optimizer_args: Mapping[str, Argument] = {}
    learning_rate: float = 0.001
    scale_learning_rate: bool = False
    momentum: float = 0.0
    weight_decay: float = 0.004
    schedule: ScheduleSpec = ScheduleSpec()
    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    loss: str = ""
    loss_args: Mapping[str, Argument] = {}
    focal_gamma: float = 2.0
    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    sampling: Literal["shuffle", "balanced"] = "shuffle"
    cache: Cache = "auto"
    ema: float = 0.0
    metrics: tuple[str, ...] = ()
    monitor: Monitor = ""
    evaluate: Weights = "best"
    progressive: tuple[int, ...] = ()
    precision: Precision = "float32"
    jit: Literal["auto", "on", "off"] = "auto"
    histograms: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuse values out of range, and settings that contradict each other."""
        require(self.epochs >= 1, f"epochs must be 1 or more, got {self.epochs}")
        require(self.batch_size >= 1, f"batch_size must be 1 or more, got {self.batch_size}")
        require(self.threads >= 0, f"threads must be 0 or more, got {self.threads}")
        require(self.learning_rate > 0, f"learning_rate must be above 0, got {self.learning_rate}")
        self._check_names()
        require(0 <= self.momentum < 1, f"momentum must be in [0, 1), got {self.momentum}")
        require(
            not self.momentum or self.optimizer_uses("momentum"),
            f"momentum needs optimizer sgd, got {self.optimizer}",
        )
        require(self.weight_decay >= 0, f"weight_decay must be 0 or more, got {self.weight_decay}")
        require(self.focal_gamma >= 0, f"focal_gamma must be 0 or more, got {self.focal_gamma}")
        require(0 <= self.label_smoothing < 1, f"label_smoothing must be in [0, 1), got {self.label_smoothing}")
        require(0 <= self.ema < 1, f"ema must be in [0, 1), got {self.ema}")
        self._check_optimizer()
        self._refuse_sides()
        require(len(set(self.metrics)) == len(self.metrics), f"metrics names one twice: {', '.join(self.metrics)}")
        for metric in self.metrics:
            _refuse_unknown("metrics", metric)
        for name, monitor in self.monitors.items():
            self._refuse_monitor(name, monitor)

    def _check_names(self) -> None:
        """Refuse unknown names and arguments; numbers become what the arguments take."""
        for table, setting in (("optimizer_args", "optimizer"), ("loss_args", "loss")):
            with naming(setting):
                taken = self.taken(table)
            given: Mapping[str, Argument] = getattr(self, table)
            require(bool(taken or not given), f"{table} needs a {setting} by name, as in loss=huber")
            checked = check_arguments(given, taken, table=table, named=f"{setting} {getattr(self, setting)}")
            msgspec.structs.force_setattr(self, table, checked)

    def _check_optimizer(self) -> None:
        """Refuse a moving average that the optimizer cannot keep, and a schedule where there is no rate."""
        unable = [entry.name for entry in self.optimizer_entries if not entry.takes_ema]
        require(
            not (self.ema and unable),
            f"ema={self.ema} is a moving average of Keras' own optimizers and of lookahead, not of {', '.join(unable)}",
        )
        kind = self.schedule.kind
        require(
            kind == "constant" or self.has_rate,
            f"schedule.kind={kind} changes the learning rate, and optimizer {self.optimizer} has none",
        )
        lowest = self.schedule.args.get(INITIAL)
        highest = self.schedule.args.get(MAXIMAL, self.learning_rate)
        require(
            not isinstance(lowest, float) or not isinstance(highest, float) or lowest <= highest,
            f"schedule.args.{INITIAL}={lowest} is above the highest rate, {highest}; give schedule.args.{MAXIMAL}",
        )

    @property
    def optimizer_entries(self) -> tuple[OptimizerEntry, ...]:
        """Declarations of the optimizer and of those that it goes around, the outermost first."""
        return find_optimizer(self.optimizer)

    @property
    def has_rate(self) -> bool:
        """Whether the optimizer has a learning rate."""
        return self.optimizer_entries[-1].has_rate

    def optimizer_uses(self, setting: str) -> bool:
        """Whether the optimizer takes a setting of this table, such as "momentum"."""
        return any(setting in entry.settings.values() for entry in self.optimizer_entries)

    def taken(self, table: str) -> list[Takes]:
        """List what the optimizer or the loss takes, the outermost first.

        Args:
            table: "optimizer_args" or "loss_args".
        """
        if table == "optimizer_args":
            return [entry.takes for entry in self.optimizer_entries]
        return [find_loss(self.loss)] if self.loss else []

    @staticmethod
    def declared(table: str) -> list[Takes]:
        """List what all optimizers or all losses take."""
        if table == "optimizer_args":
            return [entry.takes for entry in optimizer_entries().values()]
        return [*loss_entries().values()]

    def _refuse_monitor(self, name: str, monitor: Monitor) -> None:
        """Refuse a figure that no history holds; without names of metrics those that are watched are recorded."""
        if monitor in {"", "val_loss"}:
            return
        metric = monitor.removeprefix(_VALIDATION)
        require(metric != monitor, f"{name} must be val_loss or val_ and a metric, got '{monitor}'")
        _refuse_unknown(name, metric)
        require(not self.metrics or metric in self.metrics, f"{name}={monitor} needs {metric} among metrics")

    def _refuse_sides(self) -> None:
        sides = self.progressive
        require(
            all(side >= 1 for side in sides) and list(sides) == sorted(set(sides)),
            f"progressive must be increasing sides of 1 or more, got {', '.join(map(str, sides))}",
        )
        require(
            not sides or self.epochs > len(sides),
            f"progressive={','.join(map(str, sides))} needs {len(sides) + 1} epochs or more, got epochs={self.epochs}",
        )

    @property
    def recorded(self) -> list[str]:
        """Names of a history's columns: the loss and the metrics, on train and on validation."""
        return [prefix + name for name in ("loss", *self.metrics) for prefix in ("", "val_")]

    @property
    def headline(self) -> str:
        """Metric that progress shows beside the loss: the monitored one, else the first."""
        monitored = self.monitor.removeprefix(_VALIDATION)
        return next(iter([*self.metrics, "accuracy"])) if monitored in {"", "loss"} else monitored

    @property
    def monitors(self) -> dict[str, Monitor]:
        """Monitored metrics by the setting that names them."""
        watched: dict[str, Monitor] = {"monitor": self.monitor}
        if self.early_stopping.patience:
            watched["early_stopping.monitor"] = self.early_stopping.monitor
        if self.schedule.kind == "plateau":
            watched["schedule.monitor"] = self.schedule.monitor
        return watched


def _refuse_unknown(setting: str, metric: str) -> None:
    """Refuse a name that no metric has; a file of one's own is read where a run begins, not where one is opened."""
    from kit.metrics import find_metric  # noqa: PLC0415 (NumPy, which --help does without)
    from kit.metrics.own import is_in_file  # noqa: PLC0415

    if is_in_file(metric):
        return
    with naming(setting):
        find_metric(metric)
