"""A run knows its lane, Keras 3 or Keras 2.15, and is opened in the other one with a word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kit.datasets import Dataset
from kit.errors import MissingDependencyError, RunError
from kit.inference.predict_split import predict_split
from kit.progress import NoProgress
from kit.runs import RunDirectory
from tests.training.test_resume import finished, stop_at

OTHER = {True: "2.15.0", False: "3.15.1"}  # a version of the other lane, by whether this one has Keras 3


class Notes(NoProgress):
    """What is said meanwhile."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps
        self.said += [note] * bool(note)


def other_keras() -> str:
    from kit.compat.lane import IS_KERAS_3

    return OTHER[IS_KERAS_3]


def record(run: RunDirectory, keras: str | None) -> None:
    """Write a version of Keras as that of a run; None is a run from before its record."""
    environment = json.loads(run.environment.read_text())
    environment.pop("keras")
    run.environment.write_text(json.dumps(environment if keras is None else {**environment, "keras": keras}))


@pytest.fixture
def copied(run: RunDirectory, tmp_path: Path) -> RunDirectory:
    return RunDirectory(shutil.copytree(run.path, tmp_path / "copied"))


def test_a_run_records_the_keras_of_its_lane(run: RunDirectory) -> None:
    from kit.compat import keras_version

    assert keras_version() == run.keras


def test_predictions_in_the_other_lane_say_so(copied: RunDirectory, tiny: Dataset) -> None:
    record(copied, other_keras())
    notes = Notes()
    predict_split(copied, tiny, "validation", progress=notes)

    assert [note for note in notes.said if note.startswith(f"trained with Keras {other_keras()}")]


@pytest.mark.parametrize("recorded", ["own", None])
def test_predictions_of_a_run_of_this_lane_or_without_a_record_say_nothing(
    copied: RunDirectory, tiny: Dataset, recorded: str | None
) -> None:
    if recorded is None:
        record(copied, None)
    notes = Notes()
    predict_split(copied, tiny, "validation", progress=notes)

    assert [] == notes.said


def test_a_training_of_the_other_lane_is_not_resumed(run: RunDirectory, tiny: Dataset, tmp_path: Path) -> None:
    parts = RunDirectory(tmp_path / "parts")
    stop_at(8, tiny, run.spec(), parts)
    record(parts, other_keras())
    before = {path.name: path.read_bytes() for path in parts.path.iterdir() if path.is_file()}

    with pytest.raises(
        RunError, match=f"was begun with Keras {other_keras()}.*which cannot resume it; run its command"
    ):
        finished(tiny, run.spec(), parts)
    assert before == {path.name: path.read_bytes() for path in parts.path.iterdir() if path.is_file()}


def test_a_training_without_a_record_is_resumed(run: RunDirectory, tiny: Dataset, tmp_path: Path) -> None:
    parts = RunDirectory(tmp_path / "parts")
    stop_at(8, tiny, run.spec(), parts)
    record(parts, None)

    assert finished(tiny, run.spec(), parts).is_finished


@pytest.mark.addons
def test_what_needs_keras_3_is_named() -> None:
    from kit.compat import needs_keras_3

    with pytest.raises(MissingDependencyError, match=r"^x needs Keras 3; this environment has Keras 2\.15\.0 \(Tens"):
        needs_keras_3("x")
