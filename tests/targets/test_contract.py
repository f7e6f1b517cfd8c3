"""What every target answers, whatever its kind: a new one needs a strategy in labelled.py and nothing else."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import LabelBinarizer, MultiLabelBinarizer, StandardScaler

from kit.errors import SpecError
from kit.targets import TARGETS, AnyTarget, Decision, Head, Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from tests.labelled import ANY, LABELLED, values

TWO = Classes(names=("no", "yes"))
TAGS = Tags(names=("a", "b", "c"))
GRADES = Grades(names=("0", "1", "2", "3"))


def _heads(target: Target) -> list[Head]:
    return [target.head(name, loss) for name in target.heads for loss in target.losses[name]]


def _learned(target: Target, head: Head, truth: np.ndarray) -> np.ndarray:
    """Encode labels by scikit-learn, or by the papers' formulas: float [n, units]."""
    if head.shift:
        numbers = truth.reshape(len(truth), -1).astype(float)
        return (numbers - np.array(head.shift)) / np.array(head.scale)
    if head.name == "tags":
        rows = MultiLabelBinarizer(classes=range(len(target.names))).fit_transform(map(np.flatnonzero, truth))
        return np.asarray(rows, float)
    if head.name == "cumulative":
        return np.array([[float(grade > cut) for cut in range(head.units)] for grade in truth])
    rows = LabelBinarizer().fit(range(len(target.names))).transform(truth)
    both = np.hstack([1 - rows, rows]) if rows.shape[1] == 1 and head.units > 1 else rows  # it makes two one column
    return np.asarray(both, float)


def test_every_kind_of_target_has_labels_here() -> None:
    assert LABELLED.keys() == TARGETS.keys()


@given(ANY)
def test_labels_come_back_from_arrays_and_from_records(labelled: tuple[Target, list[str]]) -> None:
    target, labels = labelled
    given_labels = [*labels, None]
    truth = target.encode(given_labels)
    texts = [target.text(row) for row in truth]
    stored = [target.stored(target.features(row)) for row in truth]

    assert np.array_equal(target.encode(texts), truth, equal_nan=True)
    assert texts[-1] is None
    assert None not in texts[:-1]
    assert np.array_equal(np.stack(stored), truth, equal_nan=True)
    assert np.stack(stored).dtype == truth.dtype


@given(ANY)
def test_labels_of_no_images_have_the_form_of_others(labelled: tuple[Target, list[str]]) -> None:
    target, labels = labelled
    none, some = target.encode([]), target.encode(labels)

    assert (0, *some.shape[1:]) == none.shape
    assert some.dtype == none.dtype


@given(ANY)
def test_target_comes_back_from_a_manifest(labelled: tuple[Target, list[str]]) -> None:
    target, _ = labelled

    assert target == msgspec.json.decode(msgspec.json.encode(target), type=AnyTarget)
    assert type(target).kind() == msgspec.json.decode(msgspec.json.encode(target))["kind"]


@given(ANY)
def test_every_label_counts_as_its_names(labelled: tuple[Target, list[str]]) -> None:
    target, labels = labelled
    counts = target.count(labels)
    named = [list(target.named(label)) for label in labels]

    assert all(set(names) <= set(target.names) for names in named)
    assert list(counts) == [name for name in target.names if any(name in names for names in named)]
    assert all(count == sum(name in names for names in named) for name, count in counts.items())
    if target.is_partition:
        assert sum(counts.values()) == len(labels)


@given(ANY)
def test_every_label_has_a_stratum(labelled: tuple[Target, list[str]]) -> None:
    target, labels = labelled
    strata = target.strata(labels)

    assert len(labels) == len(strata)
    assert all(strata)
    by_label: dict[str, set[tuple[str, ...]]] = {}
    for label, names in zip(labels, strata, strict=True):
        by_label.setdefault(label, set()).add(names)
    assert all(len(names) == 1 for names in by_label.values())


