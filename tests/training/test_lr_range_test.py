from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import SETTINGS

import kit
from kit.cli.app import main
from kit.errors import RunError, SpecError, WorkspaceError
from kit.training.lr_curve import RangeTest

if TYPE_CHECKING:
    from pathlib import Path

    from kit.datasets import Dataset
    from kit.runs import RunDirectory

RATES = np.geomspace(1e-7, 10, 100)


def valley(bottom: float, noise: float = 0.0, *, depth: float = 0.5, seed: int = 0) -> RangeTest:
    """A loss of 0.7 that falls by `depth` over three factors of ten down to `bottom`, then climbs."""
    away = np.log10(RATES / bottom)
    losses = 0.7 - depth * np.clip(1 + away / 3, 0, 1) + 2 * np.clip(away, 0, None) ** 2
    drawn = np.random.default_rng(seed).normal(0, noise, len(RATES))
    return RangeTest(tuple(RATES), tuple(losses + drawn), is_diverged=True)


@given(st.floats(-4, -1), st.integers(0, 99))
def test_the_suggestion_lies_in_the_fall_a_tenth_below_its_end(exponent: float, seed: int) -> None:
    bottom = 10**exponent
    found = valley(bottom, noise=0.02, seed=seed)

    assert found.falls_from is not None
    assert found.suggestion is not None
    assert bottom / 5000 < found.falls_from < found.suggestion < found.lowest
    assert bottom / 3 < found.lowest < 3 * bottom
    assert bottom / 30 < found.suggestion < bottom / 3


def test_a_short_fall_is_met_in_its_middle() -> None:
    losses = np.where(RATES < 1e-2, 0.7, 0.7 - 0.5 * np.log10(RATES / 1e-2))
    found = RangeTest(tuple(RATES), tuple(np.where(RATES > 0.1, 3.0, losses)), is_diverged=True)

    assert found.falls_from is not None
    assert found.suggestion is not None
    assert found.lowest / 10 < found.falls_from < found.suggestion < found.lowest


def test_noise_alone_hardly_ever_suggests_a_rate() -> None:
    drawn = np.random.default_rng(0).normal(0.7, 0.1, (300, len(RATES)))
    found = [RangeTest(tuple(RATES), tuple(losses), is_diverged=False) for losses in drawn]
    quiet = [test.finding for test in found if test.suggestion is None]

    assert 297 <= len(quiet) <= 300
    assert all("nothing to suggest; a larger train.batch_size makes it calmer" in finding for finding in quiet)


def test_what_diverges_does_not_move_the_lowest_point() -> None:
    calm, wild = valley(0.01), valley(0.01)
    losses = [*wild.losses[:-5], 1e3, 1e5, 1e7, 1e9, 1e12]

    assert calm.lowest == RangeTest(wild.rates, losses, is_diverged=True).lowest


def test_the_finding_says_what_to_try() -> None:
    found = valley(0.01)

    assert f"is lowest at {found.lowest:.2g} and diverges after 10" in found.finding
    assert f"try train.learning_rate={found.suggestion:g}" in found.finding
    assert "has not diverged at 10" in RangeTest(found.rates, found.losses, is_diverged=False).finding


def test_rates_are_tried_and_only_the_curve_is_left(tiny: Dataset, workspace: Path) -> None:
    before = set(workspace.rglob("*"))
    settings = {**SETTINGS, "train.schedule.kind": "cosine", "augment.horizontal_flip": True}
    found = kit.find_learning_rate(tiny.manifest.name, settings=settings, root=workspace)
    again = kit.find_learning_rate(tiny.manifest.name, settings=settings, root=workspace)
    picture, table = kit.write_range_test(again)
    with table.open() as file:
        rows = list(csv.DictReader(file))

    remembered = next(workspace.glob("tfrecords/tiny/.hashes.json"))  # whoever reads the shards first writes it

    assert {picture, table, table.parent} == set(workspace.rglob("*")) - before - {workspace / "runs", remembered}
    assert workspace / "runs" / "learning-rates" == table.parent
    assert found.test == again.test
    assert 1e-7 == pytest.approx(found.test.rates[0])
    assert all(1e-7 <= rate <= 10 for rate in found.test.rates)
    assert list(found.test.losses) == pytest.approx([float(row["loss"]) for row in rows])
    assert cv2.imread(str(picture)).shape[0] > 100


def test_a_rate_that_the_network_learns_at_is_suggested(tiny: Dataset, workspace: Path) -> None:
    found = kit.find_learning_rate(tiny.manifest.name, settings=SETTINGS, root=workspace)

    assert found.test.suggestion is not None
    run = kit.train(
        tiny.manifest.name, settings={**SETTINGS, "train.learning_rate": found.test.suggestion}, root=workspace
    )
    losses = run.history().column("loss")
    assert losses[-1] < losses[0]


def test_devices_are_used_or_refused(run: RunDirectory, tiny: Dataset, workspace: Path) -> None:
    with pytest.raises(SpecError, match="devices must be auto, cpu, cpu:N, gpu or gpu:0,1, got 'cpu:x'"):
        kit.find_learning_rate(tiny.manifest.name, devices="cpu:x", root=workspace)
    assert run.is_finished  # so that this process computes already
    with pytest.raises(RunError, match="computes on other devices than cpu:7 already"):
        kit.find_learning_rate(tiny.manifest.name, settings=SETTINGS, devices="cpu:7", root=workspace)


def test_rates_are_those_of_the_setting_where_devices_multiply_it(
    tiny: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kit.find_learning_rate(tiny.manifest.name, settings=SETTINGS, root=workspace).test
    monkeypatch.setattr("kit.training.lr_sweep.first_rate", lambda spec: 100 * spec.learning_rate)
    many = kit.find_learning_rate(tiny.manifest.name, settings=SETTINGS, root=workspace).test

    assert one.rates[0] == many.rates[0]
    assert one.falls_from
    assert many.falls_from
    assert many.falls_from < one.falls_from / 20


def test_the_command_prints_json_and_trains_nothing(
    tiny: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = [part for path, value in SETTINGS.items() for part in ("--set", f"{path}={value}")]
    asked = ["find-lr", tiny.manifest.name, *settings, "--seed", "7", "--root", str(workspace), "--json"]
    monkeypatch.setattr(sys, "argv", ["kit", *asked])
    with pytest.raises(SystemExit) as left:
        main()
    found = json.loads(capfd.readouterr().out)

    assert not left.value.code
    assert {"suggestion", "found"} == found.keys()
    assert not list(workspace.glob("runs/tiny*seed-7*"))


def test_an_unknown_dataset_is_refused(workspace: Path) -> None:
    with pytest.raises(WorkspaceError, match="unknown dataset 'tinny'"):
        kit.find_learning_rate("tinny", root=workspace)
