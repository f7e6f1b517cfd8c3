"""What decides the numbers of one training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from kit.specs.settings import MAX_SEED, require

BNPosition = Literal["none", "before", "after"]
Optimizer = Literal["adam", "sgd", "rmsprop"]
Monitor = Literal["val_accuracy", "val_loss"]


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plain convolutional network: blocks of convolution, norm/activation and max pool, then dense layers.

    Attributes:
        filters: filters of each block's convolution; as many blocks as numbers.
        kernel: side of every convolution in pixels, stride 1.
        pool: side and stride of every max pool, without padding; 1 leaves it out.
        padding: of the convolutions.
        dense: units of each hidden dense layer; may be empty.
        activation: of convolutions and hidden dense layers.
        bn_position: "before" is layer, batch norm, activation (Ioffe & Szegedy 2015, arXiv:1502.03167);
            "after" is layer, activation, batch norm; "none" leaves batch norm out.
        bn_momentum: share of the moving mean and variance kept at each step.
        bn_epsilon: added to the variance before its root is taken.
    """

    filters: tuple[int, ...] = (32, 64)
    kernel: int = 3
    pool: int = 3
    padding: Literal["valid", "same"] = "valid"
    dense: tuple[int, ...] = (128,)
    activation: Literal["relu", "elu", "gelu", "tanh"] = "relu"
    bn_position: BNPosition = "before"
    bn_momentum: float = 0.99
    bn_epsilon: float = 0.001

    def __post_init__(self) -> None:
        """Refuse layers without width and momenta outside 0 to 1."""
        require(
            all(width >= 1 for width in (*self.filters, *self.dense)),
            f"filters and dense must be 1 or more, got {self.filters} and {self.dense}",
        )
        require(self.kernel >= 1, f"kernel must be 1 or more, got {self.kernel}")
        require(self.pool >= 1, f"pool must be 1 or more, got {self.pool}")
        require(0 <= self.bn_momentum < 1, f"bn_momentum must be in [0, 1), got {self.bn_momentum}")
        require(self.bn_epsilon > 0, f"bn_epsilon must be above 0, got {self.bn_epsilon}")


class TrainSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model is fitted.

    Attributes:
        epochs: passes over the train split.
        batch_size: images a step over all devices together; a train split's last short batch waits
            for the next epoch's shuffle.
        optimizer: with Keras' defaults but for the learning rate.
        learning_rate: constant.
        monitor: what decides the best epoch; the first of equals wins.
        threads: that operations on CPUs share; 0 is one a core. With 1, equal seeds give equal numbers bit for bit,
            whatever the machine's load; with more, sums over large images may round differently from run to run.
    """

    epochs: int = 20
    batch_size: int = 64
    optimizer: Optimizer = "adam"
    learning_rate: float = 0.001
    monitor: Monitor = "val_accuracy"
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuse trainings that cannot take a step."""
        require(self.epochs >= 1, f"epochs must be 1 or more, got {self.epochs}")
        require(self.batch_size >= 1, f"batch_size must be 1 or more, got {self.batch_size}")
        require(self.threads >= 0, f"threads must be 0 or more, got {self.threads}")
        require(self.learning_rate > 0, f"learning_rate must be above 0, got {self.learning_rate}")


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: a dataset, a model, a training and a seed.

    Attributes:
        dataset: its name.
        fingerprint: of the dataset, so that a run is never mistaken for one on other images.
        arm: the setting this run stands for in a comparison.
        seed: decides initial weights and the order of the examples.
    """

    dataset: str
    fingerprint: str
    arm: str
    seed: int = 0
    model: ModelSpec = ModelSpec()
    train: TrainSpec = TrainSpec()

    def __post_init__(self) -> None:
        """Refuse seeds that generators do not take."""
        require(0 <= self.seed < MAX_SEED, f"seed must be in [0, {MAX_SEED}), got {self.seed}")


def arm_name(overrides: Mapping[str, str], *, otherwise: str) -> str:
    """Name an arm by what it changes: "bn_position=before,filters=16-32", or `otherwise` if nothing.

    The name is a folder's too, so it holds none of the characters that shells read for themselves.
    """
    changes = [f"{path.rpartition('.')[2]}={_plain(value)}" for path, value in overrides.items()]
    return ",".join(changes) or otherwise


def _plain(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", value.strip("[]"))


def check_fit(spec: ModelSpec, shape: tuple[int, int, int]) -> None:
    """Refuse kernels and pools that are larger than the image that reaches them.

    Args:
        spec: blocks.
        shape: height, width and channels of the images.

    Raises:
        SpecError: names the block and what reaches it.
    """
    height, width = shape[:2]
    for block in range(1, len(spec.filters) + 1):
        reach = spec.kernel if spec.padding == "valid" else 1
        _refuse_larger("kernel", reach, block, (height, width), shape)
        height, width = height - reach + 1, width - reach + 1
        _refuse_larger("pool", spec.pool, block, (height, width), shape)
        height, width = height // spec.pool, width // spec.pool


def _refuse_larger(part: str, side: int, block: int, reached: tuple[int, int], shape: tuple[int, int, int]) -> None:
    require(
        side <= min(reached),
        f"model.{part}={side} does not fit in block {block}, which gets {reached[0]}x{reached[1]} pixels of the"
        f" {shape[0]}x{shape[1]} image; shard larger images, or give fewer model.filters or a smaller model.{part}",
    )