@given(ANY)
def test_heads_learn_labels_as_scikit_learn_encodes_them(labelled: tuple[Target, list[str]]) -> None:
    target, labels = labelled
    truth = target.encode(labels)
    for head in _heads(target):
        learned = head.encode(truth)

        assert (len(labels), head.units) == learned.shape
        assert np.float32 == learned.dtype
        assert np.allclose(_learned(target, head, truth), learned, atol=1e-6)


@given(ANY)
def test_a_network_that_learned_its_labels_by_heart_decides_for_them(labelled: tuple[Target, list[str]]) -> None:
    target, labels = labelled
    truth = target.encode(labels)
    for head in _heads(target):
        predictions = head.predictions(head.encode(truth))

        assert len(target.columns(predictions.shape[1])) == predictions.shape[1]
        decided = target.decide(predictions)
        if target.kind() == "values":
            width = np.array(head.scale) * 1e-6 + np.abs(truth).max() * 1e-6
            assert (np.abs(decided - truth) <= width).all()
        else:
            assert np.array_equal(decided, truth)


@given(ANY, st.data())
def test_probabilities_are_between_0_and_1_and_sum_to_one_where_one_name_is_true(
    labelled: tuple[Target, list[str]], data: st.DataObject
) -> None:
    target, _ = labelled
    for head in (head for head in _heads(target) if not head.shift):
        outputs = np.array(data.draw(st.lists(st.floats(0, 1), min_size=head.units, max_size=head.units)))[None]
        if head.activation == "softmax":
            outputs = (outputs + 0.01) / (outputs + 0.01).sum()
        predictions = head.predictions(outputs)

        assert np.float32 == predictions.dtype
        assert (predictions >= 0).all()
        assert (predictions <= 1).all()
        if target.is_partition:
            assert predictions.sum() == pytest.approx(1, abs=1e-5)


@given(ANY)
def test_a_prediction_that_is_no_number_decides_for_nothing(labelled: tuple[Target, list[str]]) -> None:
    target, _ = labelled
    decided = target.decide(np.full((1, len(target.names)), np.nan, np.float32))

    assert not np.isin(decided, np.arange(len(target.names))).any() or not decided.any()


@given(ANY)
def test_a_label_of_another_dataset_is_refused(labelled: tuple[Target, list[str]]) -> None:
    target, _ = labelled
    with pytest.raises(ValueError, match="not-a-label"):
        target.encode(["not-a-label"])


@given(ANY)
def test_a_record_of_another_target_is_refused(labelled: tuple[Target, list[str]]) -> None:
    target, _ = labelled
    for features in ({}, {"image/class/label": 99}, {"image/class/label": b"a"}, {"image/values": 3}):
        with pytest.raises(ValueError, match="image/"):
            target.stored(features)


@given(ANY)
def test_a_rule_of_another_target_is_refused(labelled: tuple[Target, list[str]]) -> None:
    target, _ = labelled
    with pytest.raises(SpecError):
        target.check_decision(Decision(thresholds=(0.5,) * 50))


@given(ANY)
def test_an_unknown_head_or_loss_is_refused_with_those_there_are(labelled: tuple[Target, list[str]]) -> None:
    target, _ = labelled
    with pytest.raises(SpecError, match=target.heads[0]):
        target.head("dragon")
    with pytest.raises(SpecError, match=target.losses[target.heads[0]][0]):
        target.head(loss="dragon")


@given(values())
def test_values_are_standardised_as_scikit_learn_does(labelled: tuple[Target, list[str]]) -> None:
    target, labels = labelled
    numbers = np.array([[float(part) for part in label.split()] for label in labels])
    scaler = StandardScaler().fit(numbers)
    head = target.head()

    assert np.allclose(scaler.mean_, head.shift, rtol=1e-6, atol=1e-6)
    spread = np.std(numbers, axis=0) > 1e-9 * np.abs(numbers).max(axis=0)  # scikit-learn takes less for none
    assert np.allclose(np.array(head.scale)[spread], scaler.scale_[spread], rtol=1e-6, atol=1e-9)


