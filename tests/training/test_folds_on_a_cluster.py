from __future__ import annotations

import json
from pathlib import Path

import pytest
from cluster import Cluster
from trained import SETTINGS

from kit.datasets import Dataset
from kit.errors import SpecError
from kit.progress import NoProgress
from kit.runs import FoldSet
from kit.training import train_folds

ONE = {**SETTINGS, "train.epochs": 1}


class Notes(NoProgress):
    """What is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def advance(self, steps: int = 1, note: str = "") -> None:
        super().advance(steps, note)
        self.said.append(note)


@pytest.mark.cluster
def test_folds_on_two_nodes_give_the_predictions_and_figures_of_this_machine(
    folded: Dataset, tmp_path: Path, both_nodes: Cluster
) -> None:
    notes = Notes()
    spread_root, local_root = (_workspace(tmp_path / name, folded) for name in ("spread", "local"))
    spread = train_folds(
        "folded", settings=ONE, root=spread_root, engine="ray", address=both_nodes.address, progress=notes
    )
    local = train_folds("folded", settings=ONE, root=local_root)

    assert {0, 1, 2} == set(spread.finished())
    assert _results(local) == _results(spread)
    assert local.predictions.read_bytes() == spread.predictions.read_bytes()
    assert 2 == len({note.rpartition(" ")[2] for note in notes.said if " is trained on node " in note})


def _workspace(root: Path, dataset: Dataset) -> Path:
    root.mkdir()
    (root / "tfrecords").symlink_to(dataset.folder.parent)
    return root


def _results(fold_set: FoldSet) -> list[object]:
    results = [json.loads((run.path / "result.json").read_text()) for run in fold_set.finished().values()]
    return [[result[name] for name in ("best", "final", "epochs", "best_epoch")] for result in results]


def test_an_address_without_the_engine_is_refused_and_so_is_an_unknown_engine(folded: Dataset, workspace: Path) -> None:
    assert folded.folder.parent.parent == workspace
    with pytest.raises(SpecError, match="address= is a Ray cluster's; add engine='ray'"):
        train_folds("folded", settings=ONE, root=workspace, address="10.0.0.1:6379")
    with pytest.raises(SpecError, match=r"unknown engine 'rya'; did you mean 'ray'\? Known: local, ray"):
        train_folds("folded", settings=ONE, root=workspace, engine="rya")
