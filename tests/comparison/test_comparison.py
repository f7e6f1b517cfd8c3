"""Comparisons of folders of runs: which arms there are, what is left out, one seed, settings, tables and pictures."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import FINGERPRINT, Made, predict
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

import kit
from kit.comparison.collect import describe_pruned, is_by_product
from kit.errors import RunError
from kit.reports.caveats import comparison_remarks
from kit.reports.comparison import comparison_tables
from kit.reports.differences import plot_differences
from kit.reports.latex import latex
from kit.reports.table import Table
from kit.runs.directory import Position, Pruned
from kit.training.checkpoint_owner import OWNER, owned_history, owner

PUBLISHED = Path(__file__).parents[3] / "shared" / "published" / "histopathology_histories.json"
OTHER = "f" * 16
PICTURE = b"\x89PNG"


def pool(side: int) -> dict[str, object]:
    return {"model.pool": side}


@pytest.fixture
def ablation(tmp_path: Path) -> Made:
    """Three arms of three seeds: pool 2, better by about .1 with 3, equal with 4."""
    made = Made(tmp_path / "runs" / "first")
    for seed in range(3):
        base = 0.6 + 0.01 * seed
        made.finish("pool=2", seed, [0.5, base], settings=pool(2), more={"val_auc": [0.5, 0.75 + 0.01 * seed**2]})
        made.finish("pool=3", seed, [0.5, base + 0.1 + 0.002 * seed], settings=pool(3), more={"val_auc": [0.5, 0.7]})
        made.finish("pool=4", seed, [0.5, base], settings=pool(4), more={"val_auc": [0.5, 0.75]})
    made.plan("pool=2", "pool=3", "pool=4")
    return made


def test_arms_stand_as_planned_and_verdicts_in_words(ablation: Made) -> None:
    comparison = kit.compare(ablation.folder)

    assert [
        ("pool=2", 3, "baseline"),
        ("pool=3", 3, "better"),
        ("pool=4", 3, "no evidence; the runs are equal"),
    ] == [(arm.name, arm.n, arm.verdict.words) for arm in comparison.arms]
    assert ("val_accuracy", "pool=2") == (comparison.metric, comparison.baseline)


def test_another_arm_may_be_the_baseline(ablation: Made) -> None:
    first, *others = kit.compare(ablation.folder, baseline="pool=3").arms

    assert ("pool=3", None) == (first.name, first.difference)
    assert [("pool=2", "worse"), ("pool=4", "worse")] == [(arm.name, arm.verdict.words) for arm in others]
    with pytest.raises(RunError, match=r"unknown arm 'pool=5'.* Known: pool=2, pool=3, pool=4"):
        kit.compare(ablation.folder, baseline="pool=5")


def test_any_recorded_metric_may_be_chosen(ablation: Made) -> None:
    comparison = kit.compare(ablation.folder, metric="val_auc")
    base, arm, _ = comparison.arms

    assert 0.75 + 0.05 / 3 == pytest.approx(base.last.mean)
    assert -0.05 - 0.05 / 3 == pytest.approx(arm.difference.mean)
    assert "no evidence; about 1 more seed would settle it" == arm.verdict.words
    with pytest.raises(RunError, match=r"unknown metric 'val_f'.* Known: accuracy, auc, average_precision"):
        kit.compare(ablation.folder, metric="val_f")
    with pytest.raises(
        RunError, match=r"validation_predictions.csv is missing; val_f1 was not recorded and needs them"
    ):
        kit.compare(ablation.folder, metric="val_f1")


def test_a_smaller_loss_is_better_and_the_monitor_chooses_the_best_epoch(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for seed in range(3):
        for side, loss in ((2, 0.8), (3, 0.5)):
            more = {"loss": [0.9, 0.3], "val_loss": [0.7 - 0.1 * seed, loss + 0.01 * seed * side]}
            made.finish(f"pool={side}", seed, [0.6, 0.5], settings=pool(side), more=more)
    base, arm = kit.compare(tmp_path, metric="val_loss").arms

    assert "better" == arm.verdict.words
    assert arm.difference.mean < 0
    assert 0.6 == pytest.approx(base.best.mean)  # of epoch 1, where val_accuracy is best
    assert 0.82 - 0.3 == pytest.approx(base.gap.mean)


def test_histories_from_elsewhere_choose_the_best_epoch_by_the_metric(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text('{"accuracy": [1, 1, 1], "val_accuracy": [0.5, 0.9, 0.7], "val_loss": [0.3, 0.2, 0.1]}')

    assert 0.1 == kit.compare(path, metric="val_loss").arms[0].best.mean
    assert 0.9 == kit.compare(path).arms[0].best.mean


def test_single_published_runs_prove_nothing() -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the published histories are not beside the repository")
    comparison = kit.compare(PUBLISHED)

    assert {"no evidence; three seeds are needed"} == {arm.verdict.words for arm in comparison.arms[1:]}
    assert ((), None) == (comparison.images, comparison.factors)


def test_arms_of_several_ablations_are_told_apart_by_their_settings(ablation: Made, tmp_path: Path) -> None:
    second = Made(tmp_path / "runs" / "second")
    for seed in (2, 3):  # seed 2 is there already
        second.finish("wide", seed, [0.5, 0.6], settings=pool(2))
    second.finish("pool=3", 0, [0.5, 0.9], settings={**pool(3), "train.batch_size": 32})
    second.plan("wide", "pool=3")
    comparison = kit.compare(ablation.folder, second.folder)

    assert [("pool=2", 4), ("first/pool=3", 3), ("pool=4", 3), ("second/pool=3", 1)] == [
        (arm.name, arm.n) for arm in comparison.arms
    ]
    assert "found twice, equal in settings and seed, and counted once: wide, seed 2 (1)" in comparison_remarks(
        comparison
    )
    assert "equal settings, so one arm: pool=2, wide" in comparison_remarks(comparison)


def test_runs_named_twice_count_once(ablation: Made) -> None:
    twice = kit.compare(ablation.folder, ablation.folder / "pool=2" / "seed-1")

    assert kit.compare(ablation.folder).arms == twice.arms
    assert (
        "found twice, equal in settings and seed, and counted once: pool=2, seed 1 (1)" == comparison_remarks(twice)[0]
    )


def test_files_of_one_name_are_two_arms(tmp_path: Path) -> None:
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "history.csv").write_text("accuracy,val_accuracy\n0.5,0.5\n")
    first, second = kit.compare(tmp_path / "before" / "history.csv", tmp_path / "after" / "history.csv").arms

    assert first.name.endswith("before/history")
    assert second.name.endswith("after/history")


def test_other_datasets_compare_only_when_asked(ablation: Made, tmp_path: Path) -> None:
    other = Made(tmp_path / "runs" / "other")
    other.finish("pool=2", 0, [0.5, 0.9], settings=pool(2), fingerprint=OTHER)
    with pytest.raises(RunError, match=rf"made \({FINGERPRINT}\), made \({OTHER}\).*across_datasets=True"):
        kit.compare(ablation.folder, other.folder)
    comparison = kit.compare(ablation.folder, other.folder, across_datasets=True)

    assert 4 == len(comparison.arms)
    assert "first/pool=2" == comparison.baseline
    assert comparison_remarks(comparison)[0].startswith("warning: runs of different datasets, made (")


def test_what_has_no_figures_is_named_with_its_reason(ablation: Made) -> None:
    pruned = ablation.begin("pool=5", 0, {"accuracy": [0.5, 0.6], "val_accuracy": [0.5, 0.6]}, settings=pool(5))
    pruned.prune(Pruned(epochs=2, rank=2, arms=3))
    for seed in range(3):
        failed = ablation.begin("pool=6", seed, {"accuracy": [0.5], "val_accuracy": [0.5]}, settings=pool(6))
        failed.fail("out of memory")
    left = ablation.begin("pool=8", 0, {"accuracy": [0.5], "val_accuracy": [0.5]}, settings=pool(8))
    ablation.plan("pool=2", "pool=3", "pool=4", "pool=5", "pool=6", "pool=7", refused={"pool=99": "does not fit"})
    comparison = kit.compare(ablation.folder)

    assert kit.compare(ablation.folder, baseline="pool=2").arms == comparison.arms
    assert 3 == len(comparison.arms)
    assert (left.path,) == comparison.unfinished
    assert ["pool=5"] == [run.arm for run in comparison.pruned]
    assert [
        ("pool=5", 0, "pruned by halving after 2 epochs, 2nd of 3 arms"),
        ("pool=6", 0, "failed: out of memory"),
        ("pool=6", 1, "failed: out of memory"),
        ("pool=6", 2, "failed: out of memory"),
        ("pool=99", None, "does not fit"),
    ] == [(one.arm, one.seed, one.reason) for one in comparison.left_out]
    assert (
        ("pool=5", "0", "pruned by halving after 2 epochs, 2nd of 3 arms"),
        ("pool=6", "0, 1, 2", "failed: out of memory"),
        ("pool=99", "all", "does not fit"),
    ) == comparison_tables(comparison)[-1].rows


@pytest.mark.parametrize("name", ["spec.json", "history.csv", "halted.json"])
def test_a_halted_run_whose_files_were_changed_is_refused(tmp_path: Path, name: str) -> None:
    made = Made(tmp_path / "halved")
    made.finish("pool=2", 0, [0.5, 0.6])
    halted = made.begin("pool=5", 0, {"accuracy": [0.5, 0.6], "val_accuracy": [0.5, 0.6]}, settings=pool(5))
    halted.prune(Pruned(epochs=2, rank=2, arms=3))
    made.plan("pool=2", "pool=5")
    path = halted.path / name
    written = path.read_bytes()
    path.write_bytes(written.replace(b"5", b"4", 1) if b"5" in written else written.replace(b"2", b"1", 1))

    with pytest.raises(RunError, match=rf"{name} was changed after"):
        kit.compare(made.folder)


def test_an_unfinished_history_counts_as_far_as_its_checkpoint_goes(tmp_path: Path) -> None:
    run = Made(tmp_path / "begun").begin("pool=2", 0, {"accuracy": [0.5, 0.6], "val_accuracy": [0.5, 0.6]})

    assert [] == owned_history(run).rows
    with h5py.File(run.checkpoint(Position(2)), "w") as file:
        file.create_group(OWNER).attrs.update(owner(run, Position(2), run.history().digest()))
    assert run.history().rows == owned_history(run).rows
    run.history_file.write_text(run.history_file.read_text().replace("val_accuracy", "val_auc"))
    with pytest.raises(RunError, match=r"history\.csv was changed since epoch-00002\.weights\.h5 was written"):
        owned_history(run)


def test_a_baseline_that_failed_is_stood_in_for(ablation: Made) -> None:
    for seed in range(3):
        run = ablation.folder / "pool=2" / f"seed-{seed}"
        (run / "result.json").unlink()
        (run / "failure.json").write_text('{"reason": "out of memory"}')
    comparison = kit.compare(ablation.folder)

    assert ["pool=3", "pool=4"] == [arm.name for arm in comparison.arms]
    assert (
        "first/pool=2 was planned as the baseline and has no finished run; pool=3 stands in for it"
        in comparison_remarks(comparison)
    )


def test_where_all_runs_failed_the_first_reason_is_said(tmp_path: Path) -> None:
    made = Made(tmp_path / "bad")
    for seed in range(2):
        made.begin("pool=2", seed, {"accuracy": [0.5], "val_accuracy": [0.5]}).fail("out of memory")

    with pytest.raises(RunError, match=r"none of the 2 runs is finished; pool=2, seed 0, failed: out of memory"):
        kit.compare(made.folder)


def test_a_run_that_an_earlier_version_pruned_opens_and_is_written_as_before(ablation: Made) -> None:
    run = ablation.begin("pool=5", 0, {"accuracy": [0.5], "val_accuracy": [0.5]}, settings=pool(5))
    (run.path / "halted.json").write_text('{"epochs": 1, "place": 2, "arms": 3}')
    read = run.pruned
    run.prune(Pruned(epochs=2, rank=1, arms=3))

    assert Pruned(epochs=1, rank=2, arms=3) == read
    written = json.loads((run.path / "halted.json").read_text())
    assert {"epochs": 2, "place": 1, "arms": 3} == {name: written[name] for name in ("epochs", "place", "arms")}
    assert is_by_product(run.path / "halted.json")


@pytest.mark.parametrize(
    ("place", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_places_are_counted_as_people_say_them(place: int, said: str) -> None:
    assert f"pruned by halving after 1 epoch, {said} of 30 arms" == describe_pruned(
        Pruned(epochs=1, rank=place, arms=30)
    )


def test_diverged_runs_are_said_so(ablation: Made) -> None:
    ablation.finish("pool=3", 1, [0.5, 0.5], settings=pool(3), more={"val_auc": [0.5, 0.5], "val_loss": [1, math.nan]})
    _, arm, other = kit.compare(ablation.folder).arms

    assert "diverged in 1 of 3 runs" == arm.verdict.words
    assert math.isnan(arm.last.mean)
    assert "no evidence; the runs are equal" == other.verdict.words


def test_folds_are_paired_with_folds(tmp_path: Path) -> None:
    made = Made(tmp_path / "folds")
    generator = np.random.default_rng(0)
    for side, seed, fold in product((2, 3), range(2), range(5)):
        value = float(0.6 + 0.05 * side + generator.normal(0, 0.01))
        made.finish(f"pool={side}", seed, [value], settings=pool(side), fold=fold)
    comparison = kit.compare(made.folder)
    _, arm = comparison.arms

    assert (10, 10, "folds") == (arm.n, arm.difference.n, arm.difference.method)
    assert any("Nadeau & Bengio 2003" in line for line in comparison_remarks(comparison))


def test_a_run_on_the_own_split_is_one_on_fold_0(tmp_path: Path) -> None:
    made = Made(tmp_path / "folds")
    for side, seed, fold in product((2, 3), range(3), (None, 0, 1)):
        made.finish(f"pool={side}", seed, [0.6 + 0.05 * side + 0.01 * seed * side], settings=pool(side), fold=fold)
    comparison = kit.compare(made.folder)

    assert [6, 6] == [arm.n for arm in comparison.arms]
    assert 3 == comparison.arms[1].difference.n
    assert any("counted once: pool=2, seed 0, fold 0" in line for line in comparison_remarks(comparison))


def test_settings_on_folds_are_tested_by_seeds_or_not_at_all(tmp_path: Path) -> None:
    made, generator = Made(tmp_path / "folds"), np.random.default_rng(0)
    for side, seed, fold in product((2, 3), range(3), range(3)):
        value = float(0.6 + 0.01 * side + generator.normal(0, 0.01))
        made.finish(f"pool={side}", seed, [value], settings=pool(side), fold=fold)
    both = kit.compare(made.folder)
    for side, fold in product((2, 3), range(3)):
        shutil.rmtree(made.folder / f"pool={side}" / f"seed-2-fold-{fold}")
    few = kit.compare(made.folder)

    tested = both.factors.main[0].tested
    assert both.arms[1].difference.p == pytest.approx(tested.p)  # of two levels, F is the square of t
    assert few.factors.main[0].tested is None
    assert 6 == few.factors.main[0].levels[0].n


def test_arms_that_halving_stopped_count_among_those_compared(ablation: Made) -> None:
    alone = kit.compare(ablation.folder).arms[1].difference
    for side in (5, 6, 7):
        run = ablation.begin(f"pool={side}", 0, {"accuracy": [0.5], "val_accuracy": [0.5]}, settings=pool(side))
        run.prune(Pruned(epochs=1, rank=4, arms=6))
    after = kit.compare(ablation.folder).arms[1].difference

    assert alone.p == after.p
    assert min(1.0, alone.p * 2) == pytest.approx(alone.p_holm)
    assert min(1.0, alone.p * 5) == pytest.approx(after.p_holm)


def test_a_run_that_lost_its_settings_is_unfinished(ablation: Made) -> None:
    run = kit.compare(ablation.folder).trajectories[0].run
    (run.path / "spec.json").unlink()

    assert not run.is_finished


# What one seed can say.


@pytest.fixture
def predicted(ablation: Made) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Predictions of seeds 0 and 1 of two arms."""
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 2, 200)
    chances = {
        arm: np.clip(truth * sharp + generator.uniform(0, 1 - sharp, 200), 0, 1)
        for arm, sharp in (("pool=2", 0.2), ("pool=3", 0.4))
    }
    for arm, values in chances.items():
        for seed in (0, 1):
            run = kit.compare(ablation.folder / arm / f"seed-{seed}").trajectories[0].run
            predict(run, truth.tolist(), values.tolist())
    return truth, chances


