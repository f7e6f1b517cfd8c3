"""A dataset at another size with the same split, and the best arms trained again on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from made import Made
from trained import SETTINGS, write_images

import kit
from kit.ablation import plan_ablation, run_plan
from kit.ablation.retrain import check_retrain, rank_arms, retrain_best
from kit.ablation.retrained_splits import find_apart, measure_retrained
from kit.conversion.reshard import plan_again, shard_again
from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.errors import ShardError, SpecError
from kit.reports.comparison import Appendix
from kit.reports.retrained import retrained_table
from kit.reports.table import Table
from kit.runs.mean_and_sd import MeanAndSD


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("again")


@pytest.fixture(scope="module")
def pairs(root: Path) -> Dataset:
    """Images of two classes, some of them twice, with a test split."""
    write_images(root / "pairs", 120, ("dark", "light"))
    for number in range(0, 40, 4):
        shutil.copy(root / "pairs" / "dark" / f"{number:03d}.png", root / "pairs" / "dark" / f"copy-{number}.png")
    (root / "pairs" / "light" / "broken.png").write_bytes(b"nothing")
    return kit.shard(
        root / "pairs", name="pairs", size=(8, 8), split=(0.6, 0.2, 0.2), max_rejects=1, seed=3, root=root, workers=1
    )


def keys(dataset: Dataset) -> dict[str, list[str]]:
    return {split: sorted(e.key for e in read_examples(dataset, split)) for split in dataset.manifest.splits}


@pytest.mark.parametrize("settings", [{"data.size": "12"}, {"data.size": "10x14", "data.channels": "1"}])
def test_another_size_has_the_same_split(pairs: Dataset, root: Path, settings: dict[str, str]) -> None:
    again = shard_again(pairs, plan_again(pairs, settings), workers=1, root=root)
    height, width = kit.specs.parse_size(settings["data.size"])

    assert keys(pairs) == keys(again)
    assert pairs.manifest.duplicates == again.manifest.duplicates
    assert (height, width, int(settings.get("data.channels", 3))) == again.shape
    assert pairs.manifest.fingerprint != again.manifest.fingerprint
    assert again.manifest.name == "-".join(["pairs", *settings.values()])
    assert again == shard_again(pairs, plan_again(pairs, settings), workers=1, root=root)


def test_images_of_another_size_are_those_of_the_source(pairs: Dataset, root: Path) -> None:
    again = shard_again(pairs, plan_again(pairs, {"data.size": "16"}), workers=1, root=root)
    read = {e.key: e.pixels for split in again.manifest.splits for e in read_examples(again, split)}
    original = cv2.imread(str(root / "pairs" / "dark" / "000.png"))

    assert np.array_equal(original[..., ::-1], read["dark/000.png"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data.split": "0.5,0.5"}, "data.split would change the split; only data.size, data.fit, data.channels"),
        ({"data.size": "big"}, "size 'big' must read 32"),
        ({"data.channels": "2"}, "channels must be one of 1, 3"),
    ],
)
def test_settings_that_cannot_be_are_named(pairs: Dataset, root: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        shard_again(pairs, plan_again(pairs, settings), root=root)


def test_a_source_that_changed_or_went_is_named(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 40, ("dark", "light"))
    dataset = kit.shard(tmp_path / "images", name="images", root=tmp_path, workers=1)
    (tmp_path / "images" / "dark" / "000.png").unlink()
    with pytest.raises(ShardError, match=r"has changed since .* was made: its split would not be the same"):
        shard_again(dataset, plan_again(dataset, {"data.size": "8"}), root=tmp_path)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(ShardError, match=r"was made from .*, which is not there; shard it at the other size yourself"):
        shard_again(dataset, plan_again(dataset, {"data.size": "8"}), root=tmp_path)


def test_a_lost_list_of_duplicates_is_named(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 40, ("dark", "light"))
    shutil.copy(tmp_path / "images" / "dark" / "000.png", tmp_path / "images" / "dark" / "copy.png")
    dataset = kit.shard(tmp_path / "images", name="images", root=tmp_path, workers=1)
    listed = dataset.folder / "duplicates.csv"
    for text in ("set,input,split,fold,class\n0,elsewhere.png,train,,dark\n", "nothing\n1\n"):
        listed.write_text(text)
        with pytest.raises(
            ShardError, match=r"duplicates.csv was changed after kit wrote it; restore it, or shard again"
        ):
            plan_again(dataset, {"data.size": "8"})
    listed.unlink()
    with pytest.raises(ShardError, match=r"duplicates.csv is missing; restore it, or shard again"):
        plan_again(dataset, {"data.size": "8"})


@pytest.mark.slow
def test_the_best_arms_are_trained_again_and_measured_on_all_splits(pairs: Dataset, root: Path) -> None:
    axes = [kit.parse_axis("model.filters", "[2],[8],[16]")]
    settings = {**SETTINGS, "train.epochs": 2}
    plan = plan_ablation(
        pairs.manifest.name, axes, recipe="histopathologic-cancer", settings=settings, seeds=2, design="grid", root=root
    )
    run_plan(plan, jobs=2)
    retrained = retrain_best(plan, 2, {"data.size": "12"}, jobs=2, root=root)
    arms = measure_retrained(retrained, root=root)
    table = retrained_table(retrained, arms)
    ranked = rank_arms(plan)

    assert {arm for arm, _ in ranked[:2]} == {arm.name for arm in arms}
    assert [arm.name for arm in arms] == [row[0] for row in table.rows]
    assert sorted((arm.test.mean for arm in arms), reverse=True) == [arm.test.mean for arm in arms]
    assert sorted((mean for _, mean in ranked), reverse=True) == [mean for _, mean in ranked]
    for arm in arms:
        specs = [run.spec() for run in retrained.runs[arm.name]]
        means = [figure.mean for figure in (arm.train, arm.validation, arm.test) if figure]

        assert [0, 1] == [spec.seed for spec in specs]
        assert {"pairs-12"} == {spec.dataset for spec in specs}
        assert 3 == len(means)
        apart = sum(abs(mean - arm.test.mean) > 0.01 for mean in means[:2])
        assert ("", "one side", "both sides")[apart] == arm.apart
    assert retrained.folder != plan.folder
    assert (retrained.folder / "ablation.json").is_file()


def test_without_a_labelled_test_split_nothing_is_retrained(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 40, ("dark", "light"))
    kit.shard(tmp_path / "images", name="images", root=tmp_path, workers=1)
    plan = plan_ablation(
        "images", [], recipe="histopathologic-cancer", settings=SETTINGS, seeds=1, design="grid", root=tmp_path
    )

    with pytest.raises(ShardError, match="images has no test split to measure the best arms on; shard it with"):
        check_retrain(plan, 1, {})


@pytest.mark.parametrize(
    ("count", "settings", "message"),
    [
        (0, {}, "count must be 1 to 2, the arms, got 0"),
        (3, {}, "count must be 1 to 2"),
        (1, {"data.size": "abc"}, "size 'abc' must read 32"),
        (1, {"data.size": "3"}, "does not fit in block 1"),
        (1, {"data.seed": "3"}, "data.seed would change the split"),
    ],
)
def test_what_could_not_be_retrained_is_refused_before_the_ablation(
    pairs: Dataset, root: Path, count: int, settings: dict[str, str], message: str
) -> None:
    axes = [kit.parse_axis("model.filters", "[4],[8]")]
    plan = plan_ablation(
        pairs.manifest.name, axes, recipe="histopathologic-cancer", settings=SETTINGS, seeds=1, design="grid", root=root
    )

    with pytest.raises(SpecError, match=message):
        check_retrain(plan, count, settings)


PUBLISHED = [  # train, validation and test accuracy of the project's ten arms, per cent, by test accuracy
    (75.9, 75.2, 77.2, "both sides"),
    (73.8, 73.4, 74.8, "one side"),  # train is one point away, and not more
    (73.7, 73.3, 74.5, "one side"),
    (73.5, 72.6, 74.2, "one side"),
    (74.3, 73.7, 73.6, ""),
    (71.0, 72.1, 70.9, "one side"),
    (72.7, 73.0, 69.1, "both sides"),
    (70.5, 69.6, 68.5, "both sides"),
    (73.6, 68.8, 68.5, "one side"),
    (66.0, 66.6, 61.9, "both sides"),
]


@pytest.mark.parametrize(("train", "validation", "test", "apart"), PUBLISHED)
def test_accuracies_a_point_apart_are_marked_on_one_side_or_both(
    train: float, validation: float, test: float, apart: str
) -> None:
    assert apart == find_apart(*(MeanAndSD(value / 100, None) for value in (train, validation, test)))


def test_arms_that_were_trained_again_are_in_every_file_of_the_comparison(tmp_path: Path) -> None:
    shown = Table("trained again", ("arm", "apart"), (("pool=3", "both sides"),))
    more = [Appendix(name="retrained", heading="Trained again", shown=shown, exact=shown)]
    made = Made(tmp_path / "runs")
    for side in (2, 3):
        made.finish(f"pool={side}", 0, [0.5], settings={"model.pool": side})
    comparison = kit.compare(made.folder)
    kit.write_comparison(comparison, tmp_path / "out", html=True, more=more)

    for name in ("report.html", "comparison.md", "comparison.tex", "retrained.csv"):
        assert "both sides" in (tmp_path / "out" / name).read_text()
