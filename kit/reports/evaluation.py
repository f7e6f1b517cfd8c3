"""Tables, remarks and files of an evaluation: metrics, predictions, and what the report of its target adds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kit.arguments import checked_arguments
from kit.audits.class_balance import counts_of_dataset
from kit.evaluation.evaluate import Evaluation
from kit.evaluation.measures import Measures
from kit.files import write_together
from kit.reports.class_balance import plot_class_counts
from kit.reports.evaluations import EvaluationReport, report_of
from kit.reports.evaluations.report import some
from kit.reports.fold_table import fold_csv, fold_table
from kit.reports.latex import latex_file
from kit.reports.metric_scores import describe_resampling, describe_rule, metrics_csv, metrics_table
from kit.reports.page import REPORT, Picture, Section, write_page
from kit.reports.subgroups import (
    SUBGROUPS,
    overall,
    plot_subgroups,
    subgroup_remarks,
    subgroups_csv,
    subgroups_table,
)
from kit.reports.table import Table, markdown_file
from kit.runs import RunDirectory
from kit.runs.fold_set import OUT_OF_FOLD
from kit.runs.provenance import SEALED, refuse_other, sealed_with
from kit.specs import to_json


def evaluation_title(evaluation: Evaluation) -> str:
    """Describe the evaluated split, weights and runs."""
    return report_of(evaluation).title


@checked_arguments
def evaluation_tables(evaluation: Evaluation) -> list[Table]:
    """Build the table of metrics, those of the target, and the folds if any.

    Classes and grades have a confusion matrix (counts above shares) and a classification report. Above 1,000 classes
    the most confused pairs stand in place of the matrix.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    return [*_metric_tables(evaluation), *report_of(evaluation).tables(), *_fold_tables(evaluation)]


def shown_tables(evaluation: Evaluation) -> list[Table]:
    """Build the tables for terminal, Markdown and LaTeX: those of `evaluation_tables`, or a summary of long ones.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    return [*_metric_tables(evaluation), *report_of(evaluation).screen(), *_fold_tables(evaluation)]


def _metric_tables(evaluation: Evaluation) -> list[Table]:
    metrics, subgroups = evaluation.measures.metrics, evaluation.subgroups
    return [
        *([metrics_table(evaluation_title(evaluation), metrics)] if metrics else []),
        *([subgroups_table(subgroups, overall(subgroups, metrics))] if subgroups else []),
    ]


def _fold_tables(evaluation: Evaluation) -> list[Table]:
    return [fold_table(evaluation.folds)] if evaluation.folds else []


def evaluation_remarks(evaluation: Evaluation) -> list[str]:
    """List remarks, one line each: resamples, subgroups, those of the target, the rule, and outputs of no number."""
    report, measures = report_of(evaluation), evaluation.measures
    subgroups = subgroup_remarks(evaluation.subgroups) if evaluation.subgroups else []
    rule = describe_rule(measures.decided, measures.scores.target) if measures.decided else []
    return [
        *describe_resampling(measures.metrics),
        *subgroups,
        *report.remarks(),
        *rule,
        *report.rule_remarks(),
        *_not_numbers(measures, report.broken),
    ]


def _not_numbers(measures: Measures, broken: str) -> list[str]:
    if not measures.not_numbers:
        return []
    counted = f"{measures.not_numbers:,} of {measures.images:,} outputs are not numbers: the training diverged{broken}"
    return [f"warning: {counted}. Lower train.learning_rate and train again"]


@checked_arguments
def write_evaluation(evaluation: Evaluation, folder: Path | str, *, html: bool = False) -> list[Path]:
    """Write the files of an evaluation, and with `html` report.html too.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
        folder: Folder of the files, such as `evaluation.folder`.
        html: Whether to write an HTML page too.

    Returns:
        Files written, except seal.json, which records their origin.

    Raises:
        ShardError: The dataset was replaced since the evaluation.
        WorkspaceError: The folder holds another evaluation, or files changed since, or another process is writing it.
    """
    folder, provenance = Path(folder), evaluation.provenance
    refuse_other(folder, provenance)  # before drawing pictures, which takes seconds
    with evaluation.dataset.in_use():
        files = _files(evaluation, html=html)
    seal = {SEALED: sealed_with(provenance, files)}
    return write_together(folder, files, last=seal, check=lambda: refuse_other(folder, provenance))


def _files(evaluation: Evaluation, *, html: bool) -> dict[str, str | bytes]:
    """Build the contents of each file."""
    report, measures = report_of(evaluation), evaluation.measures
    pictures, shown = report.pictures() | _subgroup_pictures(evaluation), shown_tables(evaluation)
    files: dict[str, str | bytes] = {
        **report.files(),
        **({"metrics.csv": metrics_csv(measures.metrics)} if measures.metrics else {}),
        **({"subgroups.csv": subgroups_csv(evaluation.subgroups)} if evaluation.subgroups else {}),
        "evaluation.json": to_json(evaluation.figures()),
        "evaluation.md": markdown_file(shown),
        "evaluation.tex": latex_file(shown),
        "predictions.csv": measures.scores.csv(),
        **({"folds.csv": fold_csv(evaluation.folds)} if evaluation.folds else {}),
        **{name: picture.png for name, picture in pictures.items()},
    }
    if evaluation.folds and evaluation.held_out:
        files[OUT_OF_FOLD] = evaluation.held_out.parquet()
    if html:
        files[REPORT] = _page(report, pictures)
    return files


def _subgroup_pictures(evaluation: Evaluation) -> dict[str, Picture]:
    if (found := evaluation.subgroups) is None:
        return {}
    title = f"{found.metric} by {found.column}, {evaluation_title(evaluation)}"
    return {SUBGROUPS: Picture(plot_subgroups(found, title, overall(found, evaluation.measures.metrics)), title)}


def _page(report: EvaluationReport[Any], pictures: Mapping[str, Picture]) -> str:
    evaluation = report.evaluation
    manifest, target = evaluation.dataset.manifest, evaluation.scores.target
    about = (
        f"{evaluation.predictor.path} on split {evaluation.split} of dataset {manifest.name} ({manifest.fingerprint})."
    )
    figures = [*_metric_tables(evaluation), *report.first_tables(), *_fold_tables(evaluation)]
    counts = [plot_class_counts(counts_of_dataset(evaluation.dataset))] if target.is_counted else []
    sections = (
        Section(
            "Figures",
            (
                about,
                *evaluation_remarks(evaluation),
                *figures,
                *some(pictures, SUBGROUPS, *report.first_pictures),
            ),
        ),
        *report.sections(pictures),
        Section(target.kind().capitalize(), tuple(counts)),
    )
    title = f"{manifest.name}, {_name(evaluation)}: {report.title}"
    return write_page(title, [section for section in sections if section.blocks])


def _name(evaluation: Evaluation) -> str:
    """Name a run by its settings, several runs by their folder."""
    if evaluation.predictor.runs > 1:
        return evaluation.predictor.path.resolve().name
    spec = RunDirectory(evaluation.predictor.path).spec()
    return f"{spec.arm}, seed {spec.seed}" + ("" if spec.fold is None else f", fold {spec.fold}")
