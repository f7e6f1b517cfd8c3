"""A workspace in which every command that writes has run, some of them stopped half-way."""

from __future__ import annotations

import contextlib
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from standin import SLUG, Game, running

import kit
from kit.ablation.ablate import run_plan
from kit.ablation.arms import parse_axis
from kit.ablation.plan import Plan, plan_ablation
from kit.conversion.reshard import plan_again
from kit.datasets import find_dataset
from kit.errors import NetworkError
from kit.kaggle.retries import Retries
from kit.progress import NoProgress
from kit.reports.audit_files import write_audit
from kit.reports.evaluation import write_evaluation
from kit.runs import RunDirectory
from kit.specs import RunSpec
from kit.submission.kept_predictions import KEPT
from kit.training.early_stopping import Limit
from kit.training.fit import train_run
from kit.training.request import run_spec

SMALL = {"train.epochs": 2, "train.batch_size": 16, "model.pool": 2, "model.filters": "4,8", "model.dense": "16"}
CALM = Retries(connect_timeout=5, read_timeout=5, attempts=2, backoff=0.01, score_timeout=10)

Command = Callable[[Path], object]


class StoppedError(Exception):
    """Somebody pressed Ctrl-C."""


class Stopping(NoProgress):
    """Stops whatever it is told of when a task of this name gets on."""

    def __init__(self, task: str) -> None:
        self.task, self.now = task, ""

    def start(self, task: str, total: int) -> None:
        del total
        self.now = task

    def advance(self, steps: int = 1, note: str = "") -> None:
        del note
        if steps and self.now == self.task:
            raise StoppedError


def write_source(root: Path) -> None:
    """Write images of two classes, of which some are equal, some look the same and one is none; and test images."""
    rng = np.random.default_rng(0)
    smooth = [cv2.resize(rng.integers(0, 255, (4, 4, 3), np.uint8), (16, 16)) for _ in range(60)]
    smooth[10], smooth[12] = smooth[0], np.clip(smooth[2].astype(int) + 1, 0, 255).astype(np.uint8)
    for number, pixels in enumerate(smooth):
        folder = root / "source" / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number:02d}.png"), pixels)
    (root / "source" / "images" / "a" / "none.png").write_bytes(b"none")
    (root / "source" / "test").mkdir()
    for number in range(6):
        pixels = rng.integers(0, 255, (16, 16, 3), np.uint8)
        cv2.imwrite(str(root / "source" / "test" / f"t{number}.png"), pixels)
    rows = "".join(f"t{number},0.5\n" for number in (3, 0, 5, 1, 4, 2))
    (root / "source" / "sample_submission.csv").write_text(f"id,label\n{rows}")


def shard(root: Path, name: str = "both", **options: object) -> Any:
    given = {"folds": 2, "near_bits": 2, "max_rejects": 1, "index": True, **options}
    return kit.shard(
        root / "source" / "images",
        name=name,
        test=root / "source" / "test",
        sample_submission=root / "source" / "sample_submission.csv",
        workers=1,
        root=root,
        **given,  # type: ignore[arg-type]
    )


def shard_and_stop(root: Path) -> None:
    """Leave shards without a manifest."""
    with contextlib.suppress(StoppedError):
        shard(root, "stopped", progress=Stopping("shard"))


def predict_part(root: Path) -> None:
    """Leave predictions that are to be joined."""
    kit.predict(one_run(root), output=root / "submissions" / "parted.csv", part="1/1", root=root)


def train_and_stop(root: Path) -> RunDirectory:
    """Leave a training after its first epoch."""
    dataset, run = find_dataset("both", root=root), RunDirectory(root / "runs" / "stopped")
    train_run(dataset, stopped_spec(dataset), run, limit=Limit(epochs=1))
    return run


def stopped_spec(dataset: kit.Dataset) -> RunSpec:
    return run_spec(dataset, "histopathologic-cancer", {**SMALL, "train.cache": "disk"}, seed=3)


def ablate_with_halving(root: Path) -> Path:
    """Stop the arms that lose, and have one fail."""
    plan = halving_plan(root)
    run_plan(plan, jobs=1, halving=True)
    failed = next(run for arm in plan.arms for run in plan.runs(arm) if run.pruned)
    shutil.copytree(failed.path, failed.path.with_name("seed-1"))
    again = RunDirectory(failed.path.with_name("seed-1"))
    (again.path / "halted.json").unlink()
    again.fail("ran out of memory", "Traceback …")
    return plan.folder


def halving_plan(root: Path) -> Plan:
    axes, settings = [parse_axis("train.learning_rate", "0.01,0.1,0.001")], {**SMALL, "train.epochs": 3}
    return plan_ablation(
        "both", axes, recipe="histopathologic-cancer", settings=settings, seeds=1, design="grid", root=root
    )


