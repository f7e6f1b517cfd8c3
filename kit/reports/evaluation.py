"""Tables, remarks and files of an evaluation: metrics, predictions, tables, pictures and an HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.arguments import checked_arguments
from kit.audits.class_balance import counts_of_dataset
from kit.evaluation.class_measures import ClassMeasures
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
    pairs_csv,
    pairs_table,
    report_table,
    weakest_table,
)
from kit.reports.fold_table import fold_csv, fold_table
from kit.reports.matrix import plot_matrix
from kit.reports.metric_scores import describe_decided, describe_resampling, metrics_csv, metrics_table
from kit.reports.mistakes import MOST, describe_count, mistakes_table, plot_mistakes
from kit.reports.page import REPORT, Picture, Section, write_page
from kit.reports.roc import plot_ranking, ranking_table
from kit.reports.subgroups import (
    SUBGROUPS,
    overall,
    plot_subgroups,
    subgroup_remarks,
    subgroups_csv,
    subgroups_table,
)
from kit.reports.table import NOTHING, Table
from kit.runs import RunDirectory
from kit.runs.fold_set import OUT_OF_FOLD
from kit.runs.provenance import SEALED, refuse_other, sealed_with
from kit.specs import to_json

_MATRIX, _PAIRS = "confusion_matrix.csv", "confused_pairs.csv"


def evaluation_title(evaluation: Evaluation) -> str:
    """Describe the evaluated split, weights and runs."""
    views = f", {evaluation.predictor.views.count} views" if evaluation.predictor.views.count > 1 else ""
    runs = f", {evaluation.predictor.runs} runs" if evaluation.predictor.runs > 1 else ""
    return (
        f"{evaluation.split}, {evaluation.predictor.weights} weights{views}{runs}, n = {evaluation.measures.images:,}"
    )


@checked_arguments
def evaluation_tables(evaluation: Evaluation) -> list[Table]:
    """Build the table of metrics, the confusion matrix, the classification report, and the folds if any.

    Matrix (counts above shares) and report are for classes and grades. Above 1,000 classes the most confused pairs
    stand in place of the matrix.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    return [*_metric_tables(evaluation), *_class_tables(evaluation), *_fold_tables(evaluation)]


