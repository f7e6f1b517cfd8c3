"""What limits a comparison, as data; `kit.reports` says it in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.comparison.trajectory import Trajectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveats:
    """What a reader of a comparison should know besides its figures.

    Attributes:
        datasets: Names and fingerprints of the runs' datasets where there are several; empty otherwise.
        repeated: Runs found twice, equal in settings and seed, and counted once.
        merged: Names of arms that have equal settings, and so are one arm.
        unreadable_recipes: Errors of recipes whose published figures cannot be read any more.
        published_settings: Settings in which published trainings were others than ours, by dotted path, both values in
            words.
        missing_baseline: Name of a planned baseline without a finished run, for which another arm stands in; empty for
            none.
        not_by_image: Arms that could not be compared image by image, with the reason.
        by_image: Number of arms compared image by image where others were left out; 0 where all were compared.
        comparable_by_image: Number of arms that could have been.
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
