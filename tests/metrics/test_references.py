"""Every metric beside scikit-learn, SciPy, or the organisers' figures."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk

from kit.metrics import Score, find_metric

Array = NDArray[Any]
SEEDS = st.integers(0, 2**32 - 1)
EXAMPLES = settings(max_examples=60, deadline=None)


def score(name: str, truth: Any, prediction: Any, weights: Any = None, columns: Any = ()) -> float:
    return find_metric(name).score(truth, prediction, weights, columns=columns).value


def is_same(expected: float, found: float) -> bool:
    return math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-9)


class Drawn:
    """Truth and predictions with ties, missing classes, and weights or none."""

    def __init__(self, seed: int) -> None:
        self.generator = generator = np.random.default_rng(seed)
        self.n = int(generator.integers(2, 30))
        self.classes = int(generator.integers(2, 7))
        self.weights = generator.integers(1, 5, self.n) * 0.5 if generator.random() < 0.5 else None
        self.labels, self.decisions = generator.integers(0, self.classes, (2, self.n))
        self.tags, self.decided = generator.random((2, self.n, self.classes)) < 0.4
        self.scores = np.float32(np.round(generator.random((self.n, self.classes)), int(generator.integers(1, 3))))
        rows = generator.dirichlet(np.ones(self.classes), self.n)
        self.rows = np.round(rows, 1) + 0.1
        self.rows /= self.rows.sum(axis=1, keepdims=True)
        self.two = self.labels % 2
        self.one = self.scores[:, 0]
        self.both = np.stack([1 - self.one, self.one], axis=1)
        self.numbers, self.given = np.round(generator.normal(size=(2, self.n, 2)), 1)

    @property
    def has_both(self) -> bool:
        return 0 < self.two.sum() < self.n


@given(SEEDS)
@EXAMPLES
def test_decisions_about_classes(seed: int) -> None:
    d = Drawn(seed)
    given_ = (d.labels, d.decisions, d.weights)
    of_sk: Any = {"y_true": d.labels, "y_pred": d.decisions, "sample_weight": d.weights}
    present = sorted({*d.labels, *d.decisions})
    several = find_metric("f1").score(*given_, columns=[str(index) for index in range(max(3, d.classes))])

    assert is_same(sk.accuracy_score(**of_sk), score("accuracy", *given_))
    assert is_same(
        float(sk.recall_score(**of_sk, average="macro", labels=np.unique(d.labels))),
        score("balanced_accuracy", *given_),
    )
    assert is_same(sk.f1_score(**of_sk, average="macro"), score("macro_f1", *given_))
    assert is_same(sk.fbeta_score(**of_sk, beta=0.5, average="macro"), score("macro_f0.5", *given_))
    assert is_same(sk.f1_score(**of_sk, average="micro"), score("micro_f1", *given_))
    assert is_same(sk.f1_score(**of_sk, average="macro", labels=present), several.value)
    assert is_same(sk.matthews_corrcoef(**of_sk) if len(present) > 1 else 0.0, score("mcc", *given_))


@given(SEEDS)
@EXAMPLES
def test_balanced_accuracy_is_that_of_scikit_learn_where_every_decision_is_of_a_true_class(seed: int) -> None:
    d = Drawn(seed)
    decisions = d.generator.choice(d.labels, d.n)

    assert len({*d.labels}) == 1 or is_same(
        sk.balanced_accuracy_score(d.labels, decisions, sample_weight=d.weights),
        score("balanced_accuracy", d.labels, decisions, d.weights),
    )


@given(SEEDS)
@EXAMPLES
def test_kappas_are_those_of_scikit_learn_told_of_every_grade(seed: int) -> None:
    d = Drawn(seed)
    if len({*d.labels, *d.decisions}) < 2:
        assert math.isnan(score("qwk", d.labels, d.decisions))
        assert math.isnan(score("kappa", d.labels, d.decisions))
        return
    kappa = functools.partial(
        sk.cohen_kappa_score, d.labels, d.decisions, labels=np.arange(d.classes), sample_weight=d.weights
    )

    assert is_same(kappa(), score("kappa", d.labels, d.decisions, d.weights))
    assert is_same(kappa(weights="quadratic"), score("qwk", d.labels, d.decisions, d.weights))


@given(SEEDS)
@EXAMPLES
def test_precision_recall_and_f_of_two_classes_are_of_the_second(seed: int) -> None:
    d = Drawn(seed)
    decisions = d.decisions % 2
    of_sk: Any = {"y_true": d.two, "y_pred": decisions, "sample_weight": d.weights, "zero_division": 0.0}
    if not d.two.any() and not decisions.any():
        assert all(math.isnan(score(name, d.two, decisions)) for name in ("precision", "recall", "f1"))
        return

    assert is_same(sk.precision_score(**of_sk), score("precision", d.two, decisions, d.weights))
    assert is_same(sk.recall_score(**of_sk), score("recall", d.two, decisions, d.weights))
    assert is_same(sk.f1_score(**of_sk), score("f1", d.two, decisions, d.weights))
    assert is_same(sk.fbeta_score(**of_sk, beta=2), score("f2", d.two, decisions, d.weights))


@given(SEEDS)
@EXAMPLES
def test_decisions_about_tags(seed: int) -> None:
    d = Drawn(seed)
    given_ = (d.tags, d.decided, d.weights)
    present = np.flatnonzero((d.tags | d.decided).any(axis=0))
    of_sk: Any = {"y_true": d.tags, "y_pred": d.decided, "sample_weight": d.weights}

    assert is_same(sk.accuracy_score(**of_sk), score("accuracy", *given_))
    assert is_same(sk.fbeta_score(**of_sk, beta=2, average="samples", zero_division=1.0), score("samples_f2", *given_))
    if not len(present):
        assert math.isnan(score("macro_f1", *given_))
        assert math.isnan(score("micro_f1", *given_))
        return
    macro: Any = {**of_sk, "average": "macro", "labels": present, "zero_division": 0.0}
    assert is_same(sk.f1_score(**of_sk, average="micro"), score("micro_f1", *given_))
    assert is_same(sk.f1_score(**macro), score("macro_f1", *given_))
    assert is_same(sk.f1_score(**macro), score("f1", *given_))
    assert is_same(sk.precision_score(**macro), score("precision", *given_))
    assert is_same(sk.recall_score(**macro), score("recall", *given_))


@given(SEEDS)
@EXAMPLES
def test_losses_of_probabilities(seed: int) -> None:
    d = Drawn(seed)
    names = np.arange(d.classes)
    tag_loss = np.mean(
        [
            sk.log_loss(true, np.float64(column), sample_weight=d.weights, labels=[0, 1])
            for true, column in zip(d.tags.T, np.clip(d.scores, 0.01, 0.99).T, strict=True)
        ]
    )
    by_class = [
        sk.log_loss(d.labels[of], d.rows[of], labels=names, sample_weight=None if d.weights is None else d.weights[of])
        for of in (d.labels == name for name in names)
        if of.any()
    ]

    assert is_same(
        sk.log_loss(d.labels, d.rows, labels=names, sample_weight=d.weights),
        score("log_loss", d.labels, d.rows * 3, d.weights),
    )
    assert math.isclose(tag_loss, score("log_loss", d.tags, np.clip(d.scores, 0.01, 0.99), d.weights), abs_tol=1e-6)
    assert is_same(float(np.mean(by_class)), score("weighted_log_loss", d.labels, d.rows, d.weights))


@given(SEEDS)
@EXAMPLES
def test_brier_scores(seed: int) -> None:
    d = Drawn(seed)

    def of_sk(truth: Array, chances: Array) -> float:
        return float(sk.brier_score_loss(truth, np.float64(chances), sample_weight=d.weights, pos_label=1))

    classes = [of_sk(np.int8(d.labels == i), d.rows[:, i]) for i in range(d.classes)]
    tags = [of_sk(np.int8(d.tags[:, i]), d.scores[:, i]) for i in range(d.classes)]

    assert is_same(classes[1] if d.classes == 2 else sum(classes), score("brier", d.labels, d.rows, d.weights))
    assert is_same(float(np.mean(tags)), score("brier", d.tags, d.scores, d.weights))


@given(SEEDS)
@EXAMPLES
def test_areas_under_curves(seed: int) -> None:
    d = Drawn(seed)
    defined = [i for i in range(d.classes) if 0 < d.tags[:, i].sum() < d.n]
    for name, area in (("column_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
        found = find_metric(name).score(d.tags, d.scores, d.weights)
        expected = [area(d.tags[:, i], d.scores[:, i], sample_weight=d.weights) for i in defined]

        assert tuple(sorted({*range(d.classes)} - {*defined})) == found.left_out
        assert is_same(float(np.mean(expected)), found.value) if defined else math.isnan(found.value)
    if d.has_both:
        for name, area in (("auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
            assert is_same(area(d.two, d.one, sample_weight=d.weights), score(name, d.two, d.both, d.weights))
        assert is_same(score("auc", d.two, d.both), score("column_auc", d.two, d.both))
    if d.classes > 2 and len(set(d.labels)) == d.classes:
        assert is_same(sk.roc_auc_score(d.labels, d.rows, multi_class="ovr"), score("auc", d.labels, d.rows))


def organisers_partial_auc(truth: Array, scores: Array, weights: Array | None) -> float:
    """Compute partial AUC as isic-2024 does: McClish's correction of flipped labels, undone."""
    most = 0.2
    scaled = sk.roc_auc_score(1 - truth, -np.float64(scores), max_fpr=most, sample_weight=weights)
    return 0.5 * most**2 + (most - 0.5 * most**2) / (1.0 - 0.5) * (scaled - 0.5)


