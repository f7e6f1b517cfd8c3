from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import kit
from kit.arguments import checked_arguments
from kit.errors import SpecError

CALLS = {name: call for name in kit.__all__ if inspect.isfunction(call := getattr(kit, name))}


@checked_arguments
def call(count: int, share: float = 0.5, *, names: list[str] | None = None, at: str | Path = ".") -> tuple[Any, ...]:
    return count, share, names, at


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: kit.train(3), "kit.train: name takes text, got 3 (int)"),
        (lambda: kit.train("d", seed="1"), "kit.train: seed takes a whole number, got '1' (str)"),
        (lambda: kit.train("d", epochs=True), "kit.train: epochs takes a whole number or None, got True (bool)"),
        (lambda: kit.train("d", settings=["a=b"]), "kit.train: settings takes a dict or None, got ['a=b'] (list)"),
        (
            lambda: kit.train_folds("d", folds=0),
            "kit.train_folds: folds takes text or a list, each a whole number, got 0",
        ),
        (lambda: kit.predict(5), "kit.predict: runs takes text or a path, got 5 (int)"),
        (lambda: kit.predict("a", None), "kit.predict: runs takes text or a path, got None"),
        (lambda: kit.predict("a", force="no"), "kit.predict: force takes True or False, got 'no' (str)"),
        (lambda: kit.compare(None), "kit.compare: names takes text or a path, got None"),
        (lambda: kit.ablate("d", seeds="3"), "kit.ablate: seeds takes a whole number, got '3' (str)"),
        (
            lambda: kit.ablate("d", ["model.pool=2"]),
            "kit.ablate: axes takes a list, each an Axis, got ['model.pool=2'] (list)",
        ),
        (lambda: kit.ablate("d", progress=print), "kit.ablate: progress takes a Progress, got"),
        (lambda: kit.evaluate("a", recall="0.9"), "kit.evaluate: recall takes a number or None, got '0.9' (str)"),
        (
            lambda: kit.export("a", formats="keras"),
            "kit.export: formats takes a list, each text or None, got 'keras' (str)",
        ),
        (lambda: kit.export("a", weights=1), "kit.export: weights takes 'best', 'last' or None, got 1 (int)"),
        (lambda: kit.blend("a", "b", output=2), "kit.blend: output takes a path, text or None, got 2 (int)"),
        (lambda: kit.submit(7, competition="c"), "kit.submit: file takes text or a path, got 7 (int)"),
        (lambda: kit.fetch(["c"]), "kit.fetch: competition takes text or None, got ['c'] (list)"),
        (lambda: kit.submissions(retries=3), "kit.submissions: retries takes a Retries or None, got 3 (int)"),
        (lambda: kit.find_dataset(Path("d")), "kit.find_dataset: name takes text, got"),
        (lambda: kit.write_preview("d", "p.png"), "kit.write_preview: dataset takes a Dataset, got 'd' (str)"),
    ],
)
def test_a_wrong_type_is_named_with_what_the_argument_takes(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        wrong()

    assert str(caught.value).startswith(message)


def test_right_types_pass_and_numbers_of_numpy_arrive_as_python_s() -> None:
    count, share, names, at = call(np.int64(3), np.float32(0.5), names=["a"], at=Path())  # type: ignore[arg-type]

    assert (3, 0.5, ["a"], Path()) == (count, share, names, at)
    assert (int, float) == (type(count), type(share))
    assert (3, 1, None, ".") == call(3, 1)


@pytest.mark.parametrize(
    "wrong", [{"count": 3.0}, {"count": 3, "names": "a"}, {"count": 3, "names": [1]}, {"count": None}]
)
def test_a_text_is_no_list_and_a_fraction_no_whole_number(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"kit\.call: (count|names) takes"):
        call(**wrong)


def test_missing_and_unknown_arguments_are_said_by_python() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'count'"):
        call()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'cont'"):
        call(3, cont=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"recipe_names"}))
def test_every_public_call_checks_its_arguments(name: str) -> None:
    hints = typing.get_type_hints(CALLS[name])

    assert hasattr(CALLS[name], "__wrapped__")
    assert hints.keys() >= inspect.signature(CALLS[name]).parameters.keys()


@pytest.mark.parametrize("name", sorted(CALLS))
def test_what_a_public_call_returns_is_public(name: str) -> None:
    returned = typing.get_type_hints(CALLS[name])["return"]
    kinds = [kind for kind in (returned, *get_args(returned)) if getattr(kind, "__module__", "").startswith("kit")]

    assert all(getattr(kit, kind.__name__) is kind for kind in kinds)


def test_every_public_name_resolves_to_what_it_is_called() -> None:
    assert set(kit.__all__) == {getattr(kit, name).__name__ for name in kit.__all__}
