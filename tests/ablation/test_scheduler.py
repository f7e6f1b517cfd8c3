from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import SETTINGS, write_images

import kit
from kit.ablation import Plan, plan_ablation, run_plan
from kit.ablation.halving import best_so_far, plan_rungs, rank
from kit.ablation.packing import Packing, choose_packing, new_engine
from kit.datasets import Dataset
from kit.engines import core_count
from kit.errors import RunError, SpecError
from kit.pipeline.cache import decode_split
from kit.runs import RunDirectory
from tests.waiting import TIMEOUT, halting, is_running, wait_until

RECIPE = "histopathologic-cancer"
ONE, TWO = {**SETTINGS, "train.epochs": 1}, {**SETTINGS, "train.epochs": 2}
FIGURES = ("accuracy", "loss", "val_accuracy", "val_loss")
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")


@pytest.fixture
def root(workspace: Path, tiny: Dataset, tmp_path: Path) -> Path:
    """A workspace of other runs on the same datasets."""
    assert tiny.folder.parent == workspace / "tfrecords"
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "tfrecords").symlink_to(workspace / "tfrecords")
    return root


def plan_of(root: Path, *axes: str, settings: dict[str, object], **more: object) -> Plan:
    named = [kit.parse_axis(*axis.split("=")) for axis in axes]
    options = {"recipe": RECIPE, "seeds": 1, "design": "grid", **more}
    return plan_ablation("tiny", named, settings=settings, root=root, **options)


def figures(plan: Plan) -> dict[str, list[list[float]]]:
    runs = {str(place): plan.directory(place) for place in plan.specs}
    return {name: [run.history().column(figure) for figure in FIGURES] for name, run in runs.items()}


@given(arms=st.integers(1, 1000), epochs=st.integers(1, 300), factor=st.integers(2, 5))
def test_rungs_thin_the_arms_out_and_the_last_one_trains_to_the_end(arms: int, epochs: int, factor: int) -> None:
    rungs = plan_rungs(arms, epochs, factor)
    steps = list(itertools.pairwise(rungs))

    assert (arms, epochs) == (rungs[0].arms, rungs[-1].epochs)
    assert all(first.epochs < then.epochs and then.arms == math.ceil(first.arms / factor) for first, then in steps)
    assert len(rungs) == 1 + min(int(math.log(arms, factor) + 1e-9), int(math.log(epochs, factor) + 1e-9))


@given(st.dictionaries(st.text(min_size=1), st.floats(allow_nan=True, allow_infinity=False), min_size=1))
def test_arms_are_ranked_by_score_and_those_without_one_come_last(scores: dict[str, float]) -> None:
    ranked = [scores[arm] for arm in rank(scores)]
    known = [score for score in ranked if not math.isnan(score)]

    assert sorted(scores) == sorted(rank(scores))
    assert sorted(known, reverse=True) == known == ranked[: len(known)]


def test_the_best_so_far_looks_at_the_first_epochs_only() -> None:
    values = [0.5, math.nan, 0.7, 0.9]

    assert 0.7 == best_so_far(values, 3, smaller_is_better=False)
    assert -0.5 == best_so_far(values, 4, smaller_is_better=True)
    assert math.isnan(best_so_far(values[1:2], 1, smaller_is_better=False))


@pytest.mark.slow
def test_halving_stops_losers_and_the_same_command_without_it_finishes_them(root: Path) -> None:
    settings = {**SETTINGS, "train.epochs": 3, "train.monitor": "val_loss"}
    plan = plan_of(root, "train.learning_rate=0.0001,0.01,0.0002", settings=settings)
    ran, again = (run_plan(plan, jobs=2, halving=True) for _ in range(2))
    baseline, *others = plan.specs
    (loser,) = (place for place in others if plan.directory(place).pruned)
    pruned, kept = plan.directory(loser).pruned, figures(plan)[str(loser)]

    assert (0, 1) == (ran.left, ran.pruned) == (again.left, again.pruned)
    assert plan.directory(baseline).is_finished
    assert pruned is not None
    assert (1, 3) == (pruned.epochs, pruned.arms)
    assert [1] * len(FIGURES) == [len(column) for column in kept]

    whole = run_plan(plan, jobs=2)
    finished = figures(plan)[str(loser)]

    assert (0, 0) == (whole.left, whole.pruned)
    assert not list(plan.folder.rglob("halted.json"))
    assert [3] * len(FIGURES) == [len(column) for column in finished]
    assert kept == [column[:1] for column in finished]