def organisers_weighted_auc(truth: Array, scores: Array, weights: Array | None) -> float:
    """Compute AUC as alaska2 describes: the area of each band of TPR, by weight, the limit between them added."""
    fpr, tpr, _ = sk.roc_curve(truth, scores, sample_weight=weights, drop_intermediate=False)
    at = next(index for index in range(1, len(tpr)) if tpr[index] >= 0.4)
    share = (0.4 - tpr[at - 1]) / (tpr[at] - tpr[at - 1])
    limit = fpr[at - 1] + share * (fpr[at] - fpr[at - 1])
    below = sk.auc([*fpr[:at], limit, 1], [*tpr[:at], 0.4, 0.4])
    above = sk.auc([limit, *fpr[at:]], [0.0, *(tpr[at:] - 0.4)])
    return float((2 * below + above) / (2 * 0.4 + 0.6))


@pytest.mark.parametrize(
    ("name", "organisers"),
    [("partial_auc", organisers_partial_auc), ("weighted_auc", organisers_weighted_auc)],
)
@given(seed=SEEDS)
@EXAMPLES
def test_areas_in_part_are_those_of_the_organisers(
    name: str, organisers: Callable[[Array, Array, Array | None], float], seed: int
) -> None:
    d = Drawn(seed)
    if d.has_both:
        assert is_same(organisers(d.two, d.one, d.weights), score(name, d.two, d.both, d.weights))
    else:
        assert math.isnan(score(name, d.two, d.both, d.weights))


