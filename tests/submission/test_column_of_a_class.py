"""A value column that is called after one of two classes is about that class: its cells, score, rules and blends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

import kit
from kit.errors import RunError, SpecError
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predictions import Predictions
from kit.kaggle.check_submission import check_table
from kit.kaggle.find_sample import Answer
from kit.metrics import find_metric
from kit.submission.blend_weights import fit_blend
from kit.submission.cells import Cells
from kit.submission.form import Sample, choose_cells, sample_of
from kit.submission.origin import Origin, read_origin, write_csv
from kit.submission.rule import ask_rule, refuse_unfitted, score_cells
from kit.targets import Target
from kit.targets.classes import Classes
from tests.made import dataset_of

PAIR = Classes(names=("cat", "dog"))
PRECISION = find_metric("average_precision")


def sample(column: str, cell: str, target: Target = PAIR, images: int = 4) -> Sample:
    table = pd.DataFrame({"id": [f"im-{number}" for number in range(images)], column: [cell] * images}, dtype=str)
    return sample_of(Path("sample.csv"), table, target, images)


def held_out(*, seed: int = 0, images: int = 40) -> OutOfFold:
    rng = np.random.default_rng(seed)
    truth = np.int32(np.arange(images) % 3 == 0)
    second = np.clip(0.25 * truth + rng.random(images) * 0.7, 0, 1)
    outputs = np.float32(np.stack([1 - second, second], axis=1))
    keys = [f"im-{number}" for number in range(images)]
    return OutOfFold(np.int32(np.arange(images) % 4), Predictions(keys, truth, outputs, PAIR))


def precision_of_cats(one: Predictions) -> float:
    return float(average_precision_score(one.labels == 0, one.outputs[:, 0]))


@pytest.mark.parametrize(("column", "index"), [("cat", 0), ("dog", 1), ("label", 1), ("is_cat", 1)])
def test_its_cells_are_the_probability_of_that_class(column: str, index: int) -> None:
    scores = held_out().scores
    asked = sample(column, "0.5")
    cells = choose_cells(PAIR, asked, None)
    table = cells.table(scores, asked.ids)

    assert np.array_equal(scores.outputs[:4, index], table[column])
    assert np.allclose(scores.outputs[:4, [index]], cells.read(table.astype(str)))
    assert [] == check_table(table.astype(str), asked.table, Answer(target=PAIR))


def test_its_score_is_of_that_class() -> None:
    side = held_out()
    found = {
        name: score_cells(choose_cells(PAIR, sample(name, "0.5"), PRECISION), side, PRECISION) for name in PAIR.names
    }

    assert precision_of_cats(side.scores) == pytest.approx(found["cat"].score)
    assert side.scores.judge(PRECISION).value == found["dog"].score
    assert side.scores.auc == pytest.approx(
        score_cells(choose_cells(PAIR, sample("cat", "0.5"), None), side, None).score
    )


@pytest.mark.parametrize(
    ("column", "cell", "texts"),
    [
        ("cat", "0", ["1", "0"]),
        ("dog", "0", ["0", "1"]),
        ("label", "0", ["cat", "dog"]),
        ("cat", "cat", ["cat", "dog"]),
    ],
)
def test_its_decisions_are_marks_where_the_sample_holds_marks(column: str, cell: str, texts: Sequence[str]) -> None:
    asked = sample(column, cell, images=2)
    cells = choose_cells(PAIR, asked, find_metric("f1"))
    scores = Predictions(asked.ids, np.int32([0, 1]), np.float32([[0.8, 0.2], [0.1, 0.9]]), PAIR)
    table = cells.table(scores, asked.ids)

    assert texts == table[column].tolist()
    assert [0, 1] == cells.read(table).tolist()
    assert [] == check_table(table, asked.table, Answer(target=PAIR, metric=find_metric("f1")))


@pytest.mark.parametrize("rule", [{"decide": "best", "threshold": None}, {"decide": None, "threshold": "best-f1"}])
def test_no_rule_is_fitted_for_the_first_class(rule: dict[str, str | None]) -> None:
    asked, metric = ask_rule(**rule), find_metric("f1")

    def refuse(column: str) -> None:
        cells: Cells = choose_cells(PAIR, sample(column, "0"), metric, is_decided=True)
        refuse_unfitted(asked, cells, metric, knows_held_out=True)

    for column in ("dog", "label"):
        refuse(column)
    with pytest.raises(SpecError, match=r"column cat is about class cat, and a rule is chosen for class dog, the sec"):
        refuse("cat")


def test_weights_of_a_blend_are_fitted_to_that_class() -> None:
    inputs = [held_out(seed=seed) for seed in range(2)]
    fit, blended = fit_blend(inputs, "average_precision", positive="cat")

    assert [precision_of_cats(one.scores) for one in inputs] == pytest.approx(fit.inputs)
    assert precision_of_cats(blended.scores) == pytest.approx(fit.blend)
    assert fit.inputs != fit_blend(inputs, "average_precision")[0].inputs


def test_a_blend_knows_files_of_the_first_class_by_their_score(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, PAIR, ["cat", "dog"] * 6)
    paths, sides = [tmp_path / f"{name}.csv" for name in "ab"], []
    for seed, path in enumerate(paths):
        side = held_out(seed=seed)
        sides.append(path.with_suffix(".parquet"))
        sides[-1].write_bytes(side.parquet())
        origin = Origin(
            command=[],
            dataset=dataset.manifest.name,
            fingerprint=dataset.manifest.fingerprint,
            runs=[],
            created="",
            metric="average_precision",
            score=precision_of_cats(side.scores),
            scored_on="out-of-fold",
            holds="probabilities",
        )
        write_csv(path, "id,cat\nx,0.25\ny,0.5\n", origin, force=False)
    output = tmp_path / "out.csv"
    made = kit.blend(*paths, oof=sides, metric="average_precision", output=output, root=tmp_path)
    said = read_origin(output)

    assert made.fit is not None
    assert said is not None
    assert made.fit.blend == said.score
    with pytest.raises(RunError, match=r"b\.parquet does not belong to .*a\.csv: its average_precision is"):
        kit.blend(*paths, oof=sides[::-1], metric="average_precision", output=tmp_path / "o.csv", root=tmp_path)


@pytest.mark.parametrize(
    ("names", "cell", "other", "texts"),
    [
        (("0.0", "1.0"), "0", "1.0", ["0", "1"]),
        (("0", "1"), "0.0", "1", ["0.0", "1.0"]),
        (("0.0", "1.0", "2.0"), "2", "1.0", ["0", "1", "2"]),
        (("0", "1", "2"), "1.0", "2", ["0.0", "1.0", "2.0"]),
    ],
)
def test_classes_that_are_numbers_are_written_as_the_sample_writes_them(
    names: tuple[str, ...], cell: str, other: str, texts: list[str]
) -> None:
    target, metric = Classes(names=names), find_metric("accuracy")
    asked = sample("label", cell, target, len(names))
    cells = choose_cells(target, asked, metric)
    truth = np.arange(len(names), dtype=np.int32)
    table = cells.table(Predictions(asked.ids, truth, np.eye(len(names), dtype=np.float32), target), asked.ids)
    answer = Answer(target=target, metric=metric)

    assert texts == table["label"].tolist()
    assert truth.tolist() == cells.read(table).tolist()
    assert [] == check_table(table, asked.table, answer)
    table.loc[0, "label"] = other
    wanted = f"classes written {other} where the sample has"
    odd = [problem.what for problem in check_table(table, asked.table, answer)]
    assert (len(names) == 2) != any(what.startswith(wanted) for what in odd)  # of two, a number may be a probability
