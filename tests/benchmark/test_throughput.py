from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import SETTINGS

import kit
from kit.benchmark import Speeds
from kit.cli.app import main
from kit.errors import SpecError
from kit.reports.speeds import advise, describe_bottleneck, speeds_table
from kit.specs import RunSpec

if TYPE_CHECKING:
    from pathlib import Path

    from kit.datasets import Dataset

RATES = st.floats(1, 1e6)


def speeds(**changes: object) -> Speeds:
    """Speeds of a network on one CPU, fed from memory."""
    usual = {
        "spec": RunSpec(dataset="pcam", fingerprint="0" * 16, arm="before"),
        "cache": "memory",
        "formats": ("raw",),
        "gpus": 0,
        "cores": 2,
        "input": [5000.0] * 3,
        "plain": [],
        "model": [100.0] * 3,
        "together": [98.0] * 3,
    }
    return Speeds(**{**usual, **changes})


def test_a_model_that_input_keeps_up_with_is_the_bottleneck() -> None:
    found = speeds()

    assert "model" == found.bottleneck
    assert (
        "bottleneck: the model; the input alone is 50.0 times as fast as the model, and training takes 1.02 times as"
        " long as on one batch"
    ) == describe_bottleneck(found)


def test_an_input_that_is_slower_than_the_model_is_the_bottleneck() -> None:
    found = speeds(input=[50.0] * 3, together=[40.0] * 3)

    assert "input" == found.bottleneck
    assert "bottleneck: the input; training takes 2.50 times as long as on one batch" == describe_bottleneck(found)


def test_cores_that_both_need_are_the_bottleneck_and_never_those_of_a_gpus_machine() -> None:
    shared = {"input": [400.0] * 3, "together": [80.0] * 3}

    assert "cores" == speeds(**shared).bottleneck
    assert "the 2 cores, which input and model share" in describe_bottleneck(speeds(**shared))
    assert "input" == speeds(**shared, gpus=1).bottleneck


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"cache": "none"}, "--cache memory, or --cache disk where they do not fit"),
        ({"cache": "none", "formats": ("jpeg",)}, "or kit shard --encoding raw, which needs no decoding"),
        ({"plain": [1000.0] * 3}, "augmentation is 95% of the input's work: less of it, smaller images, or more cores"),
        ({"plain": [60.0] * 3, "cache": "none"}, "--cache memory"),
        ({"cache": "disk"}, "smaller images (kit shard --size), or more cores"),
    ],
)
def test_advice_for_a_slow_input_names_what_makes_it_slow(changes: dict[str, object], advice: str) -> None:
    assert advice in advise(speeds(input=[50.0] * 3, together=[40.0] * 3, **changes))


def test_advice_for_a_slow_model_is_of_the_devices_that_are_there() -> None:
    assert "a GPU" in advise(speeds())
    assert "--set train.batch_size=128, --precision mixed_float16" in advise(speeds(gpus=1))


@given(st.lists(st.tuples(RATES, RATES, RATES), min_size=1, max_size=9))
def test_any_rates_have_a_finding_and_advice(rates: list[tuple[float, float, float]]) -> None:
    fed, model, both = zip(*rates, strict=True)
    found = speeds(input=fed, model=model, together=both)

    assert describe_bottleneck(found).startswith(
        f"bottleneck: the {'2 ' if found.bottleneck == 'cores' else ''}{found.bottleneck}"
    )
    assert advise(found).startswith("what would move it: ")
    assert min(a / b for a, b in zip(model, both, strict=True)) <= found.slowdown
    assert found.slowdown <= max(a / b for a, b in zip(model, both, strict=True))


def test_the_table_has_a_row_for_each_part_and_fits_a_terminal() -> None:
    table = speeds_table(speeds(plain=[9000.0, 8000.0, 1234567.0]))

    assert ("input alone, without augmentation", "9,000", "8,000", "1,234,567", "7.11") == table.rows[1]
    assert 4 == len(table.rows)


@pytest.mark.parametrize(
    "cache", ["memory", pytest.param("disk", marks=pytest.mark.slow), pytest.param("none", marks=pytest.mark.slow)]
)
def test_a_dataset_is_measured_and_nothing_is_left_behind(tiny: Dataset, workspace: Path, cache: str) -> None:
    before = sorted(workspace.rglob("*"))
    settings = {**SETTINGS, "train.cache": cache, "augment.horizontal_flip": True}
    found = kit.bench(tiny.manifest.name, settings=settings, seconds=0.5, root=workspace)

    assert cache == found.cache
    assert len(found.input) == len(found.plain) == len(found.model) == len(found.together)
    assert 3 <= len(found.input) <= 7
    assert min(*found.input, *found.plain, *found.model, *found.together) > 0
    assert before == sorted(workspace.rglob("*"))


def test_the_command_prints_json(
    tiny: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = [part for path, value in SETTINGS.items() for part in ("--set", f"{path}={value}")]
    asked = ["bench", tiny.manifest.name, *settings, "--seconds", "0.3", "--root", str(workspace), "--json"]
    monkeypatch.setattr(sys, "argv", ["kit", *asked])
    with pytest.raises(SystemExit) as left:
        main()
    found = json.loads(capfd.readouterr().out)

    assert not left.value.code
    assert found["bottleneck"] in {"model", "input", "cores"}
    assert "memory" == found["speeds"]["cache"]
    assert [] == found["speeds"]["plain"]


def test_no_time_is_refused() -> None:
    with pytest.raises(SpecError, match="seconds must be above 0, got 0"):
        kit.bench("tiny", seconds=0)
