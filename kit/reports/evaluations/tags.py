"""Report of predicted tags: figures by tag, tags that come together, their number, and the worst images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from kit.evaluation.tag_measures import TagMeasures
from kit.reports import cardinality, cooccurrence, tag_figures
from kit.reports.cardinality import cardinality_csv, cardinality_table, plot_cardinality
from kit.reports.confusion import MANY
from kit.reports.cooccurrence import cooccurrence_table, pairs_csv, pairs_table, plot_cooccurrence
from kit.reports.evaluations.report import EvaluationReport, some
from kit.reports.page import Picture, Section
from kit.reports.table import Table
from kit.reports.tag_figures import plot_tags, tags_csv, tags_table, weakest_tags
from kit.reports.wrong_tags import describe_wrong, plot_wrong_tags, wrong_tags_csv, wrong_tags_table
from kit.targets.tags import Tags

_WIDE = 6  # tags; a larger matrix does not fit across a screen


class TagsReport(EvaluationReport[TagMeasures]):
    """Tables, pictures and files of an evaluation of tags."""

    kind: ClassVar[str] = "tags"
    first_pictures: ClassVar[tuple[str, ...]] = ("tags.png",)
    broken: ClassVar[str] = "; they have no decided tags, and are in no area"

    def tables(self) -> list[Table]:
        """Build figures by tag, the matrix of up to twenty tags, else pairs, and numbers of tags."""
        return [self._by_tag(), self._together(MANY), cardinality_table(self.measures.cardinality)]

    def screen(self) -> list[Table]:
        """Build the same tables; of over twenty tags the weakest."""
        return [self._by_tag(), self._together(_WIDE), cardinality_table(self.measures.cardinality)]

    def remarks(self) -> list[str]:
        """Count the images with wrong tags."""
        wrong, images = len(self.measures.wrong), self.measures.images
        return [f"with a tag missed or too many: {wrong:,} of {images:,} images ({wrong / images:.1%})"]

    def files(self) -> dict[str, str]:
        """Build figures by tag, pairs, numbers of tags, and images with wrong tags as CSV."""
        measures, names = self.measures, self.measures.names
        return {
            tag_figures.FILE: tags_csv(measures.by_tag, names),
            cooccurrence.FILE: pairs_csv(measures.pairs, names),
            cardinality.FILE: cardinality_csv(measures.cardinality),
            "wrong_tags.csv": wrong_tags_csv(measures.scores, measures.wrong, cast("Tags", measures.scores.target)),
        }

    def pictures(self) -> dict[str, Picture]:
        """Draw figures by tag, true and decided co-occurrence, numbers of tags, and the worst images."""
        measures, names, title = self.measures, self.measures.names, self.title
        together = measures.cooccurrence
        count = f"{self.evaluation.split}: {describe_wrong(measures.wrong, measures.images)}"
        gallery = plot_wrong_tags(
            self.evaluation.dataset, self.evaluation.splits, measures.scores, measures.wrong, count
        )
        drawn = {
            "tags.png": (f"figures by tag, {title}", plot_tags(title, measures.by_tag, names)),
            **{
                f"cooccurrence_{word}.png": (
                    f"co-occurrence of {word} tags, {title}",
                    plot_cooccurrence(f"{title}: {word} tags", together, counts, names),
                )
                for word, counts in (("true", together.true), ("decided", together.decided))
            },
            "tags_per_image.png": (f"tags of an image, {title}", plot_cardinality(title, measures.cardinality)),
            "wrong_tags.png": (count, gallery),
        }
        return {name: Picture(png, description) for name, (description, png) in drawn.items()}

    def first_tables(self) -> list[Table]:
        """Build the figures by tag; of over twenty the weakest only, as the file has all."""
        return [self._by_tag()]

    def sections(self, pictures: Mapping[str, Picture]) -> list[Section]:
        """Build the sections of co-occurrence, numbers of tags and worst images."""
        measures = self.measures
        together = [self._together(MANY), *([pairs_table(measures.pairs, measures.names)] if self._is_few else [])]
        wrong = [wrong_tags_table(measures.scores, measures.wrong, measures.names)] if measures.wrong else []
        return [
            Section("Tags together", (*together, *some(pictures, "cooccurrence_true.png", "cooccurrence_decided.png"))),
            Section(
                "Tags of an image", (cardinality_table(measures.cardinality), *some(pictures, "tags_per_image.png"))
            ),
            Section("Images with wrong tags", (*some(pictures, "wrong_tags.png"), *wrong)),
        ]

    @property
    def _is_few(self) -> bool:
        return len(self.measures.names) <= MANY

    def _by_tag(self) -> Table:
        build = tags_table if self._is_few else weakest_tags
        return build(self.title, self.measures.by_tag, self.measures.names)

    def _together(self, most: int) -> Table:
        """Build the matrix of so many tags, or the pairs of more."""
        if len(self.measures.names) <= most:
            return cooccurrence_table(self.measures.cooccurrence, self.measures.names)
        return pairs_table(self.measures.pairs, self.measures.names)
