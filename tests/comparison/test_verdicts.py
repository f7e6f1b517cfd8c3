"""Tests of arms against the baseline: what kit says is what scipy and statsmodels say."""

from __future__ import annotations

import gc
import math
import statistics
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from kit.comparison.arm_summary import ArmSummary, summarize
from kit.comparison.contrasts import plan_steps
from kit.comparison.paired_t_test import Difference, Verdict, judge
from kit.comparison.pairing import Pairs, pair
from kit.comparison.seeds_needed import MOST, further_seeds
from kit.comparison.trajectory import Trajectory
from kit.reports.caveats import describe_left_out
from kit.significance import holm

FEW = settings(max_examples=25)  # of a correction by statsmodels each, and that is slow


@pytest.fixture(scope="module", autouse=True)
def frozen_garbage() -> None:
    """Keep what earlier tests left out of the garbage collection that statsmodels makes with every correction."""
    gc.freeze()


SHARES = st.floats(0, 1)
SAMPLES = st.lists(st.tuples(SHARES, SHARES), min_size=3, max_size=12)


def seeds(*differences: float, scale: float = 1.0) -> Pairs:
    return Pairs(differences=differences, method="seeds", seeds=len(differences), overlap=0.0, scale=scale)


def only(pairs: Pairs, *, comparisons: int = 1, smaller_is_better: bool = False) -> tuple[Difference, Verdict]:
    found, verdict = judge({"arm": pairs}, comparisons=comparisons, smaller_is_better=smaller_is_better)["arm"]
    assert found is not None
    return found, verdict


def runs(arm: str, values: dict[int, float], *, metric: str = "val_accuracy") -> list[Trajectory]:
    return [Trajectory(arm=arm, metrics={metric: [0.5, value]}, seed=seed) for seed, value in values.items()]


def folded(arm: str, values: dict[tuple[int, int], float]) -> list[Trajectory]:
    return [
        Trajectory(arm=arm, metrics={"val_accuracy": [value]}, seed=seed, fold=fold)
        for (seed, fold), value in values.items()
    ]


def verdicts(*arms: list[Trajectory], metric: str = "val_accuracy", folds: int = 0) -> list[ArmSummary]:
    return summarize([run for arm in arms for run in arm], metric, folds=folds)


@FEW
@given(SAMPLES)
def test_a_difference_is_what_the_paired_t_test_says(pairs: list[tuple[float, float]]) -> None:
    some, others = zip(*pairs, strict=True)
    assume(np.std(np.subtract(some, others)) > 1e-5)
    _, arm = verdicts(runs("base", dict(enumerate(others))), runs("arm", dict(enumerate(some))))
    expected = stats.ttest_rel(some, others)
    interval = expected.confidence_interval(0.95)
    found = arm.difference

    assert found is not None
    assert (len(pairs), "seeds") == (found.n, found.method)
    assert np.allclose((interval.low, interval.high), (found.low, found.high), rtol=1e-6, atol=1e-9)
    assert expected.pvalue == pytest.approx(found.p, rel=1e-6)
    assert stats.ttest_rel(some, others, alternative="greater").pvalue == pytest.approx(1 - found.probability, abs=1e-9)


@FEW
@given(st.lists(SAMPLES, min_size=1, max_size=5), st.integers(0, 3), st.booleans())
def test_no_arm_is_called_better_while_its_interval_holds_zero(
    samples: list[list[tuple[float, float]]], untested: int, smaller_is_better: bool
) -> None:
    arms = {str(place): seeds(*(a - b for a, b in sample)) for place, sample in enumerate(samples)}
    comparisons = len(arms) + untested
    judged = judge(arms, comparisons=comparisons, smaller_is_better=smaller_is_better)
    p = [1.0 if found is None or found.p is None else found.p for found, _ in judged.values()] + [1.0] * untested
    is_found, corrected, *_ = multipletests(p, alpha=0.05, method="holm")

    for (found, verdict), is_apart, p_holm in zip(judged.values(), is_found, corrected, strict=False):
        assert found is not None
        assert (verdict.outcome in {"better", "worse"}) == is_apart
        if found.p is not None:
            assert p_holm == pytest.approx(found.p_holm)
            assert found.p_holm >= found.p
        if is_apart:
            assert found.low is not None
            assert found.low > 0 or found.high < 0
            assert (verdict.outcome == "better") == ((found.mean < 0) == smaller_is_better)
            assert found.further_seeds is None


