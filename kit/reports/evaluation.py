"""Tables, remarks and files of an evaluation: metrics, predictions, tables, pictures and an HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.arguments import checked_arguments
from kit.audits.class_balance import counts_of_dataset
from kit.evaluation.evaluate import Evaluation
from kit.evaluation.roc import KINDS, Kind
from kit.files import write_together
from kit.reports.calibration import calibration_table, plot_calibration
from kit.reports.class_balance import plot_class_counts
from kit.reports.confusion import (
    MANY,
    SCORES,
    confusion_cells,
    confusion_table,
    matrix_csv,
    pairs_table,
    report_table,
    weakest_table,
)
from kit.reports.fold_table import fold_csv, fold_table
from kit.reports.matrix import plot_matrix
from kit.reports.metric_scores import describe_decided, metrics_csv, metrics_table
from kit.reports.mistakes import MOST, describe_count, mistakes_table, plot_mistakes
from kit.reports.page import REPORT, Picture, Section, write_page
from kit.reports.roc import plot_ranking, ranking_table
from kit.reports.table import NOTHING, Table
from kit.runs import RunDirectory
from kit.runs.fold_set import OUT_OF_FOLD
from kit.runs.provenance import SEALED, refuse_other, sealed_with
from kit.specs import to_json


def evaluation_title(evaluation: Evaluation) -> str:
    """Describe the evaluated split, weights and runs."""
    views = f", {evaluation.views.count} views" if evaluation.views.count > 1 else ""
    runs = f", {evaluation.runs} runs" if evaluation.runs > 1 else ""
    return f"{evaluation.split}, {evaluation.weights} weights{views}{runs}, n = {evaluation.images:,}"


@checked_arguments
def evaluation_tables(evaluation: Evaluation) -> list[Table]:
    """Build the table of metrics, the confusion matrix, the classification report, and the folds if any.

    Matrix (counts above shares) and report are for classes and grades.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    return [*_metric_tables(evaluation), *_name_tables(evaluation), *_fold_tables(evaluation)]