def test_one_seed_is_compared_image_by_image(
    ablation: Made, predicted: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    truth, chances = predicted
    base, arm = ((chances[name] > 0.5) == truth for name in ("pool=2", "pool=3"))
    comparison = kit.compare(ablation.folder)
    (found,) = comparison.images
    table = [[(base & arm).sum(), (~base & arm).sum()], [(base & ~arm).sum(), (~base & ~arm).sum()]]

    assert ("pool=3", 0, None, 200) == (found.arm, found.seed, found.fold, found.images)
    assert (table[0][1], table[1][0]) == (found.only_here, found.only_baseline)
    assert mcnemar(table, exact=True).pvalue == pytest.approx(found.p)
    assert arm.mean() - base.mean() == pytest.approx(found.accuracy.difference)
    error = 1.96 * np.std(arm.astype(float) - base) / math.sqrt(200)
    assert (-error, error) == pytest.approx(
        (found.accuracy.low - found.accuracy.difference, found.accuracy.high - found.accuracy.difference), rel=0.15
    )
    assert found.auc is None
    assert kit.compare(ablation.folder).images == comparison.images
    assert any("pool=4" in line and "is missing" in line for line in comparison_remarks(comparison))


def test_areas_are_compared_where_they_are_the_metric(
    ablation: Made, predicted: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    truth, chances = predicted
    (found,) = kit.compare(ablation.folder, metric="val_auc").images
    base, arm = (roc_auc_score(truth, chances[name]) for name in ("pool=2", "pool=3"))

    assert (arm, arm - base) == pytest.approx((found.auc.value, found.auc.difference))
    assert found.auc.low < found.auc.difference < found.auc.high


def test_two_runs_of_different_seeds_compare_image_by_image(
    ablation: Made, predicted: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    truth, chances = predicted
    (found,) = kit.compare(ablation.folder / "pool=2" / "seed-0", ablation.folder / "pool=3" / "seed-1").images
    arm, base = ((chances[name] > 0.5) == truth for name in ("pool=3", "pool=2"))

    assert (1, int((arm & ~base).sum())) == (found.seed, found.only_here)


def test_two_runs_are_enough_for_what_one_seed_can_say(
    ablation: Made, predicted: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    del predicted
    both = kit.compare(ablation.folder / "pool=3" / "seed-1", ablation.folder / "pool=2" / "seed-1")
    title = "what seed 1 alone can say, by best weights: of 200 validation images (one: 0.0050), not of trainings"

    assert ["pool=3", "pool=2"] == [arm.name for arm in both.arms]
    assert ["pool=2"] == [one.arm for one in both.images]
    assert title in [table.title for table in comparison_tables(both)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,label,no,yes\nother,no,0.5,0.5\nimage,no,0.5,0.5\n",
            "predictions are of other images than the baseline's",
        ),
        ("id,label,no,yes\nimage-0,perhaps,0.5,0.5\n", "its labels are no columns ('perhaps'), and the run's dataset"),
        ("id,label,no,yes\nimage-0,no,0.5\n", "is damaged"),
        ("id,label,no,yes\nimage-0,no,half,half\n", "is damaged"),
        ("id,label,no,yes\n", "is empty"),
        ("", "is damaged"),
    ],
)
def test_predictions_that_do_not_fit_are_a_remark(
    ablation: Made, predicted: tuple[np.ndarray, dict[str, np.ndarray]], text: str, message: str
) -> None:
    del predicted
    (ablation.folder / "pool=3" / "seed-0" / "validation_predictions.csv").write_text(text)
    comparison = kit.compare(ablation.folder)

    assert () == comparison.images
    assert any(message in line for line in comparison_remarks(comparison))


def test_the_order_of_predictions_does_not_matter_and_nan_is_wrong(
    ablation: Made, predicted: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    del predicted
    path = ablation.folder / "pool=3" / "seed-0" / "validation_predictions.csv"
    (before,) = kit.compare(ablation.folder).images
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *rows[::-1]]) + "\n")
    (after,) = kit.compare(ablation.folder).images
    path.write_text("\n".join([head, *(re.sub(r",[\d.]+,[\d.]+$", ",nan,nan", row) for row in rows)]) + "\n")
    (spoilt,) = kit.compare(ablation.folder).images

    assert before == after
    assert (0, 0.0) == (spoilt.only_here, spoilt.accuracy.value)