@FEW
@given(st.lists(st.floats(-1, 1), min_size=3, max_size=8))
def test_a_loss_is_an_accuracy_upside_down(differences: list[float]) -> None:
    found, verdict = only(seeds(*differences))
    mirrored, same = only(seeds(*(-value for value in differences)), smaller_is_better=True)

    assert verdict == same
    assert found.probability == pytest.approx(mirrored.probability)
    assert found.mean == pytest.approx(-mirrored.mean)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.0] * 5, "no evidence; the runs are equal"),
        ([1 / 36] * 5, "no evidence; all pairs differ by the same, which no test can judge"),
        ([0.1 + 0.2 - 0.3, 0.0, 0.0], "no evidence; the runs are equal"),
        ([np.float32(0.3) - 0.2, 0.1, 0.1], "no evidence; all pairs differ by the same, which no test can judge"),
    ],
)
def test_differences_without_spread_prove_nothing(values: list[float], words: str) -> None:
    found, verdict = only(seeds(*map(float, values)))

    assert ("no evidence", words) == (verdict.outcome, verdict.words)
    assert (None, None, None, None) == (found.low, found.p, found.p_holm, found.probability)


@FEW
@given(st.lists(st.integers(0, 4), min_size=3, max_size=6), st.integers(5, 40))
def test_counts_of_few_images_give_a_verdict_whatever_their_ties(right: list[int], images: int) -> None:
    base = runs("base", dict.fromkeys(range(len(right)), 0.5))
    _, arm = verdicts(base, runs("arm", {seed: 0.5 + count / images for seed, count in enumerate(right)}))

    assert arm.difference is not None
    assert (arm.difference.p is None) == (len(set(right)) == 1)
    assert arm.verdict.outcome in {"better", "no evidence"}


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=8), st.integers(1, 20))
def test_further_seeds_reach_the_wanted_power_and_one_less_does_not(differences: list[float], arms: int) -> None:
    assume(statistics.stdev(differences) > 1e-3)
    effect = abs(statistics.fmean(differences)) / statistics.stdev(differences)
    found = further_seeds(tuple(differences), 0.05 / arms)
    assume(not math.isinf(found) and effect < 1)  # where statsmodels' own two-sided power is a number

    def power(count: float) -> float:
        return float(TTestPower().power(effect, count, 0.05 / arms))

    assert power(len(differences) + found) >= 0.8
    assert found == 1 or power(len(differences) + found - 1) <= 0.8 + 1e-3


def test_seeds_without_number_are_not_promised() -> None:
    found, verdict = only(seeds(-0.1, 0.1, 0.0001), comparisons=20)

    assert math.isinf(found.further_seeds)
    assert f"no evidence; >{MOST:,} more seeds would settle it" == verdict.words


def test_a_verdict_counts_seeds_in_words() -> None:
    _, verdict = only(seeds(0.03, 0.01, 0.04, 0.01, 0.0))

    assert "no evidence; about 4 more seeds would settle it" == verdict.words


@pytest.mark.parametrize("effect", [0.01, 1.0, 10.0, 1e3, 1e6])
@pytest.mark.parametrize("level", [0.05, 0.05 / 647])
def test_power_is_a_number_for_effects_of_every_size(effect: float, level: float) -> None:
    values = (effect - 1, effect, effect + 1)

    assert further_seeds(values, level) >= 1


def test_three_seeds_are_needed_and_only_common_ones_count() -> None:
    base = runs("base", {0: 0.5, 1: 0.6, 2: 0.7})
    two, apart = runs("two", {1: 0.7, 2: 0.9, 7: 0.1}), runs("apart", {8: 0.9, 9: 0.9})
    _, some, none = verdicts(base, two, apart)

    assert some.difference is not None
    assert (2, None, None) == (some.difference.n, some.difference.low, some.difference.p)
    assert 0.15 == pytest.approx(some.difference.mean)
    assert "no evidence; three seeds are needed" == some.verdict.words
    assert (None, "no seed in common with the baseline") == (none.difference, none.verdict.words)


