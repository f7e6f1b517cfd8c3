from __future__ import annotations

import json
import math
import re
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import SETTINGS

import kit
from kit.ablation import plan_ablation
from kit.ablation.arms import plan_arms
from kit.ablation.forecast import forecast
from kit.comparison.trajectory import volatility
from kit.datasets import Dataset
from kit.errors import RunError, SpecError, WorkspaceError
from kit.locks import locked
from kit.runs import RunDirectory
from kit.runs.mean_and_sd import mean_and_sd_of
from kit.specs import override, read_recipe
from kit.specs.recipe import DEFAULT_RECIPE

PUBLISHED = Path(__file__).parents[3] / "shared" / "published" / "histopathology_histories.json"
AXES = [kit.parse_axis("model.bn_position", "before,after")]
SHORT = {**SETTINGS, "train.epochs": 2}
FINITE = st.floats(-1e6, 1e6)


def test_values_of_an_axis_may_be_lists() -> None:
    assert ("0.99", "0.5") == kit.parse_axis("model.bn_momentum", "0.99, 0.5").values
    assert ("[32, 64]", "[16,32]") == kit.parse_axis("model.filters", "[32, 64],[16,32]").values


def test_a_grid_is_every_combination_in_the_order_given() -> None:
    axes = [*AXES, kit.parse_axis("model.bn_momentum", "0.99,0.5")]
    names = [arm.name for arm in plan_arms(axes, read_recipe().base, "grid")]

    assert [
        "bn_position=before,bn_momentum=0.99",
        "bn_position=before,bn_momentum=0.5",
        "bn_position=after,bn_momentum=0.99",
        "bn_position=after,bn_momentum=0.5",
    ] == names


def test_one_at_a_time_is_the_recipe_and_each_change_from_it() -> None:
    axes = [*AXES, kit.parse_axis("model.bn_momentum", "0.99,0.5"), kit.parse_axis("model.filters", "[32,64],[16]")]
    names = [arm.name for arm in plan_arms(axes, read_recipe().base, "one-at-a-time")]

    assert [
        "bn_position=before,bn_momentum=0.99,filters=32-64",
        "bn_position=after",
        "bn_momentum=0.5",
        "filters=16",
    ] == names


@given(
    momenta=st.lists(st.sampled_from(["0.1", "0.2", "0.3", "0.4"]), min_size=1, unique=True),
    sizes=st.lists(st.sampled_from(["8", "16", "32"]), min_size=1, unique=True),
)
def test_arms_are_distinct_and_a_grid_has_the_product_of_its_axes(momenta: list[str], sizes: list[str]) -> None:
    axes = [kit.parse_axis("model.bn_momentum", ",".join(momenta)), kit.parse_axis("train.batch_size", ",".join(sizes))]
    base = read_recipe().base
    arms = plan_arms(axes, base, "grid")

    assert len(momenta) * len(sizes) == len(arms)
    assert len(arms) == len({override(base, dict(arm.settings)) for arm in arms}) == len({arm.name for arm in arms})