# What each setting does.


def grid(folder: Path, *, seeds: int = 2, missing: int = 0, spread: float = 0.01) -> Made:
    """Two positions of batch norm, three batch sizes; the position matters."""
    made = Made(folder / "grid")
    generator = np.random.default_rng(1)
    arms = list(product(("before", "after"), (16, 32, 64)))
    for position, size in arms[: len(arms) - missing]:
        for seed in range(seeds):
            value = float(0.7 + spread * (5 * (position == "after") + generator.normal()))
            settings = {"model.bn_position": position, "train.batch_size": size}
            made.finish(f"{position},{size}", seed, [value], settings=settings)
    made.plan(*(f"{position},{size}" for position, size in arms))
    return made


def test_settings_of_a_grid_are_analysed_by_repeated_measures_as_statsmodels_does(tmp_path: Path) -> None:
    comparison = kit.compare(grid(tmp_path, seeds=4).folder)
    factors = comparison.factors
    data = {"y": [], "seed": [], "position": [], "size": []}
    for run in comparison.trajectories:
        values = (run.last("val_accuracy"), run.seed, run.spec.model.bn_position, run.spec.train.batch_size)
        for column, value in zip(data.values(), values, strict=True):
            column.append(value)
    expected = AnovaRM(pd.DataFrame(data), "y", "seed", within=["position", "size"]).fit().anova_table
    position, size = factors.main
    terms = {"position": position, "size": size, "position:size": factors.interaction}

    assert (("bn_position",), ("batch_size",)) == (position.settings, size.settings)
    assert ("bn_position", "batch_size") == factors.interaction.settings
    assert (6, 0, 4, {}) == (factors.combinations, factors.missing, factors.seeds, factors.incomplete)
    for term, effect in terms.items():
        f, effects, errors = expected.loc[term, ["F Value", "Num DF", "Den DF"]]
        assert f == pytest.approx(effect.tested.f)
        assert f * effects / (f * effects + errors) == pytest.approx(effect.tested.share)
        assert 1 - 1e-9 <= effect.tested.df1 <= effects
        assert expected["Pr > F"][term] <= effect.tested.p + 1e-9 <= effect.p_holm + 1e-9 or f < 1
    assert expected["Pr > F"]["position"] == pytest.approx(position.tested.p)  # of two levels, nothing is corrected
    corrected = multipletests([effect.tested.p for effect in terms.values()], method="holm")[1]
    assert list(corrected) == pytest.approx([effect.p_holm for effect in terms.values()])
    before = [y for y, where in zip(data["y"], data["position"], strict=True) if where == "before"]
    assert (12, np.mean(before), np.std(before, ddof=1)) == pytest.approx(
        (position.levels[0].n, position.levels[0].figure.mean, position.levels[0].figure.sd)
    )
    assert abs(position.levels[1].figure.mean - position.levels[0].figure.mean) == pytest.approx(position.size)


