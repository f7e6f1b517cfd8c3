"""How a training is divided into what single fits do: pure, so that its position alone says what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from kit.runs import Position
from kit.specs import TrainSpec


@dataclass(frozen=True, slots=True)
class Piece:
    """What one fit does: whole epochs on images of one size, or the rest of one epoch.

    Attributes:
        begin: Position at which it begins.
        end: Epochs that are over when it ends.
        side: Shorter side of the images, pixels; None as they are stored.
    """

    begin: Position
    end: int
    side: int | None


def next_piece(begin: Position, until: int, spec: TrainSpec) -> Piece | None:
    """Find what comes after `begin`; None where `until` epochs are over.

    Args:
        begin: Position of the training.
        until: Epochs that are enough.
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
    """Shorter side of an epoch's images, pixels; None as they are stored.

    Args:
        epoch: Epoch, from 0.
        spec: Settings of the training.
    """
    part = epoch * (len(spec.progressive) + 1) // spec.epochs
    return spec.progressive[part] if part < len(spec.progressive) else None


def sides_of(shape: tuple[int, int, int], side: int) -> tuple[int, int]:
    """Height and width of images reduced such that the shorter one is `side`.

    Args:
        shape: Height, width and channels of the whole images.
        side: Shorter side, pixels.
    """
    shorter = min(shape[:2])
    return round(shape[0] * side / shorter), round(shape[1] * side / shorter)