def test_areas_in_part_by_hand() -> None:
    truth = np.array([1, 1, 1, 1, 1, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.4, 0.2])  # of the last fifth of TPR half is under the curve
    both = np.stack([1 - scores, scores], axis=1)

    assert is_same(0.2 * 0.5, score("partial_auc", truth, both))
    assert is_same((2 * 0.4 + 0.4 + 0.2 * 0.5) / 1.4, score("weighted_auc", truth, both))


@given(SEEDS)
@EXAMPLES
def test_numbers(seed: int) -> None:
    d = Drawn(seed)
    given_ = (d.numbers, d.given, d.weights)
    columns = [(d.numbers[:, i], d.given[:, i]) for i in range(2)]
    is_varied = all(len(set(values)) > 1 for pair in columns for values in pair)

    assert is_same(sk.root_mean_squared_error(d.numbers, d.given, sample_weight=d.weights), score("rmse", *given_))
    assert is_same(sk.mean_absolute_error(d.numbers, d.given, sample_weight=d.weights), score("mae", *given_))
    if is_varied:
        assert is_same(sk.r2_score(d.numbers, d.given, sample_weight=d.weights), score("r2", *given_))
        for name, correlate in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
            expected = np.mean([correlate(*pair).statistic for pair in columns])
            assert is_same(float(expected), score(name, d.numbers, d.given))
            weighted = [np.cov(*pair, aweights=d.weights) for pair in columns]
            by_weight = np.mean([one[0, 1] / np.sqrt(one[0, 0] * one[1, 1]) for one in weighted])
            assert name == "spearman" or is_same(float(by_weight), score(name, *given_))


def test_numbers_of_grades_are_judged_without_a_column() -> None:
    truth, expected = np.array([0, 1, 2, 4]), np.array([0.5, 1.0, 2.5, 3.0])

    assert is_same(0.5, score("mae", truth, expected))
    assert is_same(stats.spearmanr(truth, expected).statistic, score("spearman", truth, expected))


