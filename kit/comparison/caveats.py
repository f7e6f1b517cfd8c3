"""Limits of a comparison, as data; `kit.reports` puts them into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.comparison.trajectory import Trajectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveats:
    """Caveats that a reader of a comparison should know besides its figures.

    Attributes:
        datasets: Names and fingerprints of the runs' datasets if there are several; empty otherwise.
        repeated: Runs found twice, equal in settings and seed, and counted once.
        merged: Names of arms with equal settings, counted as one arm.
        unreadable_recipes: Errors of recipes with published figures that can no longer be read.
        published_settings: Settings that differ from those of the published trainings, by dotted path, with both
            values.
        missing_baseline: Name of a planned baseline without a finished run, replaced by another arm; empty for none.
        not_by_image: Arms that could not be compared image by image, with the reason.
        by_image: Number of arms compared image by image if others were left out; 0 if all were compared.
        comparable_by_image: Number of arms that could have been compared image by image.
    """

    datasets: tuple[tuple[str, str], ...] = ()
    repeated: tuple[Trajectory, ...] = ()
    merged: tuple[tuple[str, ...], ...] = ()
    unreadable_recipes: tuple[str, ...] = ()
    published_settings: Mapping[str, str] = field(default_factory=dict)
    missing_baseline: str = ""
    not_by_image: tuple[str, ...] = ()
    by_image: int = 0
    comparable_by_image: int = 0
