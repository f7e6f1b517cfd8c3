"""The report of an evaluation, whatever the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar, cast

from kit.evaluation.evaluate import Evaluation
from kit.evaluation.measures import Measures
from kit.reports.page import Picture, Section
from kit.reports.table import Table

AnyMeasures = TypeVar("AnyMeasures", bound=Measures)


@dataclass(frozen=True)
class EvaluationReport(Generic[AnyMeasures]):
    """Tables, pictures and files of an evaluation that its kind of target adds to the metrics and predictions of all.

    A kind is one subclass in a module of this package. What a method does not return is not shown.

    Attributes:
        kind: Kind of target, as `Target.kind` names it.
        first_pictures: Names of the pictures in the first section of the page.
        broken: Ending of the warning of outputs that are not numbers: their treatment.
        evaluation: Evaluation from `kit.evaluate`.
    """

    kind: ClassVar[str]
    first_pictures: ClassVar[tuple[str, ...]] = ()
    broken: ClassVar[str] = ""

    evaluation: Evaluation

    @property
    def measures(self) -> AnyMeasures:
        """Measures of the predictions."""
        return cast("AnyMeasures", self.evaluation.measures)

    @property
    def title(self) -> str:
        """Evaluated split, weights and runs in one line."""
        by, images = self.evaluation.predictor, self.measures.images
        views = f", {by.views.count} views" if by.views.count > 1 else ""
        runs = f", {by.runs} runs" if by.runs > 1 else ""
        return f"{self.evaluation.split}, {by.weights} weights{views}{runs}, n = {images:,}"

    def tables(self) -> list[Table]:
        """Build all tables, as a notebook shows them."""
        return []

    def screen(self) -> list[Table]:
        """Build the tables for the terminal: all of them, or a summary that fits on it."""
        return self.tables()

    def remarks(self) -> list[str]:
        """List remarks, one line each."""
        return []

    def rule_remarks(self) -> list[str]:
        """List remarks on thresholds, one line each, which come after the rule for decisions."""
        return []

    def files(self) -> dict[str, str]:
        """Build the tables with every row and digit, by file name."""
        return {}

    def pictures(self) -> dict[str, Picture]:
        """Draw all pictures, by file name."""
        return {}

    def first_tables(self) -> list[Table]:
        """Build the tables in the first section of the page, after the metrics."""
        return []

    def sections(self, pictures: Mapping[str, Picture]) -> list[Section]:
        """Build the sections of the page after the first one; those without blocks are left out.

        Args:
            pictures: Pictures by file name, see `pictures`.
        """
        del pictures
        return []


def some(pictures: Mapping[str, Picture], *names: str) -> tuple[Picture, ...]:
    """Choose pictures by name, as far as there are any of that name."""
    return tuple(pictures[name] for name in names if name in pictures)
