"""Settings of the augmentation of training images."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from kit.errors import require


class AugmentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Augmentation of training images, drawn anew for each image and epoch; zeros change nothing.

    All geometric changes are combined into one affine transform, so that an image is interpolated once.

    Attributes:
        rotation: Largest angle either way, degrees.
        shear: Largest angle either way, degrees.
        zoom: Largest share by which an image grows or shrinks, both sides together.
        stretch: Largest share by which height and width each grow or shrink, independently of each other.
        height_shift: Largest share of the height, either way.
        width_shift: Largest share of the width, either way.
        horizontal_flip: Whether half of the images are mirrored left to right.
        vertical_flip: Whether half of the images are mirrored top to bottom.
        quarter_turns: Whether images are rotated by 0 to 3 quarter turns; with a flip, these are the eight views of a
            square image without a top, as in histology.
        fill: Values of the pixels beyond the image's edge: "reflect", "nearest" and "wrap" continue the image,
            "constant" is `fill_value`.
        fill_value: Value of constant pixels, 0 to 1.
        brightness: Largest amount added to or subtracted from pixels in 0 to 1.
        contrast: Largest share by which differences from the image's mean grow or shrink.
        saturation: Largest share by which differences from grey grow or shrink.
        hue: Largest turn either way, as a share of the colour circle.
        erasing: Probability that a rectangle is filled with `fill_value` (Zhong et al. 2020, arXiv:1708.04896).
        erasing_area: Smallest and largest share of the image that is erased.
        mixup: Alpha of the beta distribution of the weights by which two images and their labels are mixed (Zhang et
            al. 2018, arXiv:1710.09412); 0 turns it off.
        cutmix: Alpha of the beta distribution of the share of an image that a rectangle of another one covers, by
            which the labels are mixed (Yun et al. 2019, arXiv:1905.04899); 0 turns it off. With both, each batch gets
            one of them.
    """

    rotation: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    stretch: float = 0.0
    height_shift: float = 0.0
    width_shift: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    quarter_turns: bool = False
    fill: Literal["reflect", "nearest", "wrap", "constant"] = "reflect"
    fill_value: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    erasing: float = 0.0
    erasing_area: tuple[float, float] = (0.02, 0.33)
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        """Refuse amounts out of range."""
        for name, most in (("rotation", 180), ("shear", 89), ("zoom", 0.99), ("stretch", 0.99), ("height_shift", 1)):
            _in_range(name, getattr(self, name), most)
        for name, most in (("width_shift", 1), ("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0.5)):
            _in_range(name, getattr(self, name), most)
        _in_range("erasing", self.erasing, 1)
        _in_range("fill_value", self.fill_value, 1)
        low, high = self.erasing_area
        require(
            0 < low <= high < 1,
            f"erasing_area must be two shares between 0 and 1, the smaller first, got {low} and {high}",
        )
        for name in ("mixup", "cutmix"):
            alpha = getattr(self, name)
            require(0 <= alpha < math.inf, f"{name} must be 0 or more, and finite, got {alpha}")

    @property
    def moves(self) -> bool:
        """Whether any setting moves pixels."""
        amounts = (self.rotation, self.shear, self.zoom, self.stretch, self.height_shift, self.width_shift)
        return any(amounts) or self.horizontal_flip or self.vertical_flip or self.quarter_turns

    def recolours(self, channels: int) -> bool:
        """Whether any setting changes the colours of images with that many channels; grey has no saturation or hue."""
        return bool(self.brightness or self.contrast or (channels > 1 and (self.saturation or self.hue)))

    @property
    def mixes(self) -> bool:
        """Whether images and labels of a batch are mixed."""
        return bool(self.mixup or self.cutmix)

    @property
    def alone(self) -> AugmentSpec:
        """Augmentation of single images: everything except mixup and CutMix."""
        return msgspec.structs.replace(self, mixup=0.0, cutmix=0.0)

    def changes(self, channels: int) -> bool:
        """Whether any setting changes images with that many channels."""
        return self.moves or self.recolours(channels) or bool(self.erasing) or self.mixes

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that differ from no augmentation."""
        unchanged = AugmentSpec()
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in values if value != getattr(unchanged, name)}

    def check_shape(self, shape: tuple[int, int, int]) -> None:
        """Refuse settings that do not fit the shape of the images.

        Args:
            shape: Height, width and channels of every image.

        Raises:
            SpecError: The images are not square, and quarter turns are on.
        """
        height, width, _ = shape
        require(
            not self.quarter_turns or height == width,
            f"augment.quarter_turns needs square images, not {height}x{width}; shard them at size {height}, or set"
            " augment.quarter_turns to false and take the two flips, which half turns are made of",
        )


def _in_range(name: str, value: float, most: float) -> None:
    require(0 <= value <= most, f"{name} must be in 0 to {most}, got {value}")