def packed(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def fetch_and_submit(root: Path) -> None:
    """Fetch a competition, stop at fetching a data set, and submit a file."""
    ids = [f"t{number}" for number in (3, 0, 5, 1, 4, 2)]
    sample = "id,label\n" + "".join(f"{one},0.5\n" for one in ids)
    files = {"sample_submission.csv": sample.encode(), "train/1.tif": bytes(300)}
    with pytest.MonkeyPatch.context() as patch, running(patch, root.parent) as server:
        server.games[SLUG] = Game(files=files, archive=packed(files), truth=dict.fromkeys(ids, "1"))
        server.datasets["ada/cells"] = Game(files=files, archive=packed({"a": bytes(200_000)}))
        kit.fetch(SLUG, root=root, retries=CALM)
        server.faults["Download"] = ("cut", 6)
        with contextlib.suppress(NetworkError):
            kit.fetch(dataset="ada/cells", root=root, retries=CALM)
        kit.submit(
            root / "submissions" / "one.csv", competition=SLUG, message="one", root=root, retries=CALM, wait=True
        )


def evaluate(root: Path) -> None:
    run = one_run(root)
    evaluation = kit.evaluate(run, root=root)
    write_evaluation(evaluation, run / "evaluation-validation-best", html=True)
    kit.evaluate(run, weights="last", root=root)
    folds = kit.evaluate(fold_set(root), root=root)
    write_evaluation(folds, fold_set(root) / "evaluation-validation-best", html=False)


def compare(root: Path) -> None:
    ablation = ablated(root)
    kit.write_comparison(kit.compare(ablation, root=root), ablation / "comparison", html=True)
    kit.compare(one_run(root), split="validation", root=root)


def predict(root: Path) -> None:
    for name, run, weights in (
        ("one", one_run(root), "best"),
        ("two", fold_set(root), None),
        ("last", one_run(root), "last"),
    ):
        kit.predict(run, output=root / "submissions" / f"{name}.csv", weights=weights, root=root)


def blend(root: Path) -> None:
    files = [root / "submissions" / f"{name}.csv" for name in ("one", "two")]
    kit.blend(*files, output=root / "submissions" / "blend.csv", root=root)


def one_run(root: Path) -> Path:
    return next(path.parent for path in sorted((root / "runs").glob("both-*/result.json")))


def fold_set(root: Path) -> Path:
    return next(path.parent for path in (root / "runs").glob("*/folds.json"))


def ablated(root: Path) -> Path:
    return next(path.parent for path in (root / "runs").glob("*/ablation.json"))


COMMANDS: dict[str, Command] = {
    "shard": shard,
    "shard, stopped": shard_and_stop,
    "shard --part": lambda root: shard(root, "parted", part="1/2"),
    "audit": lambda root: write_audit(
        kit.audit(root / "source" / "images", test=root / "source" / "test", workers=1), root / "audit"
    ),
    "train": lambda root: kit.train("both", settings=SMALL, root=root),
    "train, stopped": train_and_stop,
    "train --folds": lambda root: kit.train_folds("both", settings=SMALL, root=root),
    "train --find-lr": lambda root: kit.find_learning_rate("both", settings=SMALL, root=root),
    "ablate --halving": ablate_with_halving,
    "evaluate": evaluate,
    "compare": compare,
    "predict": predict,
    "predict --part": predict_part,
    "blend": blend,
    "export": lambda root: kit.export(one_run(root), formats=("keras",), root=root),
    "fetch and submit": fetch_and_submit,
}


def read_back(root: Path) -> None:
    """Run every command that reads what another one wrote."""
    dataset = find_dataset("both", root=root)
    kit.verify_dataset(dataset)
    plan_again(dataset, {"data.size": "8x8"})
    shard(root)
    shard(root, "stopped")
    shard(root, "parted")
    kit.predict(one_run(root), output=root / "submissions" / "parted.csv", root=root)
    for name in ("train", "train --folds", "train, stopped", "train --find-lr", "evaluate", "compare"):
        COMMANDS[name](root)
    plan = halving_plan(root)
    run_plan(plan, jobs=1, halving=True)
    for path in sorted((root / "submissions").glob("*.csv")):
        if path.name != "ledger.csv" and not path.name.endswith(KEPT):
            kit.submit(path, competition=SLUG, dry_run=True, root=root, force=("known",))
    kit.predict(one_run(root), output=root / "submissions" / "again.csv", weights="last", root=root)
    files = [root / "submissions" / f"{name}.csv" for name in ("one", "blend")]
    kit.blend(*files, oof=[fold_set(root)] * 2, output=root / "submissions" / "new.csv", root=root)
    kit.blend(oof=[fold_set(root), fold_set(root) / "evaluation-validation-best"], root=root)
    kit.submissions(root=root)
    kit.export(one_run(root), formats=("keras",), force=True, root=root)
    with pytest.MonkeyPatch.context() as patch, running(patch, root.parent):
        kit.fetch(SLUG, root=root, retries=CALM)


def run_commands(root: Path) -> dict[str, list[str]]:
    """Run every command.

    Returns:
        Files by the command that wrote them first, as paths below `root`.
    """
    write_source(root)
    known, written = set(files_in(root)), {}
    for name, command in COMMANDS.items():
        command(root)
        written[name] = [path for path in files_in(root) if path not in known]
        known.update(written[name])
    return written


def files_in(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