@pytest.mark.parametrize(
    ("path", "values", "message"),
    [
        ("model.bn_momntum", "0.5", r"did you mean 'model.bn_momentum'"),
        ("model.bn_momentum", "0.5,1.5", r"bn_momentum must be in \[0, 1\), got 1.5"),
        ("model.bn_momentum", "0.5,0.50", r"arms 'bn_momentum=0.5' and 'bn_momentum=0.50' are the same"),
        ("model.bn_momentum", "0.5,0.5", r"names a value twice"),
        ("model.bn_momentum", ",", r"needs values"),
        ("model.bn_momentum", "0.5,,0.9", r"needs values, as in .*; got '0.5,,0.9'"),
        ("model.filters", "[16,32", r"needs values, as in .*; got '\[16,32'"),
        ("model.filters", "[16,32][8,8]", r"needs values, as in .*; got '\[16,32\]\[8,8\]'"),
    ],
)
def test_axes_that_cannot_be_are_refused(path: str, values: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        plan_arms([kit.parse_axis(path, values)], read_recipe().base, "grid")


@given(st.lists(FINITE, min_size=2))
def test_figures_are_mean_and_sample_deviation(values: list[float]) -> None:
    found = mean_and_sd_of(values)

    assert found is not None
    assert math.isclose(np.mean(values), found.mean, abs_tol=1e-6)
    assert math.isclose(np.std(values, ddof=1), found.sd or 0, rel_tol=1e-6, abs_tol=1e-6)


def test_a_single_run_has_no_spread_and_nan_stays_nan() -> None:
    assert mean_and_sd_of([]) is None
    assert None is mean_and_sd_of([0.5]).sd
    assert math.isnan(mean_and_sd_of([0.5, math.nan]).mean)


@given(st.lists(FINITE, min_size=2))
def test_volatility_ignores_direction_and_level(values: list[float]) -> None:
    expected = statistics.fmean(np.abs(np.diff(values)))

    assert expected == pytest.approx(volatility(values), rel=1e-9)
    assert expected == pytest.approx(volatility(values[::-1]), rel=1e-9)
    assert volatility(values[:1]) is None
    assert 0 == volatility([values[0]] * 3)


def test_published_histories_give_the_published_table() -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the published histories are not beside the repository")
    arms = kit.compare(PUBLISHED).arms
    table = [
        (
            arm.name,
            *(round(getattr(arm, name).mean, 4) for name in ("accuracy", "last", "best", "volatility")),
        )
        for arm in arms
    ]

    assert [
        ("bn_position=before", 0.8444, 0.7460, 0.8247, 0.0671),
        ("bn_position=after", 0.8206, 0.8072, 0.8072, 0.1378),
        ("momentum=0.99", 0.8405, 0.6893, 0.8206, 0.0915),
        ("momentum=0.75", 0.8423, 0.8469, 0.8536, 0.0420),
        ("momentum=0.5", 0.8494, 0.8341, 0.8451, 0.0203),
        ("momentum=0.25", 0.8432, 0.8436, 0.8479, 0.0139),
    ] == table


def test_histories_of_keras_csv_logger_and_old_metric_names_compare(tmp_path: Path) -> None:
    new, old = tmp_path / "new.csv", tmp_path / "old.json"
    new.write_text("epoch,accuracy,loss,lr,val_accuracy,val_loss\n0,0.5,0.7,0.1,0.4,0.8\n1,0.75,0.5,0.1,0.6,0.7\n")
    old.write_text(json.dumps({"acc": [0.5, 0.8], "val_acc": [0.7, 0.5], "loss": [1, 0.5], "val_loss": [1, 2]}))
    first, second = kit.compare(new, old).arms

    assert ("new", "old") == (first.name, second.name)
    assert (0.75, 0.6, 0.6) == (first.accuracy.mean, first.val_accuracy.mean, first.best.mean)
    assert (0.5, 0.7) == (second.val_accuracy.mean, second.best.mean)
    assert math.isclose(0.2, second.volatility.mean)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("broken.json", "{", r"neither a CSV nor JSON of Keras histories"),
        ("empty.json", "{}", r"holds no Keras history"),
        ("loss.json", '{"loss": [1, 2]}', r"history '' has no accuracy and no val_accuracy; it has loss"),
        ("uneven.json", '{"a": {"accuracy": [1], "val_accuracy": [1, 2]}}', r"lists of different lengths"),
        ("text.csv", "epoch,accuracy\n0,good\n", r"not a CSV of numbers"),
        ("short.csv", "accuracy,val_accuracy\n0.5\n", r"not a CSV of numbers"),
        ("empty.csv", "", r"holds no epoch"),
        ("header.csv", "epoch,accuracy,val_accuracy\n", r"holds no epoch"),
    ],
)
def test_files_that_are_no_histories_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(RunError, match=message) as refusal:
        kit.compare(path)
    assert name in str(refusal.value)


