"""Tests within seeds: what statsmodels, SciPy and pingouin say of repeated measures, and how often they are false."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from kit.comparison.repeated_measures import analyse_repeated

# Five seeds, two levels by three, and what pingouin 0.7.0 says of them:
# rm_anova(within=["a", "b"], subject="seed", detailed=True, effsize="np2"), columns F, p_GG_corr, eps, np2.
MEASURED = [
    [[0.687, 0.688, 0.691], [0.706, 0.710, 0.702]],
    [[0.637, 0.674, 0.705], [0.680, 0.666, 0.688]],
    [[0.660, 0.699, 0.705], [0.674, 0.711, 0.709]],
    [[0.691, 0.723, 0.732], [0.659, 0.716, 0.714]],
    [[0.718, 0.720, 0.738], [0.722, 0.730, 0.727]],
]
PINGOUIN = {
    (0,): (0.250311, 0.643130, 1.0, 0.058892),
    (1,): (6.666883, 0.035287, 0.740052, 0.625008),
    (0, 1): (1.306358, 0.317818, 0.525098, 0.246187),
}


@pytest.mark.parametrize(("axes", "expected"), PINGOUIN.items())
def test_effects_are_what_pingouin_says(axes: tuple[int, ...], expected: tuple[float, ...]) -> None:
    found = analyse_repeated(np.array(MEASURED), axes)
    freedom = 2 if 1 in axes else 1

    assert expected == pytest.approx((found.f, found.p, found.df1 / freedom, found.share), abs=1e-6)
    assert found.df1 * 4 == pytest.approx(found.df2)


GRIDS = st.tuples(st.integers(3, 8), st.integers(2, 4), st.integers(2, 4), st.integers(0, 10_000))


@settings(deadline=None, max_examples=50)
@given(GRIDS)
def test_an_effect_is_the_textbooks_sums_of_squares_and_epsilon(grid: tuple[int, int, int, int]) -> None:
    """Kirk, Experimental Design, 4th ed., 8.4: by sums of squares, and epsilon from the double-centred covariances."""
    seeds, levels, others, seed = grid
    generator = np.random.default_rng(seed)
    values = generator.normal(0.7, 0.05, (seeds, levels, others)) * generator.uniform(0.2, 1, (levels, 1))
    found = analyse_repeated(values, (0,))
    means = values.mean(axis=2)
    effect = others * seeds * np.sum((means.mean(axis=0) - means.mean()) ** 2)
    residuals = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    error = others * np.sum(residuals**2)
    centre = np.eye(levels) - 1 / levels
    covariance = centre @ np.cov(means, rowvar=False) @ centre
    epsilon = np.trace(covariance) ** 2 / ((levels - 1) * np.sum(covariance**2))
    f = effect / error * (seeds - 1)

    assert (f, effect / (effect + error)) == pytest.approx((found.f, found.share))
    assert ((levels - 1) * epsilon, (levels - 1) * (seeds - 1) * epsilon) == pytest.approx((found.df1, found.df2))
    assert stats.f.sf(f, found.df1, found.df2) == pytest.approx(found.p)


@settings(deadline=None, max_examples=50)
@given(GRIDS)
def test_an_interaction_of_two_by_two_is_a_t_test_of_differences(grid: tuple[int, int, int, int]) -> None:
    seeds, _, others, seed = grid
    values = np.random.default_rng(seed).normal(0.7, 0.05, (seeds, 2, others, 2))
    differences = values.mean(axis=2) @ [1, -1] @ [1, -1]
    expected = stats.ttest_1samp(differences, 0)
    found = analyse_repeated(values, (0, 2))

    assert (expected.statistic**2, expected.pvalue) == pytest.approx((found.f, found.p))


@settings(deadline=None, max_examples=50)
@given(GRIDS, st.floats(-1, 1))
def test_what_a_seeds_runs_have_in_common_changes_nothing(grid: tuple[int, int, int, int], shift: float) -> None:
    seeds, levels, others, seed = grid
    generator = np.random.default_rng(seed)
    values = generator.normal(0.7, 0.05, (seeds, levels, others))
    assume(abs(shift) > 1e-3)
    moved = values + shift * generator.normal(size=(seeds, 1, others))

    for axes in ((0,), (0, 1)):
        assert analyse_repeated(values, axes).p == pytest.approx(analyse_repeated(moved, axes).p, rel=1e-6)
    assert analyse_repeated(values, (1,)).p != pytest.approx(analyse_repeated(moved, (1,)).p, rel=1e-6)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_contrasts_that_do_not_vary_are_not_tested(noise: float) -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(0.7, 0.1, (4, 1)) + [0, 0.1, 0.2] + noise * generator.normal(size=(4, 3))

    assert analyse_repeated(values, (0,)) is None


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spread", [1, 6], ids=["equal spread", "one level spreads six times as much"])
def test_copies_of_one_training_are_told_apart_in_5_percent_at_most(seeds: int, spread: float) -> None:
    """Two trainings a seed, four copies of each that correlate .9, and no effect."""
    generator = np.random.default_rng(0)
    grids, spreads = 600, 0.01 * np.array([spread, 1, 1, 1])
    trained, copied = (generator.normal(size=(grids, seeds, 2, levels)) for levels in (1, 4))
    values = 0.7 + spreads * (np.sqrt(0.9) * trained + np.sqrt(0.1) * copied)

    for axes in ((0,), (1,), (0, 1)):
        false = sum(analyse_repeated(one, axes).p < 0.05 for one in values)
        assert stats.binomtest(false, grids).proportion_ci(0.999).low <= 0.05
