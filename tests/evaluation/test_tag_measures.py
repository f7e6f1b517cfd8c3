"""Tags: figures of each, those that come together, their number, and wrong ones, by other implementations."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from kit.evaluation import cooccurrence as of_pairs
from kit.evaluation.evaluate import Evaluation, Predictor
from kit.evaluation.tag_measures import TagMeasures
from kit.inference.predictions import Predictions
from kit.reports.cardinality import cardinality_csv, cardinality_table
from kit.reports.cooccurrence import pairs_csv, plot_cooccurrence
from kit.reports.evaluation import evaluation_remarks, evaluation_tables, shown_tables
from kit.reports.evaluations import report_of
from kit.reports.page import Section, write_page
from kit.reports.tag_figures import tags_csv, tags_table
from kit.reports.wrong_tags import describe_wrong, wrong_tags_csv, wrong_tags_table
from kit.targets import Decision
from kit.targets.tags import Tags
from tests.made import target_predictions

if TYPE_CHECKING:
    from kit.datasets import Dataset

TARGET = Tags(names=("a", "b", "c", "d"))
OWN = Decision(thresholds=(0.3, 0.4, 0.6, 0.7))


def measures(rule: Decision = OWN, *, tags: int = 4, images: int = 200) -> TagMeasures:
    target = Tags(names=tuple("abcdefghijklmnopqrstuvwxyz"[:tags]))
    return TagMeasures(scores=target_predictions(target, images).decided_by(rule))


def truth_of(found: TagMeasures) -> np.ndarray:
    return found.scores.labels.astype(bool)


@pytest.mark.parametrize("rule", [Decision(), OWN, Decision(least=1, most=2)])
def test_figures_of_each_tag_are_those_of_scikit_learn(rule: Decision) -> None:
    found = measures(rule)
    truth, chances, decided = truth_of(found), found.scores.outputs, found.scores.predicted
    table = pd.DataFrame(found.by_tag.columns())
    precision, recall, f1, support = sk.precision_recall_fscore_support(truth, decided, zero_division=0)
    written = pd.read_csv(pd.io.common.StringIO(tags_csv(found.by_tag, found.names)), index_col="tag")

    assert support.tolist() == found.by_tag.support.tolist() == written["images"].iloc[:4].tolist()
    for name, values in {"precision": precision, "recall": recall, "f1": f1}.items():
        assert values.tolist() == pytest.approx(table[name].tolist())
    assert sk.roc_auc_score(truth, chances, average=None).tolist() == pytest.approx(table["auc"].tolist())
    assert sk.average_precision_score(truth, chances, average=None).tolist() == pytest.approx(
        table["average_precision"].tolist()
    )
    assert list(rule.thresholds or (0.5,) * 4) == table["threshold"].tolist()
    np.testing.assert_allclose(written[table.columns].iloc[:4].to_numpy(), table.to_numpy(), rtol=1e-14)
    for average in ("micro", "macro"):
        row = written.loc[f"{average} avg"]
        of = sk.precision_recall_fscore_support(truth, decided, average=average, zero_division=0)[:3]
        assert list(of) == pytest.approx(row[["precision", "recall", "f1"]].tolist())
    assert sk.roc_auc_score(truth, chances) == pytest.approx(written.loc["macro avg", "auc"])


def test_a_tag_without_images_or_decisions_has_no_figures_and_is_in_no_average() -> None:
    scores = measures().scores
    scores.labels[:, 1], scores.outputs[:, 1] = 0, 0.1
    found = TagMeasures(scores=scores)
    cells = {row[0]: row for row in tags_table("", found.by_tag, found.names).rows}
    others = [0, 2, 3]

    assert ("b", "0", "—", "—", "—", "—", "—", "0.4000") == cells["b"]
    assert f"{sk.roc_auc_score(scores.labels[:, others], scores.outputs[:, others]):.4f}" == cells["macro avg"][2]
    assert 1 not in found.by_tag.weakest()
    assert sorted(others, key=lambda tag: found.by_tag.f1[tag]) == found.by_tag.weakest()


def test_outputs_that_are_no_numbers_decide_for_no_tag_and_are_in_no_area() -> None:
    scores = measures().scores
    scores.outputs[:20] = np.nan
    found = TagMeasures(scores=scores)
    truth, rest = truth_of(found), scores.outputs[20:]
    decided = np.concatenate([np.zeros((20, 4), bool), rest >= OWN.thresholds])

    assert sk.recall_score(truth, decided, average=None).tolist() == pytest.approx(found.by_tag.recall.tolist())
    assert sk.roc_auc_score(truth[20:], rest, average=None).tolist() == pytest.approx(found.by_tag.auc.tolist())
    assert 0 == found.cardinality.decided[:20].sum()
    last = [one for one in found.wrong if one.image < 20]
    assert last == found.wrong[-len(last) :]
    assert all(np.isnan(one.loss) and not one.extra for one in last)


@pytest.mark.parametrize("block", [7, 4096])
def test_pairs_count_the_images_that_have_both_tags(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(of_pairs, "_BLOCK", block)
    found = measures()
    marks = {"true": pd.DataFrame(truth_of(found)), "decided": pd.DataFrame(found.scores.predicted)}
    counts = {name: frame.astype(int).T @ frame.astype(int) for name, frame in marks.items()}
    rows = list(csv.DictReader(pairs_csv(found.pairs, found.names).splitlines()))
    differences = [abs(int(row["true"]) - int(row["decided"])) for row in rows]

    assert np.array_equal(counts["true"], found.cooccurrence.true)
    assert np.array_equal(counts["decided"], found.cooccurrence.decided)
    assert 6 == len(rows)
    for row in rows:
        first, second = (found.names.index(row[column]) for column in ("tag", "with"))
        assert [counts[name].loc[first, second] for name in counts] == [int(row[name]) for name in counts]
    assert sorted(differences, reverse=True) == differences


def test_of_very_many_tags_the_pairs_of_the_commonest_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_pairs, "MOST", 2)
    found = measures()
    commonest = np.sort(np.argsort(-(truth_of(found).sum(axis=0) + found.scores.predicted.sum(axis=0)))[:2])

    assert commonest.tolist() == found.cooccurrence.tags.tolist()
    assert (2, 2) == found.cooccurrence.true.shape
    ((first, second, true, _),) = found.pairs
    assert [first, second] == commonest.tolist()
    assert (truth_of(found)[:, first] & truth_of(found)[:, second]).sum() == true


def test_numbers_of_tags_are_counted_true_against_decided() -> None:
    found = measures()
    true, decided = (marks.sum(axis=1) for marks in (truth_of(found), found.scores.predicted))
    joint = pd.crosstab(true, decided).reindex(index=range(5), columns=range(5), fill_value=0)
    rows = {row[0]: row for row in cardinality_table(found.cardinality).rows}

    assert (true.mean(), decided.mean()) == pytest.approx(found.cardinality.means)
    assert np.array_equal(joint.to_numpy()[: true.max() + 1], found.cardinality.matrix(9)[: true.max() + 1])
    assert [200, 200] == [found.cardinality.matrix(most).sum() for most in (1, 9)]
    assert (2, 2) == found.cardinality.matrix(1).shape
    assert f"{decided[true == 2].mean():.2f}" == rows["2"][3]
    assert 200 == sum(int(row["images"]) for row in csv.DictReader(cardinality_csv(found.cardinality).splitlines()))


def test_images_with_wrong_tags_name_those_missed_and_too_many_the_highest_loss_first() -> None:
    found = measures(images=120)
    truth, decided = truth_of(found), found.scores.predicted
    rows = list(csv.DictReader(wrong_tags_csv(found.scores, found.wrong, TARGET).splitlines()))
    losses = [float(row["loss"]) for row in rows]

    assert int((truth != decided).any(axis=1).sum()) == len(rows)
    assert sorted(losses, reverse=True) == losses
    for one, row in zip(found.wrong, rows, strict=True):
        has, said = (set(np.flatnonzero(marks[one.image])) for marks in (truth, decided))
        assert (has - said, said - has) == (set(one.missed), set(one.extra))
        assert [TARGET.names[tag] for tag in one.missed] == row["missed"].split()
        own = sk.log_loss(truth[one.image], found.scores.outputs[one.image], labels=[False, True])
        assert own == pytest.approx(one.loss, abs=1e-6)
    shown = wrong_tags_table(found.scores, found.wrong, found.names)
    assert 40 == len(shown.rows)
    assert f"the first 40 of {len(rows)} with wrong tags of 120 images" in describe_wrong(found.wrong, 120)


def evaluation_of(dataset: Dataset, scores: Predictions) -> Evaluation:
    manifest = msgspec.structs.replace(dataset.manifest, target=scores.target)
    return Evaluation(
        predictor=Predictor(path=Path("runs/none"), weights="best"),
        dataset=dataclasses.replace(dataset, manifest=manifest),
        split="validation",
        measures=TagMeasures(scores=scores),
    )


def test_many_tags_are_a_screen_and_whole_in_the_files(tiny: Dataset) -> None:
    names = tuple(f"category::name-of-tag-{number:02d}" for number in range(45))
    evaluation = evaluation_of(tiny, target_predictions(Tags(names=names), 36))
    report = report_of(evaluation)
    by_tag, pairs, numbers = shown_tables(evaluation)
    weakest = sorted(evaluation.measures.by_tag.f1)[:10]
    files = report.files()
    page = write_page("", [Section("", tuple(report.first_tables())), *report.sections({})])

    assert [12, 11, 13] == [len(table.rows) for table in (by_tag, pairs, numbers)]
    assert [f"{value:.4f}" for value in weakest] == [row[4] for row in by_tag.rows[:10]]
    assert ("… and 980 more", "", "", "") == pairs.rows[-1]
    assert "in tags_per_image.csv" in numbers.rows[-1][0]
    assert [48, 991] == [files[name].count("\n") for name in ("tags.csv", "tag_pairs.csv")]
    assert page.count("<tr>") < 100
    assert evaluation_tables(evaluation) == [by_tag, pairs, numbers]
    assert ["with a tag missed or too many: 36 of 36 images (100.0%)"] == evaluation_remarks(evaluation)


def test_shares_of_a_tag_that_no_image_has_are_left_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.array([[4, 1], [1, 0]]) * [[1, 0], [0, 0]]
    drawn: list[list[list[str]]] = []
    monkeypatch.setattr("kit.reports.cooccurrence.plot_matrix", lambda _, cells, *__, **___: drawn.append(cells) or b"")
    plot_cooccurrence("", of_pairs.Cooccurrence(tags=np.arange(2), true=counts, decided=counts), counts, ["a", "b"])

    assert [[["100%", "0%"], ["", ""]]] == drawn
