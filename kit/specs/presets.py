"""Named augmentations, as published; those of recipes are found in `kit.specs.settings`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kit.specs.augment import AugmentSpec

NONE = "none"

KNOWN: Mapping[str, AugmentSpec] = {
    NONE: AugmentSpec(),
    # left and right: Krizhevsky, Sutskever & Hinton 2012, on ImageNet
    "mirror": AugmentSpec(horizontal_flip=True),
    # for images without a top
    "flips": AugmentSpec(horizontal_flip=True, vertical_flip=True),
    # the eight views of a square: Liu et al. 2017 (arXiv:1703.02442), on slides
    "d4": AugmentSpec(horizontal_flip=True, vertical_flip=True, quarter_turns=True),
    # 4 of 32 pixels either way, zeros coming in, and mirrored: He et al. 2016 (arXiv:1512.03385), on CIFAR-10
    "shifts": AugmentSpec(horizontal_flip=True, height_shift=0.125, width_shift=0.125, fill="constant"),
    # kit's own, mild enough for X-rays and photographs
    "affine": AugmentSpec(rotation=15, shear=5, zoom=0.1, height_shift=0.1, width_shift=0.1),
    # for differences between stains and scanners: Liu et al. 2017, together with d4
    "colour": AugmentSpec(brightness=0.25, contrast=0.75, saturation=0.25, hue=0.04),
    # half of the images: Zhong et al. 2020 (arXiv:1708.04896)
    "erasing": AugmentSpec(erasing=0.5),
    # as on ImageNet: Zhang et al. 2018 (arXiv:1710.09412)
    "mixup": AugmentSpec(mixup=0.2),
    # Yun et al. 2019 (arXiv:1905.04899)
    "cutmix": AugmentSpec(cutmix=1),
}


def joined(names: Iterable[str]) -> AugmentSpec:
    """Combine augmentations of `KNOWN`; a later one wins where several change a setting."""
    return AugmentSpec(**{setting: value for name in names for setting, value in KNOWN[name].settings.items()})


def name_within(spec: AugmentSpec) -> str | None:
    """Name an augmentation by the fewest of `KNOWN` that make it up; None if they do not."""
    names = _held(spec)
    return ("+".join(names) or NONE) if joined(names) == spec else None


def _held(spec: AugmentSpec) -> list[str]:
    """List those of `KNOWN` that are contained in `spec`, without those contained in larger ones."""
    wanted = spec.settings.items()
    held: dict[str, Any] = {}
    chosen = []
    for name in sorted(KNOWN, key=lambda name: -len(KNOWN[name].settings)):
        settings = KNOWN[name].settings.items()
        if settings <= wanted and not settings <= held.items():
            held.update(settings)
            chosen.append(name)
    return [name for name in KNOWN if name in chosen]
