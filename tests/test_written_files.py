"""Every field of every file that kit writes and reads again is changed; what a command makes of it is never silent.

As a script, it prints how many changes of each kind of file were refused, said, harmless or silent.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import everything
import pytest
from mutations import mutations_of

import kit
from kit import seals
from kit.comparison.collect import find_runs
from kit.conversion.reshard import plan_again
from kit.conversion.tied_records import read_ties as noted_ties
from kit.conversion.write_shard import WrittenShard
from kit.datasets import Dataset, find_dataset
from kit.datasets.verify import check_splits, verify_dataset
from kit.errors import KitError
from kit.evaluation.split_metrics import _load
from kit.inference.kept_batches import KeptBatches
from kit.inference.out_of_fold import kept_scores, read_out_of_fold
from kit.inference.predictions import read_predictions
from kit.kaggle.download import _begun
from kit.kaggle.fetch_manifest import read_fetched as read_note
from kit.kaggle.http_errors import Resource
from kit.kaggle.ledger import Ledger
from kit.progress import NoProgress
from kit.runs import FoldSet, RunDirectory
from kit.runs.provenance import read_provenance
from kit.seals import read_sealed
from kit.submission.kept_predictions import find_kept
from kit.submission.origin import read_origin
from kit.training.checkpoint_owner import owned_history
from kit.workspace import Workspace

MOST = 1200  # changes of one file; more are thinned out evenly

RUN = r"runs/(?P<run>(?:both|stopped)[^/]*(?:/fold-\d|/[^/]*/seed-\d)?)"
DATASET = "tfrecords/both"
PARTIAL = r"tfrecords/\.(stopped|parted)\.partial"

FOR_PEOPLE = (  # and for other programs; that no command reads them back is tested
    r"audit/.*",
    r"runs/.*/comparison/.*",
    r"runs/learning-rates/.*",
    r"runs/.*/tensorboard/.*",
    r"tfrecords/[^/]*/[^/]*\.idx",
)
RECORDED = (r"runs/.*/environment\.json",)  # its Keras alone is read, where it can be: runs of before have no record
BYTES = (  # not text: hashed as a whole, by tests of their own
    r"runs/.*\.weights\.h5",
    r"runs/.*/(evaluation-[^/]*|export)/(?!seal\.json|out_of_fold).*",  # known by seal.json
    r"runs/.*/\.decoded/.*\.npy",
    r"tfrecords/[^/]*/[^/]*\.tfrecord",
    r".*/\.[^/]*\.part",
    r".*/\.lock",  # empty
)
GIVEN = (r"source/.*", r"data/dark-or-light/(?!\.fetched).*")  # by people, or by Kaggle


class Notes(NoProgress):
    """Records the notes."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps
        self.said += [note] if note else []


@dataclass
class Reading:
    """A file that is read again, and all that was said meanwhile."""

    root: Path
    path: Path
    said: list[str] = field(default_factory=list)

    @property
    def run(self) -> RunDirectory:
        return RunDirectory(self.path.parent)

    @property
    def dataset(self) -> Dataset:
        return find_dataset("both", root=self.root)


Reader = Callable[[Reading], object]


def read_manifest(reading: Reading) -> object:
    verify_dataset(reading.dataset)
    return reading.dataset.manifest


def read_verified(reading: Reading) -> object:
    verify_dataset(reading.dataset)
    return None


def read_duplicates(reading: Reading) -> object:
    planned = plan_again(reading.dataset, {"data.size": "8x8"})
    return [[[record.key for record in tie] for tie in ties] for ties in (planned.ties or (), planned.near or ())]


def read_sample(reading: Reading) -> object:
    sample = reading.dataset.sample_submission
    return sample and sample.read_bytes()


def read_hashes(reading: Reading) -> object:
    check_splits(reading.dataset, ("train", "validation", "test"))
    return None


def read_written(reading: Reading) -> object:
    return anew(lambda: read_sealed(reading.path, WrittenShard))


def read_ties(reading: Reading) -> object:
    records = plan_again(reading.dataset, {}).source.records
    ties = noted_ties(reading.path, records)
    return ANEW if ties is None else [[record.key for record in tie] for tie in ties]


def read_batches(reading: Reading) -> object:
    return anew(lambda: read_sealed(reading.path, KeptBatches))


