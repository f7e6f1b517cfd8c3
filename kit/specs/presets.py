"""Augmentations that have a name: published ones, and those of the recipes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kit.errors import SpecError, unknown
from kit.specs.augment import AugmentSpec
from kit.specs.recipe import augmented_settings, is_file, read_setting, recipe_names, split_arm
from kit.specs.settings import OWN

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
    # stains and scanners differ: Liu et al. 2017, who join it with d4
    "colour": AugmentSpec(brightness=0.25, contrast=0.75, saturation=0.25, hue=0.04),
    # half of the images: Zhong et al. 2020 (arXiv:1708.04896)
    "erasing": AugmentSpec(erasing=0.5),
    # as on ImageNet: Zhang et al. 2018 (arXiv:1710.09412)
    "mixup": AugmentSpec(mixup=0.2),
    # Yun et al. 2019 (arXiv:1905.04899)
    "cutmix": AugmentSpec(cutmix=1),
}


def augmentation(name: str) -> AugmentSpec:
    """Find an augmentation by its name.

    Args:
        name: one of `KNOWN`, or several as d4+colour, of which a later one wins where both change a setting; or a
            recipe, the path of a .toml file, or an arm of either as RECIPE/ARM, for its augmentation.

    Raises:
        SpecError: unknown name, with the nearest known one.
    """
    parts = name.split("+")
    if all(part in KNOWN for part in parts):
        return _joined(parts)
    if is_file(name) or split_arm(name)[0] in recipe_names():
        return read_setting(name).augment
    part = next(part for part in parts if part not in KNOWN)
    raise SpecError(unknown("augmentation", part, [*KNOWN, *augmented_settings(), OWN]))


def name_of(spec: AugmentSpec) -> str | None:
    """Name an augmentation by as few of `KNOWN` as say all of it, else by a shipped recipe; None if nobody has it."""
    names = _names_within(spec)
    if _joined(names) == spec:
        return "+".join(names) or NONE
    return next((name for name, setting in augmented_settings().items() if setting.augment == spec), None)


def _joined(names: Iterable[str]) -> AugmentSpec:
    return AugmentSpec(**{setting: value for name in names for setting, value in KNOWN[name].settings.items()})


def _names_within(spec: AugmentSpec) -> list[str]:
    """List those of `KNOWN` that `spec` holds, but none whose settings larger ones have."""
    wanted = spec.settings.items()
    held: dict[str, Any] = {}
    chosen = []
    for name in sorted(KNOWN, key=lambda name: -len(KNOWN[name].settings)):
        settings = KNOWN[name].settings.items()
        if settings <= wanted and not settings <= held.items():
            held.update(settings)
            chosen.append(name)
    return [name for name in KNOWN if name in chosen]
