"""An evaluation as files: figures, predictions, tables, pictures, and one page of all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kit.files import locked, write_whole
from kit.reports.calibration import plot_calibration
from kit.reports.class_balance import counts_of_dataset, plot_class_counts
from kit.reports.fold_table import fold_csv
from kit.reports.matrix import plot_matrix
from kit.reports.mistakes import MOST, describe_count, mistakes_table, plot_mistakes
from kit.reports.page import REPORT, Picture, Section, write_page
from kit.reports.roc import KINDS, Kind, plot_ranking, ranking_table
from kit.reports.table import Table
from kit.runs import RunDirectory
from kit.runs.fold_set import OUT_OF_FOLD
from kit.runs.provenance import SEALED, refuse_other, seal_folder
from kit.specs import to_json

if TYPE_CHECKING:
    from kit.evaluation.evaluate import Evaluation


def write_evaluation(evaluation: Evaluation, folder: Path, *, html: bool) -> list[Path]:
    """Write the files of an evaluation, always the same ones, and with `html` report.html.

    Returns:
        The files, but for seal.json, which says what made them.

    Raises:
        ShardError: The dataset was replaced since it was evaluated.
        WorkspaceError: The folder holds another evaluation, files of one that were changed since, or another process
            is writing it.
    """
    with evaluation.dataset.in_use():
        files = _files(evaluation, html=html)
    with locked(folder):
        refuse_other(folder, evaluation.provenance)
        (folder / SEALED).unlink(missing_ok=True)
        for name, data in files.items():
            write_whole(folder / name, data)
        seal_folder(folder, evaluation.provenance, files)
    return [folder / name for name in files]


def _files(evaluation: Evaluation, *, html: bool) -> dict[str, str | bytes]:
    """Make the contents of each file."""
    confusion, report, *_ = evaluation.tables()
    mistakes = mistakes_table(evaluation.scores, evaluation.mistakes, evaluation.classes)
    pictures = _pictures(evaluation, mistakes)
    files: dict[str, str | bytes] = {
        "confusion_matrix.csv": _matrix_csv(confusion.columns, evaluation.confusion),
        "confusion_matrix_shares.csv": _matrix_csv(confusion.columns, evaluation.confusion_shares),
        "classification_report.csv": report.csv(),
        **{f"{_file_name(kind)}.csv": ranking_table(kind, evaluation.curves(kind)).csv() for kind in KINDS},
        "calibration.csv": evaluation.calibration.table().csv(),
        "misclassified.csv": mistakes.csv(),
        "predictions.csv": evaluation.scores.csv(evaluation.classes),
        **({"folds.csv": fold_csv(evaluation.folds)} if evaluation.folds else {}),
        "evaluation.json": to_json(evaluation.figures()),
        **{name: picture.png for name, picture in pictures.items()},
    }
    if evaluation.folds and evaluation.held_out:
        files[OUT_OF_FOLD] = evaluation.held_out.parquet()
    if html:
        files[REPORT] = _page(evaluation, pictures, mistakes)
    return files


def _matrix_csv(columns: tuple[str, ...], values: NDArray[Any]) -> str:
    rows = zip(columns[1:], values.tolist(), strict=True)
    return Table("", columns, tuple((name, *map(repr, row)) for name, row in rows)).csv()


def _file_name(kind: Kind) -> str:
    return f"{kind.lower().replace('-', '_')}_curve"


def _pictures(evaluation: Evaluation, mistakes: Table) -> dict[str, Picture]:
    """Draw everything, by file name."""
    title = evaluation.title
    count = f"{evaluation.split}: {describe_count(mistakes, evaluation.images)}"
    drawn = {
        "confusion_matrix.png": (f"confusion matrix, {title}", _plot_confusion(evaluation)),
        "classification_report.png": (f"classification report, {title}", _plot_report(evaluation)),
        **{f"{_file_name(kind)}.png": (f"{kind} curve, {title}", _plot_ranking(evaluation, kind)) for kind in KINDS},
        "calibration.png": (f"reliability diagram, {title}", plot_calibration(evaluation.calibration, title)),
        "misclassified.png": (count, plot_mistakes(evaluation.dataset, evaluation.splits, mistakes, count)),
    }
    return {name: Picture(png, description) for name, (description, png) in drawn.items()}


def _plot_confusion(evaluation: Evaluation) -> bytes:
    return plot_matrix(
        evaluation.confusion_shares,
        evaluation.confusion_cells(),
        evaluation.classes,
        evaluation.classes,
        title=f"{evaluation.title}\nimages, and their share of the true class",
        axis_names=("predicted class", "true class"),
    )


def _plot_report(evaluation: Evaluation) -> bytes:
    report = evaluation.report
    scores = evaluation.tables()[1].columns[1:-1]
    values = np.array([[row[score] for score in scores] for row in report.values()])
    cells = [[f"{value:.3f}" for value in row] for row in values]
    names = tuple(f"{name}\nn = {row['support']:,.0f}" for name, row in report.items())
    return plot_matrix(values, cells, names, scores, title=f"{evaluation.title}\n{evaluation.headline}")


def _plot_ranking(evaluation: Evaluation, kind: Kind) -> bytes:
    mark = None
    if (at := evaluation.threshold) is not None and at.specificity is not None:
        x, y = (1 - at.specificity, at.recall) if kind == "ROC" else (at.recall, at.precision)
        mark = (x, y, f"{at.positive} from {at.threshold:.4g} on: recall {at.recall:.4f}")
    return plot_ranking(kind, evaluation.curves(kind), f"{kind} curve\n{evaluation.title}", mark)


def _page(evaluation: Evaluation, pictures: Mapping[str, Picture], mistakes: Table) -> str:
    confusion, report, *folds = evaluation.tables()
    manifest = evaluation.dataset.manifest
    about = f"{evaluation.run} on split {evaluation.split} of dataset {manifest.name} ({manifest.fingerprint})."
    shown = [Table(mistakes.title, mistakes.columns, mistakes.rows[:MOST])] if mistakes.rows else []
    sections = (
        Section("Figures", (about, *evaluation.remarks(), report, *folds, pictures["classification_report.png"])),
        Section("Confusion matrix", (confusion, pictures["confusion_matrix.png"])),
        Section("Curves", tuple(pictures[f"{_file_name(kind)}.png"] for kind in KINDS)),
        Section("Calibration", (pictures["calibration.png"], evaluation.calibration.table())),
        Section("Misclassified images", (pictures["misclassified.png"], *shown)),
        Section("Classes", (plot_class_counts(counts_of_dataset(evaluation.dataset)),)),
    )
    return write_page(f"{manifest.name}, {_name(evaluation)}: {evaluation.title}", sections)


def _name(evaluation: Evaluation) -> str:
    """Name a run by its setting, several by their folder."""
    if evaluation.runs > 1:
        return evaluation.run.resolve().name
    spec = RunDirectory(evaluation.run).spec()
    return f"{spec.arm}, seed {spec.seed}" + ("" if spec.fold is None else f", fold {spec.fold}")
