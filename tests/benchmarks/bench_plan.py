"""What the plan of a large dataset costs: CPU seconds and memory of each stage of `kit shard` that reads no image.

The records are made up: images of 224x224 in class folders, or with a group, tags or a number each. One in a hundred
has the pixels of another one, so that the plan is made twice, as `kit shard` does. The stages are kit's own functions,
in one process for each number of records and kind of labels; a kind that would take more than 12 GB is stopped. The
source is read from a label file and empty image files, up to a million.

    python tests/benchmarks/bench_plan.py [RECORDS...]
"""

from __future__ import annotations

import os
import pickle
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from memory import read

if TYPE_CHECKING:
    from kit.conversion.conversion import Conversion
    from kit.conversion.shard_plan import ShardPlan
    from kit.conversion.write_shard import ShardTask, WrittenShard
    from kit.sources import Record
    from kit.targets import Target

COUNTS = (100_000, 1_000_000, 10_000_000)
MOST_FILES = 1_000_000  # more empty files would fill the inodes of many disks
MOST_MEMORY = 12 << 30  # 12 GiB
SIDE, BYTES = 224, 110_000  # pixels and size of an image
CLASSES, TAGS = 1000, 20
EQUAL = 100  # one in so many images equals the next one

Found = TypeVar("Found")


class Kind(NamedTuple):
    """Labels of made-up records.

    Attributes:
        label: Label of a record by its number.
        target: Description of the labels.
        images: Images of a group; 0 without groups.
        folds: Number of folds; 0 for a train and a validation split.
    """

    label: Callable[[int], str]
    target: Callable[[], Target]
    images: int = 0
    folds: int = 0


def run(counts: Sequence[int] = COUNTS) -> None:
    print(f"\nplans of {SIDE}x{SIDE} pixels, without images; n = 1; {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'':42}{'CPU s':>9}{'a million':>12}{'peak memory':>14}{'a record':>11}")
    for count in counts:
        for kind in ("source", *KINDS):
            print(f"{count:,} records: {kind}", flush=True)
            if kind == "source" and count > MOST_FILES:
                print(f"  left out: more than {MOST_FILES:,} files")
            elif subprocess.run([sys.executable, __file__, str(count), kind], check=False).returncode:
                print(f"  stopped: the stage failed, or needs more than {MOST_MEMORY >> 30} GiB")


def measure(count: int, kind: str) -> None:
    """Measure all stages of one kind of labels."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        if kind == "source":
            _read_source(count, Path(folder))
        else:
            _shard(count, KINDS[kind], Path(folder))


class Stages:
    """Printer of what each stage takes.

    Args:
        count: Number of records.
    """

    def __init__(self, count: int) -> None:
        self._count, self._empty = count, _memory("VmRSS")

    def __call__(self, name: str, call: Callable[[], Found]) -> Found:
        """Run a stage; print its CPU seconds, and the peak of the process's memory meanwhile."""
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        began = time.process_time()
        found = call()
        seconds, peak = time.process_time() - began, _memory("VmHWM")
        print(
            f"  {name:<40}{seconds:9.1f}{seconds * 1e6 / self._count:12.1f}{peak / 1e6:11,.0f} MB"
            f"{(peak - self._empty) / self._count:9,.0f} B",
            flush=True,
        )
        return found


def _memory(name: str) -> int:
    """Read the memory of this process, bytes: VmRSS now, VmHWM at its peak."""
    (line,) = (line for line in read(Path("/proc/self/status")).splitlines() if line.startswith(name))
    return int(line.split()[1]) << 10


def _read_source(count: int, folder: Path) -> None:
    from kit.sources import read_source
    from kit.specs import SourceSpec

    for number in range(count):
        path = folder / _name(number)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    rows = (f"{_name(number).removesuffix('.jpg')},{_class(number)}\n" for number in range(count))
    labels = folder / "labels.csv"
    labels.write_text("id,label\n" + "".join(rows))
    spec = SourceSpec(folder=str(folder), labels=str(labels))
    source = Stages(count)("read the label file, list the images", lambda: read_source(spec))
    assert count == len(source.records)


def _shard(count: int, kind: Kind, folder: Path) -> None:
    from kit.conversion.conversion import Conversion, describe_source
    from kit.conversion.shard_plan import plan_shards
    from kit.conversion.tied_records import TIES, write_ties
    from kit.sources import Source
    from kit.specs import ImageSpec, ShardSpec, SourceSpec

    stages, target = Stages(count), kind.target()
    source = stages("(make the records up)", lambda: Source(records=tuple(_records(count, kind)), target=target))
    records = source.records
    info = stages("digest the source", lambda: describe_source(source, SourceSpec(folder="images")))
    spec = ShardSpec(image=ImageSpec(size=(SIDE, SIDE)), folds=kind.folds)
    plans = stages("plan", lambda: plan_shards(records, spec, (), target))
    tied = [records[number : number + 2] for number in range(0, count - 1, EQUAL)]
    stages("write the sets of equal images", lambda: write_ties(folder / TIES, records, tied))
    plans = stages("plan again, equal images together", lambda: plan_shards(records, spec, tied, target))
    print(f"  {len(plans):,} shards of {max(len(plan.records) for plan in plans):,} records or fewer")
    if kind is KINDS["classes"]:
        _write(stages, plans, Conversion(name="large", source=source, info=info, spec=spec))


