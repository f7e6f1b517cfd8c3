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
    views = f", {evaluation.predictor.views.count} views" if evaluation.predictor.views.count > 1 else ""
    runs = f", {evaluation.predictor.runs} runs" if evaluation.predictor.runs > 1 else ""
    return (
        f"{evaluation.split}, {evaluation.predictor.weights} weights{views}{runs}, n = {evaluation.measures.images:,}"
    )


@checked_arguments
def evaluation_tables(evaluation: Evaluation) -> list[Table]:
    """Build the confusion matrix, counts above shares, the classification report, and the folds if any.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    return [
        confusion_table(evaluation_title(evaluation), evaluation.measures.classes, _cells(evaluation)),
        report_table(headline(evaluation), evaluation.measures.report),
        *([fold_table(evaluation.folds)] if evaluation.folds else []),
    ]


def shown_tables(evaluation: Evaluation) -> list[Table]:
    """Build the tables for the terminal: those of `evaluation_tables`, or a summary for over twenty classes.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    confusion, report, *others = evaluation_tables(evaluation)
    classes = evaluation.measures.classes
    if len(classes) <= MANY:
        return [confusion, report, *others]
    return [
        pairs_table(evaluation_title(evaluation), evaluation.measures.confusion, evaluation.measures.support, classes),
        weakest_table(report, evaluation.measures.report, classes),
        *others,
    ]


def headline(evaluation: Evaluation) -> str:
    """Format the summary metrics of the split in one line."""
    figures = {
        "accuracy": evaluation.accuracy,
        "loss": evaluation.scores.loss,
        "AUC": evaluation.auc,
        "calibration error": evaluation.measures.calibration.error,
    }
    return ", ".join(f"{name} {NOTHING if value is None else f'{value:.4f}'}" for name, value in figures.items())


