"""Progressive resizing: division of a training into fits of one image size, as pure functions of its position."""

from __future__ import annotations

from dataclasses import dataclass

from kit.runs import Position
from kit.specs import TrainSpec


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a training done by one fit: whole epochs on images of one size, or the rest of one epoch.

    Attributes:
        begin: Position at which it begins.
        end: Number of finished epochs at its end.
        side: Shorter side of the images, pixels; None for the stored size.
    """

    begin: Position
    end: int
    side: int | None


def next_piece(begin: Position, until: int, spec: TrainSpec) -> Piece | None:
    """Return the piece that begins at `begin`; None if `until` epochs are finished.

    Args:
        begin: Position of the training.
        until: Number of epochs to train.
        spec: Settings of the training.
    """
    if begin.epochs >= until:
        return None
    side = side_of(begin.epochs, spec)
    if begin.steps:
        return Piece(begin, begin.epochs + 1, side)
    later = (epoch for epoch in range(begin.epochs + 1, until) if side_of(epoch, spec) != side)
    return Piece(begin, next(later, until), side)


def side_of(epoch: int, spec: TrainSpec) -> int | None:
    """Return the shorter side of an epoch's images, pixels; None for the stored size.

    Args:
        epoch: Epoch, from 0.
        spec: Settings of the training.
    """
    part = epoch * (len(spec.progressive) + 1) // spec.epochs
    return spec.progressive[part] if part < len(spec.progressive) else None


def sides_of(shape: tuple[int, int, int], side: int) -> tuple[int, int]:
    """Compute the height and width of images scaled down so that the shorter side is `side`.

    Args:
        shape: Height, width and channels of the stored images.
        side: Shorter side, pixels.
    """
    shorter = min(shape[:2])
    return round(shape[0] * side / shorter), round(shape[1] * side / shorter)
