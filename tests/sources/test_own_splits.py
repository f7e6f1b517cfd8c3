"""A source's own splits: asked about where they contradict, never taken for classes."""

from __future__ import annotations

import csv
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

import kit
from kit.cli.app import main
from kit.conversion.shard_command import shard_command
from kit.datasets import Dataset, find_dataset
from kit.errors import SourceError, SpecError
from kit.sources import read_source
from kit.specs import SourceSpec

COUNTS = {"train": 10, "val": 2, "test": 3}


def dataset_of(folder: Path, counts: dict[str, int] = COUNTS) -> Path:
    """Write split folders of two classes, so many images each."""
    rng = np.random.default_rng(5)
    for split, count in counts.items():
        for label in ("NORMAL", "PNEUMONIA"):
            for number in range(count):
                path = folder / split / label / f"{split}{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), rng.integers(0, 255, (8, 8), np.uint8))
    return folder


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command line as a shell would."""
    program, *words = shlex.split(command)
    assert program == "kit"
    monkeypatch.setattr(sys, "argv", ["kit", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def sizes(dataset: Dataset) -> dict[str, int]:
    return {split: dataset.manifest.records(split) for split in dataset.manifest.splits}


def commands_in(message: str) -> list[str]:
    """Cut the commands from a refusal."""
    parts = message.replace(" - or", "\n").split("\n")
    return [part[part.index("kit shard") :].strip() for part in parts if "kit shard" in part]


def expected(*totals: int) -> dict[str, int]:
    return dict(zip(("train", "validation", "test"), totals, strict=True))


@pytest.mark.parametrize("option", ["--split", "--recipe"])
def test_own_validation_beside_a_split_ends_with_both_commands_that_run(
    tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = dataset_of(tmp_path / "x rays")
    recipe = tmp_path / "mine.toml"
    recipe.write_text('description = "mine"\n[data]\nsplit = [0.8, 0.2]\n')
    value = "80/20" if option == "--split" else str(recipe)
    words = ["kit", "shard", str(folder), "--name", "x", option, value, "--workers", "1", "--root", str(tmp_path)]
    assert run(shlex.join(words), monkeypatch) == 1
    without, own = commands_in(capsys.readouterr().err)

    assert run(f"{without} --force", monkeypatch) == 0
    divided = find_dataset("x", root=tmp_path)
    assert run(f"{own} --force", monkeypatch) == 0
    assert expected(16, 4, 6) == sizes(divided)
    assert ("val",) == divided.manifest.source.spec.ignore_splits
    assert expected(20, 4, 6) == sizes(find_dataset("x", root=tmp_path))


def test_ignored_splits_are_listed_as_left_out_on_purpose(tmp_path: Path) -> None:
    folder = dataset_of(tmp_path / "x")
    dataset = kit.shard(folder, name="x", ignore_splits=["val"], split=(0.8, 0.2), workers=1, root=tmp_path)
    with (dataset.folder / "rejects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert (0, 4) == (dataset.manifest.rejects, dataset.manifest.left_out)
    assert {"left out by ignore_splits val"} == {row["reason"] for row in rows}
    assert all("/val/" in row["input"] for row in rows)


def test_no_question_where_nothing_contradicts(tmp_path: Path) -> None:
    folder = dataset_of(tmp_path / "x")

    assert expected(20, 4, 6) == sizes(kit.shard(folder, name="own", workers=1, root=tmp_path))
    merged = kit.shard(folder, name="merged", merge_splits=True, split=(0.8, 0.2), workers=1, root=tmp_path)
    assert {"train": 24, "validation": 6} == sizes(merged)


def test_a_recipes_own_setting_answers_for_good(tmp_path: Path) -> None:
    folder = dataset_of(tmp_path / "x")
    recipe = tmp_path / "mine.toml"
    recipe.write_text('description = "mine"\n[data]\nsplit = [0.9, 0.1]\nignore_splits = ["val"]\n')

    assert expected(18, 2, 6) == sizes(kit.shard(folder, name="x", recipe=str(recipe), workers=1, root=tmp_path))


def test_own_needs_a_validation_split(tmp_path: Path) -> None:
    folder = dataset_of(tmp_path / "x", {"train": 4, "test": 2})

    with pytest.raises(SpecError, match=r"no validation split of its own to keep"):
        kit.shard(folder, name="x", split="own", workers=1, root=tmp_path)


def test_an_unknown_split_to_ignore_is_named() -> None:
    with pytest.raises(SpecError, match=r"unknown split to ignore 'vall'; did you mean 'val'\?"):
        SourceSpec(folder="x", ignore_splits=("vall",))


def test_splits_of_arrays_are_ignored_too(tmp_path: Path) -> None:
    images, labels = np.arange(20 * 16, dtype=np.uint16).reshape(20, 4, 4).astype(np.uint8), np.arange(20) % 2
    parts = {f"{what}_{split}": values for split in ("train", "val") for what, values in (("x", images), ("y", labels))}
    np.savez(tmp_path / "both.npz", **parts)
    spec = SourceSpec(folder=str(tmp_path / "both.npz"), ignore_splits=("val",))

    assert {"train"} == {record.split for record in read_source(spec).records}


# --- folders within folders


def test_kaggles_own_layout_ends_with_the_command_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder chest_xray: splits, a copy of itself, and files of macOS."""
    folder = dataset_of(tmp_path / "chest_xray")
    dataset_of(folder / "chest_xray")
    (folder / "__MACOSX" / "chest_xray").mkdir(parents=True)
    (folder / "__MACOSX" / "chest_xray" / "._x.jpeg").write_bytes(b"Mac")
    options = ["--name", "x", "--size", "8", "--workers", "1", "--root", str(tmp_path)]
    assert run(shlex.join(["kit", "shard", str(folder), *options]), monkeypatch) == 1
    message = capsys.readouterr().err
    (command,) = commands_in(message)

    assert f"give {folder / 'chest_xray'} instead" in " ".join(message.split())
    assert run(command, monkeypatch) == 0
    assert expected(20, 4, 6) == sizes(find_dataset("x", root=tmp_path))