def _write(stages: Stages, plans: Sequence[ShardPlan], conversion: Conversion) -> None:
    """Measure what the command does while and after its workers write: their images are made up, too."""
    from kit.conversion.build_manifest import build_manifest
    from kit.conversion.exact_duplicates import duplicates_csv, find_duplicates
    from kit.conversion.second_pass import Written
    from kit.conversion.write_shard import ShardTask, plan_digest
    from kit.seals import seal

    tasks = [ShardTask(Path("shards"), plan, conversion.source.target, conversion.spec) for plan in plans]
    sent = stages("pickle the tasks", lambda: sum(len(pickle.dumps(task)) for task in tasks))
    stages("digest the plans, to go on after a stop", lambda: [plan_digest(task) for task in tasks])
    sizes, shards = stages("(make the results up,) unpickle them", lambda: _answers(tasks))
    count, received = len(conversion.source.records), sum(sizes)
    print(f"  {sent / count:.0f} B a record to the workers, {received / count:.0f} B a record back")
    stages("write the summaries", lambda: sum(len(seal(shard)) for shard in shards))
    digests = [digest for shard in shards for digest in shard.digests]
    sets = stages("find equal images", lambda: find_duplicates(plans, digests))
    stages("duplicates.csv", lambda: duplicates_csv(sets))
    stages("manifest.json", lambda: seal(build_manifest(conversion, Written(list(plans), shards, sets))))


def _answers(tasks: Sequence[ShardTask]) -> tuple[list[int], list[WrittenShard]]:
    """Make up what workers answer; return the sizes of the answers, and what this process has of them."""
    sizes, shards = [], []
    for task in tasks:
        answer = pickle.dumps(_written(task))
        sizes.append(len(answer))
        shards.append(pickle.loads(answer))  # noqa: S301
    return sizes, shards


def _written(task: ShardTask) -> WrittenShard:
    """Make up what a worker says of its shard."""
    from kit.conversion.write_shard import WrittenShard, plan_digest
    from kit.datasets.manifest import ShardInfo
    from kit.images import SourceImage

    plan, digest = task.plan, plan_digest(task)
    numbers = [int(record.key.rpartition("-")[2]) for record in plan.records]
    return WrittenShard(
        temporary=f".{plan.name}.0123456789abcdef.tmp",
        plan=digest,
        shard=ShardInfo(
            name=plan.name,
            split=plan.split,
            records=len(plan.records),
            bytes=len(plan.records) * (3 * SIDE * SIDE + 300),
            xxh128=digest[:32],
        ),
        counts=Counter(str(record.label) for record in plan.records),
        formats={"raw": len(plan.records)},
        sources={"JPEG, RGB": len(plan.records)},
        sizes=[(SIDE, SIDE)],
        digests=[f"{number - (number % EQUAL == 1):032x}" for number in numbers],
        origins=[SourceImage(600 + number % 7, 800, is_whole=True) for number in numbers],
        rejects=[],
    )


def _records(count: int, kind: Kind) -> Iterator[Record]:
    from kit.sources import Record
    from kit.sources.record import ImageFile

    folder = Path("images")
    for number in range(count):
        name = _name(number)
        yield Record(
            key=name.removesuffix(".jpg"),
            file=ImageFile(folder=folder, name=name, size=BYTES + number % BYTES, modified=10**18 + number),
            label=kind.label(number),
            group=f"patient-{number // kind.images}" if kind.images else "",
        )


def _name(number: int) -> str:
    return f"{number // 1000:05d}/image-{number:08d}.jpg"


def _class(number: int) -> str:
    return f"class-{_mixed(number) % CLASSES:03d}"


def _mixed(number: int) -> int:
    """Scatter a number: 32 bits (Knuth's multiplicative hash), as labels do not follow the files' order."""
    return number * 2_654_435_761 % 2**32 >> 4


def _classes() -> Target:
    from kit.targets.classes import Classes

    return Classes(names=tuple(f"class-{number:03d}" for number in range(CLASSES)))


def _tags_of(number: int) -> str:
    """Name up to three tags, the first ones more often."""
    chosen = {_mixed(number + place) % TAGS * (_mixed(number) % 3) // 2 for place in range(_mixed(number) % 4)}
    return " ".join(f"tag-{tag:02d}" for tag in sorted(chosen))


def _tags() -> Target:
    from kit.targets.tags import Tags

    return Tags(names=tuple(f"tag-{number:02d}" for number in range(TAGS)))


def _value(number: int) -> str:
    return f"{_mixed(number) / 2**28:.6f}"


def _values() -> Target:
    from kit.targets.values import Values

    return Values(names=("value",), mean=(0.5,), deviation=(0.29,), lowest=(0.0,), highest=(1.0,))


KINDS = {
    "classes": Kind(_class, _classes),
    "classes, five folds": Kind(_class, _classes, folds=5),
    "classes, groups of five": Kind(_class, _classes, images=5),
    "tags": Kind(_tags_of, _tags),
    "values": Kind(_value, _values),
}


if __name__ == "__main__":
    if len(sys.argv) == 3 and not sys.argv[2].isdigit():
        measure(int(sys.argv[1]), sys.argv[2])
    else:
        run([int(text) for text in sys.argv[1:]] or COUNTS)