def evaluation_remarks(evaluation: Evaluation) -> list[str]:
    """List remarks, one line each: mislabelled images, the threshold, and outputs that are not numbers."""
    measures = evaluation.measures
    images = measures.images
    lines = [f"mislabelled: {len(measures.mistakes):,} of {images:,} images ({1 - evaluation.accuracy:.1%})"]
    if measures.threshold is not None:
        lines.append(str(measures.threshold))
    elif measures.wanted is not None and measures.positive is not None:
        name = measures.classes[measures.positive]
        has_images = measures.report[name]["support"]
        why = "its outputs are not numbers" if has_images else f"{evaluation.split} has none of it"
        lines.append(f"no threshold reaches recall {measures.wanted:g} of class {name}: {why}")
    if measures.not_numbers:
        lines.append(
            f"warning: {measures.not_numbers:,} of {images:,} outputs are not numbers: the training diverged;"
            " they count as mislabelled, and are in no curve. Lower train.learning_rate and train again"
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
    measures = evaluation.measures
    classes = measures.classes
    mistakes = mistakes_table(measures.scores, measures.mistakes, classes)
    pictures = _pictures(evaluation, mistakes)
    files: dict[str, str | bytes] = {
        "confusion_matrix.csv": matrix_csv(classes, measures.confusion),
        "confusion_matrix_shares.csv": matrix_csv(classes, measures.confusion_shares),
        "classification_report.csv": report_table("", measures.report).csv(),
        **{f"{_file_name(kind)}.csv": ranking_table(kind, measures.curves(kind)).csv() for kind in KINDS},
        "calibration.csv": calibration_table(measures.calibration).csv(),
        "misclassified.csv": mistakes.csv(),
        "evaluation.json": to_json(evaluation.figures()),
        "predictions.csv": measures.scores.csv(),
        **({"folds.csv": fold_csv(evaluation.folds)} if evaluation.folds else {}),
        **{name: picture.png for name, picture in pictures.items()},
    }
    if evaluation.folds and evaluation.held_out:
        files[OUT_OF_FOLD] = evaluation.held_out.parquet()
    if html:
        files[REPORT] = _page(evaluation, pictures, mistakes)
    return files


def _file_name(kind: Kind) -> str:
    return f"{kind.lower().replace('-', '_')}_curve"


def _pictures(evaluation: Evaluation, mistakes: Table) -> dict[str, Picture]:
    """Draw all pictures, by file name."""
    title = evaluation_title(evaluation)
    count = f"{evaluation.split}: {describe_count(mistakes, evaluation.measures.images)}"
    drawn = {
        "confusion_matrix.png": (f"confusion matrix, {title}", _plot_confusion(evaluation)),
        "classification_report.png": (f"classification report, {title}", _plot_report(evaluation)),
        **{f"{_file_name(kind)}.png": (f"{kind} curve, {title}", _plot_ranking(evaluation, kind)) for kind in KINDS},
        "calibration.png": (f"reliability diagram, {title}", plot_calibration(evaluation.measures.calibration, title)),
        "misclassified.png": (count, plot_mistakes(evaluation.dataset, evaluation.splits, mistakes, count)),
    }
    return {name: Picture(png, description) for name, (description, png) in drawn.items()}


def _cells(evaluation: Evaluation) -> list[list[str]]:
    return confusion_cells(evaluation.measures.confusion, evaluation.measures.confusion_shares)


def _plot_confusion(evaluation: Evaluation) -> bytes:
    measures = evaluation.measures
    return plot_matrix(
        measures.confusion_shares,
        _cells(evaluation),
        measures.classes,
        measures.classes,
        title=f"{evaluation_title(evaluation)}\nimages, and their share of the true class",
        axis_names=("predicted class", "true class"),
    )


def _plot_report(evaluation: Evaluation) -> bytes:
    report = evaluation.measures.report
    values = np.array([[row[score] for score in SCORES] for row in report.values()])
    cells = [[f"{value:.3f}" for value in row] for row in values]
    names = tuple(f"{name}\nn = {row['support']:,.0f}" for name, row in report.items())
    title = f"{evaluation_title(evaluation)}\n{headline(evaluation)}"
    return plot_matrix(values, cells, names, SCORES, title=title)


def _plot_ranking(evaluation: Evaluation, kind: Kind) -> bytes:
    mark = None
    if (at := evaluation.measures.threshold) is not None and at.specificity is not None:
        x, y = (1 - at.specificity, at.recall) if kind == "ROC" else (at.recall, at.precision)
        mark = (x, y, f"{at.positive} from {at.threshold:.4g} on: recall {at.recall:.4f}")
    return plot_ranking(kind, evaluation.measures.curves(kind), f"{kind} curve\n{evaluation_title(evaluation)}", mark)


def _page(evaluation: Evaluation, pictures: Mapping[str, Picture], mistakes: Table) -> str:
    confusion, report, *folds = evaluation_tables(evaluation)
    manifest = evaluation.dataset.manifest
    about = (
        f"{evaluation.predictor.path} on split {evaluation.split} of dataset {manifest.name} ({manifest.fingerprint})."
    )
    shown = [Table(mistakes.title, mistakes.columns, mistakes.rows[:MOST])] if mistakes.rows else []
    sections = (
        Section(
            "Figures", (about, *evaluation_remarks(evaluation), report, *folds, pictures["classification_report.png"])
        ),
        Section("Confusion matrix", (confusion, pictures["confusion_matrix.png"])),
        Section("Curves", tuple(pictures[f"{_file_name(kind)}.png"] for kind in KINDS)),
        Section("Calibration", (pictures["calibration.png"], calibration_table(evaluation.measures.calibration))),
        Section("Misclassified images", (pictures["misclassified.png"], *shown)),
        Section("Classes", (plot_class_counts(counts_of_dataset(evaluation.dataset)),)),
    )
    return write_page(f"{manifest.name}, {_name(evaluation)}: {evaluation_title(evaluation)}", sections)


def _name(evaluation: Evaluation) -> str:
    """Name a run by its settings, several runs by their folder."""
    if evaluation.predictor.runs > 1:
        return evaluation.predictor.path.resolve().name
    spec = RunDirectory(evaluation.predictor.path).spec()
    return f"{spec.arm}, seed {spec.seed}" + ("" if spec.fold is None else f", fold {spec.fold}")