@pytest.mark.slow
def test_a_search_goes_on_where_it_was_and_more_arms_extend_it(root: Path) -> None:
    axes = "train.learning_rate=log:1e-4..1e-1", "model.bn_momentum=0.5,0.9"
    first = run_plan(plan_of(root, *axes, settings=ONE, design="search:9"), jobs=2)
    times = {path: path.stat().st_mtime_ns for path in root.rglob("result.json")}
    stopped = run_plan(plan_of(root, *axes, settings=ONE, design="search:11"), jobs=2, max_hours=1e-9)
    more = run_plan(plan_of(root, *axes, settings=ONE, design="search:11"), jobs=2)
    now = {path: path.stat().st_mtime_ns for path in root.rglob("result.json")}

    assert first.plan.folder == more.plan.folder
    assert (9, 0, 2, 11, 0) == (len(first.plan.arms), first.left, stopped.left, len(more.plan.arms), more.left)
    assert times.items() <= now.items()
    assert list(first.plan.arms) == list(more.plan.arms)[:9]
    assert list(more.plan.arms) == [arm.name for arm in kit.compare(more.plan.folder).arms]
    with pytest.raises(SpecError, match="leave halving= out"):
        run_plan(plan_of(root, *axes, settings=ONE, design="search:9"), halving=True)


@pytest.mark.slow
def test_equal_seeds_see_equal_images_and_drop_equal_values_in_every_arm(root: Path) -> None:
    settings = {**TWO, "model.dropout": 0.3, "augment": "d4+mixup", "train.sampling": "balanced"}
    plan = plan_of(root, "model.bn_momentum=0.9,0.5", settings=settings, seeds=2)
    run_plan(plan, jobs=2)
    found = {place: plan.directory(place).history() for place in plan.specs}
    trained = {place: [history.column(name) for name in ("loss", "accuracy")] for place, history in found.items()}
    slow, fast = ([trained[place] for place in plan.keys(arm)] for arm in plan.arms)

    assert slow == fast  # momentum changes nothing but what validation sees
    assert slow[0] != slow[1]
    assert len({tuple(history.column("val_loss")) for history in found.values()}) == 4


@pytest.mark.slow
def test_a_trial_without_memory_is_recorded_and_the_others_go_on(root: Path) -> None:
    plan = plan_of(root, "model.dense=[16],[9000000000]", settings=ONE)
    ran = run_plan(plan, jobs=2)
    (failed,) = ran.failed
    failure = plan.directory(failed).failure

    assert "dense=9000000000" == failed.arm
    assert failure is not None
    assert failure.reason.startswith("out of memory: ")
    assert "Traceback" in failure.details
    assert ["dense=16"] == [arm.name for arm in kit.compare(plan.folder).arms]


def test_where_every_run_fails_the_first_reason_is_said(root: Path, tmp_path: Path) -> None:
    (root / "tfrecords").unlink()
    write_images(tmp_path / "images", 60, ("dark", "light"))
    dataset = kit.shard(tmp_path / "images", name="tiny", root=root, workers=1)
    plan = plan_of(root, settings=ONE)
    path = dataset.paths("train")[0]
    path.write_bytes(b"\xff" * path.stat().st_size)

    with pytest.raises(RunError, match=r"every run failed; the first one: .*train-00000-of-"):
        run_plan(plan, jobs=1)


@pytest.mark.slow
def test_out_of_time_leaves_the_rest_for_the_same_command(root: Path) -> None:
    plan = plan_of(root, "model.bn_position=before,after", settings=TWO)
    stopped = run_plan(plan, jobs=2, max_hours=1e-9)
    whole = run_plan(plan, jobs=2)

    assert 2 == stopped.left
    assert 0 == whole.left
    assert [] == list(plan.folder.rglob("*.npy"))
    assert all(2 == len(column) for columns in figures(plan).values() for column in columns)
    with pytest.raises(SpecError, match="max_hours must be above 0, got 0"):
        run_plan(plan, max_hours=0)


