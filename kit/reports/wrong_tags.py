"""Table and gallery of images with wrong tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kit.datasets import Dataset
from kit.errors import first_three
from kit.evaluation.wrong_tags import WrongTags
from kit.inference.predictions import Predictions
from kit.reports.stored_images import MOST, plot_stored
from kit.reports.table import Table
from kit.targets.tags import Tags

_COLUMNS = ("id", "label", "missed", "too many", "loss")
_LISTED = 3  # tags that are named in full


def wrong_tags_csv(scores: Predictions, wrong: Sequence[WrongTags], target: Tags) -> str:
    """Write every image with wrong tags as CSV: id, true tags, tags missed and too many, and loss.

    Args:
        scores: Predictions of tags.
        wrong: Images in order.
        target: Target of the predictions.
    """
    rows = (
        (
            scores.keys[one.image],
            target.text(scores.labels[one.image]) or "",
            *(target.separator.join(target.names[tag] for tag in tags) for tags in (one.missed, one.extra)),
            f"{one.loss:.9g}",
        )
        for one in wrong
    )
    return Table("", _COLUMNS, tuple(rows)).csv()


def wrong_tags_table(scores: Predictions, wrong: Sequence[WrongTags], names: Sequence[str]) -> Table:
    """Tabulate the first images with wrong tags, with up to three tags of each kind.

    Args:
        scores: Predictions of tags.
        wrong: Images in order.
        names: Names of the tags.
    """
    rows = tuple(
        (
            scores.keys[one.image],
            *(_listed(tags, names) for tags in (scores.labels[one.image].nonzero()[0], one.missed, one.extra)),
            f"{one.loss:.4f}",
        )
        for one in wrong[:MOST]
    )
    return Table("images with wrong tags, highest loss first", _COLUMNS, rows)


def plot_wrong_tags(
    dataset: Dataset,
    splits: Sequence[str],
    scores: Predictions,
    wrong: Sequence[WrongTags],
    title: str,
) -> bytes:
    """Draw the first images with wrong tags, as stored in the given splits.

    Returns:
        A PNG.
    """
    captions = [(scores.keys[one.image], _caption(one, scores.target.names)) for one in wrong[:MOST]]
    return plot_stored(dataset, splits, captions, title)


def describe_wrong(wrong: Sequence[WrongTags], images: int) -> str:
    """Describe the number of images with wrong tags, and of those shown in the gallery."""
    if not wrong:
        return f"none of {images:,} images has wrong tags"
    shown = f"the first {MOST} of {len(wrong):,}" if len(wrong) > MOST else f"{len(wrong):,}"
    return f"{shown} with wrong tags of {images:,} images, highest loss first"


def _caption(one: WrongTags, names: Sequence[str]) -> str:
    parts = {"missed": one.missed, "too many": one.extra}
    return "\n".join(f"{word} {_listed(tags, names)}" for word, tags in parts.items() if len(tags))


def _listed(tags: Iterable[int], names: Sequence[str]) -> str:
    named = [names[tag] for tag in tags]
    return ", ".join(named) if len(named) <= _LISTED else first_three(named, len(named))