def shown_tables(evaluation: Evaluation) -> list[Table]:
    """Build the tables for the terminal: those of `evaluation_tables`, or a summary for over twenty classes.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    classes = evaluation.classes
    if len(classes) <= MANY or not evaluation.has_names:
        return evaluation_tables(evaluation)
    _, report = _name_tables(evaluation)
    return [
        *_metric_tables(evaluation),
        pairs_table(evaluation_title(evaluation), evaluation.confusion, evaluation.support, classes),
        weakest_table(report, evaluation.report, classes),
        *_fold_tables(evaluation),
    ]


def _metric_tables(evaluation: Evaluation) -> list[Table]:
    return [metrics_table(evaluation_title(evaluation), evaluation.metrics)] if evaluation.metrics else []


def _name_tables(evaluation: Evaluation) -> list[Table]:
    if not evaluation.has_names:
        return []
    return [
        confusion_table(evaluation_title(evaluation), evaluation.classes, _cells(evaluation)),
        report_table(headline(evaluation), evaluation.report),
    ]


def _fold_tables(evaluation: Evaluation) -> list[Table]:
    return [fold_table(evaluation.folds)] if evaluation.folds else []


def headline(evaluation: Evaluation) -> str:
    """Format the summary metrics of classes or grades in one line, those of probabilities if there are any."""
    figures: dict[str, float | None] = {"accuracy": evaluation.accuracy}
    if evaluation.has_chances:
        figures |= {
            "loss": evaluation.scores.loss,
            "AUC": evaluation.auc,
            "calibration error": evaluation.calibration.error,
        }
    return ", ".join(f"{name} {NOTHING if value is None else f'{value:.4f}'}" for name, value in figures.items())


def evaluation_remarks(evaluation: Evaluation) -> list[str]:
    """List remarks, one line each: mislabelled images, rule, threshold, and outputs that are not numbers."""
    images, lines = evaluation.images, list[str]()
    if evaluation.has_names:
        lines.append(f"mislabelled: {len(evaluation.mistakes):,} of {images:,} images ({1 - evaluation.accuracy:.1%})")
    if evaluation.decided:
        lines += describe_decided(evaluation.decided, evaluation.scores.target)
    if evaluation.threshold is not None:
        lines.append(str(evaluation.threshold))
    elif evaluation.wanted is not None and evaluation.positive is not None:
        name = evaluation.classes[evaluation.positive]
        has_images = evaluation.report[name]["support"]
        why = "its outputs are not numbers" if has_images else f"{evaluation.split} has none of it"
        lines.append(f"no threshold reaches recall {evaluation.wanted:g} of class {name}: {why}")
    if evaluation.not_numbers:
        counted = "; they count as mislabelled, and are in no curve" if evaluation.has_names else ""
        lines.append(
            f"warning: {evaluation.not_numbers:,} of {images:,} outputs are not numbers: the training diverged"
            f"{counted}. Lower train.learning_rate and train again"
        )
    return lines


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
    mistakes = (
        mistakes_table(evaluation.scores, evaluation.mistakes, evaluation.classes) if evaluation.has_names else None
    )
    pictures = _pictures(evaluation, mistakes)
    files: dict[str, str | bytes] = {
        **(_files_of_names(evaluation) if evaluation.has_names else {}),
        **(_files_of_chances(evaluation) if evaluation.has_chances else {}),
        **({"misclassified.csv": mistakes.csv()} if mistakes else {}),
        **({"metrics.csv": metrics_csv(evaluation.metrics)} if evaluation.metrics else {}),
        "evaluation.json": to_json(evaluation.figures()),
        "predictions.csv": evaluation.scores.csv(),
        **({"folds.csv": fold_csv(evaluation.folds)} if evaluation.folds else {}),
        **{name: picture.png for name, picture in pictures.items()},
    }
    if evaluation.folds and evaluation.held_out:
        files[OUT_OF_FOLD] = evaluation.held_out.parquet()
    if html:
        files[REPORT] = _page(evaluation, pictures, mistakes)
    return files


def _files_of_names(evaluation: Evaluation) -> dict[str, str]:
    classes = evaluation.classes
    return {
        "confusion_matrix.csv": matrix_csv(classes, evaluation.confusion),
        "confusion_matrix_shares.csv": matrix_csv(classes, evaluation.confusion_shares),
        "classification_report.csv": report_table("", evaluation.report).csv(),
    }


def _files_of_chances(evaluation: Evaluation) -> dict[str, str]:
    return {
        **{f"{_file_name(kind)}.csv": ranking_table(kind, evaluation.curves(kind)).csv() for kind in KINDS},
        "calibration.csv": calibration_table(evaluation.calibration).csv(),
    }


def _file_name(kind: Kind) -> str:
    return f"{kind.lower().replace('-', '_')}_curve"


def _pictures(evaluation: Evaluation, mistakes: Table | None) -> dict[str, Picture]:
    """Draw all pictures of the target, by file name."""
    title = evaluation_title(evaluation)
    drawn: dict[str, tuple[str, bytes]] = {}
    if evaluation.has_names:
        drawn |= {
            "confusion_matrix.png": (f"confusion matrix, {title}", _plot_confusion(evaluation)),
            "classification_report.png": (f"classification report, {title}", _plot_report(evaluation)),
        }
    if evaluation.has_chances:
        drawn |= {
            **{
                f"{_file_name(kind)}.png": (f"{kind} curve, {title}", _plot_ranking(evaluation, kind)) for kind in KINDS
            },
            "calibration.png": (f"reliability diagram, {title}", plot_calibration(evaluation.calibration, title)),
        }
    if mistakes:
        count = f"{evaluation.split}: {describe_count(mistakes, evaluation.images)}"
        gallery = plot_mistakes(evaluation.dataset, evaluation.splits, mistakes, count)
        drawn["misclassified.png"] = (count, gallery)
    return {name: Picture(png, description) for name, (description, png) in drawn.items()}


def _cells(evaluation: Evaluation) -> list[list[str]]:
    return confusion_cells(evaluation.confusion, evaluation.confusion_shares)


def _plot_confusion(evaluation: Evaluation) -> bytes:
    noun = evaluation.scores.target.noun
    return plot_matrix(
        evaluation.confusion_shares,
        _cells(evaluation),
        evaluation.classes,
        evaluation.classes,
        title=f"{evaluation_title(evaluation)}\nimages, and their share of the true {noun}",
        axis_names=(f"predicted {noun}", f"true {noun}"),
    )


def _plot_report(evaluation: Evaluation) -> bytes:
    report = evaluation.report
    values = np.array([[row[score] for score in SCORES] for row in report.values()])
    cells = [[f"{value:.3f}" for value in row] for row in values]
    names = tuple(f"{name}\nn = {row['support']:,.0f}" for name, row in report.items())
    title = f"{evaluation_title(evaluation)}\n{headline(evaluation)}"
    return plot_matrix(values, cells, names, SCORES, title=title)


def _plot_ranking(evaluation: Evaluation, kind: Kind) -> bytes:
    mark = None
    if (at := evaluation.threshold) is not None and at.specificity is not None:
        x, y = (1 - at.specificity, at.recall) if kind == "ROC" else (at.recall, at.precision)
        mark = (x, y, f"{at.positive} from {at.threshold:.4g} on: recall {at.recall:.4f}")
    return plot_ranking(kind, evaluation.curves(kind), f"{kind} curve\n{evaluation_title(evaluation)}", mark)


def _page(evaluation: Evaluation, pictures: Mapping[str, Picture], mistakes: Table | None) -> str:
    manifest, target = evaluation.dataset.manifest, evaluation.scores.target
    about = f"{evaluation.run} on split {evaluation.split} of dataset {manifest.name} ({manifest.fingerprint})."
    tables = _name_tables(evaluation)
    shown = [Table(mistakes.title, mistakes.columns, mistakes.rows[:MOST])] if mistakes and mistakes.rows else []
    figures = [*_metric_tables(evaluation), *tables[1:], *_fold_tables(evaluation)]
    counts = [plot_class_counts(counts_of_dataset(evaluation.dataset))] if target.is_counted else []
    sections = (
        Section(
            "Figures",
            (about, *evaluation_remarks(evaluation), *figures, *_some(pictures, "classification_report.png")),
        ),
        Section("Confusion matrix", (*tables[:1], *_some(pictures, "confusion_matrix.png"))),
        Section("Curves", _some(pictures, *(f"{_file_name(kind)}.png" for kind in KINDS))),
        Section("Calibration", _calibration_blocks(evaluation, pictures)),
        Section("Misclassified images", (*_some(pictures, "misclassified.png"), *shown)),
        Section(target.kind().capitalize(), tuple(counts)),
    )
    title = f"{manifest.name}, {_name(evaluation)}: {evaluation_title(evaluation)}"
    return write_page(title, [section for section in sections if section.blocks])


def _some(pictures: Mapping[str, Picture], *names: str) -> tuple[Picture, ...]:
    return tuple(pictures[name] for name in names if name in pictures)


def _calibration_blocks(evaluation: Evaluation, pictures: Mapping[str, Picture]) -> tuple[Picture | Table, ...]:
    if not evaluation.has_chances:
        return ()
    return pictures["calibration.png"], calibration_table(evaluation.calibration)


def _name(evaluation: Evaluation) -> str:
    """Name a run by its settings, several runs by their folder."""
    if evaluation.runs > 1:
        return evaluation.run.resolve().name
    spec = RunDirectory(evaluation.run).spec()
    return f"{spec.arm}, seed {spec.seed}" + ("" if spec.fold is None else f", fold {spec.fold}")
