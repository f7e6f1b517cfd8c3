"""Parts of a prediction, by several commands, joined by one: the file is that of a single command, byte for byte."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import kit
from kit import locks
from kit.errors import BusyError, RunError, SpecError, WorkspaceError
from kit.locks import locked, locked_part
from kit.runs import RunDirectory
from kit.seals import seal
from kit.submission.predict import PredictedPart
from tests.waiting import ended, wait_until

SETTINGS = {
    "train.epochs": 1,
    "train.batch_size": 16,
    "model.pool": 2,
    "model.filters": "4,8",
    "model.dense": "16",
    "augment.horizontal_flip": True,
}
TESTED = 600  # images: two full batches and a short one
IDS = [f"t{number:03d}" for number in reversed(range(TESTED))]


def write_noise(folder: Path, names: list[str], seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for name in names:
        cv2.imwrite(str(folder / f"{name}.png"), rng.integers(0, 255, (16, 16, 3), np.uint8))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("predicted")
    for place, label in enumerate("ab"):
        write_noise(root / "images" / label, [f"{label}{number}" for number in range(40)], place)
    write_noise(root / "test", IDS, 2)
    (root / "sample.csv").write_text("id,label\n" + "".join(f"{one},0\n" for one in IDS))
    kit.shard(
        root / "images", name="noise", test=root / "test", sample_submission=root / "sample.csv", root=root, workers=1
    )
    return root


@pytest.fixture(scope="module")
def run(root: Path) -> RunDirectory:
    return kit.train("noise", settings=SETTINGS, root=root)


@pytest.fixture(scope="module")
def other(root: Path) -> RunDirectory:
    return kit.train("noise", settings=SETTINGS, seed=1, root=root)


@pytest.fixture(scope="module")
def alone(run: RunDirectory, root: Path) -> list[bytes]:
    """Submission and predictions of a single command."""
    return files_of(kit.predict(run.path, output=root / "alone.csv", root=root).path)


def files_of(csv: Path) -> list[bytes]:
    return [csv.read_bytes(), csv.with_name(f"{csv.stem}.predictions.csv").read_bytes()]


def predicted(run: RunDirectory, csv: Path, part: str, root: Path, **options: object) -> PredictedPart:
    made = kit.predict(run.path, output=csv, part=part, root=root, **options)  # type: ignore[call-overload]
    assert isinstance(made, PredictedPart)
    return made


_SLOW = [pytest.param(parts, marks=pytest.mark.slow) for parts in (("3/3",), ("3/3", "1/3", "2/3"), ("1/9",))]


@pytest.mark.parametrize("parts", [("2/2", "3/3"), *_SLOW])
def test_joined_parts_are_the_bytes_of_one_command_whichever_ran(
    run: RunDirectory, root: Path, tmp_path: Path, alone: list[bytes], parts: tuple[str, ...]
) -> None:
    csv = tmp_path / "joined.csv"
    for part in parts:
        predicted(run, csv, part, root)
    assert not csv.exists()

    assert alone == files_of(kit.predict(run.path, output=csv, root=root).path)
    assert ["joined.csv", "joined.csv.origin.json", "joined.predictions.csv"] == sorted(
        path.name for path in tmp_path.iterdir()
    )


@pytest.mark.slow
def test_several_runs_and_random_views_are_those_of_one_command(
    run: RunDirectory, other: RunDirectory, root: Path, tmp_path: Path
) -> None:
    runs = (run.path, other.path)
    kit.predict(*runs, output=tmp_path / "alone.csv", tta=3, root=root)
    for part in ("2/2", "1/2"):
        kit.predict(*runs, output=tmp_path / "joined.csv", tta=3, part=part, root=root)
    kit.predict(*runs, output=tmp_path / "joined.csv", tta=3, root=root)

    assert files_of(tmp_path / "alone.csv") == files_of(tmp_path / "joined.csv")


def test_parts_are_whole_batches_and_say_what_is_missing(run: RunDirectory, root: Path, tmp_path: Path) -> None:
    made = [predicted(run, tmp_path / "one.csv", f"{index}/3", root) for index in (1, 2, 3)]

    assert [(256, 344), (256, 88), (88, 0)] == [(part.images, part.missing) for part in made]
    assert {tmp_path / ".one.csv.partial"} == {part.folder for part in made}


def test_a_part_that_runs_twice_predicts_nothing_anew_and_a_damaged_one_is_predicted_anew(
    run: RunDirectory, root: Path, tmp_path: Path, alone: list[bytes]
) -> None:
    csv = tmp_path / "one.csv"
    (file,) = predicted(run, csv, "1/3", root).folder.iterdir()
    before = file.stat().st_mtime_ns
    assert 344 == predicted(run, csv, "1/3", root).missing
    assert before == file.stat().st_mtime_ns

    file.write_text(file.read_text().replace('"first": 0', '"first": 1'))
    assert alone == files_of(kit.predict(run.path, output=csv, root=root).path)


@pytest.mark.parametrize(("options", "problem"), [({"tta": "flips"}, "views"), ({"split": "validation"}, "split")])
def test_parts_with_other_options_are_refused(
    run: RunDirectory, root: Path, tmp_path: Path, options: dict[str, object], problem: str
) -> None:
    csv = tmp_path / "one.csv"
    predicted(run, csv, "1/3", root)

    with pytest.raises(RunError, match=rf"was predicted .*{problem}.*; give every part .* remove the folder .*partial"):
        predicted(run, csv, "2/3", root, **options)
    assert 1 == len(list((tmp_path / ".one.csv.partial").iterdir()))


def test_parts_by_other_weights_are_refused_when_they_are_joined(run: RunDirectory, root: Path, tmp_path: Path) -> None:
    csv = tmp_path / "one.csv"
    predicted(run, csv, "1/3", root)
    (file,) = (tmp_path / ".one.csv.partial").iterdir()
    kept = json.loads(file.read_text())
    kept["made_by"]["weights"] = "0" * 32
    file.write_bytes(seal(kept))

    with pytest.raises(RunError, match=f"was predicted by other weights of {run.path.name}; give every part"):
        kit.predict(run.path, output=csv, root=root)
    assert not csv.exists()


def test_parts_by_other_runs_are_refused(run: RunDirectory, other: RunDirectory, root: Path, tmp_path: Path) -> None:
    predicted(run, tmp_path / "one.csv", "1/3", root)

    with pytest.raises(RunError, match=f"by {run.path.name}, which is not among these runs"):
        predicted(other, tmp_path / "one.csv", "2/3", root)


def test_parts_are_not_joined_while_one_is_at_work_nor_begun_while_the_file_is_written(
    run: RunDirectory, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_PART_TIMEOUT", 0.1)
    csv = tmp_path / "one.csv"
    with locked_part(csv), pytest.raises(BusyError, match=r"parts of .*one\.csv are at work"):
        kit.predict(run.path, output=csv, root=root)
    with locked(csv), pytest.raises(BusyError, match="another kit command is writing"):
        predicted(run, csv, "1/3", root)

    assert [] == list(tmp_path.iterdir())


def test_a_part_of_a_complete_file_has_nothing_to_do(run: RunDirectory, root: Path, tmp_path: Path) -> None:
    csv = tmp_path / "one.csv"
    kit.predict(run.path, output=csv, root=root)
    before = files_of(csv)
    done = predicted(run, csv, "1/3", root)
    command = [sys.executable, "-m", "kit", "predict", str(run.path), "-o", str(csv), "--part", "1/3"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)

    assert (csv, 0, 0) == (done.path, done.images, done.missing)
    assert f"{csv} is complete; part 1/3 has nothing to do\n" == said.stdout
    assert before == files_of(csv)
    assert ["one.csv", "one.csv.origin.json", "one.predictions.csv"] == sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(WorkspaceError, match=r"one\.csv exists"):
        predicted(run, csv, "1/3", root, tta="flips")
    csv.write_text("mine")
    with pytest.raises(WorkspaceError, match=r"one\.csv exists"):
        predicted(run, csv, "1/3", root)


def test_a_part_of_a_file_that_exists_and_a_wrong_part_are_refused(
    run: RunDirectory, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.csv").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"one\.csv exists; choose another name or add force=True"):
        predicted(run, tmp_path / "one.csv", "1/3", root)
    with pytest.raises(SpecError, match="part must be I/N"):
        predicted(run, tmp_path / "two.csv", "one", root)


SCRIPT = """
import sys, time
import kit
from kit.progress import NoProgress

class Halting(NoProgress):
    def advance(self, steps=1, note=""):
        while len(sys.argv) > 5:
            time.sleep(1)  # until it is killed

if __name__ == "__main__":
    kit.predict(sys.argv[1], output=sys.argv[2], part=sys.argv[3], root=sys.argv[4], progress=Halting())
"""


@pytest.mark.slow
def test_parts_at_once_one_of_them_twice_and_one_killed_do_no_harm(
    run: RunDirectory, root: Path, tmp_path: Path, alone: list[bytes]
) -> None:
    csv = tmp_path / "joined.csv"
    parts = ("1/3", "2/3", "3/3", "3/3")
    commands = [[sys.executable, "-c", SCRIPT, str(run.path), str(csv), part, str(root)] for part in parts]
    commands[0].append("halt")
    with ended(*commands) as running:
        wait_until((tmp_path / ".joined.csv.parts.lock").exists, running[0])
        running[0].kill()
        assert [-9, 0, 0, 0] == [process.wait() for process in running]

    assert alone == files_of(kit.predict(run.path, output=csv, root=root).path)
    assert 3 == len(list(tmp_path.iterdir()))
    shutil.rmtree(tmp_path)
