"""What balances classes, and the targets for which it can."""

from __future__ import annotations

from kit.errors import require
from kit.targets.target import Target


def refuse_balancing(target: Target, *, sampling: str, class_weights: str) -> None:
    """Refuse what balances classes or grades where images have none, or several tags at a time.

    Args:
        target: Target of the dataset.
        sampling: Order in which images are drawn, `train.sampling`.
        class_weights: Weights of the images, `train.class_weights`.

    Raises:
        SpecError: It cannot do what it says for this target.
    """
    if target.is_partition:
        return
    hint = "; train.loss=focal stresses rare tags" if "focal" in target.losses[target.heads[0]] else ""
    why = f"needs one class or grade an image, and this dataset's target is {target.kind()}{hint}"
    require(sampling != "balanced", f"train.sampling=balanced {why}")
    require(class_weights == "none", f"train.class_weights={class_weights} {why}")
