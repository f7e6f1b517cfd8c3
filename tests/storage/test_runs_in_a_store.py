"""Runs in an object store: trained, resumed, compared and predicted by machines that share nothing else."""

from __future__ import annotations

import csv
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stores import Refusal, StoreServer
from trained import SETTINGS
from waiting import TIMEOUT, wait_until

import kit
from kit.conversion.upload import upload_dataset
from kit.datasets import Dataset, find_dataset, verify_dataset
from kit.errors import RunError, StoreError, UnreachableError, WorkspaceError
from kit.progress import NO_PROGRESS
from kit.runs import FoldSet, Position, RunDirectory
from kit.runs.directory import Pruned
from kit.runs.stored import fetch_run, fetch_runs, keep_state, upload_runs
from kit.storage import Address, mirrored, open_mirror
from kit.storage.store import open_store
from kit.submission.origin import read_origin
from kit.training.early_stopping import Limit
from kit.training.fit import train_run
from kit.training.request import TrainRequest, run_id

pytestmark = pytest.mark.parametrize("store_server", ["s3_server"], indirect=True)

Machine = Callable[[str], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """Function that goes on on another machine, which shares nothing with the others."""
    return lambda name: monkeypatch.setenv("KIT_CACHE", str(tmp_path / name))


@pytest.fixture
def root(tiny: Dataset, folded: Dataset, store_server: StoreServer) -> str:
    """Address with the datasets that `trained` makes."""
    for dataset in (tiny, folded):
        folder = open_mirror(store_server.address) / "tfrecords" / dataset.manifest.name
        shutil.copytree(dataset.folder, folder)
        upload_dataset(Dataset(folder, dataset.manifest), None, NO_PROGRESS)
    store_server.seen.clear()
    return str(store_server.address)


def history(run: RunDirectory) -> list[dict[str, str]]:
    with run.history_file.open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def planned(root: str) -> RunDirectory:
    """Directory of the run that `trained` trains, on this machine."""
    plan = TrainRequest(name="tiny", settings=SETTINGS, root=root).plan()
    return RunDirectory(plan.workspace.runs / run_id(plan.spec))


def begin(root: str, *, epochs: int) -> RunDirectory:
    """Train the first epochs of the run that `trained` trains."""
    plan = TrainRequest(name="tiny", settings=SETTINGS, root=root).plan()
    directory = planned(root)
    assert train_run(plan.dataset, plan.spec, directory, limit=Limit(epochs)) is None
    return directory


def test_a_run_trained_on_one_machine_is_finished_on_another(
    run: RunDirectory, root: str, store_server: StoreServer, machine: Machine, workspace: Path, tmp_path: Path
) -> None:
    trained = kit.train("tiny", settings=SETTINGS, root=root)
    machine("another")
    store_server.seen.clear()
    found = kit.train("tiny", settings=SETTINGS, root=root)

    assert history(run) == history(trained) == history(found)
    assert trained.result() == found.result()
    assert not store_server.count("PUT")
    assert not list(found.path.glob("*.weights.h5")), "weights are fetched when they are read"
    assert not list(found.path.glob("unfinished*"))
    made = kit.predict(found.path.name, output=tmp_path / "stored.csv", root=Path(root))
    kit.predict(run.path.name, output=tmp_path / "local.csv", root=workspace)
    assert (tmp_path / "local.csv").read_bytes() == made.path.read_bytes()
    assert root in read_origin(made.path).command, "with both slashes, which a Path loses"  # type: ignore[union-attr]
    assert ["best.weights.h5"] == [path.name for path in found.path.glob("*.weights.h5")]
    at = mirrored(found.path)
    assert at
    assert not [each for each in at.store.objects(at.name) if "unfinished" in each.name]


def test_a_stopped_training_is_resumed_on_another_machine_to_the_same_figures(
    run: RunDirectory, root: str, machine: Machine
) -> None:
    begin(root, epochs=1)
    machine("another")
    begin(root, epochs=2)
    machine("third")
    resumed = kit.train("tiny", settings=SETTINGS, root=root)

    assert 3 == len(history(resumed))
    assert history(run) == history(resumed)
    machine("cache")
    assert history(run) == history(kit.train("tiny", settings=SETTINGS, root=root)), "the first one sees it, too"


def test_of_two_machines_that_train_the_same_run_the_first_to_finish_wins(
    root: str, store_server: StoreServer, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    first: list[RunDirectory] = []

    def other() -> None:
        machine("another")
        first.append(kit.train("tiny", settings=SETTINGS, root=root))
        machine("cache")

    store_server.before_writing("result.json", other)
    with caplog.at_level(logging.WARNING):
        second = kit.train("tiny", settings=SETTINGS, root=root)

    assert "was finished by another machine first" in caplog.text
    assert first[0].result() == second.result()
    assert (second.path / "result.json").read_bytes() == (first[0].path / "result.json").read_bytes()
    second.history()
    machine("third")
    kit.train("tiny", settings=SETTINGS, root=root).history()
    at = mirrored(second.path)
    assert at
    assert 2 == len({each.name.split("/")[2] for each in at.store.objects(at.name)}), "the result, and its files"


def test_a_run_whose_upload_failed_is_uploaded_by_the_same_command(
    root: str, store_server: StoreServer, machine: Machine
) -> None:
    store_server.fault = lambda request: Refusal(403) if request.name.endswith("last.weights.h5") else None
    with pytest.raises(StoreError, match=r"last\.weights\.h5: the store refuses these credentials"):
        kit.train("tiny", settings=SETTINGS, root=root)
    assert planned(root).is_finished
    machine("another")
    assert not planned(root).is_finished
    store_server.fault = lambda _: None
    machine("cache")
    store_server.seen.clear()
    kit.train("tiny", settings=SETTINGS, root=root)

    assert not store_server.count("PUT", "best.weights.h5"), "sent before"
    assert store_server.count("PUT", "last.weights.h5")
    machine("another")
    fetch_run(planned(root))
    assert planned(root).is_finished


@pytest.mark.parametrize("result", [b"{", b"\xff", b"[]", b'{"files": {"../../elsewhere": "0"}}'])
def test_a_damaged_result_in_the_store_is_named_and_nothing_is_taken_from_it(
    root: str, machine: Machine, result: bytes
) -> None:
    at = mirrored(planned(root).path)
    assert at
    at.store.write(f"{at.name}/result.json", result)
    machine("another")

    for ask in (
        lambda: kit.compare(at.path.name, root=root),
        lambda: kit.train("tiny", settings=SETTINGS, root=root),
    ):
        with pytest.raises(RunError, match=r"result\.json is damaged: .*; remove it there, and run its command again"):
            ask()
    assert not list(planned(root).path.glob("*.json"))


def test_a_state_that_cannot_be_uploaded_is_told_and_the_training_goes_on(
    root: str, store_server: StoreServer, caplog: pytest.LogCaptureFixture
) -> None:
    store_server.fault = lambda request: Refusal(403) if "unfinished" in request.name else None
    with caplog.at_level(logging.WARNING):
        begun = begin(root, epochs=2)

    assert "its state is not in the store yet" in caplog.text
    assert 2 == len(history(begun))
    store_server.fault = lambda _: None
    keep_state(begun)
    at = mirrored(begun.path)
    assert at
    assert ["epoch-00002-step-0000000.tar"] == [
        each.name.rpartition("/")[2] for each in at.store.objects(f"{at.name}/unfinished")
    ]


def test_a_state_of_another_machine_that_is_further_stays(root: str, machine: Machine) -> None:
    behind = begin(root, epochs=1)
    machine("another")
    further = begin(root, epochs=2)
    machine("cache")
    keep_state(behind)
    machine("third")
    fetch_run(planned(root))

    assert further.checkpoints()[0] == planned(root).checkpoints()[0]


def test_pruned_and_failed_runs_are_known_on_another_machine_without_their_weights(
    root: str, store_server: StoreServer, machine: Machine
) -> None:
    pruned = begin(root, epochs=2)
    pruned.prune(Pruned(epochs=2, rank=3, arms=3))
    keep_state(pruned)
    failed = RunDirectory(pruned.path.with_name("failed"))
    failed.claim(pruned.spec())
    failed.fail("out of memory")
    keep_state(failed)
    machine("another")
    there = planned(root)
    fetch_runs(there.path.parent)

    assert pruned.pruned == there.pruned
    assert history(pruned) == history(there)
    assert not list(there.path.glob("*.weights.h5"))
    known = RunDirectory(there.path.with_name("failed")).failure
    assert known
    assert "out of memory" == known.reason
    store_server.seen.clear()
    resumed = kit.train("tiny", settings=SETTINGS, root=root)
    assert 3 == len(history(resumed))
    assert store_server.count("GET", "unfinished/epoch-00002"), "goes on where it was"


def test_finished_runs_that_the_store_lacks_are_uploaded_once(
    root: str, store_server: StoreServer, machine: Machine
) -> None:
    store_server.fault = lambda request: Refusal(403) if request.name.endswith("last.weights.h5") else None
    with pytest.raises(StoreError):
        kit.train("tiny", settings=SETTINGS, root=root)
    store_server.fault = lambda _: None
    upload_runs(planned(root).path.parent)
    before = store_server.count("PUT")
    upload_runs(planned(root).path.parent)
    machine("another")
    fetch_run(planned(root))

    assert planned(root).is_finished
    assert before == store_server.count("PUT")


@pytest.mark.parametrize("name", ["spec.json", "history.csv", "result.json", "best.weights.h5"])
@pytest.mark.parametrize("how", ["removed", "changed"])
def test_a_damaged_copy_of_a_run_is_downloaded_anew(root: str, name: str, how: str) -> None:
    trained = kit.train("tiny", settings=SETTINGS, root=root)
    before = history(trained)
    whole = (trained.path / name).read_bytes()
    (trained.path / name).unlink()
    if how == "changed":
        (trained.path / name).write_bytes(whole[:-2])
    kit.evaluate(trained.path.name, root=root)

    assert whole == (trained.path / name).read_bytes()
    assert before == history(trained)


def test_whole_addresses_are_names_as_messages_have_them(root: str, machine: Machine) -> None:
    trained = kit.train(f"{root}/tfrecords/tiny", settings=SETTINGS, root=root)
    machine("another")
    address = f"{root}/runs/{trained.path.name}"

    assert "tiny" == kit.find_dataset(f"{root}/tfrecords/tiny", root=root).manifest.name
    assert 1 == len(kit.compare(address, root=root).arms)
    assert 1 == len(kit.compare(Path(address), root=root).arms)
    assert 1 == kit.evaluate(address, root=root).predictor.runs
    with pytest.raises(RunError, match=f"unknown run 's3://other/runs/{trained.path.name}'"):
        kit.evaluate(f"s3://other/runs/{trained.path.name}", root=root)


@pytest.mark.slow
def test_an_ablation_whose_uploads_failed_uploads_its_runs_when_it_is_run_again(
    root: str, store_server: StoreServer, machine: Machine
) -> None:
    axes = [kit.parse_axis("model.bn_position", "before,after")]
    asked = {"seeds": 1, "settings": SETTINGS, "jobs": 1}
    store_server.fault = lambda request: (
        Refusal(403) if "position=after" in request.name and request.name.endswith("last.weights.h5") else None
    )
    with pytest.raises(StoreError, match=r"last\.weights\.h5: the store refuses these credentials"):
        kit.ablate("tiny", axes, root=root, **asked)  # type: ignore[arg-type]
    store_server.fault = lambda _: None
    again = kit.ablate("tiny", axes, root=root, **asked)  # type: ignore[arg-type]
    machine("another")

    assert not again.failed
    assert 2 == len(kit.compare(again.path.name, root=root).arms)


@pytest.mark.slow
def test_an_ablation_uploads_at_its_end_what_the_store_did_not_take(
    root: str, store_server: StoreServer, machine: Machine
) -> None:
    axes = [kit.parse_axis("model.bn_position", "before,after")]
    store_server.fault = lambda request: (
        Refusal(403)
        if "position=before" in request.name
        and request.name.endswith("last.weights.h5")
        and not store_server.count("PUT", "position=after")
        else None
    )
    made = kit.ablate("tiny", axes, root=root, seeds=1, settings=SETTINGS, jobs=1)
    machine("another")

    assert not made.failed
    assert 2 == len(kit.compare(made.path.name, root=root).arms)


@pytest.mark.slow
def test_an_ablation_that_is_stopped_leaves_its_states_for_another_machine(
    root: str, machine: Machine, tmp_path: Path
) -> None:
    settings = [f"--set={name}={value}" for name, value in {**SETTINGS, "train.epochs": 400}.items()]
    command = [sys.executable, "-m", "kit", "ablate", "tiny", "--dropout=0.1,0.3", "--seeds=1", "--jobs=1", *settings]
    runs = open_mirror(Address.parse(root)) / "runs"
    with (tmp_path / "log").open("wb") as log:
        ablation = subprocess.Popen([*command, "--root", root], stdout=log, stderr=log, env={**os.environ})
        wait_until(lambda: any(run.checkpoints()[:1] >= [Position(3, 0)] for run in runs_below(runs)), ablation)
        ablation.send_signal(signal.SIGTERM)
        assert 143 == ablation.wait(TIMEOUT)
    (begun,) = runs_below(runs)
    machine("another")
    there = RunDirectory(open_mirror(Address.parse(root)) / "runs" / begun.path.relative_to(runs))
    fetch_run(there)

    assert there.checkpoints()[:1] == begun.checkpoints()[:1]


def runs_below(folder: Path) -> list[RunDirectory]:
    return [RunDirectory(path.parent) for path in folder.rglob("spec.json")]


@pytest.mark.slow
def test_an_ablation_in_parts_is_compared_as_if_one_machine_had_trained_it(
    root: str, workspace: Path, store_server: StoreServer, machine: Machine
) -> None:
    axes = [kit.parse_axis("model.bn_position", "before,after")]
    asked = {"seeds": 2, "settings": SETTINGS, "jobs": 1}
    alone = kit.ablate("tiny", axes, root=workspace, **asked)  # type: ignore[arg-type]
    for number in (2, 1):
        machine(f"machine-{number}")
        kit.ablate("tiny", axes, root=root, part=f"{number}/2", **asked)  # type: ignore[arg-type]
    machine("third")
    compared = kit.compare(alone.path.name, root=root)
    store_server.seen.clear()
    joined = kit.ablate("tiny", axes, root=root, **asked)  # type: ignore[arg-type]

    assert not [each for each in store_server.seen if each.method == "PUT" and "history" in each.name]
    expected = alone.compare()
    for found in (compared, joined.compare()):
        assert [arm.name for arm in expected.arms] == [arm.name for arm in found.arms]
        for mine, theirs in zip(found.trajectories, expected.trajectories, strict=True):
            np.testing.assert_array_equal(mine.metrics["val_loss"], theirs.metrics["val_loss"])
    assert not list(joined.path.rglob("*.weights.h5"))


def test_folds_in_parts_are_joined_and_predict_on_another_machine(
    root: str, machine: Machine, fold_set: FoldSet
) -> None:
    for number in (1, 2, 3):
        machine(f"machine-{number}")
        kit.train_folds("folded", settings=SETTINGS, root=root, part=f"{number}/3")
    machine("third")
    joined = kit.train_folds("folded", settings=SETTINGS, root=root)
    machine("fourth")
    evaluated = kit.evaluate(joined.path.name, root=root)

    assert fold_set.result().pooled == joined.result().pooled
    assert evaluated.predictor.runs == 3


def test_folds_that_several_machines_train_are_joined_by_each_with_those_of_the_others(
    root: str, store_server: StoreServer, machine: Machine, fold_set: FoldSet
) -> None:
    def train(fold: int) -> FoldSet:
        machine(f"machine-{fold}")
        return kit.train_folds("folded", folds=[fold], settings=SETTINGS, root=root)

    train(0)
    store_server.before_writing("folds.json", lambda: train(1))
    machine("machine-2")
    joined = train(2)
    machine("another")
    kit.evaluate(joined.path.name, root=root)

    assert {0, 1, 2} == set(joined.result().folds)
    assert fold_set.result().pooled == joined.result().pooled
    assert joined.result() == FoldSet(open_mirror(store_server.address) / "runs" / joined.path.name).result()


@pytest.fixture
def small_shards(
    tiny: Dataset, workspace: Path, store_server: StoreServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The images of `tiny` in 16 shards and 7, on a machine with room for six of them; the address of the store."""
    monkeypatch.setattr("kit.conversion.shard_plan.SMALLEST_SHARD", 5)
    root = str(store_server.address)
    for place in (root, workspace / "small"):
        made = kit.shard(tiny.folder.parents[1] / "images", name="small", root=place, workers=1)
    assert isinstance(made, Dataset)
    machine("another")
    monkeypatch.setenv("KIT_CACHE_GB", str(6 * max(shard.bytes for shard in made.manifest.shards) / 1e9))
    # two are read at a time, one is ahead of them, one is on its way, and one is read to validate
    for name, value in {"sampling._STREAMS": 2, "shard_files._AHEAD": 1, "shard_files._OPEN": 5}.items():
        monkeypatch.setattr(f"kit.pipeline.{name}", value)
    store_server.seen.clear()
    return root


@pytest.mark.parametrize("cache", ["none", "memory"])
def test_a_training_that_streams_its_shards_has_the_figures_of_one_that_does_not(
    small_shards: str, workspace: Path, store_server: StoreServer, cache: str
) -> None:
    settings = {**SETTINGS, "train.cache": cache}
    streamed = kit.train("small", settings=settings, root=small_shards)
    plain = kit.train("small", settings=settings, root=workspace / "small")

    assert history(plain) == history(streamed)
    folder = find_dataset("small", root=small_shards).folder
    assert not list(folder.glob("*.tfrecord"))
    assert sum(path.stat().st_size for path in folder.rglob("*.tfrecord")) <= 1e9 * float(os.environ["KIT_CACHE_GB"])
    assert store_server.count("GET", ".tfrecord") >= (16 + 7 if cache == "memory" else 3 * (16 + 7))


def test_shards_without_room_are_loaded_in_order_and_what_needs_all_says_so(small_shards: str, workspace: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"has room for .*, small needs .*raise KIT_CACHE_GB"):
        verify_dataset(find_dataset("small", root=small_shards))
    streamed = kit.load("small", root=small_shards).as_numpy_iterator()
    plain = kit.load("small", root=workspace / "small").as_numpy_iterator()

    for one, other in zip(plain, streamed, strict=True):
        assert one["key"] == other["key"]
        np.testing.assert_array_equal(one["image"], other["image"])


def test_shards_are_streamed_on_after_their_dataset_was_replaced(
    small_shards: str, workspace: Path, machine: Machine
) -> None:
    images, options = workspace / "images", {"name": "small", "workers": 1, "seed": 1, "force": True}
    assert 84 == sum(1 for _ in kit.load("small", root=small_shards).as_numpy_iterator())
    machine("third")
    kit.shard(images, root=small_shards, **options)  # type: ignore[call-overload]
    machine("another")
    streamed = kit.load("small", root=small_shards).as_numpy_iterator()
    kit.shard(images, root=workspace / "small-again", **options)  # type: ignore[call-overload]
    plain = kit.load("small", root=workspace / "small-again").as_numpy_iterator()

    assert [one["key"] for one in plain] == [one["key"] for one in streamed]


def test_a_download_that_fails_within_a_training_is_told_in_a_line(
    small_shards: str, store_server: StoreServer
) -> None:
    store_server.fault = lambda request: (
        Refusal(403) if request.name.endswith(".tfrecord") and store_server.count("GET", ".tfrecord") > 20 else None
    )
    with pytest.raises(StoreError, match=r"tfrecord: the store refuses these credentials"):
        kit.train("small", settings={**SETTINGS, "train.cache": "none"}, root=small_shards)


@pytest.mark.slow
def test_a_machine_that_is_told_to_stop_leaves_its_state_for_another(
    root: str, machine: Machine, tmp_path: Path
) -> None:
    settings = [f"--set={name}={value}" for name, value in {**SETTINGS, "train.epochs": 400}.items()]
    command = [sys.executable, "-m", "kit", "train", "tiny", "--root", root, *settings]
    here = planned_long(root)
    with (tmp_path / "log").open("wb") as log:
        training = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ})
        wait_until(lambda: here.checkpoints() and here.checkpoints()[0].epochs >= 3, training)
        training.send_signal(signal.SIGTERM)
        assert 143 == training.wait(TIMEOUT)
    trained = history(here)
    machine("another")
    there = planned_long(root)
    fetch_run(there)

    assert there.checkpoints()[:1] == here.checkpoints()[:1]
    assert trained[: there.checkpoints()[0].epochs] == history(there)[: there.checkpoints()[0].epochs]


def planned_long(root: str) -> RunDirectory:
    plan = TrainRequest(name="tiny", settings={**SETTINGS, "train.epochs": 400}, root=root).plan()
    return RunDirectory(plan.workspace.runs / run_id(plan.spec))


def test_an_unreachable_store_ends_a_command_with_three(
    root: str, store_server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store.cache_clear()
    monkeypatch.setattr("kit.storage.store._ATTEMPTS", 0)
    store_server.fault = lambda _: Refusal(500)
    with pytest.raises(UnreachableError) as raised:
        kit.compare("tiny", root=root)
    open_store.cache_clear()
    assert 3 == raised.value.exit_status