def test_a_command_out_of_time_says_so_by_its_exit_status(root: Path) -> None:
    command = [sys.executable, "-m", "kit", "ablate", "tiny", "--seeds", "1", "--jobs", "1", "--max-hours", "1e-9"]
    command += [part for path, value in ONE.items() for part in ("--set", f"{path}={value}")]
    done = subprocess.run(
        [*command, "--root", str(root), "--bn-position", "before,after"], capture_output=True, text=True, check=False
    )

    assert 4 == done.returncode
    assert "2 of 2 runs are left; run the same command again and they go on" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_every_fold_validates_runs_of_its_own(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 60, ("dark", "light"))
    dataset = kit.shard(tmp_path / "images", name="tiny", folds=3, root=tmp_path, workers=1)
    plan = plan_of(tmp_path, "model.bn_position=before,after", settings=ONE, folds="0,2")
    run_plan(plan, jobs=2)
    comparison = kit.compare(plan.folder, root=tmp_path)
    keys = {}
    for place in plan.specs:
        lines = plan.directory(place).predictions.read_text().splitlines()[1:]
        keys[place] = {line.split(",")[0] for line in lines}

    assert [2, 2] == [arm.n for arm in comparison.arms]
    assert {0, 2} == {run.fold for run in comparison.trajectories}
    assert all(
        found == set(decode_split(dataset.for_fold(place.fold), "validation").keys.astype(str))
        for place, found in keys.items()
    )