def test_unknown_runs_name_the_nearest(run: RunDirectory, workspace: Path) -> None:
    with pytest.raises(RunError, match=rf"did you mean '{run.path.name}'"):
        kit.compare(run.path.name[:-1], root=workspace)


def test_runs_of_different_datasets_do_not_compare(run: RunDirectory, tmp_path: Path) -> None:
    other = RunDirectory(tmp_path / "other")
    spec = run.spec()
    other.claim(
        type(spec)(**{name: getattr(spec, name) for name in spec.__struct_fields__} | {"fingerprint": "f" * 16})
    )
    (other.path / "history.csv").write_bytes((run.path / "history.csv").read_bytes())
    other.finish(run.result())

    with pytest.raises(
        RunError, match=r"different datasets do not compare: tiny \(.*\), tiny \(ffff.*across_datasets=True"
    ):
        kit.compare(run.path, other.path)


@pytest.fixture(scope="module")
def ablation(tiny: Dataset, workspace: Path) -> Path:
    return kit.ablate(tiny.manifest.name, AXES, settings=SHORT, seeds=2, jobs=1, root=workspace).path


def histories(folder: Path) -> dict[str, list[list[float]]]:
    names = ("accuracy", "loss", "val_accuracy", "val_loss")
    return {
        path.parent.relative_to(folder).as_posix(): [RunDirectory(path.parent).history().column(name) for name in names]
        for path in folder.rglob("result.json")
    }


def test_an_ablation_runs_every_arm_on_every_seed(ablation: Path) -> None:
    assert {f"bn_position={position}/seed-{seed}" for position in ("before", "after") for seed in (0, 1)} == set(
        histories(ablation)
    )


def test_arms_are_compared_pairwise_with_the_first(ablation: Path, workspace: Path) -> None:
    comparison = kit.compare(ablation, root=workspace)
    before, after = comparison.arms

    assert ("bn_position=before", 2, None) == (before.name, before.n, before.difference)
    assert math.isclose(after.difference.mean, after.val_accuracy.mean - before.val_accuracy.mean, abs_tol=1e-12)
    assert before.parameters == after.parameters
    assert () == comparison.unfinished


def test_the_same_command_again_trains_nothing(ablation: Path, tiny: Dataset, workspace: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in ablation.rglob("result.json")}
    again = kit.ablate(tiny.manifest.name, AXES, settings=SHORT, seeds=2, jobs=1, root=workspace)

    assert ablation == again.path
    assert before == {path: path.stat().st_mtime_ns for path in ablation.rglob("result.json")}


def test_the_handle_of_an_ablation_has_its_runs_and_compares_them_and_stands_for_its_folder(
    ablation: Path, tiny: Dataset, workspace: Path
) -> None:
    handle = kit.ablate(tiny.manifest.name, AXES, settings=SHORT, seeds=2, jobs=1, root=workspace)

    assert sorted(path.parent for path in ablation.rglob("result.json")) == sorted(run.path for run in handle.runs)
    assert all(run.is_finished for run in handle.runs)
    assert (0, {}, 0) == (handle.left, handle.failed, handle.pruned)
    assert ablation == Path(handle) == Path(str(handle)) == handle.path
    assert kit.compare(ablation, metric="val_loss").arms == handle.compare(metric="val_loss").arms
    assert kit.compare(handle).arms == handle.compare().arms


@pytest.mark.slow
def test_more_seeds_extend_the_same_ablation_and_other_settings_begin_another(
    ablation: Path, tiny: Dataset, workspace: Path
) -> None:
    before = histories(ablation)
    more = kit.ablate(tiny.manifest.name, AXES, settings=SHORT, seeds=3, jobs=2, root=workspace).path
    other = kit.ablate(
        tiny.manifest.name, [], settings={**SHORT, "train.epochs": 1}, seeds=1, jobs=1, root=workspace
    ).path

    assert more == ablation != other
    assert 6 == len(histories(more))
    assert before.items() <= histories(more).items()