def shown_tables(evaluation: Evaluation) -> list[Table]:
    """Build the tables for the terminal: those of `evaluation_tables`, or a summary for over twenty classes.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    measures = evaluation.of_classes
    if measures is None or len(measures.classes) <= MANY:
        return evaluation_tables(evaluation)
    return [
        *_metric_tables(evaluation),
        _pairs_table(evaluation, measures),
        _weakest_table(measures),
        *_fold_tables(evaluation),
    ]


def _metric_tables(evaluation: Evaluation) -> list[Table]:
    metrics, subgroups = evaluation.measures.metrics, evaluation.subgroups
    return [
        *([metrics_table(evaluation_title(evaluation), metrics)] if metrics else []),
        *([subgroups_table(subgroups, overall(subgroups, metrics))] if subgroups else []),
    ]


def _class_tables(evaluation: Evaluation) -> list[Table]:
    if (measures := evaluation.of_classes) is None:
        return []
    title = evaluation_title(evaluation)
    return [
        confusion_table(title, measures.classes, _cells(measures), measures.noun)
        if measures.has_matrix
        else _pairs_table(evaluation, measures),
        _report_table(measures),
    ]


def _pairs_table(evaluation: Evaluation, measures: ClassMeasures) -> Table:
    file = _MATRIX if measures.has_matrix else _PAIRS
    return pairs_table(evaluation_title(evaluation), measures.confused, measures.classes, file)


def _report_table(measures: ClassMeasures) -> Table:
    return report_table(headline(measures), measures.report, measures.noun)


def _weakest_table(measures: ClassMeasures) -> Table:
    return weakest_table(_report_table(measures), measures.report, measures.classes)


def _fold_tables(evaluation: Evaluation) -> list[Table]:
    return [fold_table(evaluation.folds)] if evaluation.folds else []


def headline(measures: ClassMeasures) -> str:
    """Format the summary metrics of classes or grades in one line, those of probabilities if there are any."""
    figures: dict[str, float | None] = {"accuracy": measures.accuracy}
    if measures.has_chances:
        figures |= {
            "loss": measures.scores.loss,
            "AUC": measures.auc,
            "calibration error": measures.calibration.error,
        }
    return ", ".join(f"{name} {NOTHING if value is None else f'{value:.4f}'}" for name, value in figures.items())


def evaluation_remarks(evaluation: Evaluation) -> list[str]:
    """List remarks, one line each: mislabelled images, rule, threshold, and outputs that are not numbers."""
    measures, classes, lines = evaluation.measures, evaluation.of_classes, list[str]()
    lines += describe_resampling(measures.metrics)
    lines += subgroup_remarks(evaluation.subgroups) if evaluation.subgroups else []
    if classes:
        mistakes = f"{len(classes.mistakes):,} of {classes.images:,} images ({1 - classes.accuracy:.1%})"
        lines.append(f"mislabelled: {mistakes}")
    if measures.decided:
        lines += describe_decided(measures.decided, measures.scores.target)
    lines += _threshold_remarks(classes, evaluation.split) if classes else []
    if measures.not_numbers:
        counted = "; they count as mislabelled, and are in no curve" if classes else ""
        lines.append(
            f"warning: {measures.not_numbers:,} of {measures.images:,} outputs are not numbers: the training diverged"
            f"{counted}. Lower train.learning_rate and train again"
        )
    return lines


def _threshold_remarks(measures: ClassMeasures, split: str) -> list[str]:
    if measures.threshold is not None:
        return [str(measures.threshold)]
    if measures.wanted is None or measures.positive is None:
        return []
    name = measures.classes[measures.positive]
    has_images = measures.report[name]["support"]
    why = "its outputs are not numbers" if has_images else f"{split} has none of it"
    return [f"no threshold reaches recall {measures.wanted:g} of class {name}: {why}"]


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
    pictures = _pictures(evaluation)
    files: dict[str, str | bytes] = {
        **(_class_files(evaluation.of_classes) if evaluation.of_classes else {}),
        **({"metrics.csv": metrics_csv(measures.metrics)} if measures.metrics else {}),
        **({"subgroups.csv": subgroups_csv(evaluation.subgroups)} if evaluation.subgroups else {}),
        "evaluation.json": to_json(evaluation.figures()),
        "predictions.csv": measures.scores.csv(),
        **({"folds.csv": fold_csv(evaluation.folds)} if evaluation.folds else {}),
        **{name: picture.png for name, picture in pictures.items()},
    }
    if evaluation.folds and evaluation.held_out:
        files[OUT_OF_FOLD] = evaluation.held_out.parquet()
    if html:
        files[REPORT] = _page(evaluation, pictures)
    return files


def _class_files(measures: ClassMeasures) -> dict[str, str]:
    """Build the tables of classes or grades; curves and calibration need probabilities."""
    files = {
        **_matrix_files(measures),
        "classification_report.csv": report_table("", measures.report, measures.noun).csv(),
    }
    if measures.has_chances:
        curves = {kind: ranking_table(kind, measures.curves(kind), measures.noun) for kind in KINDS}
        files |= {f"{_file_name(kind)}.csv": table.csv() for kind, table in curves.items()}
        files["calibration.csv"] = calibration_table(measures.calibration).csv()
    return files | {"misclassified.csv": _mistakes(measures).csv()}


def _matrix_files(measures: ClassMeasures) -> dict[str, str]:
    classes = measures.classes
    if not measures.has_matrix:
        return {_PAIRS: pairs_csv(measures.confused, classes)}
    return {
        _MATRIX: matrix_csv(classes, measures.confusion, measures.noun),
        "confusion_matrix_shares.csv": matrix_csv(classes, measures.confusion_shares, measures.noun),
    }


def _mistakes(measures: ClassMeasures) -> Table:
    return mistakes_table(measures.scores, measures.mistakes, measures.classes)


def _file_name(kind: Kind) -> str:
    return f"{kind.lower().replace('-', '_')}_curve"


def _pictures(evaluation: Evaluation) -> dict[str, Picture]:
    """Draw all pictures of the target, by file name; curves and calibration need probabilities."""
    if (measures := evaluation.of_classes) is None:
        return _subgroup_pictures(evaluation)
    title, mistakes = evaluation_title(evaluation), _mistakes(measures)
    count = f"{evaluation.split}: {describe_count(mistakes, measures.images)}"
    drawn = {}
    if measures.has_matrix:  # of more classes no name could be read
        drawn = {
            "confusion_matrix.png": (f"confusion matrix, {title}", _plot_confusion(measures, title)),
            "classification_report.png": (f"classification report, {title}", _plot_report(measures, title)),
        }
    if measures.has_chances:
        drawn |= {
            f"{_file_name(kind)}.png": (f"{kind} curve, {title}", _plot_ranking(measures, kind, title))
            for kind in KINDS
        }
        diagram = plot_calibration(measures.calibration, title)
        drawn["calibration.png"] = (f"reliability diagram, {title}", diagram)
    drawn["misclassified.png"] = (count, plot_mistakes(evaluation.dataset, evaluation.splits, mistakes, count))
    pictures = {name: Picture(png, description) for name, (description, png) in drawn.items()}
    return pictures | _subgroup_pictures(evaluation)


def _subgroup_pictures(evaluation: Evaluation) -> dict[str, Picture]:
    if (found := evaluation.subgroups) is None:
        return {}
    title = f"{found.metric} by {found.column}, {evaluation_title(evaluation)}"
    return {SUBGROUPS: Picture(plot_subgroups(found, title, overall(found, evaluation.measures.metrics)), title)}


def _cells(measures: ClassMeasures) -> list[list[str]]:
    return confusion_cells(measures.confusion, measures.confusion_shares)


def _plot_confusion(measures: ClassMeasures, title: str) -> bytes:
    return plot_matrix(
        measures.confusion_shares,
        _cells(measures),
        measures.classes,
        measures.classes,
        title=f"{title}\nimages, and their share of the true {measures.noun}",
        axis_names=(f"predicted {measures.noun}", f"true {measures.noun}"),
    )


def _plot_report(measures: ClassMeasures, title: str) -> bytes:
    report = measures.report
    values = np.array([[row[score] for score in SCORES] for row in report.values()])
    cells = [[f"{value:.3f}" for value in row] for row in values]
    names = tuple(f"{name}\nn = {row['support']:,.0f}" for name, row in report.items())
    return plot_matrix(values, cells, names, SCORES, title=f"{title}\n{headline(measures)}")


def _plot_ranking(measures: ClassMeasures, kind: Kind, title: str) -> bytes:
    mark = None
    if (at := measures.threshold) is not None and at.specificity is not None:
        x, y = (1 - at.specificity, at.recall) if kind == "ROC" else (at.recall, at.precision)
        mark = (x, y, f"{at.positive} from {at.threshold:.4g} on: recall {at.recall:.4f}")
    return plot_ranking(kind, measures.curves(kind), f"{kind} curve\n{title}", mark)


def _page(evaluation: Evaluation, pictures: Mapping[str, Picture]) -> str:
    manifest, measures, target = evaluation.dataset.manifest, evaluation.of_classes, evaluation.scores.target
    about = (
        f"{evaluation.predictor.path} on split {evaluation.split} of dataset {manifest.name} ({manifest.fingerprint})."
    )
    tables = _page_tables(evaluation)
    figures = [*_metric_tables(evaluation), *tables[1:], *_fold_tables(evaluation)]
    calibration = [calibration_table(measures.calibration)] if measures and measures.has_chances else []
    mistakes = _mistakes(measures) if measures else Table("", (), ())
    shown = [Table(mistakes.title, mistakes.columns, mistakes.rows[:MOST])] if mistakes.rows else []
    counts = [plot_class_counts(counts_of_dataset(evaluation.dataset))] if target.is_counted else []
    sections = (
        Section(
            "Figures",
            (
                about,
                *evaluation_remarks(evaluation),
                *figures,
                *_some(pictures, SUBGROUPS, "classification_report.png"),
            ),
        ),
        Section("Confusion matrix", (*tables[:1], *_some(pictures, "confusion_matrix.png"))),
        Section("Curves", _some(pictures, *(f"{_file_name(kind)}.png" for kind in KINDS))),
        Section("Calibration", (*_some(pictures, "calibration.png"), *calibration)),
        Section("Misclassified images", (*_some(pictures, "misclassified.png"), *shown)),
        Section(target.kind().capitalize(), tuple(counts)),
    )
    title = f"{manifest.name}, {_name(evaluation)}: {evaluation_title(evaluation)}"
    return write_page(title, [section for section in sections if section.blocks])


def _page_tables(evaluation: Evaluation) -> list[Table]:
    """Build the tables of classes; of very many the weakest only, as classification_report.csv has all."""
    measures = evaluation.of_classes
    if measures is None or measures.has_matrix:
        return _class_tables(evaluation)
    return [_pairs_table(evaluation, measures), _weakest_table(measures)]


def _some(pictures: Mapping[str, Picture], *names: str) -> tuple[Picture, ...]:
    return tuple(pictures[name] for name in names if name in pictures)


def _name(evaluation: Evaluation) -> str:
    """Name a run by its settings, several runs by their folder."""
    if evaluation.predictor.runs > 1:
        return evaluation.predictor.path.resolve().name
    spec = RunDirectory(evaluation.predictor.path).spec()
    return f"{spec.arm}, seed {spec.seed}" + ("" if spec.fold is None else f", fold {spec.fold}")
