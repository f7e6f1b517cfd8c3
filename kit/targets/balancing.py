"""What balances classes, grades and tags, and the targets for which it can."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kit.errors import require
from kit.targets.target import Target


def refuse_balancing(target: Target, *, sampling: str, class_weights: str) -> None:
    """Refuse what balances names where images have none, and sampling where they have several at a time.

    Args:
        target: Target of the dataset.
        sampling: Order in which images are drawn, `train.sampling`.
        class_weights: Weights of the images, `train.class_weights`.

    Raises:
        SpecError: It cannot do what it says for this target.
    """
    named = f"this dataset's target is {target.kind()}"
    hint = "; train.class_weights=balanced and train.loss=focal stress rare tags" if target.is_counted else ""
    require(
        target.is_partition or sampling != "balanced",
        f"train.sampling=balanced needs one class or grade an image, and {named}{hint}",
    )
    require(
        target.is_counted or class_weights == "none",
        f"train.class_weights={class_weights} needs classes, grades or tags, and {named}",
    )


def balanced_weights(target: Target, counts: Mapping[str, int], images: int) -> NDArray[np.float64]:
    """Compute weights by rarity, as scikit-learn's compute_class_weight("balanced"); what no image has gets 0.

    Args:
        target: Target of the labels.
        counts: Images of each name.
        images: Number of all labelled images.

    Returns:
        Float64 [names] for classes and grades, with a mean of 1 over the images. For tags [2, names], the weights of
        images without each tag and with it, with a mean of 1 over the images of each tag.
    """
    having = np.asarray([counts.get(name, 0) for name in target.names], np.float64)
    found = having if target.is_partition else np.stack([images - having, having])
    share = images / (found > 0).sum(axis=0)
    return np.asarray(np.divide(share, found, out=np.zeros_like(found), where=found > 0))
