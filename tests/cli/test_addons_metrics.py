"""Names with colons, equals signs and a slash: Addons' metrics are columns, monitors and options all the same."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from trained import SETTINGS

import kit
from kit.cli.app import main
from kit.datasets import Dataset
from kit.runs import RunDirectory

pytestmark = pytest.mark.slow

F1 = "addons/F1Score:average=macro"
LOSS = "addons/HammingLoss:mode=multiclass"
KAPPA = "addons/CohenKappa:weightage=linear"
WATCHED = {
    **SETTINGS,
    "train.epochs": 2,
    "train.metrics": f"accuracy,{F1},{LOSS},{KAPPA}",
    "train.monitor": f"val_{F1}",
    "train.schedule.kind": "plateau",
    "train.schedule.monitor": f"val_{LOSS}",
}


@pytest.fixture(scope="module")
def watched(tiny: Dataset, workspace: Path) -> RunDirectory:
    return kit.train(tiny.manifest.name, settings=WATCHED, root=workspace)


def says(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    monkeypatch.setattr("sys.argv", ["kit", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()

    assert err == ""
    assert not left.value.code
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_history_holds_them_as_columns_and_the_best_epoch_is_by_one_of_them(watched: RunDirectory) -> None:
    history = rows(watched.history_file)
    best = max(range(len(history)), key=lambda epoch: float(history[epoch][f"val_{F1}"]))
    result: Any = watched.result()

    assert {F1, LOSS, KAPPA} < set(history[0])
    assert best + 1 == result.best_epoch
    assert all(float(row[f"val_{LOSS}"]) == pytest.approx(1 - float(row["val_accuracy"]), abs=1e-6) for row in history)


def test_evaluations_name_them_in_tables_and_files(
    watched: RunDirectory,
    tmp_path: Path,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("--metric", f"{F1},{LOSS}", "--html", "-o", tmp_path, "--root", workspace)
    shown = says(monkeypatch, capsys, "evaluate", watched.path, *asked)
    measured = {row["metric"]: float(row["value"]) for row in rows(tmp_path / "metrics.csv")}
    history = rows(watched.history_file)[int(watched.result().best_epoch) - 1]

    assert F1 in shown
    assert measured[F1] == pytest.approx(float(history[f"val_{F1}"]), abs=1e-6)
    assert measured[LOSS] == pytest.approx(float(history[f"val_{LOSS}"]), abs=1e-6)
    assert any(F1 in page.read_text() for page in tmp_path.glob("*.html"))


def test_comparisons_are_by_them_also_of_runs_that_did_not_record_them(
    watched: RunDirectory,
    run: RunDirectory,
    tmp_path: Path,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = (watched.path, run.path)
    shown = says(monkeypatch, capsys, "compare", *both, "--metric", KAPPA, "-o", tmp_path, "--root", workspace)

    assert KAPPA in shown
    assert 2 == sum(file.name.startswith("curves-") for file in tmp_path.iterdir())
    assert {f"val_{KAPPA}"} == {row["metric"] for row in rows(tmp_path / "comparison.csv")}
