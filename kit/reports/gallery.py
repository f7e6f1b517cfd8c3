"""Gallery of an audit: examples of each class, and of each kind of finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.patches import FancyBboxPatch

from kit.audits import Alike, Audit
from kit.audits.findings import describe
from kit.audits.image_facts import read_pixels, storing_spec
from kit.images import ImageError, Pixels
from kit.images.resize import resize
from kit.reports.figure import DPI, GREY, ORANGE, middle_cut, new_figure, png
from kit.reports.tiles import wrapped
from kit.sources import UNLABELLED
from kit.stderr import held_stderr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 8  # pictures in a row
_CLASSES, _SETS, _SINGLES = 10, 12, 16  # sets or images in a section
_MEMBERS = 4  # pictures of a set
_TILE, _PICTURE = 1.5, 1.32  # inches
_LINE = 0.15  # inches of a caption
_CAPTION, _HEADING, _TITLE, _MARGIN = 0.36, 0.42, 0.6, 0.3  # inches
_GAP = 0.1  # tiles between sets
_WIDTH = _COLUMNS + _COLUMNS // 2 * _GAP  # tiles: a line holds four pairs
_THUMBNAIL = 240  # pixels: more than the size of a picture on the page
_NAME = 21  # characters of a caption line
_PALE, _WARM = "#f3f3f3", "#fdf1e7"


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture with the image's name and a caption below."""

    index: int
    caption: str

    @property
    def lines(self) -> list[str]:
        """Lines of the wrapped caption."""
        return wrapped(self.caption, _NAME).splitlines()


@dataclass(frozen=True, slots=True)
class PictureCluster:
    """Pictures that belong together: a set is framed, in orange if it spans splits or classes."""

    tiles: tuple[Tile, ...]
    is_framed: bool = False
    is_warm: bool = False

    @property
    def width(self) -> float:
        """Width in tiles."""
        return len(self.tiles) + (_GAP if self.is_framed else 0)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of clusters, or a heading above some."""

    heading: str = ""
    note: str = ""
    clusters: tuple[PictureCluster, ...] = ()

    @property
    def height(self) -> float:
        """Height in inches."""
        return _TILE + self.captions + 0.06 if self.clusters else _HEADING

    @property
    def captions(self) -> float:
        """Height of the tallest caption in inches."""
        lines = max(len(tile.lines) for cluster in self.clusters for tile in cluster.tiles)
        return _CAPTION + _LINE * (lines - 1)


def draw_gallery(audit: Audit) -> bytes:
    """Draw examples of each class, then of each kind of finding.

    Returns:
        A PNG.
    """
    rows = list(_rows(audit))
    width = _WIDTH * _TILE + 2 * _MARGIN
    height = _TITLE + sum(row.height for row in rows) + 2 * _MARGIN
    figure = new_figure(width, height, layout=None)
    page = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    page.axis("off")
    title = f"{Path(audit.asked.folder).resolve().name}: {len(audit.records):,} images"
    page.text(_MARGIN, _MARGIN + 0.1, title, fontsize=17, va="top", weight="bold", parse_math=False)
    top = _MARGIN + _TITLE
    with held_stderr():  # libjpeg writes its warnings straight to stderr
        for row in rows:
            _draw_row(page, row, top, audit)
            top += row.height
    return png(figure)


def _rows(audit: Audit) -> Iterator[Row]:
    yield from _class_rows(audit)
    yield from _set_rows("exact duplicates", "equal pixels", audit.duplicates, audit)
    yield from _set_rows(
        "near-duplicates", f"hashes at most {audit.near_bits} of 64 bits apart", audit.near_duplicates, audit
    )
    blank = [Tile(index, f"deviation {audit.facts[index].deviation:.2f} of 255") for index in audit.blank]
    saturated = [Tile(index, f"{audit.facts[index].saturated:.0%} at 0 or 255") for index in audit.saturated]
    yield from _single_rows("blank", "they show next to nothing", blank)
    yield from _single_rows("saturated", "nearly all pure black or white", saturated)


def _class_rows(audit: Audit) -> Iterator[Row]:
    """Show examples of each class, grade or tag; of numbers, images from the lowest to the highest."""
    target = audit.target
    if not target.is_counted:
        yield from _value_rows(audit)
        return
    indices: dict[str, list[int]] = {}
    for index, record in enumerate(audit.records):
        if audit.facts[index].digest:
            for name in [UNLABELLED] if record.label is None else target.named(record.label):
                indices.setdefault(name, []).append(index)
    counts = {name: sum(cells.values()) for name, cells in audit.counts().items() if name in indices}
    for name in list(counts)[:_CLASSES]:
        tiles = tuple(Tile(index, _size(audit, index)) for index in _spread(indices[name], _COLUMNS))
        heading = name if name == UNLABELLED else f"{target.noun} {name}"
        yield Row(heading=heading, note=_describe_shown(counts[name], counts[name], "image"))
        yield Row(clusters=(PictureCluster(tiles),))
    if len(counts) > _CLASSES:
        yield Row(note=f"… {len(counts) - _CLASSES:,} more {target.kind()}")


def _value_rows(audit: Audit) -> Iterator[Row]:
    labels = {
        index: record.label
        for index, record in enumerate(audit.records)
        if record.label is not None and audit.facts[index].digest
    }
    if not labels:
        return
    ascending = sorted(labels, key=lambda index: audit.target.encode([labels[index]])[0].tolist())
    tiles = tuple(Tile(index, labels[index]) for index in _spread(ascending, _COLUMNS))
    yield Row(heading=", ".join(audit.target.names), note=f"{len(labels):,} images, from the lowest to the highest")
    yield Row(clusters=(PictureCluster(tiles),))


def _set_rows(name: str, note: str, sets: Sequence[Alike], audit: Audit) -> Iterator[Row]:
    if not sets:
        return
    shown = sets[:_SETS]
    cut = _describe_shown(len(shown), len(sets), "set")
    warm = f"; orange: across splits or {audit.target.kind()}" if any(describe(alike) for alike in shown) else ""
    yield Row(heading=name, note=f"{cut}; {note}{warm}")
    clusters = [_set_cluster(alike, audit) for alike in shown]
    line: list[PictureCluster] = []
    for cluster in clusters:
        if sum(other.width for other in line) + cluster.width > _WIDTH:
            yield Row(clusters=tuple(line))
            line = []
        line.append(cluster)
    yield Row(clusters=tuple(line))


def _set_cluster(alike: Alike, audit: Audit) -> PictureCluster:
    indices = _spread(alike.indices, _MEMBERS)
    tiles = [Tile(index, _where(audit, index)) for index in indices]
    if len(alike.indices) > len(indices):
        tiles[-1] = Tile(indices[-1], f"{_where(audit, indices[-1])}, {len(alike.indices) - len(indices)} more")
    return PictureCluster(tuple(tiles), is_framed=True, is_warm=alike.across_splits or alike.across_classes)


def _single_rows(name: str, note: str, tiles: Sequence[Tile]) -> Iterator[Row]:
    if not tiles:
        return
    shown = tiles[:_SINGLES]
    cut = _describe_shown(len(shown), len(tiles), "image")
    yield Row(heading=name, note=f"{cut}; {note}")
    for start in range(0, len(shown), _COLUMNS):
        yield Row(clusters=(PictureCluster(tuple(shown[start : start + _COLUMNS])),))


def _describe_shown(shown: int, count: int, what: str) -> str:
    """Describe how many are shown.

    >>> _describe_shown(1, 1, "set"), _describe_shown(12, 1300, "set")
    ('1 set', 'the first 12 of 1,300 sets')
    """
    named = f"{count:,} {what}{'s' * (count != 1)}"
    return f"the first {shown} of {named}" if shown < count else named


def _spread(indices: Sequence[int], most: int) -> list[int]:
    """Choose up to `most` indices, evenly from first to last."""
    count = min(most, len(indices))
    return [indices[number * (len(indices) - 1) // max(count - 1, 1)] for number in range(count)]


def _where(audit: Audit, index: int) -> str:
    record = audit.records[index]
    return ", ".join(filter(None, (record.label or UNLABELLED, record.split)))


def _size(audit: Audit, index: int) -> str:
    return f"{audit.facts[index].height} x {audit.facts[index].width}"


def _draw_row(page: Axes, row: Row, top: float, audit: Audit) -> None:
    """Draw a row at `top` inches from the page's upper edge."""
    if not row.clusters:
        base = top + _HEADING - 0.12
        heading = page.text(_MARGIN, base, row.heading, fontsize=12, weight="bold", parse_math=False)
        end = heading.get_window_extent().width / DPI if row.heading else 0.0
        page.text(_MARGIN + end + (0.12 if end else 0), base, row.note, fontsize=9.5, color=GREY, parse_math=False)
        return
    left = _MARGIN
    for cluster in row.clusters:
        if cluster.is_framed:
            page.add_patch(_frame(cluster, left, top, row.captions))
        for number, tile in enumerate(cluster.tiles):
            _draw_tile(page, tile, left + number * _TILE, top, audit)
        left += cluster.width * _TILE