def factor_title(comparison: kit.Comparison) -> str:
    (title,) = [table.title for table in comparison_tables(comparison) if "by setting" in table.title]
    return title


def test_copies_of_one_training_are_not_runs_of_their_own(tmp_path: Path) -> None:
    made, generator = Made(tmp_path / "copies"), np.random.default_rng(0)
    trained = {place: generator.normal(0.7, 0.02, 4) for place in ("before", "after")}
    for place, seed, momentum in product(trained, range(4), (0.5, 0.75, 0.9)):
        value = float(trained[place][seed] + generator.normal(0, 0.001))
        settings = {"model.bn_position": place, "model.bn_momentum": momentum}
        made.finish(f"{place},{momentum}", seed, [value], settings=settings)
    comparison = kit.compare(made.folder)
    rows = [(run.spec.model.bn_position, run.seed, run.last("val_accuracy")) for run in comparison.trajectories]
    means = pd.DataFrame(rows).groupby([0, 1])[2].mean()
    position = comparison.factors.main[0]

    assert stats.ttest_rel(means["before"], means["after"]).pvalue == pytest.approx(position.tested.p)


def test_a_seed_without_every_combination_is_left_out_and_named(tmp_path: Path) -> None:
    made = grid(tmp_path, seeds=5)
    shutil.rmtree(made.folder / "after,32" / "seed-3")
    made.finish("before,64", 1, [math.nan], settings={"model.bn_position": "before", "train.batch_size": 64})
    factors = (comparison := kit.compare(made.folder)).factors
    for seed in (1, 3):
        for run in made.folder.glob(f"*/seed-{seed}"):
            shutil.rmtree(run)
    whole = kit.compare(made.folder).factors

    assert (3, {1: ("before", "64"), 3: ("after", "32")}) == (factors.seeds, factors.incomplete)
    assert (whole.main, whole.interaction) == (factors.main, factors.interaction)
    lacking = "bn_position=before,batch_size=64"
    said = f"3 of 5 seeds (repeated measures); left out: seeds 1, 3 (the first has no figure of {lacking})"
    assert factor_title(comparison).endswith(said)


