"""Two commands at once, for every pair that writes one folder: what is there afterwards is what one of them makes
alone, or one after the other; neither loses nor mixes anything, and each ends with a line or its work done.

KIT_STARTS=20 starts every pair twenty times instead of three.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import pytest
from at_once import Ended, Job, Starter
from standin import SLUG, Game, StandIn
from trained import write_images

from kit.datasets import find_dataset, verify_dataset
from kit.files import xxh128_file
from kit.runs import RunDirectory
from kit.runs.provenance import read_provenance, refuse_changed
from kit.submission.origin import read_origin
from tests.kaggle.test_fetch import FILES, zipped

STARTS = int(os.environ.get("KIT_STARTS", "3"))

SHARD = ("shard", "images", "--test", "test", "--sample-submission", "sample.csv", "--workers", "1", "--name")
TINY = {"train.batch_size": 16, "train.threads": 1, "model.pool": 2, "model.filters": 4, "model.dense": 4}
LESS = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
TRAIN = ("train", "tiny", *LESS, "--epochs", "3")
ABLATE = ("ablate", "tiny", *LESS, "--jobs", "1", "--set", "train.epochs=1", "--dropout", "0,0.5", "--seeds")

_LEFT_OVER = re.compile(r"\..*\.(?:tmp\..*|lock|partial|zip|part|part\.json)|\.unpacking|\.decoded")
_UNEQUAL = {
    "created",
    "seal",
    "files",
    "seconds_per_epoch",
    "command",
    "sha256",
    "packing",
    "made_by",
}  # in equal results
_KEPT = re.compile(r"runs/.*/(?:validation_predictions-[^/]*|evaluation-[^/]*\.json)")  # so as not to be computed again
_UNSEEN = ("images/", "test/", ".partial/", ".hashes.json", "environment.json", "events.out.tfevents")


@dataclass(frozen=True)
class Pair:
    """Two commands that write one folder.

    Attributes:
        name: Name of the test.
        one: First command.
        other: Second command, which begins at any time until the first would have ended.
    """

    name: str
    one: tuple[str, ...]
    other: tuple[str, ...]


def _same(name: str, *command: str) -> Pair:
    return Pair(name, command, command)


PAIRS = [
    _same("shard, twice the same", *SHARD, "new"),
    Pair("shard, other seeds", (*SHARD, "new"), (*SHARD, "new", "--seed", "1")),
    Pair("shard --force, other seeds", *((*SHARD, "tiny", "--force", "--seed", seed) for seed in "12")),
    Pair("train, shard --force", TRAIN, (*SHARD, "tiny", "--force", "--seed", "1")),
    Pair("evaluate, shard --force", ("evaluate", "RUN"), (*SHARD, "tiny", "--force", "--seed", "1")),
    Pair("predict, shard --force", ("predict", "RUN"), (*SHARD, "tiny", "--force", "--seed", "1")),
    Pair("export, shard --force", ("export", "RUN", "--formats", "keras"), (*SHARD, "tiny", "--force", "--seed", "1")),
    Pair(
        "compare --split, shard --force",
        ("compare", "RUN", "--split", "validation", "-o", "compared"),
        (*SHARD, "tiny", "--force", "--seed", "1"),
    ),
    Pair("ablate, shard --force", (*ABLATE, "1"), (*SHARD, "tiny", "--force", "--seed", "1")),
    _same("train, twice the same", *TRAIN),
    Pair("train, train", TRAIN, (*TRAIN, "--seed", "1")),
    Pair("train, evaluate", TRAIN, ("evaluate", "NEW")),
    Pair("train, predict", TRAIN, ("predict", "NEW")),
    Pair("train, export", TRAIN, ("export", "NEW", "--formats", "keras")),
    Pair("train, compare", TRAIN, ("compare", "runs", "-o", "compared")),
    _same("ablate, twice the same", *ABLATE, "1"),
    Pair("ablate, more seeds", (*ABLATE, "1"), (*ABLATE, "2")),
    Pair("ablate, train", (*ABLATE, "1"), TRAIN),
    _same("evaluate, twice the same", "evaluate", "RUN"),
    Pair(
        "evaluate, other weights", *(("evaluate", "RUN", "-o", "one", "--weights", name) for name in ("best", "last"))
    ),
    Pair(
        "predict, other weights", *(("predict", "RUN", "-o", "one.csv", "--weights", name) for name in ("best", "last"))
    ),
    Pair(
        "predict --force, other weights",
        *(("predict", "RUN", "--force", "-o", "one.csv", "--weights", name) for name in ("best", "last")),
    ),
    Pair("blend --force", *(("blend", f"{a}.csv", f"{b}.csv", "--force") for a, b in ("ab", "bc"))),
    _same("blend, twice the same", "blend", "a.csv", "b.csv"),
    Pair(
        "compare, other metrics",
        *(("compare", "RUN", "-o", "one", "--metric", name) for name in ("val_accuracy", "val_loss")),
    ),
    Pair(
        "export, other weights",
        *(("export", "RUN", "--formats", "keras", "-o", "one", "--weights", name) for name in ("best", "last")),
    ),
    Pair(
        "export --force, other weights",
        *(
            ("export", "RUN", "--formats", "keras", "-o", "one", "--force", "--weights", name)
            for name in ("best", "last")
        ),
    ),
    Pair("shard --part, shard", (*SHARD, "new", "--part", "1/2"), (*SHARD, "new")),
    Pair("shard --part, both", *((*SHARD, "new", "--part", part) for part in ("1/2", "2/2"))),
    Pair("ablate --part, both", *((*ABLATE, "1", "--part", part) for part in ("1/2", "2/2"))),
    Pair("predict --part, predict", *(("predict", "RUN", "-o", "one.csv", *part) for part in (("--part", "1/1"), ()))),
    _same("fetch, twice the same", "fetch", SLUG, "-o", "fetched"),
    Pair("fetch, all and again", ("fetch", SLUG, "-o", "fetched"), ("fetch", SLUG, "-o", "fetched", "--force")),
    Pair(
        "fetch --files, others",
        *(("fetch", SLUG, "-o", "fetched", "--files", name) for name in ("train_labels.csv", "train/7.tif")),
    ),
]


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    with Starter() as starter:
        yield starter


@dataclass
class Base:
    """A workspace that every start begins with a copy of.

    Attributes:
        folder: Root folder.
        runs: Names below the root that stand for RUN and NEW in commands.
    """

    folder: Path
    runs: dict[str, str] = field(default_factory=dict)

    def named(self, command: tuple[str, ...]) -> list[str]:
        return [self.runs.get(word, word) for word in command]


@pytest.fixture(scope="module")
def base(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A dataset, a run on it whose best weights are not its last, three CSVs, and the name of a run to be."""
    base = Base(tmp_path_factory.mktemp("base") / "workspace")
    write_images(base.folder / "images", 40, ("dark", "light"))
    write_images(base.folder / "test", 6, ("",), seed=1)
    ids = [f"{number:03d}" for number in range(6)]
    (base.folder / "sample.csv").write_text("id,label\n" + "".join(f"{key},0\n" for key in ids))
    for place, name in enumerate("abc"):
        rows = "".join(f"{key},{(place + number) / 10}\n" for number, key in enumerate(ids))
        (base.folder / f"{name}.csv").write_text(f"id,label\n{rows}")
    shutil.copytree(base.folder, base.folder.with_name("other"))
    for folder, name, command in (
        (base.folder, "RUN", (*TRAIN, "--seed", "9", "--learning-rate", "0.05")),
        (base.folder.with_name("other"), "NEW", TRAIN),
    ):
        for arguments in ((*SHARD, "tiny"), command):
            (ended,) = starter.run(Job(folder, arguments))
            assert 0 == ended.status, ended.said
        (run,) = (path for path in (folder / "runs").iterdir() if path.is_dir())
        base.runs[name] = f"runs/{run.name}"
    return base


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_two_commands_at_once_lose_and_mix_nothing(
    pair: Pair, base: Base, starter: Starter, standin: StandIn, tmp_path: Path
) -> None:
    standin.games[SLUG] = Game(files=FILES, archive=zipped(FILES))
    commands = [base.named(pair.one), base.named(pair.other)]
    allowed, seconds = _one_after_the_other(commands, base, starter, tmp_path)
    for start in range(STARTS):
        chance = random.Random(f"{pair.name} {start}")  # noqa: S311 (no secret)
        delays = _delays(chance, seconds, is_same=pair.one[0] == pair.other[0])
        folder = tmp_path / f"start-{start}"
        shutil.copytree(base.folder, folder)
        jobs = [Job(folder, command, delay) for command, delay in zip(commands, delays, strict=True)]
        ended = starter.run(*jobs)

        said = f"delays {delays}: " + " | ".join(f"{one.status} {one.said[-400:]}" for one in ended)
        for one in ended:
            assert _ends_well(one), said
        is_refused_shard = any(commands[place][0] == "shard" for place in (0, 1) if ended[place].status)
        _check_all(folder, kept=is_refused_shard or any("--part" in command for command in commands))
        undone = {1} if pair.one == TRAIN and _remove_early(folder) else set[int]()
        undone |= {place for place in (0, 1) if commands[place][0] == "ablate" and _unfinished_ablations(folder)}
        done = frozenset(place for place, one in enumerate(ended) if one.status == 0 and place not in undone)
        found = _contents(folder)
        matching = [contents for who, contents in allowed if who == done]
        assert found in matching, f"{said}\n{_difference(found, matching)}"
        shutil.rmtree(folder)


