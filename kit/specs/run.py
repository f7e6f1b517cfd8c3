"""What decides the numbers of one training."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from kit.errors import require
from kit.names import checked_name
from kit.specs.augment import AugmentSpec
from kit.specs.model import ModelSpec
from kit.specs.settings import MAX_SEED
from kit.specs.train import TrainSpec


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: a dataset, a model, a training and a seed.

    Attributes:
        dataset: its name.
        fingerprint: of the dataset, so that a run is never mistaken for one on other images.
        arm: the setting this run stands for in a comparison.
        seed: decides initial weights, the order of the examples, their augmentation and what dropout drops.
        fold: that validates, all others being trained on; None takes the dataset's own train and validation splits.
    """

    dataset: str
    fingerprint: str
    arm: str
    seed: int = 0
    fold: int | None = None
    model: ModelSpec = ModelSpec()
    augment: AugmentSpec = AugmentSpec()
    train: TrainSpec = TrainSpec()

    def __post_init__(self) -> None:
        """Refuse names that lead elsewhere, and seeds that generators do not take."""
        checked_name(self.dataset, "dataset")
        checked_name(self.arm, "arm")
        require(0 <= self.seed < MAX_SEED, f"seed must be in [0, {MAX_SEED}), got {self.seed}")


def arm_name(overrides: Mapping[str, str], *, otherwise: str, beside: Iterable[str] = ()) -> str:
    """Name an arm by what it changes: "bn_position=before,filters=16-32", or `otherwise` if nothing.

    The name is a folder's too, so it holds none of the characters that shells read for themselves.

    Args:
        overrides: Values by dotted path, as text.
        otherwise: Name of an arm that changes nothing.
        beside: Paths that other arms of the ablation change.
    """
    names = short_names([*overrides, *beside])
    return ",".join(f"{names[path]}={plain_text(value)}" for path, value in overrides.items()) or otherwise


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Name each dotted path by as many of its last steps as tell it from the others.

    >>> list(short_names(["train.epochs", "train.schedule.patience", "train.early_stopping.patience"]).values())
    ['epochs', 'schedule.patience', 'early_stopping.patience']
    """
    steps = {path: path.split(".") for path in paths}

    def shortest(own: list[str]) -> list[str]:
        ends = (own[-count:] for count in range(1, len(own)))
        return next((end for end in ends if sum(other[-len(end) :] == end for other in steps.values()) == 1), own)

    return {path: ".".join(shortest(own)) for path, own in steps.items()}


def plain_text(value: str) -> str:
    """Write a value as it stands in an arm's name.

    >>> plain_text("[8, 16]")
    '8-16'
    """
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", value.strip("[]"))