def test_a_diverged_run_spoils_its_arm_and_a_diverged_baseline_all() -> None:
    good, bad = runs("good", dict.fromkeys(range(5), 0.5)), runs("bad", dict.fromkeys(range(5), 0.7))
    bad[1] = Trajectory(arm="bad", metrics={"val_accuracy": [0.5, 0.7], "loss": [1.0, math.nan]}, seed=1)
    bad[3] = Trajectory(arm="bad", metrics={"val_accuracy": [0.5, math.nan]}, seed=3)
    _, arm = verdicts(good, bad)
    _, other = verdicts(bad, good)

    assert math.isnan(arm.last.mean)
    assert not math.isnan(arm.best.mean)
    assert ("diverged", "diverged in 2 of 5 runs") == (arm.verdict.outcome, arm.verdict.words)
    assert "the baseline diverged in 2 of 5 runs" == other.verdict.words
    assert (None, None) == (arm.difference, other.difference)


def test_a_metric_that_some_arms_lack_is_said_so() -> None:
    base = runs("base", dict.fromkeys(range(3), 0.5), metric="val_auc")
    _, arm = verdicts(base, runs("arm", dict.fromkeys(range(3), 0.5)), metric="val_auc")

    assert (None, "did not record val_auc") == (arm.last, arm.verdict.words)


@FEW
@given(st.dictionaries(st.integers(0, 9), st.floats(1e-9, 1), max_size=6), st.integers(0, 5))
def test_holm_counts_what_could_not_be_tested(p: dict[int, float], untested: int) -> None:
    corrected = holm(p, len(p) + untested)
    expected = multipletests([*p.values(), *[1.0] * untested], method="holm")[1][: len(p)] if p else []

    assert list(p) == list(corrected)
    assert np.allclose(expected, list(corrected.values()))


GRID = {(seed, fold): 0.5 + 0.01 * seed + 0.02 * fold for seed, fold in product(range(4), range(5))}


def test_folds_are_averaged_where_seeds_are_three() -> None:
    generator = np.random.default_rng(0)
    ours = {key: value + generator.normal(0.02, 0.05) for key, value in GRID.items()}
    del ours[2, 3]
    pairs = pair(folded("arm", ours), folded("base", GRID), "val_accuracy", folds=5)
    means = [np.mean([ours[key] - GRID[key] for key in ours if key[0] == seed]) for seed in range(4)]

    assert ("seeds, folds averaged", 4, 0.0) == (pairs.method, pairs.seeds, pairs.overlap)
    assert np.allclose(means, pairs.differences)


@pytest.mark.parametrize("count", [1, 2])
def test_folds_of_few_seeds_are_tested_as_nadeau_and_bengio_correct_it(count: int) -> None:
    generator = np.random.default_rng(count)
    base = {key: value for key, value in GRID.items() if key[0] < count}
    ours = {key: value + generator.normal(0.01, 0.02) for key, value in base.items()}
    _, arm = verdicts(folded("base", base), folded("arm", ours), folds=5)
    differences = np.asarray([ours[key] - base[key] for key in base])
    error = math.sqrt((1 / len(differences) + 1 / 4) * differences.var(ddof=1))
    expected = 2 * stats.t.sf(abs(differences.mean()) / error, len(differences) - 1)

    assert arm.difference is not None
    assert (5 * count, "folds") == (arm.difference.n, arm.difference.method)
    assert expected == pytest.approx(arm.difference.p)
    assert f"no evidence; {3 - count} more seed{'s' * (count < 2)} would tell more" == arm.verdict.words


def test_the_correction_for_folds_is_wider_than_none() -> None:
    values = (0.01, 0.02, 0.015, 0.03, 0.01)
    folds = Pairs(differences=values, method="folds", seeds=1, overlap=0.25, scale=1.0)
    (wide, _), (narrow, _) = only(folds), only(seeds(*values))

    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.p > narrow.p