@given(SEEDS, st.integers(1, 6))
@EXAMPLES
def test_top_k_is_that_of_scikit_learn_and_map_k_the_reciprocal_rank(seed: int, guesses: int) -> None:
    d = Drawn(seed)
    scores = d.generator.random((d.n, d.classes))
    ranks = np.argsort(-scores, axis=1)
    positions = [list(row).index(label) + 1 for row, label in zip(ranks, d.labels, strict=True)]
    expected = np.average([1 / at if at <= guesses else 0 for at in positions], weights=d.weights)

    assert is_same(expected, score(f"map@{guesses}", d.labels, ranks, d.weights))
    if 2 < d.classes > guesses:
        top = sk.top_k_accuracy_score(d.labels, scores, k=guesses, labels=np.arange(d.classes), sample_weight=d.weights)
        assert is_same(top, score(f"top@{guesses}", d.labels, ranks, d.weights))


def test_guesses_that_are_fewer_than_k_and_named_twice_count_by_their_first_place() -> None:
    assert is_same((1 + 1 / 2 + 0) / 3, score("map@5", [0, 1, 2], [[0, 0], [2, 1], [1, 0]]))
    assert is_same(1 / 3, score("top@1", [0, 1, 2], [[0, 0], [2, 1], [1, 0]]))


@pytest.mark.parametrize(
    ("truth", "chances", "expected"),
    [
        ([1, 0, 1], [0.5, 0.25, 1.0], 2 * (1.5 / 1.75) * 0.75 / (1.5 / 1.75 + 0.75)),
        ([1, 0], [1.5, -1.0], 1.0),  # clipped
        ([1, 0], [0.0, 0.5], 0.0),
        ([1, 0], [0.0, 0.0], 0.0),
        ([0, 0], [0.5, 0.5], math.nan),
    ],
)
def test_probabilistic_f1_by_hand(truth: list[int], chances: list[float], expected: float) -> None:
    both = np.stack([1 - np.array(chances), chances], axis=1)

    assert expected == pytest.approx(score("pf1", truth, both), nan_ok=True)


def test_log_loss_is_clipped_as_kaggle_does() -> None:
    never = np.array([[1, 0], [0, 1]], np.float32)

    assert is_same(-math.log(1e-15), score("log_loss", [1, 0], never))
    assert is_same(-math.log(1e-15), score("log_loss", np.array([[1], [1]]), np.zeros((2, 1))))
    assert is_same(-math.log1p(-1e-15), score("log_loss", [0, 1], never))
    assert is_same(-math.log(1e-15), score("log_loss", [1], [[0.0, 0.0]]))


def test_columns_count_by_their_weights() -> None:
    truth, chances = np.array([[1, 0, 1], [0, 0, 0]]), np.array([[0.5, 0.25, 0.8], [0.1, 0.5, 0.2]])
    losses = -np.log(np.where(truth, chances, 1 - chances))
    names = ("any", "epidural", "subdural")
    present = find_metric("weighted_log_loss:any=14/7:*=2/1").score(truth, chances, columns=names)
    by_hand = [(14, 1, 2), (7, 1, 1)]

    assert is_same(losses.mean(), score("weighted_log_loss", truth, chances))
    assert is_same((losses @ [7, 1, 1]).mean() / 9, score("weighted_log_loss:any=7", truth, chances, columns=names))
    assert is_same(
        float(np.mean([np.average(row, weights=by) for row, by in zip(losses, by_hand, strict=True)])), present.value
    )


def test_weights_of_classes_are_those_of_their_means() -> None:
    rows = np.array([[0.5, 0.25, 0.25], [0.8, 0.1, 0.1], [0.2, 0.6, 0.2]])
    a, b = -(math.log(0.5) + math.log(0.8)) / 2, -math.log(0.6)
    equal = find_metric("weighted_log_loss").score([0, 0, 1], rows, columns=["a", "b", "c"])
    weighted = find_metric("weighted_log_loss:b=3").score([0, 0, 1], rows, columns=["a", "b", "c"])

    assert Score(value=pytest.approx((a + b) / 2), left_out=("c",)) == equal
    assert is_same((a + 3 * b) / 4, weighted.value)


def test_quadratic_kappa_takes_grades_for_what_they_are_where_one_occurs_nowhere() -> None:
    truth, decisions = np.array([0, 1, 4, 4]), np.array([1, 1, 4, 0])
    told = sk.cohen_kappa_score(truth, decisions, weights="quadratic", labels=np.arange(5))

    assert is_same(told, score("qwk", truth, decisions))
    assert not is_same(sk.cohen_kappa_score(truth, decisions, weights="quadratic"), score("qwk", truth, decisions))
