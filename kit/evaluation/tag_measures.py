"""Measures of predicted tags beside the true ones."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

from kit.evaluation.cardinality import Cardinality, cardinality
from kit.evaluation.cooccurrence import Cooccurrence, TagPair, cooccurrence
from kit.evaluation.measures import Measures
from kit.evaluation.tag_figures import TagFigures, tag_figures
from kit.evaluation.wrong_tags import WrongTags, wrong_tags


@dataclass(frozen=True, kw_only=True)
class TagMeasures(Measures):
    """Measures of predictions of any number of tags per image; see `Measures` for what every target has."""

    kind: ClassVar[str] = "tags"

    @functools.cached_property
    def by_tag(self) -> TagFigures:
        """Support, areas, F1, precision, recall and threshold of each tag."""
        return tag_figures(self.scores)

    @functools.cached_property
    def cooccurrence(self) -> Cooccurrence:
        """Images that have two tags, true and decided."""
        return cooccurrence(self.scores)

    @functools.cached_property
    def pairs(self) -> list[TagPair]:
        """Pairs of tags that images have together, those whose true and decided counts differ most first."""
        return self.cooccurrence.pairs()

    @functools.cached_property
    def cardinality(self) -> Cardinality:
        """Number of tags of each image, true and decided."""
        return cardinality(self.scores)

    @functools.cached_property
    def wrong(self) -> list[WrongTags]:
        """Images with wrong tags, those of the highest loss first."""
        return wrong_tags(self.scores)

    def figures(self) -> dict[str, Any]:
        """All but the images; NaN becomes null in evaluation.json."""
        true, decided = self.cardinality.means
        return {
            **super().figures(),
            "by_tag": self._figures_by_tag(),
            "tags_per_image": {"true": true, "decided": decided},
            "with_wrong_tags": {"images": len(self.wrong), "share": len(self.wrong) / self.images},
        }

    def _figures_by_tag(self) -> dict[str, dict[str, float]]:
        columns = {"support": self.by_tag.support, **self.by_tag.columns()}
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return {name: dict(zip(columns, row, strict=True)) for name, row in zip(self.names, rows, strict=True)}
