"""Text and tables of an audit for the terminal."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kit.audits import Alike, Audit
from kit.audits.findings import TO_SPLIT
from kit.audits.image_facts import SATURATED_SHARE
from kit.conversion.shard_command import option_text
from kit.images.perceptual_hash import BLANK_DEVIATION
from kit.reports.audit_files import count_sets
from kit.reports.labels import describe_labels
from kit.reports.rare_classes import describe_rare_images
from kit.reports.reject_reasons import describe_left_out
from kit.reports.table import NOTHING, Table
from kit.sources import UNLABELLED
from kit.specs.source import folder_name

_LISTED, _SETS = 5, 3  # rows of a finding on the terminal; the CSV has all
_MEMBERS = 4  # images of a set
_ROWS = 10  # rows of classes, kinds or sizes
_NAME, _REASON = 56, 48  # characters; leaves room for the other columns at a width of 100


def describe_audit(audit: Audit) -> list[str]:
    """Describe in one line the audited images, and in another what `kit shard` would refuse."""
    counts = {name: sum(splits.values()) for name, splits in audit.labelled_counts().items()}
    parts = [f"{len(audit.records):,} images"]
    if len(counts) > 1 and audit.target.is_counted:  # every image has each value
        parts.append(f"{len(counts)} {audit.target.kind()}, {_balance(list(counts.values()))}")
    if groups := audit.groups():
        parts.append(f"{len(groups):,} groups")
    lines = [f"{audit.asked.folder}: {'; '.join(parts)}"]
    left_out = Counter(reject.reason for reject in audit.rejects if not reject.is_bad)
    lines += [f"not looked at: {describe_left_out(dict(left_out.most_common()))}"] if left_out else []
    lines += audit.notes
    if audit.refused:
        return [*lines, f"kit shard would refuse this: {audit.refused.as_options()}"]
    described = [describe_labels(audit.target, audit.label_columns, audit.asked)] if counts else []
    return [*lines, *described, *describe_rare_images(audit)]


def _balance(counts: Sequence[int]) -> str:
    """Describe the ratio of the largest to the smallest class.

    >>> _balance([29, 10]), _balance([100, 99]), _balance([7, 7])
    ('the largest 2.9 times the smallest', 'about equally large', 'equally large')
    """
    times = f"{max(counts) / min(counts):.1f}"
    if times != "1.0":
        return f"the largest {times} times the smallest"
    return "equally large" if max(counts) == min(counts) else "about equally large"


def next_command(audit: Audit) -> str:
    """Suggest the next command, with the options of this audit."""
    if audit.refused:
        return "kit audit again, once what kit shard refuses is fixed or a file of labels is given"
    asked = audit.asked
    named = {
        "--labels": asked.labels,
        "--id-column": asked.id_column,
        "--path-column": asked.path_column,
        "--label-column": asked.label_column,
        "--target": asked.target,
        "--separator": asked.separator,
        "--no-tag": asked.no_tag,
        "--class-from": asked.class_from,
        "--classes": option_text("classes", dict(asked.classes)),
        "--class-names": option_text("class_names", asked.class_names),
        "--ignore-splits": option_text("ignore_splits", asked.ignore_splits),
        "--group": asked.group,
        "--exclude": asked.exclude,
        "--test": asked.test,
        "--sample-submission": asked.sample_submission,
        "--metric": audit.metric,
        "--scale": None if audit.scale == "none" else audit.scale,
        "--max-rejects": str(audit.bad) if audit.bad else None,
    }
    words = ["kit", "shard", asked.folder, "--name", audit.competition or folder_name(Path(asked.folder).resolve())]
    words += [word for option, value in named.items() if value for word in (option, value)]
    return shlex.join(words)


def audit_tables(audit: Audit) -> list[Table]:
    """Build the tables of an audit: findings, examples of them, and properties of the images."""
    return [_found(audit), *_examples(audit), _classes(audit), *_kinds_and_sizes(audit)]


def _found(audit: Audit) -> Table:
    """Count every kind of finding, with zeros, to show everything that was checked."""
    rows = [
        ("unreadable", f"{len(audit.unreadable):,}", *[NOTHING] * 3),
        ("id without an image, or image without an id", f"{len(audit.missing):,}", *[NOTHING] * 3),
        ("exact duplicates: equal pixels", *_set_cells(audit.duplicates)),
    ]
    if audit.near_bits:
        near = f"near-duplicates: hashes at most {audit.near_bits} of 64 bits apart"
        rows.append((near, *_set_cells(audit.near_duplicates)))
    if audit.groups():
        across = audit.groups_across_splits()
        images = sum(len(indices) for indices in across.values())
        rows.append(("groups across splits", f"{images:,}", f"{len(across):,}", f"{len(across):,}", NOTHING))
    singles = {
        f"blank: standard deviation below {BLANK_DEVIATION:g} of 255": audit.blank,
        f"saturated: over {SATURATED_SHARE:.0%} of the values 0 or 255": audit.saturated,
        "with several pages, of which one is stored": audit.several_pages,
    }
    rows += [(name, f"{len(indices):,}", *[NOTHING] * 3) for name, indices in singles.items()]
    return Table("findings", ("", "images", "sets", "across\nsplits", f"across\n{audit.target.kind()}"), tuple(rows))


def _set_cells(sets: Sequence[Alike]) -> tuple[str, ...]:
    counts = count_sets(sets)
    return tuple(f"{counts[name]:,}" for name in ("images", "sets", "across_splits", "across_classes"))


def _examples(audit: Audit) -> list[Table]:
    tables = [
        _reasons(audit),
        _sets(audit, "exact duplicates", audit.duplicates),
        _sets(audit, "near-duplicates", audit.near_duplicates),
        _groups(audit),
        _singles(audit, "blank", audit.blank, "deviation", [f"{audit.facts[p].deviation:.2f}" for p in audit.blank]),
        _singles(
            audit,
            "saturated",
            audit.saturated,
            "at 0 or 255",
            [f"{audit.facts[p].saturated:.1%}" for p in audit.saturated],
        ),
        _singles(
            audit,
            "several pages",
            audit.several_pages,
            "pages",
            [str(audit.facts[p].pages) for p in audit.several_pages],
        ),
    ]
    return [table for table in tables if table.rows]


def _reasons(audit: Audit) -> Table:
    """Group images that cannot be stored by reason, the most frequent first."""
    inputs: dict[str, list[str]] = {}
    for index in audit.unreadable:
        inputs.setdefault(audit.facts[index].problem, []).append(audit.name(index))
    for reject in audit.missing:
        inputs.setdefault(reject.reason, []).append(reject.name)
    ordered = sorted(inputs.items(), key=lambda item: -len(item[1]))
    rows = tuple(
        (textwrap.fill(reason, _REASON), f"{len(names):,}", _short(names[0], 100 - _REASON - 18))
        for reason, names in ordered[:_LISTED]
    )
    return Table(_cut("cannot be stored", len(rows), len(ordered), "reasons"), ("reason", "inputs", "such as"), rows)


def _sets(audit: Audit, name: str, sets: Sequence[Alike]) -> Table:
    rows = tuple(_set_row(audit, alike.indices) for alike in sets[:_SETS])
    return Table(_cut(name, len(rows), len(sets), "sets"), _columns(audit), rows)


def _groups(audit: Audit) -> Table:
    across = audit.groups_across_splits()
    rows = tuple((group, *_set_row(audit, indices)) for group, indices in list(across.items())[:_SETS])
    return Table(_cut("groups across splits", len(rows), len(across), "groups"), ("group", *_columns(audit)), rows)


def _columns(audit: Audit) -> tuple[str, ...]:
    """Choose the columns that distinguish images: no label or split column if all are equal."""
    records = audit.records
    has_labels, has_splits = len({r.label for r in records}) > 1, len({r.split for r in records}) > 1
    return ("image", *([audit.target.noun] if has_labels else []), *(["split"] if has_splits else []))


def _set_row(audit: Audit, indices: Sequence[int]) -> tuple[str, ...]:
    """Format a set as one row, one line per image; a shortened set still shows each split and class."""
    shown = _varied(audit, indices)
    more = [f"… {len(indices) - len(shown):,} more"] if len(indices) > len(shown) else []
    records = [audit.records[index] for index in shown]
    lines = {
        "image": [*(_short(audit.name(index), _NAME) for index in shown), *more],
        audit.target.noun: [record.label or NOTHING for record in records],
        "split": [record.split or TO_SPLIT for record in records],
    }
    return tuple("\n".join(lines[column]) for column in _columns(audit))


def _varied(audit: Audit, indices: Sequence[int]) -> list[int]:
    """Choose a few images of a set, starting with one of each split and class."""
    firsts: dict[tuple[str | None, str | None], int] = {}
    for index in indices:
        firsts.setdefault((audit.records[index].split, audit.records[index].label), index)
    chosen = list(firsts.values())[:_MEMBERS]
    chosen += [index for index in indices if index not in chosen][: _MEMBERS - len(chosen)]
    return sorted(chosen)


def _singles(audit: Audit, name: str, indices: Sequence[int], figure: str, values: Sequence[str]) -> Table:
    rows = tuple(
        (*_set_row(audit, (index,)), value) for index, value in list(zip(indices, values, strict=True))[:_LISTED]
    )
    return Table(_cut(name, len(rows), len(indices), "images"), (*_columns(audit), figure), rows)


def _cut(name: str, shown: int, count: int, what: str) -> str:
    return f"{name}: the first {shown} of {count:,} {what}" if shown < count else name


def _classes(audit: Audit) -> Table:
    counts = audit.counts()
    splits = list(next(iter(counts.values())))
    labelled = sum(record.label is not None for record in audit.records)
    rows = [_class_row(name, cells, labelled if name != UNLABELLED else None) for name, cells in counts.items()]
    if len(rows) > _ROWS:
        half = _ROWS // 2
        between = (f"… {len(rows) - _ROWS:,} in between", *[NOTHING] * (len(splits) + 2))
        rows = [*rows[:half], between, *rows[-half:]]
    if len(counts) > 1:
        images = Counter(record.split or TO_SPLIT for record in audit.records)
        sums = {split: images[split] for split in splits}
        rows.append(_class_row("all", sums, None if UNLABELLED in counts else labelled))
    share = "share of\nlabelled" if UNLABELLED in counts else "share"
    return Table(f"{audit.target.kind()}, largest first", (audit.target.noun, *splits, "all", share), tuple(rows))


def _class_row(name: str, cells: dict[str, int], labelled: int | None) -> tuple[str, ...]:
    """Format the count of a class and its share of the labelled images; none for unlabelled ones."""
    count = sum(cells.values())
    share = NOTHING if labelled is None else f"{count / labelled:.1%}"
    return (name, *(f"{cell:,}" if cell else NOTHING for cell in cells.values()), f"{count:,}", share)


def _kinds_and_sizes(audit: Audit) -> list[Table]:
    sizes = Counter({f"{height} x {width}": count for (height, width), count in audit.sizes().items()})
    tables = [_frequent("kinds", "kind", audit.modes()), _frequent("sizes", "height x width", sizes, _range(audit))]
    return [table for table in tables if table.rows]


def _frequent(name: str, column: str, counts: Counter[str], note: str = "") -> Table:
    """Tabulate all values if they are few, otherwise the most frequent ones."""
    shown = _LISTED if len(counts) > _ROWS else _ROWS
    title = f"{name}: the {shown} most frequent of {len(counts):,}{note}" if shown < len(counts) else name
    total = counts.total()
    rows = tuple((value, f"{count:,}", f"{count / total:.1%}") for value, count in counts.most_common(shown))
    return Table(title, (column, "images", "share"), rows)


def _range(audit: Audit) -> str:
    if not (sizes := audit.sizes()):
        return ""
    heights, widths = zip(*sizes, strict=True)
    return f"; heights {min(heights):,} to {max(heights):,}, widths {min(widths):,} to {max(widths):,} pixels"


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"
