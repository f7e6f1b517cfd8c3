"""What every target answers about cells, whatever its kind; see labelled.py for the labels."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from kit.errors import as_options
from kit.metrics import find_metric
from kit.metrics.score import Judges
from kit.targets import TARGETS, Target, judge
from kit.targets.cells.spelling import Spelling, spell_numbers
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.label import LABEL, VALUES
from tests.labelled import LABELLED

JUDGES = get_args(Judges)
PAIR = Classes(names=("cat", "dog"))


def spelling_of(target: Target) -> Spelling:
    return Spelling(target.plain("decisions").separator)


@pytest.mark.parametrize("kind", TARGETS)
@settings(max_examples=20)
@given(data=st.data())
def test_decisions_are_read_back_from_cells_that_the_target_takes_for_its_own(kind: str, data: st.DataObject) -> None:
    target, labels = data.draw(LABELLED[kind])
    truth, spelling = target.encode(labels), spelling_of(target)
    texts = target.cell_texts(truth, spelling)
    filled = list(dict.fromkeys(text for text in texts if text))

    assert np.array_equal(truth, target.read_cells(texts, spelling))
    if target.is_named:
        assert () == target.hold_all(filled).strangers
        assert [] == list(target.odd_cells(texts, spelling, ()))


@pytest.mark.parametrize("kind", TARGETS)
@settings(max_examples=20)
@given(data=st.data())
def test_cells_that_are_none_of_the_targets_are_strangers_and_odd(kind: str, data: st.DataObject) -> None:
    target, _ = data.draw(LABELLED[kind])
    cells = ["wyvern?", "dragon!", "hydra."]

    assert tuple(cells) == target.hold_each(cells).strangers
    if not target.needs_each:
        assert set(cells) == set(target.hold_all(cells).strangers)
    if target.is_named:
        odd = list(target.odd_cells(cells, spelling_of(target), ()))
        assert "wyvern?" in odd[0].what
        assert odd[0].rows is None or [True] * 3 == odd[0].rows.tolist()
    assert "\n" not in target.describe_cell(cells[0])
    for columns in (("label",), target.names):
        assert target.describe_written(columns)


@pytest.mark.parametrize("kind", TARGETS)
@settings(max_examples=20)
@given(data=st.data())
def test_numbers_that_a_target_predicts_are_cells_of_each_name(kind: str, data: st.DataObject) -> None:
    target, _ = data.draw(LABELLED[kind])
    held = target.hold_each(["0.25", "0.5"])

    assert () == held.strangers
    assert held.judges == ("probabilities" if target.is_named else "numbers")
    assert held.judges in {target.settle(held.judges, is_each=True), "numbers"}


@pytest.mark.parametrize("kind", TARGETS)
@settings(max_examples=20)
@given(data=st.data(), judges=st.sampled_from([*JUDGES, None]))
def test_what_is_left_open_is_settled_by_the_metric(kind: str, judges: Judges | None, data: st.DataObject) -> None:
    target, _ = data.draw(LABELLED[kind])
    plain = target.plain(judges)

    assert {target.settle(judges, is_each=is_each) for is_each in (True, False)} <= set(JUDGES)
    assert plain.holds in JUDGES
    assert plain.is_each or not target.needs_each
    assert find_metric(target.metric_of(plain.holds)).targets >= {kind}
    assert target.plain(judges, is_decided=True).holds == ("decisions" if target.is_named else "numbers")


@pytest.mark.parametrize("kind", TARGETS)
@settings(max_examples=20)
@given(data=st.data())
def test_a_target_describes_its_labels_and_their_range(kind: str, data: st.DataObject) -> None:
    target, labels = data.draw(LABELLED[kind])
    reading = target.reading(["label"])
    features = target.features(target.encode(labels)[0])

    assert reading.what.split()[0] in {str(len(target.names)), "a"}
    assert "--" in as_options(reading.other) or not reading.other
    assert all(len(figures) == len(target.names) for figures in target.statistics().values())
    assert (VALUES if target.stores == "numbers" else LABEL,) == tuple(features)
    assert (target.stores == "index") == isinstance(features.get(LABEL), int)
    span = target.number_range(target.names)
    assert span is None or (np.asarray(span[0]) <= np.asarray(span[1])).all()
    assert 0 <= target.told("label") < len(target.names)
    assert target.positive(("label",)) == (target.names[-1] if target.is_pair else "")
    assert "" == target.positive(target.names)


@pytest.mark.parametrize(
    ("names", "cells", "texts"),
    [
        (("0.0", "1.0"), ["0"], {"0.0": "0", "1.0": "1"}),
        (("0", "1"), ["0.0", "1.0"], {"0": "0.0", "1": "1.0"}),
        (("0.0", "1.0", "2.0"), ["2"], {"0.0": "0", "1.0": "1", "2.0": "2"}),
        (("0", "1"), ["0.5"], {}),  # a probability
        (("1.0", "1"), ["1"], {}),  # two classes would become one
        (("0001", "0010"), ["0001"], {}),
        (("01", "02"), ["1"], {"01": "1", "02": "2"}),
        (("0.5", "1.0"), ["1"], {"1.0": "1"}),
        (("a", "b"), ["a"], {}),
    ],
)
def test_names_that_are_numbers_are_spelled_as_cells_spell_them(
    names: tuple[str, ...], cells: list[str], texts: dict[str, str]
) -> None:
    assert texts == spell_numbers(names, cells)
    for target in (Classes(names=names), Grades(names=names)):
        assert texts == target.spell(cells, "label")


@pytest.mark.parametrize(
    ("column", "told"), [("cat", 0), ("dog", 1), ("Cat", 0), ("DOG", 1), ("label", 1), ("is_cat", 1)]
)
def test_one_column_tells_of_the_class_that_it_is_called_after_else_of_the_second(column: str, told: int) -> None:
    assert told == PAIR.told(column)
    assert PAIR.names[told] == PAIR.positive([column])
    assert 2 == Classes(names=("cat", "dog", "eel")).told("cat")  # one probability does not tell three apart


@settings(max_examples=25)
@given(
    rows=st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=32)), min_size=2, max_size=30).filter(
        lambda rows: len({label for label, _ in rows}) == 2
    )
)
def test_the_first_of_two_classes_is_judged_as_scikit_learn_judges_a_positive_one(
    rows: list[tuple[int, float]],
) -> None:
    truth, second = np.array([label for label, _ in rows]), np.array([chance for _, chance in rows])
    predictions = np.stack([1 - second, second], axis=1)
    decided = predictions.argmax(axis=1)
    wanted = {
        "average_precision": sklearn_metrics.average_precision_score(truth == 0, predictions[:, 0]),
        "f1": sklearn_metrics.f1_score(truth, decided, pos_label=0, zero_division=0),
        "recall": sklearn_metrics.recall_score(truth, decided, pos_label=0, zero_division=0),
        "accuracy": sklearn_metrics.accuracy_score(truth, decided),
    }
    found = {name: judge(PAIR, find_metric(name), truth, predictions, positive="cat").value for name in wanted}

    assert wanted == pytest.approx(found)
    for name in wanted:
        metric = find_metric(name)
        assert judge(PAIR, metric, truth, predictions) == judge(PAIR, metric, truth, predictions, positive="dog")
