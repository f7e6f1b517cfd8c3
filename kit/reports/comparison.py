"""Files of a comparison: tables, pictures and an HTML page."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.arguments import checked_arguments
from kit.comparison import Comparison
from kit.files import write_together
from kit.reports.caveats import comparison_remarks
from kit.reports.differences import plot_differences, plot_steps
from kit.reports.exact_verdicts import exact_steps, exact_table
from kit.reports.factors import describe_test, exact_factors, factor_tables, plot_factors
from kit.reports.latex import latex_file
from kit.reports.left_out import exact_left_out, left_out_tables
from kit.reports.page import REPORT, Picture, Section, write_page
from kit.reports.per_image import exact_images, image_tables
from kit.reports.split_metrics import figure_tables
from kit.reports.table import Table, markdown_file
from kit.reports.training_curves import ARMS, plot_arm, plot_arms
from kit.reports.verdicts import figure_table, shown_arms, step_tables, verdict_table
from kit.significance import CONFIDENCE, LEVEL

_LEGEND = (
    "Figures are means ± sample standard deviations over the n runs of an arm. Δ is the mean difference from the first"
    f" arm, the baseline, run by run of equal seeds, with the {CONFIDENCE} interval of Student's paired t for that arm"
    " alone; runs without a partner are left out of it, and of the means beside it. p (Holm) is its p, corrected for"
    " all comparisons; P (better) is the share of the mean difference's posterior on the better side. An arm is called"
    f" better or worse where p (Holm) is below {LEVEL:g}. The base rate is what the best constant prediction"
    " scores; where neither arm beats it, a difference between them is a warning and no find."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appendix:
    """A further table in a comparison, such as that of retrained arms.

    Attributes:
        name: Name of its CSV.
        heading: Heading on the page.
        shown: Table for readers.
        exact: The same table with every digit.
    """

    name: str
    heading: str
    shown: Table
    exact: Table


def comparison_tables(comparison: Comparison, most: int | None = None) -> list[Table]:
    """Build all tables: verdicts, steps, other figures, one seed, settings, splits, published figures, left-out runs.

    Of more than `most` arms, tables with one row per arm show those with the best means.
    """
    arms = shown_arms(comparison, most)
    return [
        verdict_table(comparison, most),
        *step_tables(comparison),
        figure_table(comparison, most),
        *image_tables(comparison),
        *factor_tables(comparison),
        *(table.shown(arms) for table in figure_tables(comparison, arms)),
        *left_out_tables(comparison.left_out),
    ]


@checked_arguments
def write_comparison(
    comparison: Comparison, folder: Path | str, *, html: bool = False, more: Sequence[Appendix] = ()
) -> list[Path]:
    """Write all tables and pictures of a comparison.

    These are comparison.csv (every digit), comparison.md and comparison.tex; a CSV of each further table;
    curves of all arms and of each, or of twelve if there are more, paired differences and settings as PNG; and with
    `html` one HTML page.

    Args:
        comparison: Comparison to write.
        folder: Folder of the files.
        html: Whether to write the HTML page.
        more: Further tables, after the comparison's own.

    Returns:
        Files written.

    Raises:
        BusyError: Another process is writing the folder.
    """
    pictures = _pictures(comparison)
    tables = [*comparison_tables(comparison), *(one.shown for one in more)]
    files: dict[str, str | bytes] = {
        "comparison.csv": exact_table(comparison).csv(),
        "comparison.md": markdown_file(tables),
        "comparison.tex": _tex(comparison, more),
        **{f"{one.name}.csv": one.exact.csv() for one in more},
        **_exact_tables(comparison),
        **{name: picture.png for name, picture in pictures.items()},
    }
    if html:
        files[REPORT] = _page(comparison, pictures, more)
    return write_together(Path(folder), files)


def remarks(comparison: Comparison) -> list[str]:
    """List remarks for readers of the tables, one line each."""
    left_out = f"{len(comparison.unfinished)} unfinished runs were left out; run their command again"
    return [*comparison_remarks(comparison), *([left_out] if comparison.unfinished else [])]


def _exact_tables(comparison: Comparison) -> dict[str, str]:
    arms = shown_arms(comparison)
    files = {f"{table.name}.csv": table.exact(arms).csv() for table in figure_tables(comparison, arms)}
    if step_tables(comparison):
        files["steps.csv"] = exact_steps(comparison).csv()
    if comparison.images:
        files["images.csv"] = exact_images(comparison.images).csv()
    if comparison.factors:
        files["factors.csv"] = exact_factors(comparison.factors).csv()
    if comparison.left_out:
        files["left_out.csv"] = exact_left_out(comparison.left_out).csv()
    return files


def _pictures(comparison: Comparison) -> dict[str, Picture]:
    has_accuracy = any(arm.accuracy or arm.val_accuracy for arm in comparison.arms)
    curves = f"{'accuracy and loss' if has_accuracy else 'metrics'} of all arms, mean over their runs"
    pictures = {"curves.png": Picture(plot_arms(comparison), curves)}
    if differences := plot_differences(comparison):
        said = f"paired differences of {comparison.metric} from {comparison.baseline}, with {CONFIDENCE} intervals"
        pictures["differences.png"] = Picture(differences, said)
    if steps := plot_steps(comparison):
        said = f"paired differences of {comparison.metric} from the arm before, with {CONFIDENCE} intervals"
        pictures["steps.png"] = Picture(steps, said)
    if factors := comparison.factors:
        said = f"{comparison.metric} by setting: {describe_test(factors)}"
        pictures["factors.png"] = Picture(plot_factors(comparison, factors), said)
    counts = {arm.name: arm.n for arm in comparison.arms}
    for name in list(counts) if len(counts) <= ARMS else comparison.ranked()[:ARMS]:
        runs = f"{counts[name]} run{'s' if counts[name] > 1 else ''}"
        pictures[f"curves-{_file_name(name)}.png"] = Picture(plot_arm(comparison, name), f"{name}, {runs}")
    return pictures


def _tex(comparison: Comparison, more: Sequence[Appendix]) -> str:
    tables = [verdict_table(comparison), *step_tables(comparison), figure_table(comparison)]
    return latex_file([*tables, *(one.shown for one in more)])


def _page(comparison: Comparison, pictures: dict[str, Picture], more: Sequence[Appendix]) -> str:
    runs = sum(arm.n for arm in comparison.arms)
    datasets = sorted({run.dataset[0] for run in comparison.trajectories if run.dataset[0]})
    about = f"{len(comparison.arms)} arms, {runs} runs{''.join(f', dataset {name}' for name in datasets)}. {_LEGEND}"
    arms = shown_arms(comparison)
    measured = [table.shown(arms) for table in figure_tables(comparison, arms)]
    whole, *single = (name for name in pictures if name.startswith("curves"))
    sections = [
        Section(
            "Comparison", (about, *remarks(comparison), verdict_table(comparison), *_some(pictures, "differences.png"))
        ),
        Section("Steps", (*step_tables(comparison), *_some(pictures, "steps.png"))),
        Section("Other figures", (figure_table(comparison),)),
        Section("One seed", tuple(image_tables(comparison))),
        Section("Settings", (*factor_tables(comparison), *_some(pictures, "factors.png"))),
        Section("Splits and published figures", tuple(measured)),
        *(Section(one.heading, (one.shown,)) for one in more),
        Section("Left out", tuple(left_out_tables(comparison.left_out))),
        Section("Curves of all arms", _some(pictures, whole)),
        Section("Curves of each arm", _some(pictures, *single)),
    ]
    title = f"Comparison of {', '.join(datasets) or 'histories'}: {runs} runs"
    return write_page(title, [section for section in sections if section.blocks])


def _some(pictures: dict[str, Picture], *names: str) -> tuple[Picture, ...]:
    return tuple(pictures[name] for name in names if name in pictures)


def _file_name(arm: str) -> str:
    """Write an arm's name for a file; of a long one the beginning, and a number that tells it from others."""
    name = re.sub(r"[^A-Za-z0-9._=,+-]", "-", arm)
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}-{zlib.crc32(arm.encode()):08x}"


_LONGEST = 150  # characters: file systems allow 255 bytes, temporary names need some of them