def _frame(cluster: PictureCluster, left: float, top: float, captions: float) -> FancyBboxPatch:
    return FancyBboxPatch(
        (left - 0.02, top),
        len(cluster.tiles) * _TILE - 0.1,
        _TILE + captions - 0.12,
        boxstyle="round,pad=0.04",
        facecolor=_WARM if cluster.is_warm else _PALE,
        edgecolor=ORANGE if cluster.is_warm else "#cccccc",
        linewidth=1.2,
    )


def _draw_tile(page: Axes, tile: Tile, left: float, top: float, audit: Audit) -> None:
    centre, middle = left + _PICTURE / 2 + 0.02, top + _PICTURE / 2 + 0.03
    pixels = _thumbnail(audit, tile.index)
    if pixels is None:
        page.text(centre, middle, "gone", fontsize=8, ha="center", color=GREY)
    else:
        height, width = (side * _PICTURE / max(pixels.shape[:2]) for side in pixels.shape[:2])
        extent = (centre - width / 2, centre + width / 2, middle + height / 2, middle - height / 2)
        page.imshow(pixels, extent=extent, aspect="auto", zorder=3)
        frame = FancyBboxPatch((extent[0], extent[3]), width, height, boxstyle="square,pad=0", fill=False)
        frame.set(edgecolor="#b0b0b0", linewidth=0.6, zorder=4)
        page.add_patch(frame)
    name = middle_cut(Path(audit.name(tile.index)).name, _NAME)
    for line, text in enumerate((name, *tile.lines)):
        page.text(
            centre,
            top + _PICTURE + 0.1 + _LINE * line,
            text,
            fontsize=7,
            ha="center",
            va="top",
            color="black" if line else GREY,
            parse_math=False,
        )


def _thumbnail(audit: Audit, index: int) -> Pixels | None:
    """Decode an image again at the size shown on the page; None if its file is gone by now."""
    try:
        pixels = read_pixels(audit.records[index], storing_spec(audit.scale))
    except (ImageError, OSError):
        return None
    scale = _THUMBNAIL / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    return resize(pixels, (height, width))
