"""Near-duplicates, rotated and mirrored ones included: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from kit.images.hamming import Hashes, Places, near_pairs, near_pairs_between
from kit.images.perceptual_hash import THUMBNAIL
from kit.joined_sets import join_pairs

# Lowest correlation of thumbnails. The hash alone confuses chest X-rays: of 1,431 such images, 14 pairs are at most 4
# of 64 bits apart and show different people. Among a million pairs of them none correlates above 0.977; copies that
# were compressed, brightened, or cropped by 2 % correlate above 0.988.
SAME_LOOK = 0.985

_CHUNK = 1 << 16  # pairs of thumbnails compared at once: 128 MB
_HASH_SIDE = 8  # lowest frequencies a side in pHash

Thumbnails = NDArray[np.float32]  # [n, THUMBNAIL, THUMBNAIL]

# The eight views of an image, without the image itself and one of the quarter turns: if one image is another turned to
# the left, the other is the first turned to the right. All except the first are their own inverses.
_VIEWS: tuple[Callable[[Thumbnails], Thumbnails], ...] = (
    lambda images: np.rot90(images, 1, (1, 2)),
    lambda images: images[:, ::-1, ::-1],
    lambda images: images[:, :, ::-1],
    lambda images: images[:, ::-1],
    lambda images: images.swapaxes(1, 2),
    lambda images: images[:, ::-1, ::-1].swapaxes(1, 2),
)


class Looked(Protocol):
    """Hashes of an image; see `kit.images.perceptual_hash.Look`."""

    @property
    def digest(self) -> str:
        """Hash of the pixels; empty for an unreadable image."""

    @property
    def look(self) -> int:
        """64-bit perceptual hash."""

    @property
    def thumbnail(self) -> bytes:
        """Grey thumbnail, uint8 [THUMBNAIL, THUMBNAIL]."""

    @property
    def is_blank(self) -> bool:
        """Whether the image is blank."""


def find_near_duplicates(images: Sequence[Looked], distance: int) -> list[list[int]]:
    """Find the sets of near-duplicates, without sets of only equal images.

    Two images are near-duplicates if their hashes differ in at most `distance` of 64 bits and their thumbnails
    correlate, in any of the eight orientations of one of them; sets are connected by such pairs. Blank images and
    those with blank thumbnails are left out, as there is nothing to compare.

    Returns:
        Sets of indices, each ascending, in the order of their first elements.
    """
    by_look: dict[tuple[int, bytes], list[int]] = {}
    for index, image in enumerate(images):
        if image.digest and not image.is_blank and any(image.thumbnail):
            by_look.setdefault((image.look, image.thumbnail), []).append(index)
    looks = list(by_look.values())
    thumbnails = np.frombuffer(b"".join(thumbnail for _, thumbnail in by_look), np.uint8)
    units = _units(thumbnails.reshape(-1, THUMBNAIL, THUMBNAIL))
    pairs = near_pairs(np.array([look for look, _ in by_look], np.uint64), distance)
    pairs = np.concatenate([pairs[_look_the_same(units, units, pairs)], *_turned_pairs(units, distance)])
    joined = join_pairs(pairs, len(looks))
    taken = {look for members in joined for look in members}
    sets = [[index for look in members for index in looks[look]] for members in joined]
    sets += [indices for look, indices in enumerate(looks) if look not in taken]
    return sorted(sorted(indices) for indices in sets if len({images[index].digest for index in indices}) > 1)


def _turned_pairs(units: Thumbnails, distance: int) -> list[Places]:
    """Find the pairs in which one image, rotated or mirrored, looks like the other."""
    hashes = _hashes(units)
    found = []
    for number, view in enumerate(_VIEWS):
        turned = np.ascontiguousarray(view(units))
        pairs = near_pairs_between(hashes, _hashes(turned), distance)
        pairs = pairs[pairs[:, 0] < pairs[:, 1] if number else pairs[:, 0] != pairs[:, 1]]
        found.append(pairs[_look_the_same(units, turned, pairs)])
    return found


def _units(thumbnails: NDArray[np.uint8]) -> Thumbnails:
    """Standardise thumbnails so that their inner products are correlations."""
    flat = thumbnails.reshape(len(thumbnails), THUMBNAIL**2)
    units: Thumbnails = flat - flat.mean(axis=1, keepdims=True, dtype=np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return units.reshape(thumbnails.shape)


def _hashes(units: Thumbnails) -> Hashes:
    """Hash thumbnails as in pHash: the signs of low frequencies against their median."""
    hashes = [np.empty(0, np.uint64)]
    for start in range(0, len(units), _CHUNK):
        waves = dctn(units[start : start + _CHUNK], axes=(1, 2))[:, :_HASH_SIDE, :_HASH_SIDE]
        waves = waves.reshape(len(waves), _HASH_SIDE**2)
        signs = waves > np.median(waves, axis=1, keepdims=True)
        hashes.append(np.packbits(signs, axis=1).view(">u8").astype(np.uint64)[:, 0])
    return np.concatenate(hashes)


def _look_the_same(units: Thumbnails, others: Thumbnails, pairs: Places) -> NDArray[np.bool_]:
    """Tell for each pair whether its thumbnails correlate.

    Args:
        units: Standardised thumbnails, float32 [n, THUMBNAIL, THUMBNAIL].
        others: The same thumbnails or a view of them, float32 [n, THUMBNAIL, THUMBNAIL].
        pairs: Indices in `units` and `others`, int64 [pairs, 2].

    Returns:
        Bool [pairs].
    """
    same = np.zeros(len(pairs), np.bool_)
    for start in range(0, len(pairs), _CHUNK):
        one, other = pairs[start : start + _CHUNK].T
        same[start : start + _CHUNK] = np.einsum("ijk,ijk->i", units[one], others[other]) >= SAME_LOOK
    return same