def read_plan(reading: Reading) -> object:
    """Go on with sharding, and put things back as they were."""
    partial, spare = reading.path.parent, reading.root / "spare"
    shutil.copytree(partial, spare)
    try:
        return everything.shard(reading.root, partial.name.split(".")[1]).manifest
    finally:
        shutil.rmtree(reading.root / "tfrecords" / partial.name.split(".")[1], ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
        spare.rename(partial)


def read_finished(reading: Reading) -> object:
    run = reading.run
    return run.result(), run.spec(), run.history().rows, read_predictions(run.checked(run.predictions)).csv()


def read_folder(reading: Reading) -> object:
    """Read what compare does of runs in an ablation, also of those that came to no result."""
    found = find_runs(reading.root / "runs" / "both-learning_rate-3c461333", Workspace.at(reading.root))
    return [found.finished, found.pruned, found.left_out, found.unfinished, found.baseline]


def read_unfinished(reading: Reading) -> object:
    """Read what a training does before it goes on."""
    reading.run.refuse_other(everything.stopped_spec(reading.dataset))
    rows = owned_history(reading.run).rows
    return (
        ANEW if len(rows) < reading.run.checkpoints()[0].epochs else rows
    )  # an epoch without its line is trained again


def read_kept(reading: Reading) -> object:
    run = reading.run
    target = reading.dataset.manifest.target
    kept = kept_scores(run, run.path / "validation_predictions-last.csv", run.last_weights, target)
    return ANEW if kept is None else kept.csv()


def read_figures(reading: Reading) -> object:
    figures = _load(reading.run, reading.path.stem.split("-")[1], {})
    return ANEW if figures is None else figures


def read_fold_set(reading: Reading) -> object:
    return FoldSet(reading.path.parent).result(), outside_the_fold(reading)


def outside_the_fold(reading: Reading) -> object:
    return read_out_of_fold(reading.path.with_name("out_of_fold.parquet")).scores.csv()


def read_seal(reading: Reading) -> object:
    return read_provenance(reading.path.parent)


def read_submission(reading: Reading) -> object:
    """Blend a CSV with another one, and check it as submit does before it sends it."""
    notes, submissions = Notes(), reading.root / "submissions"
    csv = submissions / reading.path.name.removesuffix(".origin.json")
    read_origin(csv)
    blended = kit.blend(
        csv, submissions / "two.csv", output=submissions / "new.csv", force=True, root=reading.root, progress=notes
    )
    ready = kit.submit(csv, competition="dark-or-light", dry_run=True, root=reading.root, force=("known", "constant"))
    reading.said += [*notes.said, *ready.remarks]
    return blended.weights, (submissions / "new.csv").read_bytes(), ready.checked.sha256


def read_kept_beside(reading: Reading) -> object:
    """Find the predictions beside a submission, as a blend of labels does."""
    found = find_kept(reading.path)
    return ANEW if found is None else found.path.read_bytes()


def read_ledger(reading: Reading) -> object:
    ledger = Ledger(reading.path)
    reading.said += ledger.remarks()
    return [
        {name: rounded(value) for name, value in vars_of(entry).items() if name != "others"}
        for entry in ledger.entries()
    ]


def rounded(value: object) -> object:
    """Write a number with nine digits, as the ledger's seal does: spreadsheets keep no more."""
    with contextlib.suppress(ValueError):
        return f"{float(str(value)):.9g}"
    return value


def read_fetched(reading: Reading) -> object:
    return read_note(reading.path.parent, Resource(name=reading.path.parent.name), force=False)


def read_part(reading: Reading) -> object:
    begun = _begun(reading.path.with_name(reading.path.name.removesuffix(".json")))
    return ANEW if begun is None else begun


def vars_of(value: Any) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}


ANEW = "made anew"  # what a damaged note about work that can be done again leads to


def anew(read: Callable[[], object]) -> object:
    try:
        return read()
    except (KitError, FileNotFoundError):
        return ANEW


READERS: dict[str, Reader] = {
    rf"{DATASET}/manifest\.json": read_manifest,
    rf"{DATASET}/(near_)?duplicates\.csv": read_duplicates,
    rf"{DATASET}/sample_submission\.csv": read_sample,
    rf"{DATASET}/(dataset_info\.json|features\.json|rejects\.csv|image-class-label\.labels\.txt)": read_verified,
    rf"{DATASET}/\.hashes\.json": read_hashes,
    rf"{PARTIAL}/[^/]*\.written\.json": read_written,
    rf"{PARTIAL}/(near_)?ties\.json": read_ties,
    rf"{PARTIAL}/plan\.json": read_plan,
    rf"{RUN}/validation_predictions-last\.csv(\.seal\.json)?": read_kept,
    rf"{RUN}/evaluation-[^/]*\.json": read_figures,
    r"runs/[^/]*/folds\.json": read_fold_set,
    r"runs/[^/]*/(evaluation-[^/]*/)?out_of_fold\.parquet": outside_the_fold,
    r"runs/[^/]*-folds-[^/]*/evaluation-[^/]*/seal\.json": outside_the_fold,
    r"runs/.*/(evaluation-[^/]*|export)/seal\.json": read_seal,
    r"runs/[^/]*/ablation\.json": read_folder,
    r"runs/[^/]*/[^/]*/seed-\d/(halted|failure)\.json": read_folder,
    r"runs/both-learning_rate-[^/]*/[^/]*/seed-\d/(spec\.json|history\.csv)": read_folder,
    r"runs/stopped/(spec\.json|history\.csv)": read_unfinished,
    rf"{RUN}/(result\.json|spec\.json|history\.csv|validation_predictions\.csv)": read_finished,
    r"submissions/[^/]*\.predictions\.csv": read_kept_beside,
    r"submissions/\.[^/]*\.csv\.partial/[^/]*\.json": read_batches,
    r"submissions/(?!ledger)[^/]*\.csv(\.origin\.json)?": read_submission,
    r"submissions/ledger\.csv": read_ledger,
    r"data/[^/]*/\.fetched\.json": read_fetched,
    r"data/[^/]*/\.[^/]*\.part\.json": read_part,
}