def test_scaled_values_lie_between_0_and_1_for_cross_entropy() -> None:
    target = Values.of(["x"], ["-3", "1", "5"])

    assert target.head(loss="crossentropy").encode(target.encode(["-3", "1", "5"])).tolist() == [[0.0], [0.5], [1.0]]


def test_one_of_two_classes_is_decided_for_from_its_threshold() -> None:
    predictions = np.array([[0.6, 0.4], [0.5, 0.5], [0.2, 0.8]])

    assert TWO.decide(predictions).tolist() == [0, 0, 1]
    assert TWO.decide(predictions, Decision(thresholds=(0.4,))).tolist() == [1, 1, 1]


def test_tags_are_decided_for_each_from_its_threshold() -> None:
    predictions = np.array([[0.6, 0.4, 0.1], [0.2, 0.3, 0.4]])

    assert TAGS.decide(predictions).astype(int).tolist() == [[1, 0, 0], [0, 0, 0]]
    assert TAGS.decide(predictions, Decision(thresholds=(0.7, 0.4, 0.4))).astype(int).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_tags_are_as_many_as_the_rule_allows() -> None:
    predictions = np.array([[0.9, 0.8, 0.7], [0.2, 0.3, 0.4]])

    decided = TAGS.decide(predictions, Decision(least=1, most=2)).astype(int)

    assert decided.tolist() == [[1, 1, 0], [0, 0, 1]]


def test_grades_are_cut_between_the_expected_ones() -> None:
    numbers = np.array([[-0.2], [0.6], [1.4], [2.9], [7.0]])

    assert GRADES.decide(numbers).tolist() == [0, 1, 1, 3, 3]
    assert GRADES.decide(numbers, Decision(thresholds=(0.7, 1.2, 3.0))).tolist() == [0, 0, 2, 2, 3]


def test_cumulative_outputs_are_differences_of_the_chances_to_be_above() -> None:
    outputs = np.array([[0.9, 0.6, 0.1]])

    predictions = GRADES.head("cumulative").predictions(outputs)

    assert np.allclose(predictions, [[0.1, 0.3, 0.5, 0.1]])
    assert GRADES.numbers(predictions) == pytest.approx(outputs.sum())  # E[grade] is the sum of P(grade > k)


@pytest.mark.parametrize(
    ("label", "tags"),
    [("a b", (1, 1, 0)), ("b  a", (1, 1, 0)), ("", (0, 0, 0)), ("c", (0, 0, 1))],
)
def test_tags_are_read_in_any_order_and_with_any_blanks(label: str, tags: tuple[int, ...]) -> None:
    assert tags == tuple(TAGS.encode([label])[0].tolist())


def _quantile_sizes(labels: list[str]) -> list[int]:
    strata = Values.of(["x"], labels).strata(labels)
    return sorted(strata.count(stratum) for stratum in set(strata))


def test_values_have_tenths_as_strata() -> None:
    rng = np.random.default_rng(0)

    assert _quantile_sizes([str(value) for value in rng.normal(size=1000)]) == [100] * 10


def test_values_that_few_images_have_or_many_share_have_fewer_strata() -> None:
    assert _quantile_sizes([str(value) for value in range(25)]) == [12, 13]
    assert _quantile_sizes(["0"] * 90 + ["1"] * 10) == [10, 90]
    assert _quantile_sizes(["3"] * 8) == [8]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            Grades(names=("0", "1", "2")),
            "one threshold does not decide between 3 grades; leave out decide=, or give deci",
        ),
        (Values.of(["v"], ["1", "2"]), "values are numbers, about which nothing is decided; leave out decide="),
    ],
)
def test_one_probability_for_what_it_cannot_decide_is_refused_with_a_next_step(target: Target, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        target.uniform(0.4)