def test_a_seed_that_diverged_everywhere_is_named_too(tmp_path: Path) -> None:
    made = grid(tmp_path, seeds=4)
    for position, size in product(("before", "after"), (16, 32, 64)):
        settings = {"model.bn_position": position, "train.batch_size": size}
        made.finish(f"{position},{size}", 3, [math.nan], settings=settings)
    comparison = kit.compare(made.folder)

    assert (3, [3]) == (comparison.factors.seeds, list(comparison.factors.incomplete))
    assert "3 of 4 seeds (repeated measures); left out: seed 3, without a figure of" in factor_title(comparison)


def test_two_complete_seeds_are_not_tested(tmp_path: Path) -> None:
    comparison = kit.compare(grid(tmp_path, seeds=2).folder)

    assert [None, None] == [effect.tested for effect in comparison.factors.main]
    assert [6, 6] == [level.n for level in comparison.factors.main[0].levels]
    assert comparison.factors.interaction is None
    assert "no p: three seeds with all 6 combinations are needed, 2 here" in factor_title(comparison)


def test_a_missing_combination_leaves_the_means_without_a_test(tmp_path: Path) -> None:
    comparison = kit.compare(grid(tmp_path, seeds=4, missing=1).folder)
    factors = comparison.factors

    assert (6, 1, 0, None) == (factors.combinations, factors.missing, factors.seeds, factors.interaction)
    assert [None, None] == [effect.tested for effect in factors.main]
    assert [12, 8] == [level.n for level in factors.main[0].levels]
    assert "no p: 1 of 6 combinations is missing" in factor_title(comparison)