def _delays(chance: random.Random, seconds: list[float], *, is_same: bool) -> list[float]:
    """Draw when both begin: commands of one kind so that they end at about the same time, others at any."""
    apart = chance.uniform(0, 0.05) if is_same else chance.uniform(0, seconds[0])
    first, second = max(0.0, seconds[1] - seconds[0]), max(0.0, seconds[0] - seconds[1])
    return [first, second + apart] if is_same and chance.random() < 0.7 else [0.0, apart]


def _one_after_the_other(
    commands: list[list[str]], base: Base, starter: Starter, tmp_path: Path
) -> tuple[list[tuple[frozenset[int], dict[str, Any]]], list[float]]:
    """Run the commands in both orders; return who did what it was asked to, with the contents then, and their times."""
    folders = [tmp_path / "in-order", tmp_path / "in-reverse"]
    allowed = [(frozenset[int](), _contents(base.folder))]
    done: list[set[int]] = [set(), set()]
    seconds = [0.0, 0.0]
    for folder in folders:
        shutil.copytree(base.folder, folder)
    for orders in zip((0, 1), (1, 0), strict=True):
        ended = starter.run(*(Job(folder, commands[place]) for folder, place in zip(folders, orders, strict=True)))
        for number, (folder, place, one) in enumerate(zip(folders, orders, ended, strict=True)):
            assert _ends_well(one), one.said
            done[number] |= {place} if one.status == 0 else set()
            seconds[place] = max(seconds[place], one.seconds)
            allowed.append((frozenset(done[number]), _contents(folder)))
    return allowed, seconds