@pytest.mark.slow
def test_figures_do_not_depend_on_how_many_trials_run_at_a_time(
    ablation: Path, tiny: Dataset, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "tfrecords").symlink_to(workspace / "tfrecords")
    together = kit.ablate(tiny.manifest.name, AXES, settings=SHORT, seeds=2, jobs=2, root=tmp_path).path
    again = kit.ablate(
        tiny.manifest.name, AXES, settings={**SHORT, "train.threads": 1}, seeds=2, jobs=1, root=workspace
    )

    assert ablation == again.path
    assert histories(together).items() <= histories(ablation).items()
    assert 4 == len(histories(together))


def test_one_command_at_a_time_runs_an_ablation(ablation: Path, tiny: Dataset, workspace: Path) -> None:
    with locked(ablation), pytest.raises(WorkspaceError, match="another kit command is writing"):
        kit.ablate(tiny.manifest.name, AXES, settings=SHORT, seeds=2, jobs=1, root=workspace)


def test_unfinished_runs_are_left_out_and_named(ablation: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ablation, copy)
    missing = copy / "bn_position=after" / "seed-1"
    (missing / "result.json").unlink()
    comparison = kit.compare(copy)

    assert (missing,) == comparison.unfinished
    assert missing not in [path.parent for path in copy.rglob("result.json")]


def test_a_broken_result_names_its_file_and_the_next_step(ablation: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ablation, copy)
    broken = copy / "bn_position=after" / "seed-1"
    (broken / "result.json").write_text('{"epochs": 2')

    with pytest.raises(
        RunError, match=r"seed-1/result\.json: not JSON: .*; remove the folder .* run its command again"
    ):
        kit.compare(copy)


def test_an_unknown_dataset_is_named_before_anything_runs(workspace: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"did you mean 'tiny'"):
        kit.ablate("tinny", AXES, root=workspace)


def test_histories_of_three_seeds_get_a_verdict_and_nan_is_a_result(tmp_path: Path) -> None:
    for seed in range(3):
        (tmp_path / f"base-seed-{seed}.csv").write_text(f"epoch,accuracy,val_accuracy\n0,0.5,0.5{seed}\n")
    base = [tmp_path / f"base-seed-{seed}.csv" for seed in range(3)]
    runs = {f"seed {seed}": {"accuracy": [0.5], "val_accuracy": [0.7 + seed / 90]} for seed in range(3)}
    diverged = {"accuracy": [0.5], "val_accuracy": [math.nan]}
    (tmp_path / "others.json").write_text(json.dumps({"sgd": runs, "adam": diverged}))
    comparison = kit.compare(*base, tmp_path / "others.json")

    assert [("base", 3, "baseline"), ("sgd", 3, "better"), ("adam", 1, "diverged")] == [
        (arm.name, arm.n, arm.verdict.outcome) for arm in comparison.arms
    ]


def test_a_batch_that_the_split_does_not_fill_is_left_out(tiny: Dataset, workspace: Path) -> None:
    axes = [kit.parse_axis("train.batch_size", "16,100000")]
    plan = plan_ablation(
        tiny.manifest.name, axes, recipe=DEFAULT_RECIPE, settings=SETTINGS, seeds=1, design="grid", root=workspace
    )

    assert ["batch_size=16"] == list(plan.arms)
    assert "fewer than a batch of 100000" in plan.refused["batch_size=100000"]


@pytest.mark.slow
def test_arms_that_do_not_fit_are_left_out_with_the_reason(tiny: Dataset, tmp_path: Path, workspace: Path) -> None:
    root = linked(tmp_path, workspace)
    axes = [kit.parse_axis("model.pool", "2,12")]
    folder = kit.ablate(
        tiny.manifest.name,
        axes,
        settings={**SETTINGS, "model.filters": "4,8", "train.epochs": 1},
        seeds=1,
        jobs=1,
        root=root,
    ).path
    plan = json.loads((folder / "ablation.json").read_text())

    assert ["pool=2"] == plan["arms"]
    assert re.match(r"model.kernel=3 does not fit in block 2, which gets 1x1 pixels", plan["refused"]["pool=12"])
    assert ["pool=2"] == [arm.name for arm in kit.compare(folder).arms]


