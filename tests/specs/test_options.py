"""Options of the public calls: signatures and help in a notebook, and errors for wrong options."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import kit
from kit.errors import SpecError
from kit.training.request import TrainOptions, TrainRequest


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(20):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8, 3), number, np.uint8))
    return tmp_path / "images"


@pytest.mark.parametrize("size", [4, (4, 4), [4, 4], "4", "4x4", np.int64(4)], ids=repr)
def test_a_size_may_be_a_number_a_pair_or_a_text(images: Path, tmp_path: Path, size: Any) -> None:
    dataset = kit.shard(str(images), size=size, workers=1, root=str(tmp_path))

    assert (4, 4) == dataset.manifest.settings.image.size
    assert tmp_path.name == dataset.manifest.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 32.5}, r"^kit\.shard: size takes a whole number, a list, .*, got 32\.5 \(float\)$"),
        ({"size": True}, r"^kit\.shard: size takes .*, got True \(bool\)$"),
        ({"size": (1, 2, 3)}, r"^size must read 32, .*, got \(1, 2, 3\)$"),
        ({"labels": 3}, r"^kit\.shard: labels takes a path, text or None, got 3 \(int\)$"),
        ({"class_names": "ab"}, r"^kit\.shard: class_names takes a list, each text or None, got 'ab' \(str\)$"),
        ({"ignore_splits": "val"}, r"^kit\.shard: ignore_splits takes a list, each text or None, got 'val' \(str\)$"),
        ({"folds": "3"}, r"^kit\.shard: folds takes a whole number or None, got '3' \(str\)$"),
        ({"split": 0.7}, r"^kit\.shard: split takes a list, each a number, 'own' or None, got 0\.7 \(float\)$"),
        ({"bands": 2}, r"^kit\.shard: bands takes a list, each a whole number, got 2 \(int\)$"),
        ({"page": "x"}, r"^kit\.shard: page takes a whole number, got 'x' \(str\)$"),
        ({"near_bits": "x"}, r"^kit\.shard: near_bits takes a whole number, got 'x' \(str\)$"),
        ({"undersample": 1}, r"^kit\.shard: undersample takes True or False or None, got 1 \(int\)$"),
        ({"workers": "2"}, r"^kit\.shard: workers takes a whole number or None, got '2' \(str\)$"),
        ({"max_rejects": "1"}, r"^kit\.shard: max_rejects takes a whole number, got '1' \(str\)$"),
        ({"near_bits": 13}, r"^near_bits must be between 0 and 12, got 13$"),
        ({"workers": 0}, r"^workers must be 1 or more, got 0$"),
        ({"max_rejects": -1}, r"^max_rejects must be 0 or more, got -1$"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused_in_a_sentence(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        kit.shard(tmp_path, name="x", root=tmp_path, **options)


def test_an_option_that_is_none_is_refused_as_python_does(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"^shard\(\) got an unexpected keyword argument 'sizes'$"):
        kit.shard(tmp_path, name="x", sizes=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "call", [kit.shard, kit.shard_arrays, kit.audit, kit.train, kit.train_folds], ids=lambda call: call.__name__
)
def test_help_shows_and_describes_every_option(call: Any) -> None:
    names = inspect.signature(call).parameters
    described = inspect.getdoc(call) or ""

    assert "options" not in names
    assert [name for name in names if f"\n    {name}: " not in described] == []
    assert max(map(len, described.splitlines())) <= 120


@pytest.mark.parametrize("call", [kit.train, kit.train_folds], ids=lambda call: call.__name__)
def test_a_training_takes_all_that_a_request_says_with_the_same_defaults(call: Any) -> None:
    shown = {name: one.default for name, one in inspect.signature(call).parameters.items()}
    asked = {field.name: field.default for field in dataclasses.fields(TrainRequest)}

    assert asked.keys() - {"name"} == shown.keys() - {"name", "folds", "part", "engine", "address", "progress"}
    assert asked.keys() - {"name"} == TrainOptions.__annotations__.keys()
    assert {name: shown[name] for name in TrainOptions.__annotations__} == {
        name: asked[name] for name in TrainOptions.__annotations__
    }


@pytest.mark.parametrize("call", [kit.train, kit.train_folds], ids=lambda call: call.__name__)
def test_an_unknown_option_of_a_training_is_refused_as_python_does(call: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{call.__name__}\(\) got an unexpected keyword argument 'epoch'$"):
        call("x", epoch=3)


def test_a_refusal_speaks_python_to_a_caller_and_options_to_the_command_line(images: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,label\n")
    with pytest.raises(SpecError) as refused:
        kit.shard(images, name="x", labels=tmp_path / "labels.csv", class_from="(a|b)", root=tmp_path)

    assert str(refused.value) == "give labels= or class_from=, not both"
    assert refused.value.as_options() == "give --labels or --class-from, not both"
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)  # noqa: S301


def test_a_refusal_that_gives_the_whole_call_gives_one_that_runs(images: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "train").mkdir(parents=True)
    for part in ("train", "val"):
        shutil.copytree(images, tmp_path / "own" / part, dirs_exist_ok=True)
    with pytest.raises(SpecError) as refused:
        kit.shard(tmp_path / "own", name="x", split=(0.8, 0.2), workers=1, root=tmp_path)
    said = re.search(r"leave its own out: (kit\.shard\(.*\)) - or keep it", str(refused.value))

    assert said is not None
    assert eval(said[1], {"kit": kit}).manifest.counts["train"] == {"a": 8, "b": 8}  # noqa: S307
