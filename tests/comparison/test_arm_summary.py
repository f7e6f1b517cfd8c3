from __future__ import annotations

from pathlib import Path

import pytest
from made import Made

import kit
from kit.errors import SpecError
from kit.reports.training import describe_run, summary_table
from kit.runs import RunDirectory, RunResult
from kit.training.request import with_short

LAST = {"accuracy": 0.9, "val_accuracy": 0.7, "auc": None, "val_auc": 0.65}
BEST = {"accuracy": 0.8, "val_accuracy": 0.75, "auc": 0.85, "val_auc": 0.7}


def finished(folder: Path, best_epoch: int | None, epochs: int = 3) -> RunDirectory:
    run = Made(folder).begin("arm", 0, {"accuracy": [0.5] * epochs, "val_accuracy": [0.5] * epochs})
    best = BEST if best_epoch not in {None, epochs} else LAST
    run.finish(
        RunResult(
            epochs=epochs,
            best_epoch=best_epoch,
            final=LAST,
            best=best,
            parameters=1234,
            trainable_parameters=1200,
            seconds_per_epoch=1.0,
        )
    )
    return run


def test_best_and_last_epoch_stand_side_by_side(tmp_path: Path) -> None:
    table = summary_table(finished(tmp_path, 2))

    assert ("", "best (2)\ntrain", "best (2)\nvalidation", "last (3)\ntrain", "last (3)\nvalidation") == table.columns
    assert (("accuracy", "0.8000", "0.7500", "0.9000", "0.7000"), ("auc", "0.8500", "0.7000", "nan", "0.6500")) == (
        table.rows
    )


@pytest.mark.parametrize(("best", "name"), [(3, "best and last (3)"), (None, "last (3)")])
def test_one_epoch_stands_alone(tmp_path: Path, best: int | None, name: str) -> None:
    table = summary_table(finished(tmp_path, best))

    assert ("", f"{name}\ntrain", f"{name}\nvalidation") == table.columns
    assert ("accuracy", "0.9000", "0.7000") == table.rows[0]


def test_a_run_says_its_time_its_files_that_are_there_and_what_comes_next(tmp_path: Path) -> None:
    run = finished(tmp_path, 1, epochs=1)
    run.best_weights.touch()

    assert [
        "1 epoch in 1 s, median 1 s; 1,234 parameters, 1,200 of them trained",
        f"{run.path}: best.weights.h5, history.csv",
        "next: kit evaluate seed-0  (then kit predict, kit export)",
    ] == describe_run(run)


def test_short_options_are_settings(tmp_path: Path) -> None:
    short = with_short({"model.pool": "2"}, epochs=5, batch_size=None, learning_rate=0.1)

    assert {"train.epochs": 5, "train.learning_rate": 0.1, "model.pool": "2"} == short
    with pytest.raises(SpecError, match=r"train.learning_rate is given twice, by learning_rate= and by settings="):
        with_short({"train.learning_rate": "0.01"}, learning_rate=0.1)
    with pytest.raises(kit.KitError, match=r"unknown dataset 'nothing'"):
        kit.train("nothing", epochs=5, root=tmp_path)