def test_half_a_grid_has_no_factors(tmp_path: Path) -> None:
    assert kit.compare(grid(tmp_path, missing=2).folder).factors is None


def test_equal_runs_are_not_tested(tmp_path: Path) -> None:
    factors = kit.compare(grid(tmp_path, seeds=3, spread=0.0).folder).factors

    assert (3, None) == (factors.seeds, factors.interaction)
    assert [(0.0, None, None), (0.0, None, None)] == [(one.size, one.tested, one.p_holm) for one in factors.main]


def test_one_setting_is_a_factor_without_a_table_of_its_own(ablation: Made) -> None:
    comparison = kit.compare(ablation.folder)

    assert [("pool",)] == [effect.settings for effect in comparison.factors.main]
    assert [("2",), ("3",), ("4",)] == [level.values for level in comparison.factors.main[0].levels]  # noqa: PD011 (no pandas)
    assert not any("by setting" in table.title for table in comparison_tables(comparison))


# Tables and pictures.


def test_a_comparison_is_written_as_tables_and_pictures(tmp_path: Path) -> None:
    made = grid(tmp_path, seeds=3)
    made.begin("lost", 0, {"accuracy": [0.5], "val_accuracy": [0.5]}).fail("out of memory")
    comparison = kit.compare(made.folder)
    files = {path.name: path for path in kit.write_comparison(comparison, tmp_path / "out", html=True)}
    rows = list(csv.DictReader(files["comparison.csv"].read_text().splitlines()))

    assert {path.name for path in (tmp_path / "out").iterdir()} == set(files)
    assert {"comparison.md", "comparison.tex", "factors.csv", "left_out.csv", "report.html"} <= set(files)
    assert {"curves.png", "differences.png", "factors.png", "curves-before,16.png"} <= set(files)
    assert all(path.read_bytes().startswith(PICTURE) for name, path in files.items() if name.endswith(".png"))
    for arm, row in zip(comparison.arms, rows, strict=True):
        assert (arm.name, arm.verdict.words) == (row["arm"], row["verdict"])
        assert arm.last.mean == float(row["last_mean"])
        if arm.difference:
            assert (arm.difference.p_holm, arm.difference.low) == (
                float(row["difference_p_holm"]),
                float(row["difference_low"]),
            )
    for part in ("val_accuracy by setting", "left out", "the baseline", "out of memory"):
        assert part in files["report.html"].read_text()


