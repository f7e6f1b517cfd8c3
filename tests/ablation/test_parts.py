"""Parts of an ablation, trained by several commands and compared by one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from trained import SETTINGS

import kit
from kit.ablation.ablate import run_plan
from kit.ablation.axis import Axis
from kit.ablation.plan import Plan, RunKey, plan_ablation
from kit.datasets import Dataset
from kit.engines import Part
from kit.errors import BusyError, SpecError
from kit.locks import locked, locked_part
from kit.specs.recipe import DEFAULT_RECIPE
from tests.waiting import ended, kill_tree, wait_until

AXES = [kit.parse_axis("model.bn_position", "before,after")]
SHORT = {**SETTINGS, "train.epochs": 2}


def plan_of(dataset: Dataset, root: Path, axes: list[Axis], *, seeds: int = 4, design: str = "grid") -> Plan:
    return plan_ablation(
        dataset.manifest.name, axes, recipe=DEFAULT_RECIPE, settings=SHORT, seeds=seeds, design=design, root=root
    )


def shares(plan: Plan, count: int) -> list[list[RunKey]]:
    return [plan.share(Part(index, count)) for index in range(1, count + 1)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
def test_parts_train_every_run_once_and_seeds_stay_together(tiny: Dataset, workspace: Path, count: int) -> None:
    plan = plan_of(tiny, workspace, AXES)
    together = [key for share in shares(plan, count) for key in share]

    assert sorted(plan.specs) == sorted(together)
    assert [0, 0, 1, 1, 2, 2, 3, 3] == [key.seed for key in together]


def test_parts_are_balanced_by_the_work_of_their_runs(tiny: Dataset, workspace: Path) -> None:
    plan = plan_of(tiny, workspace, [kit.parse_axis("train.epochs", "1,9")], seeds=6)
    epochs = [sum(plan.specs[key].train.epochs for key in share) for share in shares(plan, 3)]

    assert [20, 20, 20] == epochs


def test_a_search_and_halving_take_no_parts(tiny: Dataset, workspace: Path) -> None:
    searched = plan_of(tiny, workspace, [kit.parse_axis("model.dropout", "0..0.5")], design="search:8")
    with pytest.raises(SpecError, match="design search proposes arms by the results of earlier ones; leave part='1/2'"):
        run_plan(searched, part=Part(1, 2))
    with pytest.raises(SpecError, match=r"halving=True prunes arms by the results of all; leave part='1/2' out"):
        kit.ablate(tiny.manifest.name, AXES, settings=SHORT, halving=True, part="1/2", root=workspace)
    with pytest.raises(SpecError, match="part='3/2' counts from 1"):
        kit.ablate(tiny.manifest.name, AXES, settings=SHORT, part="3/2", root=workspace)


def test_parts_are_not_compared_while_one_is_at_work(tiny: Dataset, tmp_path: Path, workspace: Path) -> None:
    (tmp_path / "tfrecords").symlink_to(workspace / "tfrecords")
    plan = plan_of(tiny, tmp_path, AXES)
    with locked_part(plan.folder), pytest.raises(BusyError, match=r"parts of .* are at work"):
        run_plan(plan)

    assert not plan.folder.exists()


def predictions(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.glob("runs/*/*/*/validation_predictions.csv")
    }


SCRIPT = """
import sys, time
from pathlib import Path
import kit
from kit.progress import NoProgress

class Halting(NoProgress):
    def advance(self, steps=1, note=""):
        while len(sys.argv) > 3 and any(Path(sys.argv[1]).glob("runs/*/*/seed-0/spec.json")):
            time.sleep(1)  # until it is killed

if __name__ == "__main__":
    settings = {settings}
    axes = [kit.parse_axis("model.bn_position", "before,after")]
    root, part, *_ = sys.argv[1:]
    kit.ablate("tiny", axes, settings=settings, seeds=2, jobs=1, part=part, root=root, progress=Halting())
"""


@pytest.mark.slow
def test_parts_at_once_one_of_them_twice_and_one_killed_train_what_one_command_trains(
    tiny: Dataset, tmp_path: Path, workspace: Path
) -> None:
    alone, parts = tmp_path / "alone", tmp_path / "parts"
    for root in (alone, parts):
        root.mkdir()
        (root / "tfrecords").symlink_to(workspace / "tfrecords")
    asked = {"settings": SHORT, "seeds": 2, "jobs": 1}
    kit.ablate(tiny.manifest.name, AXES, root=alone, **asked)  # type: ignore[arg-type]
    script = SCRIPT.replace("{settings}", repr(SHORT))
    commands = [[sys.executable, "-c", script, str(parts), *words] for words in (("1/2", "halt"), ("2/2",), ("2/2",))]
    with ended(*commands) as running:
        wait_until(lambda: any(parts.glob("runs/*/*/seed-0/spec.json")), running[0])
        kill_tree(running[0])
        assert [-9, 0, 0] == [process.wait() for process in running]
    (folder,) = (parts / "runs").iterdir()
    assert 2 == len(list(folder.glob("*/seed-1/result.json")))

    made = kit.ablate(tiny.manifest.name, AXES, root=parts, **asked)  # type: ignore[arg-type]
    assert (0, {}, 0) == (made.left, made.failed, made.elsewhere)
    assert 4 == len(predictions(alone))
    assert predictions(alone) == predictions(parts)
    assert not [path for path in parts.rglob(".*") if path.name != ".hashes.json"]


@pytest.mark.slow
def test_a_run_that_another_command_trains_is_left_to_it(tiny: Dataset, tmp_path: Path, workspace: Path) -> None:
    (tmp_path / "tfrecords").symlink_to(workspace / "tfrecords")
    plan = plan_of(tiny, tmp_path, AXES, seeds=1)
    busy, free = (plan.directory(key) for key in plan.specs)
    with locked(busy.path):
        made = run_plan(plan, jobs=1, part=Part(1, 1))

    assert (0, {}, 1) == (made.left, made.failed, made.elsewhere)
    assert (False, True) == (busy.is_finished, free.is_finished)
    assert not busy.path.exists()
    assert 0 == run_plan(plan, jobs=1, part=Part(9, 9)).elsewhere  # a part without runs