@pytest.mark.parametrize("splits", [("train", "test"), ("train",), ("Training", "Testing")])
def test_a_dataset_within_a_folder_is_no_class(tmp_path: Path, splits: Sequence[str]) -> None:
    dataset_of(tmp_path / "parent" / "brain", dict.fromkeys(splits, 2))

    with pytest.raises(
        SourceError, match=r"holds a dataset within a folder: .* in brain are not classes; give .*brain"
    ):
        read_source(SourceSpec(folder=str(tmp_path / "parent")))


def test_two_datasets_in_a_folder_are_no_two_classes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        dataset_of(tmp_path / "parent" / name)

    with pytest.raises(SourceError, match=r"test, train and val in one are not classes; give .*parent/one instead"):
        read_source(SourceSpec(folder=str(tmp_path / "parent")))


@pytest.mark.parametrize("merge_splits", [False, True])
def test_a_dataset_deep_within_folders_is_found(tmp_path: Path, *, merge_splits: bool) -> None:
    dataset_of(tmp_path / "parent" / "archive" / "brain")

    with pytest.raises(SourceError, match=r"in archive/brain are not classes; give .*parent/archive/brain instead"):
        read_source(SourceSpec(folder=str(tmp_path / "parent"), merge_splits=merge_splits))


def test_a_split_within_its_own_name_is_no_class(tmp_path: Path) -> None:
    for split in ("train", "test"):
        dataset_of(tmp_path / "parent" / split, {split: 2})

    with pytest.raises(
        SourceError, match=r"parent/test holds test, which are not classes; move their contents one folder up"
    ):
        read_source(SourceSpec(folder=str(tmp_path / "parent")))


def test_classes_that_are_divided_below_are_whole_only_if_asked(tmp_path: Path) -> None:
    folder = tmp_path / "animals"
    for label in ("cat", "dog"):
        for split in ("train", "test"):
            for number in range(2):
                path = folder / label / split / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"not looked into")

    with pytest.raises(SourceError, match=r"animals/cat is a class divided into test and train: .* merge_splits=True"):
        read_source(SourceSpec(folder=str(folder)))
    merged = read_source(SourceSpec(folder=str(folder), merge_splits=True))
    assert {"cat", "dog"} == {record.label for record in merged.records}


def test_a_folder_beside_splits_may_be_left_out(tmp_path: Path) -> None:
    folder = dataset_of(tmp_path / "x", {"train": 2, "test": 2, "notes": 1})
    (tmp_path / "out.txt").write_text("notes\n")
    source = read_source(SourceSpec(folder=str(folder), exclude=str(tmp_path / "out.txt")))

    assert {"train", "test"} == {record.split for record in source.records}


def test_commands_say_what_calls_do() -> None:
    given = {
        "source": Path("my images"),
        "name": "x",
        "classes": {"Cat": "cat", "a, b": "ab"},
        "class_names": None,
        "size": (32, 48),
        "scale": "none",
        "bands": (2, 1, 0),
        "split": (0.7, 0.2, 0.1),
        "page": 0,
        "index": True,
        "progress": object(),
    }
    expected_words = ["kit", "shard", "my images", "--name", "x", "--classes", 'Cat=cat,"a, b=ab"', "--size", "32x48"]

    assert [*expected_words, "--bands", "2,1,0", "--split", "70/20/10", "--index"] == shlex.split(shard_command(given))
