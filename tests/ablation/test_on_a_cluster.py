from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import OTHER, Cluster
from trained import SETTINGS
from waiting import wait_until

import kit
from kit.ablation import Ablation, ablate, plan_ablation, run_plan
from kit.ablation.status import AblationStatus
from kit.datasets import Dataset

pytestmark = pytest.mark.cluster
AXIS = "model.bn_momentum"
THREE = {**SETTINGS, "train.epochs": 3}


@pytest.fixture
def root(workspace: Path, tiny: Dataset, tmp_path: Path) -> Path:
    """A workspace of other runs on the same datasets."""
    assert tiny.folder.parent == workspace / "tfrecords"
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "tfrecords").symlink_to(workspace / "tfrecords")
    return root


def _local(root: Path, settings: dict[str, object]) -> Ablation:
    """The same ablation in one process after the other on this machine."""
    return ablate("tiny", [kit.parse_axis(AXIS, "0.5,0.9")], settings=settings, seeds=2, jobs=1, root=root / "local")


def _is_lock_of_a_run_with_a_checkpoint(path: Path) -> bool:
    folder = path.with_name(path.name.removeprefix(".").removesuffix(".lock"))
    return folder.name.startswith("seed-") and any(folder.glob("epoch-*.weights.h5"))


def _figures(folder: Path) -> dict[str, object]:
    """Weights and all figures but times of each run, by its path below the ablation's folder."""
    found: dict[str, object] = {}
    for path in folder.glob("*/seed-*/history.csv"):
        rows = [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()]
        result = json.loads((path.parent / "result.json").read_text())
        assert "seconds" == path.read_text().splitlines()[0].rsplit(",", 1)[1]
        found[str(path.parent.relative_to(folder))] = (rows, result["best"], result["final"])
    return found


def test_trials_on_two_nodes_give_the_figures_of_this_machine(root: Path, both_nodes: Cluster) -> None:
    seen: list[AblationStatus] = []
    plan = plan_ablation(
        "tiny",
        [kit.parse_axis(AXIS, "0.5,0.9")],
        recipe="histopathologic-cancer",
        settings=SETTINGS,
        seeds=2,
        design="grid",
        root=root,
    )
    ran = run_plan(plan, jobs=1, engine="ray", address=both_nodes.address, watch=seen.append)
    (root / "local").mkdir()
    (root / "local" / "tfrecords").symlink_to(root / "tfrecords")
    local = _local(root, SETTINGS)

    assert 0 == ran.left
    assert len(_figures(ran.path)) == 4
    assert _figures(local.path) == _figures(ran.path)
    assert any(status.count("running") == 2 for status in seen)
    assert 4 == seen[-1].count("finished")


def test_trial_whose_node_dies_goes_on_from_its_checkpoint_on_the_other_one(root: Path, both_nodes: Cluster) -> None:
    settings = [word for path, value in THREE.items() for word in ("--set", f"{path}={value}")]
    command = [sys.executable, "-m", "kit", "ablate", "tiny", f"{AXIS}=0.5,0.9", "--seeds", "2", *settings]
    with subprocess.Popen(
        [*command, "--engine", "ray", "--address", both_nodes.address, "--jobs", "1", "--root", str(root), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: both_nodes.stop_with_open(OTHER, _is_lock_of_a_run_with_a_checkpoint), process)
        both_nodes.kill(OTHER)
        output, errors = process.communicate()
    (root / "local").mkdir()
    (root / "local" / "tfrecords").symlink_to(root / "tfrecords")
    local = _local(root, THREE)
    (folder,) = (path.parent for path in (root / "runs").glob("*/ablation.json"))

    assert 0 == process.returncode, errors
    assert "its machine was lost; it goes on from its checkpoint on another one" in errors
    assert json.loads(output)
    assert _figures(local.path) == _figures(folder)