@FEW
@given(
    st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=6),
    st.lists(SHARES, max_size=4),
    st.lists(SHARES, max_size=4),
)
def test_means_beside_a_difference_are_of_the_same_pairs(
    pairs: list[tuple[float, float]], more: list[float], others: list[float]
) -> None:
    ours, theirs = (dict(enumerate(column)) for column in zip(*pairs, strict=True))
    ours |= {100 + place: value for place, value in enumerate(more)}
    theirs |= {200 + place: value for place, value in enumerate(others)}
    _, arm = verdicts(runs("base", theirs), runs("arm", ours))
    shared = arm.shared

    assert shared is not None
    assert (len(pairs), len(pairs) + len(more) + len(others)) == (shared.n, shared.of)
    assert shared.is_whole == (not more and not others)
    assert np.mean([value for value, _ in pairs]) == pytest.approx(shared.arm.last.mean)
    assert arm.difference.mean == pytest.approx(shared.arm.last.mean - shared.reference.last.mean, abs=1e-9)
    assert [100 + place for place in range(len(more))] == [seed for seed, _ in shared.arm.left_out]
    assert [200 + place for place in range(len(others))] == [seed for seed, _ in shared.reference.left_out]


def test_an_arm_that_is_better_on_shared_seeds_shows_their_means() -> None:
    base = {0: 0.50, 1: 0.51, 2: 0.52, 3: 0.9, 4: 0.9}
    better = {0: 0.60, 1: 0.612, 2: 0.62, 5: 0.1, 6: 0.1}
    _, arm = verdicts(runs("base", base), runs("arm", better))

    assert "better" == arm.verdict.outcome
    assert arm.last.mean < np.mean(list(base.values()))  # over all seeds the other way round
    assert (0.61, 0.51) == pytest.approx((arm.shared.arm.last.mean, arm.shared.reference.last.mean), abs=1e-3)
    assert (
        "arm against base: 3 of 7 pairs, without seeds 5, 6 of arm and seeds 3, 4 of base;"
        " there arm has 0.6107 and base has 0.5100"
    ) == describe_left_out(arm.shared)


def test_means_of_uneven_folds_differ_by_the_mean_difference() -> None:
    generator = np.random.default_rng(5)
    ours = {key: value + generator.normal(0.02, 0.05) for key, value in GRID.items() if key[0] or not key[1]}
    _, arm = verdicts(folded("base", GRID), folded("arm", ours), folds=5)

    assert "seeds, folds averaged" == arm.difference.method
    assert (16, 20) == (arm.shared.n, arm.shared.of)
    assert arm.difference.mean == pytest.approx(arm.shared.arm.last.mean - arm.shared.reference.last.mean)
    assert "without seed 0, fold 1; seed 0, fold 2; " in describe_left_out(arm.shared)


@FEW
@given(st.lists(st.lists(SHARES, min_size=4, max_size=4), min_size=3, max_size=5))
def test_steps_are_paired_with_the_arm_before_and_all_tests_are_corrected_together(columns: list[list[float]]) -> None:
    arms = {f"arm{place}": column for place, column in enumerate(columns)}
    every = [runs(name, dict(enumerate(column))) for name, column in arms.items()]
    names = list(arms)
    assume(all(np.std(np.subtract(arms[one], arms[other])) > 1e-3 for one, other in combinations(names, 2)))
    found = summarize([run for arm in every for run in arm], "val_accuracy", steps=plan_steps(names))
    tests = [(one, names[0]) for one in names[1:]] + list(zip(names[2:], names[1:], strict=False))
    p = [stats.ttest_rel(arms[one], arms[other]).pvalue for one, other in tests]
    corrected = dict(zip(tests, multipletests(p, method="holm")[1], strict=True))

    assert found[0].step is None
    for before, arm in pairwise(found):
        assert (arm.name, before.name) == (arm.step.arm, arm.step.reference)
        assert corrected[arm.name, names[0]] == pytest.approx(arm.difference.p_holm)
        assert corrected[arm.name, before.name] == pytest.approx(arm.step.difference.p_holm)
        assert arm.step.difference.mean == pytest.approx(np.mean(np.subtract(arms[arm.name], arms[before.name])))


def test_a_step_says_which_arm_stands_in_its_way() -> None:
    base, lost = runs("base", dict.fromkeys(range(3), 0.5)), runs("lost", dict.fromkeys(range(3), math.nan))
    last, apart = runs("last", {0: 0.5, 1: 0.6, 2: 0.8}), runs("apart", {7: 0.5})
    every = [base, lost, last, apart]
    found = summarize(
        [run for arm in every for run in arm], "val_accuracy", steps=plan_steps(["base", "lost", "last", "apart"])
    )

    assert [
        "diverged in 3 of 3 runs",
        "lost diverged in 3 of 3 runs",
        "no seed in common with last",
    ] == [arm.step.verdict.words for arm in found[1:]]