def test_many_arms_make_few_pictures_and_short_screens(tmp_path: Path) -> None:
    made = Made(tmp_path / "many")
    for batch in range(1, 46):
        made.finish(f"batch={batch}", 0, [0.5 + 0.01 * batch], settings={"train.batch_size": batch})
    made.plan(*(f"batch={batch}" for batch in range(1, 46)))
    comparison = kit.compare(made.folder)
    files = [path.name for path in kit.write_comparison(comparison, tmp_path / "out")]
    verdicts, *_ = comparison_tables(comparison, most=5)

    assert 12 == sum(name.startswith("curves-") for name in files)
    assert {"curves-batch=1.png", "curves-batch=45.png"} <= set(files)
    whole, figures, *_ = comparison_tables(comparison)
    ranked = ["batch=1", *(f"batch={batch}" for batch in range(45, 1, -1))]
    rows = csv.DictReader((tmp_path / "out" / "comparison.csv").read_text().splitlines())

    assert ranked[:5] == [row[0] for row in verdicts.rows]
    assert verdicts.title.endswith("from the best on; 4 best of 44")
    assert ranked == [row[0] for row in whole.rows] == [row[0] for row in figures.rows] == [row["arm"] for row in rows]


def test_a_row_over_some_seeds_shows_the_means_of_its_pairs(tmp_path: Path) -> None:
    made = Made(tmp_path / "runs")
    for side, values in ((2, {0: 0.5, 1: 0.51, 2: 0.52, 3: 0.9}), (3, {0: 0.6, 1: 0.612, 2: 0.62, 4: 0.1})):
        for seed, value in values.items():
            made.finish(f"pool={side}", seed, [value + 0.01, value], settings=pool(side))
    comparison = kit.compare(made.folder)
    table = comparison_tables(comparison)[0]
    kit.write_comparison(comparison, tmp_path / "out")
    _, exact = csv.DictReader((tmp_path / "out" / "comparison.csv").read_text().splitlines())
    shown = [np.mean([0.6, 0.612, 0.62]) + more for more in (0.0, 0.01)]

    assert ("4", "3 of 5\npairs") == (table.rows[0][1], table.rows[1][1])
    assert [f"{mean:.4f}" for mean in shown] == [cell.splitlines()[0] for cell in table.rows[1][2:4]]
    assert ", or the pairs there are" in table.title
    assert any(
        "3 of 5 pairs, without seed 4 of pool=3 and seed 3 of pool=2; " in line
        for line in comparison_remarks(comparison)
    )
    assert ("4", "3", "5", "4", "3") == tuple(
        exact[name] for name in ("n", "pairs", "pairs_of", "paired_left_out", "reference_left_out")
    )
    assert np.mean([0.6, 0.612, 0.62, 0.1]) == pytest.approx(float(exact["last_mean"]))
    assert (shown[0], 0.51) == pytest.approx((float(exact["paired_last_mean"]), float(exact["reference_last_mean"])))


LADDER = """
description = "a ladder of pools"
design = "ladder"
[[arms]]
name = "pool=2"
settings = { "model.pool" = 2 }
[[arms]]
name = "pool=3"
settings = { "model.pool" = 3 }
[[arms]]
name = "pool=4"
settings = { "model.pool" = 4 }
"""


@pytest.fixture
def ladder(ablation: Made, tmp_path: Path) -> Path:
    recipe = tmp_path / "own.toml"
    recipe.write_text(LADDER)
    plan = {"arms": ["pool=2", "pool=3", "pool=4"], "recipe": str(recipe)}
    (ablation.folder / "ablation.json").write_text(json.dumps(plan))
    return ablation.folder