def _ends_well(ended: Ended) -> bool:
    """Whether a command did its work, or says in one last line why it did not."""
    last = ended.said.strip().rpartition("\n")[2]
    return "Traceback" not in ended.said and (
        ended.status == 0 or (ended.status in {1, 3} and last.startswith("kit: "))
    )


def _contents(folder: Path) -> dict[str, Any]:
    """What a workspace holds but for times and what is unfinished: shards, runs and ablations are gone on with."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    begun = [f"{run.relative_to(folder).as_posix()}/" for run in (*_unfinished(folder), *_unfinished_ablations(folder))]
    return {
        name: _content(path)
        for name, path in files.items()
        if not (_KEPT.fullmatch(name) or any(part in name for part in _UNSEEN))
        and not any(name.startswith(run) for run in begun)
    }


def _unfinished(folder: Path) -> list[Path]:
    runs = [path.parent for path in folder.rglob("spec.json")]
    return [run for run in runs if not (run / "result.json").exists()]


def _unfinished_ablations(folder: Path) -> list[Path]:
    return [run.parents[1] for run in _unfinished(folder) if (run.parents[1] / "ablation.json").exists()]


def _content(path: Path) -> Any:
    if path.name == "seal.json":  # of hashes
        return sorted(json.loads(path.read_text())["files"])
    if path.suffix == ".json":
        return _without_times(json.loads(path.read_text()))
    if path.suffix == ".csv":
        rows = list(csv.reader(io.StringIO(path.read_text())))
        timed = {place for place, name in enumerate(rows[0]) if "second" in name or "s/epoch" in name}
        return [[cell for place, cell in enumerate(row) if place not in timed] for row in rows]
    if path.suffix in {".md", ".tex", ".keras"}:  # they tell times
        return ""
    if path.suffix == ".h5":  # the file has gaps with anything in them
        with h5py.File(path) as file:
            found: list[tuple[str, bytes]] = []
            file.visititems(
                lambda name, item: found.append((name, item[()].tobytes())) if hasattr(item, "dtype") else None
            )
            return hashlib.sha256(repr(found).encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _without_times(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _without_times(value) for name, value in told.items() if name not in _UNEQUAL}
    return [_without_times(value) for value in told] if isinstance(told, list) else told


def _check_all(folder: Path, *, kept: bool) -> None:
    """See that what lies in a workspace is whole: nothing begun is left, and every seal fits.

    Args:
        folder: Root folder of the workspace.
        kept: Whether a refused `kit shard`, or a part, may have kept what it had finished.
    """
    left = [path for path in folder.rglob(".*") if _LEFT_OVER.fullmatch(path.name)]
    assert not [path for path in left if not (kept and path.suffix == ".partial")]
    for path in (folder / "tfrecords").glob("[!.]*"):
        verify_dataset(find_dataset(path.name, root=folder))
    for path in folder.rglob("result.json"):
        run = RunDirectory(path.parent)
        for name in run.result().files:
            run.checked(run.path / name)
        run.history()
    for path in folder.rglob("seal.json"):
        made = read_provenance(path.parent)
        assert made
        refuse_changed(path.parent, made)
    for path in folder.rglob("*.csv.origin.json"):
        made = path.with_name(path.name.removesuffix(".origin.json"))
        origin = read_origin(made)
        assert origin
        assert origin.is_of(hashlib.sha256(made.read_bytes()).hexdigest())


def _remove_early(folder: Path) -> bool:
    """Remove what was made by weights of a training that went on, as its seal says; return whether there was any."""
    early = []
    for path in [*folder.rglob("seal.json"), *folder.rglob("*.csv.origin.json")]:
        made = json.loads(path.read_text())
        for maker in made["made_by"]:
            run = RunDirectory(folder / "runs" / maker["run"])
            if maker["weights"] not in {xxh128_file(run.best_weights), xxh128_file(run.last_weights)}:
                early.append(path)
    for path in early:
        if path.name == "seal.json":
            shutil.rmtree(path.parent)
        else:
            path.with_name(path.name.removesuffix(".origin.json")).unlink()
            path.unlink()
    return bool(early)


def _difference(found: dict[str, Any], matching: list[dict[str, Any]]) -> str:
    """Name the files in which the contents differ from each that was allowed."""
    if not matching:
        return "that the commands ended so happens in no order"
    return "; ".join(
        ", ".join(name for name in sorted({*found, *one}) if found.get(name) != one.get(name)) for one in matching
    )