def test_a_metric_that_is_not_recorded_is_refused_before_anything_runs(root: Path) -> None:
    plan = plan_of(root, settings={**ONE, "train.metrics": "accuracy,f1"})
    assert "val_f1" == plan.figure("val_f1") == plan.figure("f1")

    with pytest.raises(SpecError, match=r"unknown metric 'val_auc'.* Known: accuracy, f1, loss, val_accuracy"):
        plan.figure("val_auc")


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ("all", "tiny has no folds; shard it with folds=5"),
        ("one", "folds must be all, or numbers such as 0,1, got 'one'"),
        ("1", "tiny has no folds"),
    ],
)
def test_folds_that_are_not_there_are_refused(root: Path, folds: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        plan_of(root, settings=ONE, folds=folds)
    assert not (root / "runs").exists()


def test_split_is_decoded_once_for_several_processes(tiny: Dataset, tmp_path: Path) -> None:
    copy = Dataset(tmp_path / "copy", tiny.manifest)
    shutil.copytree(tiny.folder, copy.folder)
    alone, first = decode_split(copy, "train"), decode_split(copy, "train", tmp_path / "shared")
    shutil.rmtree(copy.folder)
    again = decode_split(copy, "train", tmp_path / "shared")

    for other in (first, again):
        assert np.array_equal(alone.images, other.images)
        assert np.array_equal(alone.labels, other.labels)
        assert np.array_equal(alone.keys, other.keys)


def test_what_was_chosen_before_is_kept_and_what_is_asked_for_is_done(tiny: Dataset, root: Path) -> None:
    spec = next(iter(plan_of(root, settings=ONE).specs.values()))
    before = Packing(jobs=1, threads=core_count(), devices=core_count(), why="measured")
    elsewhere = Packing(jobs=7, threads=1, devices=core_count() + 5, why="measured")

    with ExitStack() as workers:
        same, engine = choose_packing(spec, tiny, workers, runs=4, before=before)
        moved, _ = choose_packing(spec, tiny, workers, runs=4, before=elsewhere)
        asked, _ = choose_packing(spec, tiny, workers, runs=4, jobs=3, before=before)

        assert (before, 1) == (same, engine.workers)
        assert (core_count(), 1) == (moved.jobs, moved.threads)
        assert (3, core_count()) == (asked.jobs, asked.threads)
    assert 3 == new_engine(asked, runs=4).workers
    with pytest.raises(SpecError, match="jobs must be 1 or more, got 0"):
        choose_packing(spec, tiny, ExitStack(), runs=4, jobs=0)


@pytest.mark.slow
def test_a_model_that_cannot_take_a_step_is_left_to_fail_by_itself(tiny: Dataset, root: Path) -> None:
    plan = plan_of(root, settings={**ONE, "model.dense": "9000000000"})
    with ExitStack() as workers:
        chosen, engine = choose_packing(next(iter(plan.specs.values())), tiny, workers, runs=2)

    assert 1 == chosen.jobs == engine.workers
    assert chosen.why.endswith("could not take a step")


@pytest.mark.slow
def test_packing_is_measured_and_said_and_stays(tiny: Dataset, root: Path) -> None:
    notes: list[str] = []

    class Notes:
        def start(self, task: str, total: int) -> None: ...

        def advance(self, steps: int = 1, note: str = "") -> None:
            notes.extend([note] if note or steps else [])

        def finish(self) -> None: ...

    plan = plan_of(root, "model.bn_position=before,after", settings=ONE)
    run_plan(plan, progress=Notes())
    kept = json.loads(plan.file.read_text())["packing"]
    run_plan(plan, progress=Notes())  # nothing is left
    run_plan(plan, jobs=1, progress=Notes())
    again = plan_of(root, "model.bn_position=before,after", settings=ONE, seeds=2)
    run_plan(again, progress=Notes())

    assert any("images/s in one trial" in note and "at a time" in note for note in notes)
    assert kept == json.loads(plan.file.read_text())["packing"]
    assert {kept["threads"]} == {RunDirectory(path.parent).spec().train.threads for path in root.rglob("spec.json")}
    assert tiny.manifest.fingerprint == json.loads(plan.file.read_text())["fingerprint"]


WORDS = ["ablate", "tiny", "--bn-position", "before,after", "--seeds", "2", "--jobs", "2"]
WORDS += [part for path, value in {**TWO, "model.dropout": 0.2}.items() for part in ("--set", f"{path}={value}")]
COMMAND = [sys.executable, "-m", "kit", *WORDS]


@pytest.fixture(scope="module")
def undisturbed(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    root = tmp_path_factory.mktemp("undisturbed")
    (root / "tfrecords").symlink_to(tiny.folder.parent)
    subprocess.run([*COMMAND, "--root", str(root)], check=True, capture_output=True)
    return _comparison(root)


@NEEDS_PROC
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_the_same_command_ends_in_the_same_comparison(
    root: Path, undisturbed: list[list[str]], seed: int
) -> None:
    command = [*COMMAND, "--root", str(root)]
    dice = random.Random(seed)  # noqa: S311 (when to kill whom)
    for kind in ("worker", "parent", "worker", "parent"):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(dice.uniform(1, 9))
            victim = process.pid if kind == "parent" else dice.choice(_children(process.pid) or [process.pid])
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):  # it may just have ended
                    os.kill(victim, signal.SIGKILL)
            process.wait()
    subprocess.run(command, check=True, capture_output=True)

    assert 4 == len(list(root.rglob("result.json")))
    assert undisturbed == _comparison(root)


@NEEDS_PROC
@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_all_workers_and_says_how_to_go_on(root: Path, number: int, status: int) -> None:
    command = halting([*WORDS, "--root", str(root)], root, "runs/*/*/*/history.csv")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_signals) as process:  # noqa: PLW1509
        wait_until(lambda: list(root.rglob("history.csv")), process)
        workers = _children(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=TIMEOUT)

    assert status == process.returncode
    assert said.endswith("kit: stopped; run the same command again and it goes on from here\n")
    assert "Traceback" not in said
    assert workers
    while any(map(is_running, workers)):  # until the test's own time is over
        time.sleep(0.05)


def _hear_signals() -> None:
    """What runs in a shell's background ignores Ctrl-C, what runs under nohup a hangup, and so does all they start."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):  # it may just have ended
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _comparison(root: Path) -> list[list[str]]:
    """Every cell of comparison.csv but the clock's."""
    (file,) = root.rglob("comparison.csv")
    header, *rows = (line.split(",") for line in file.read_text().splitlines())
    places = [place for place, name in enumerate(header) if "seconds" not in name]
    return [[row[place] for place in places] for row in (header, *rows)]
