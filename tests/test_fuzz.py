"""10,000 damaged and hostile manifests, specs and recipes: each opens unchanged, or is refused in one line."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import resource
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import everything
import msgspec
import numpy as np
import pytest

from kit import seals
from kit.datasets import verify_dataset
from kit.datasets.dataset import read_dataset
from kit.errors import KitError
from kit.names import checked_name
from kit.reports.recipes import describe_recipe
from kit.runs import RunDirectory
from kit.specs import RunSpec, read_recipe, read_setting, to_json
from kit.specs.settings import override

MEMORY = 500_000  # kB that reading files of a few kB, one after another, never takes

RAW = (  # instead of a value, as JSON and TOML write it
    *("NaN", "nan", "-Infinity", "inf", "1e400", "1e-400", "-0", "0", "-1", "00", "1_000", "0x10", "9" * 400, "1.5"),
    *(str(2**31), str(2**63), str(2**64), str(-(2**63) - 1), "true", "false", "null", "", '""', "''", "[]", "{}"),
    *('"\\ud800"', '"\\u0000"', '"\u202e"', '"\ufeff"', '"caf\u00e9"', '"../../x"', '"/etc/passwd"', '"con"', '"."'),
    *('"' + "x" * 100_000 + '"', "[" * 50_000, "[" * 200 + "]" * 200, '{"a":' * 50_000, '[[1], ["x"]]', '{"x": {}}'),
    *("1979-05-27T07:32:00Z", "[1, 2, 3]", '["a", "a"]', "3.0", "1e2", '"1"', '"\\"', "#", "=", ","),
)
VALUE = re.compile(rb'"(?:[^"\\\n]|\\.)*"|-?\d[\d.e+-]*|true|false|null')


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 5)):
        changed[place] = rng.choice([changed[place] ^ (1 << rng.integers(8)), 0, 0xFF, rng.integers(256)])
    return bytes(changed)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    begin, end = sorted(rng.integers(0, len(data) + 1, 2))
    return data[:begin] + (data[end:] if rng.random() < 0.5 else b"")


def inserted(data: bytes, rng: np.random.Generator) -> bytes:
    """Put a part of the file, or bytes by chance, somewhere: repeated keys, too."""
    place, (begin, end) = rng.integers(len(data)), sorted(rng.integers(0, len(data), 2))
    lines = data.splitlines(keepends=True)
    what = [data[begin:end], rng.bytes(rng.integers(1, 9)), b"\xef\xbb\xbf", b"\0", b"\xed\xa0\x80"]
    if rng.random() < 0.5:
        line = rng.integers(len(lines))
        return b"".join([*lines[:line], lines[rng.integers(len(lines))], *lines[line:]])
    return data[:place] + what[rng.integers(len(what))] + data[place:]


def replaced(data: bytes, rng: np.random.Generator) -> bytes:
    """Give one to three values, or keys, others of any type."""
    for _ in range(rng.integers(1, 4)):
        found = [*VALUE.finditer(data)]
        if found:
            one, other = (found[number] for number in rng.integers(len(found), size=2))
            raw = RAW[rng.integers(len(RAW))].encode("utf-8", "surrogatepass") if rng.random() < 0.8 else other[0]
            data = data[: one.start()] + raw + data[one.end() :]
    return data


CHANGES = (flipped, cut, inserted, replaced)


def fuzz(path: Path, opened: Callable[[], str], *, times: int, name: str = "") -> Counter[str]:
    """Change a file over and over; count what `opened` makes of it, and what is refused in one line that names it."""
    rng, data, counts = np.random.default_rng(7), path.read_bytes(), Counter[str]()
    wrong = []
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(times):
        changed = CHANGES[number % len(CHANGES)](data, rng)
        path.write_bytes(changed)
        try:
            found = opened()
        except KitError as error:
            told = str(error)
            is_fine = (name or path.name) in told and "\n" not in told and len(told) < 3000
            found = "refused" if is_fine else f"refused without its name: {told[:300]}"
        except Exception as error:  # noqa: BLE001 (a traceback on the screen)
            found = f"{type(error).__name__}: {error}"[:300]
        counts[found] += 1
        wrong += [] if found in {"refused", "same", "said", "other"} else [(number, found)]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
    path.write_bytes(data)

    assert [] == wrong[:10]
    assert grown < MEMORY
    return counts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    everything.write_source(root)
    return everything.shard(root).folder


@pytest.fixture
def dataset(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "both")
    return tmp_path / "both"


@pytest.mark.slow
def test_4000_damaged_manifests_open_as_they_were_or_are_refused_by_name(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = read_dataset(dataset).manifest

    def opened() -> str:
        seals._warned.clear()  # noqa: SLF001 (what is said once a process)
        caplog.clear()
        found = read_dataset(dataset)
        if found.manifest == before:
            return "same"
        return "said" if "has no seal" in caplog.text else f"silent: {found.manifest}"

    with caplog.at_level(logging.WARNING):
        counts = fuzz(dataset / "manifest.json", opened, times=4_000)

    assert counts["refused"] > 2_000


@pytest.mark.slow
def test_2000_manifests_of_strangers_are_verified_or_refused(dataset: Path) -> None:
    """Those that nobody sealed, or whose seal a stranger computed, which say what their records say."""
    path = dataset / "manifest.json"
    document = {name: value for name, value in json.loads(path.read_bytes()).items() if name not in {"seal", "files"}}
    path.write_bytes(to_json(document))
    before = facts(read_dataset(dataset).manifest)

    def opened() -> str:
        found = read_dataset(dataset)
        for fold in (None, *found.manifest.folds):
            view = found.for_fold(fold)
            assert {dataset} == {place.parent for split in view.manifest.splits for place in view.paths(split)}
            _ = [view.manifest.records(split) for split in view.manifest.splits], view.manifest.data
        verify_dataset(found)
        return "same" if facts(found.manifest) == before else f"silent: {facts(found.manifest)}"

    counts = fuzz(path, opened, times=2_000, name="manifest")

    assert min(counts["same"], counts["refused"]) > 0


def facts(manifest: object) -> object:
    """What of a manifest its records say too."""
    names = ("classes", "counts", "folds", "shards")
    return [getattr(manifest, name) for name in names]


@pytest.mark.slow
def test_2000_damaged_specs_are_those_of_the_run_or_are_refused_by_name(tmp_path: Path) -> None:
    spec = RunSpec(dataset="both", fingerprint="0123456789abcdef", arm="filters=4-8", seed=3)
    run = RunDirectory(tmp_path / "run")
    run.claim(spec)

    def opened() -> str:
        run.refuse_other(spec)
        return "same" if run.spec() == spec else "silent"

    counts = fuzz(run.path / "spec.json", opened, times=2_000)

    assert min(counts["same"], counts["refused"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chest-xray-ladder", "histopathologic-cancer"])
def test_1000_changed_recipes_are_settings_or_are_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    shutil.copy(Path(everything.__file__).parents[1] / "kit" / "specs" / "recipes" / f"{name}.toml", path)

    def opened() -> str:
        recipe = read_recipe(str(path))
        for arm in recipe.arms:
            assert arm.name == checked_name(arm.name, "arm")
            read_setting(f"{path}/{arm.name}")
        with contextlib.suppress(KitError):  # a network that does not fit its images, which has no line in the file
            describe_recipe(recipe)
        again = msgspec.json.decode(to_json(recipe.base), type=type(recipe.base))
        assert recipe.base == again
        assert recipe.base == override(recipe.base, {})
        return "other"  # it is for people to change

    counts = fuzz(path, opened, times=1_000)

    assert min(counts["other"], counts["refused"]) > 0