def test_the_arms_of_a_ladder_are_compared_with_the_one_before_too(ladder: Path, tmp_path: Path) -> None:
    comparison = kit.compare(ladder)
    files = {path.name: path for path in kit.write_comparison(comparison, tmp_path / "out", html=True)}
    rows = list(csv.DictReader(files["steps.csv"].read_text().splitlines()))
    verdicts, steps, *_ = comparison_tables(comparison)
    _, second, third = comparison.arms

    assert [("pool=3", "pool=2"), ("pool=4", "pool=3")] == [(row["arm"], row["reference"]) for row in rows]
    assert ["better", "worse"] == [row["outcome"] for row in rows] == [row[-1] for row in steps.rows]
    assert second.step.difference == second.difference  # the same test, counted once: three are made
    assert 3 * second.difference.p == pytest.approx(second.difference.p_holm)
    assert third.step.difference.p_holm == float(rows[1]["difference_p_holm"])
    assert ["baseline", "better"] == [row[-1] for row in verdicts.rows][:2]
    assert files["steps.png"].read_bytes().startswith(PICTURE)
    for name in ("report.html", "comparison.md", "comparison.tex"):
        assert "each arm against the one before" in files[name].read_text()


def test_against_says_which_arms_are_compared(ladder: Path, ablation: Made) -> None:
    first = kit.compare(ladder, against="first")
    moved = kit.compare(ladder, baseline="pool=4")
    ablation.plan("pool=2", "pool=3", "pool=4")

    assert {None} == {arm.step for arm in first.arms} == {arm.step for arm in kit.compare(ladder).arms}
    assert [("pool=4", "pool=3"), None, ("pool=3", "pool=2")] == [
        arm.step and (arm.step.arm, arm.step.reference) for arm in moved.arms
    ]
    assert [None, "pool=2", "pool=3"] == [
        arm.step and arm.step.reference for arm in kit.compare(ladder, against="previous").arms
    ]


def test_a_ladder_of_which_an_arm_is_no_step_is_none(ladder: Path, ablation: Made) -> None:
    ablation.finish("pool=9", 0, [0.5], settings=pool(9))

    assert {None} == {arm.step for arm in kit.compare(ladder).arms}


def test_without_a_second_arm_there_are_no_differences_to_draw(ablation: Made) -> None:
    assert plot_differences(kit.compare(ablation.folder / "pool=2")) is None


def test_a_comparison_answers_in_json(ablation: Made, capsys: pytest.CaptureFixture[str]) -> None:
    from kit.cli.compare import show

    show(kit.compare(ablation.folder), None, as_json=True)
    answer = json.loads(capsys.readouterr().out)
    _, better, _ = answer["arms"]

    assert ("val_accuracy", "pool=2") == (answer["metric"], answer["baseline"])
    assert "better" == better["verdict"]["outcome"]
    assert 0 < better["difference"]["p"] <= better["difference"]["p_holm"] < 0.05
    assert {"images", "factors", "left_out", "unfinished", "remarks", "files"} <= set(answer)


def test_a_plan_that_is_gone_leaves_arms_by_name(ablation: Made) -> None:
    (ablation.folder / "ablation.json").unlink()
    shutil.move(ablation.folder / "pool=2", ablation.folder / "z")

    assert ["pool=2", "pool=3", "pool=4"] == sorted(arm.name for arm in kit.compare(ablation.folder).arms)


def test_a_table_becomes_latex() -> None:
    table = Table(
        "a_b", ("arm", "Δ, 95 %\ninterval"), (("bn_position=x,\ny=1", "+0.10\n[-0.20,\n+0.40]"), ("[z", "± <1"))
    )

    assert (
        "% a_b\n\\begin{tabular}{lr}\n\\toprule\narm & $\\Delta$, 95 \\% interval \\\\\n\\midrule\n"
        "bn\\_position=x,y=1 & $+0.10$ [$-0.20$,$+0.40$] \\\\\n{}[z & $\\pm$ $<$1 \\\\\n\\bottomrule\n\\end{tabular}\n"
        == latex(table)
    )


@given(st.lists(st.text("\\{}$&%#_^~<>±-+1a, \n[*é—", max_size=12), min_size=1, max_size=4))
def test_no_text_breaks_out_of_a_latex_cell(cells: list[str]) -> None:
    text = latex(Table("", tuple(cells), (tuple(cells),)))
    bare = re.sub(r"\\[&%$#_{}]", "", text)  # escaped characters
    _, head, _, row, *_ = bare.splitlines()[1:]

    assert 7 == len(text.splitlines())
    assert bare.count("{") == bare.count("}")
    assert 0 == bare.count("$") % 2
    assert "#" not in bare
    assert "%" not in bare
    assert len(cells) - 1 == head.count("&") == row.count("&")