FEW = {read_plan: 40}  # changes, of what takes long

OUTCOMES = ("refused", "said", "anew", "harmless", "silent")
UNSEEN = {  # read by a fetch that goes on, which takes a server; by a blend of labels
    r"data/[^/]*/\.[^/]*\.part\.json",
    r"submissions/[^/]*\.predictions\.csv",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """A workspace in which every command has run, and what each wrote."""
    root = tmp_path_factory.mktemp("everything") / "workspace"
    root.mkdir()
    return root, everything.run_commands(root)


def kind_of(name: str) -> str:
    """Find the pattern with a reader for a file; empty where there is none."""
    return next((kind for kind in READERS if re.fullmatch(kind, name)), "")


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)


@pytest.mark.slow
def test_every_file_that_kit_writes_has_a_reader_or_is_for_people(written: tuple[Path, dict[str, list[str]]]) -> None:
    names = [name for files in written[1].values() for name in files]
    without = [name for name in names if not (kind_of(name) or matches(name, (*FOR_PEOPLE, *RECORDED, *BYTES, *GIVEN)))]

    assert [] == without
    assert [] == [kind for kind in READERS if not any(kind_of(name) == kind for name in names)]


@pytest.mark.slow
def test_no_command_reads_back_what_is_for_people(written: tuple[Path, dict[str, list[str]]]) -> None:
    root, files = written
    copy = root.parent / "again"
    shutil.copytree(root, copy)
    known = {name for names in files.values() for name in names}
    with opened(root) as seen:
        everything.read_back(root)
    shutil.rmtree(root)
    copy.rename(root)

    read = {name for name in seen & known if kind_of(name)}
    assert [] == [name for name in sorted(seen & known) if matches(name, FOR_PEOPLE)]
    assert {kind_of(name) for name in read} >= {kind_of(name) for name in known} - {""} - UNSEEN


@pytest.mark.slow
@pytest.mark.parametrize("kind", READERS)
def test_no_change_of_a_file_that_kit_reads_is_silent(written: tuple[Path, dict[str, list[str]]], kind: str) -> None:
    root, files = written
    names = [name for names in files.values() for name in names if kind_of(name) == kind]
    counts, silent = Counter[str](), []
    for name in names:
        path, reader = root / name, READERS[kind]
        data = path.read_bytes()
        before = repr(reader(Reading(root, path)))
        mutations = [*mutations_of(name, data)]
        most = FEW.get(reader, MOST) // len(names)
        for what, changed in mutations[:: -(-len(mutations) // most)]:
            path.write_bytes(changed)
            found, told = outcome(Reading(root, path), reader, before)
            counts[found] += 1
            silent += [f"{name}: {what}: {told}"] if found == "silent" else []
        path.write_bytes(data)
        assert before == repr(reader(Reading(root, path)))
    print(f"\n{kind:<95}", *(f"{name} {counts[name]:>5}" for name in OUTCOMES))  # noqa: T201 (the script's table)

    assert [] == silent
    assert counts


def outcome(reading: Reading, reader: Reader, before: str) -> tuple[str, str]:
    """Say what a change led to, and what was told about it."""
    seals._warned.clear()  # noqa: SLF001 (what is said once a process)
    handler = Lines()
    logging.getLogger("kit").addHandler(handler)
    try:
        found = repr(reader(reading))
    except KitError as error:
        told = str(error)
        return ("refused" if reading.path.name in told and "\n" not in told else "silent"), told
    except Exception as error:  # noqa: BLE001 (a traceback on the screen)
        return "silent", repr(error)
    finally:
        logging.getLogger("kit").removeHandler(handler)
    if found == before:
        return "harmless", ""
    if ANEW in found:
        return "anew", ""
    said = [line for line in (*reading.said, *handler.lines) if reading.path.name in line]
    return "said" if said else "silent", found[:200]


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


_WATCHED: dict[Path, set[str]] = {}


@contextlib.contextmanager
def opened(root: Path) -> Iterator[set[str]]:
    """Gather the files below `root` that Python opens for reading; what C++ opens it does not see."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and _WATCHED and isinstance(arguments[0], (str, bytes)):
            path, flags = os.fsdecode(arguments[0]), arguments[2]
            for folder, seen in _WATCHED.items():
                if path.startswith(f"{folder}/") and flags & os.O_ACCMODE == os.O_RDONLY:
                    seen.add(os.path.relpath(path, folder))

    sys.addaudithook(watch)  # for ever: hooks cannot be taken away
    _WATCHED[root] = set()
    try:
        yield _WATCHED[root]
    finally:
        del _WATCHED[root]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-q", "-s"]))