def test_where_no_arm_fits_the_reason_is_said_before_anything_is_written(
    tiny: Dataset, tmp_path: Path, workspace: Path
) -> None:
    root = linked(tmp_path, workspace)

    with pytest.raises(SpecError, match=r"model.kernel=3 does not fit in block 2, which gets 1x1 pixels"):
        kit.ablate(tiny.manifest.name, [kit.parse_axis("model.pool", "12,13")], root=root)
    assert not (root / "runs").exists()


def linked(tmp_path: Path, workspace: Path) -> Path:
    """Make a workspace of other runs on the same datasets."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "tfrecords").symlink_to(workspace / "tfrecords")
    return root


@pytest.mark.slow
def test_a_recipe_s_own_arms_are_run_as_published(tiny: Dataset, tmp_path: Path, workspace: Path) -> None:
    recipe = tmp_path / "own.toml"
    recipe.write_text(RECIPE)
    folder = kit.ablate(tiny.manifest.name, recipe=str(recipe), seeds=2, jobs=2, root=linked(tmp_path, workspace)).path
    specs = {arm: RunDirectory(folder / arm / "seed-1").spec() for arm in ("small", "wider", "longer")}

    assert folder.name.startswith("tiny-own-")
    assert ["small", "wider", "longer"] == [arm.name for arm in kit.compare(folder).arms]
    assert [(4,), (8,), (8,)] == [spec.model.filters for spec in specs.values()]
    assert [1, 1, 2] == [spec.train.epochs for spec in specs.values()]


RECIPE = """
description = "a ladder"
design = "ladder"
[model]
filters = [4]
dense = []
pool = 2
[train]
epochs = 1
batch_size = 16
[[arms]]
name = "small"
published = { test_accuracy = 0.5 }
[[arms]]
name = "wider"
settings = { "model.filters" = [8] }
[[arms]]
name = "longer"
settings = { "train.epochs" = 2 }
"""


def test_one_arm_of_a_recipe_keeps_its_name(tiny: Dataset, workspace: Path) -> None:
    name = "histopathologic-cancer/after"
    plan = plan_ablation(tiny.manifest.name, [], recipe=name, settings=SETTINGS, seeds=1, design="grid", root=workspace)

    assert {"after": "after"} == {arm: spec.model.bn_position for arm, spec in plan.arms.items()}


def test_data_are_settled_when_an_ablation_begins(tiny: Dataset, workspace: Path) -> None:
    with pytest.raises(SpecError, match=r"data.size: the data are settled when they are sharded; shard the source of"):
        kit.ablate(tiny.manifest.name, AXES, settings={"data.size": "8"}, root=workspace)


def test_a_forecast_counts_parameters_and_time_and_trains_nothing(
    tiny: Dataset, tmp_path: Path, workspace: Path
) -> None:
    root = linked(tmp_path, workspace)
    axes = [kit.parse_axis("model.filters", "[4,8],[32,64]"), kit.parse_axis("model.pool", "2,12")]
    settings = {**SETTINGS, "train.epochs": 1}
    plan = plan_ablation(
        "tiny", axes, recipe="histopathologic-cancer", settings=settings, seeds=3, design="grid", root=root
    )
    made = forecast(plan, jobs=2)

    assert ["filters=4-8,pool=2", "filters=32-64,pool=2"] == [arm.name for arm in made.arms]
    assert ["filters=4-8,pool=12", "filters=32-64,pool=12"] == list(plan.refused)
    assert made.arms[0].parameters.total < made.arms[1].parameters.total
    assert all(0 < arm.seconds for arm in made.arms)
    assert made.seconds == pytest.approx(3 * sum(arm.seconds for arm in made.arms) / 2)
    assert not (root / "runs").exists()
    assert tiny.manifest.name == plan.dataset.manifest.name
