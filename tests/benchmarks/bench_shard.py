"""Images a second into shards: kit, the loop that everybody writes, other libraries, and the least that must be done.

40,000 uncompressed 96x96 TIFFs are stored at their own size. kit decodes, checks, hashes, compares and shuffles them
into shards; the floor reads every file and appends its bytes to one file, by the system's own calls; the plain loop
decodes with Pillow, encodes PNG and appends a tf.train.Example. kit and the floor are whole processes, start-up
included; the slow ones run in this process, on a tenth of the files.

    python tests/benchmarks/bench_shard.py [COUNT ROUNDS]    # the floor and kit only, on as many files
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from timing import forget, in_process, interleave, report, write_tiffs

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
ROUNDS = 5
COUNT = 40_000
TENTH = 10

FLOOR = """
import os, sys
def files(folder):
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from files(entry.path)
        else:
            yield entry.path
out = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
for path in sorted(files(sys.argv[1])):
    file = os.open(path, os.O_RDONLY)
    os.write(out, os.read(file, 1 << 20))
    os.close(file)
os.close(out)
"""


def run(scratch: Path, count: int = COUNT, rounds: int = ROUNDS, *, others: bool = True) -> None:
    source = scratch / "source"
    files = write_tiffs(source, count)
    fewer = files[::TENTH]

    def floor() -> None:
        in_process("-c", FLOOR, source, scratch / "all")

    def with_kit(workers: int) -> None:
        in_process("-m", "kit", "shard", source, "--name", "bench", "--workers", workers, "--root", scratch)

    fast = {
        "floor: read every file, append its bytes": floor,
        "kit shard --workers 2": lambda: with_kit(2),
        "kit shard --workers 1": lambda: with_kit(1),
    }
    slow = {name: writer(fewer, scratch) for name, writer in (_others() if others else {}).items()}
    items = dict.fromkeys(fast, count) | dict.fromkeys(slow, len(fewer))
    clean = forget(scratch / "all", scratch / "tfrecords", scratch / "plain.tfrecord")
    seconds = interleave({**fast, **slow}, rounds, before=clean)
    report(f"kit shard, {count:,} TIFFs", seconds, items=items, unit="images/s")


Writer = Callable[[list[Path], Path], Callable[[], None]]


def _others() -> dict[str, Writer]:
    """Other people's writers, those that are installed."""
    found: dict[str, Writer] = {"plain loop: Pillow, PNG, TFRecordWriter": _plain_loop}
    for name, package, writer in (
        ("tensorflow_datasets' SequentialWriter", "tensorflow_datasets", _tfds),
        ("webdataset's ShardWriter", "webdataset", _webdataset),
        ("mosaicml-streaming's MDSWriter", "streaming", _streaming),
    ):
        with contextlib.suppress(ImportError):
            __import__(package)
            found[name] = writer
    return found


def _plain_loop(files: list[Path], scratch: Path) -> Callable[[], None]:
    import tensorflow as tf

    def feature(value: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def write() -> None:
        with tf.io.TFRecordWriter(str(scratch / "plain.tfrecord")) as writer:
            for path, png in _as_png(files):
                features = {"image/encoded": feature(png), "image/class/text": feature(path.parent.name.encode())}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())

    return write


def _tfds(files: list[Path], scratch: Path) -> Callable[[], None]:
    import numpy as np
    import tensorflow_datasets as tfds
    from PIL import Image

    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(96, 96, 3)), "label": tfds.features.ClassLabel(num_classes=2)}
    )

    def write() -> None:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            info = tfds.core.DatasetInfo(
                builder=tfds.core.DatasetIdentity(name="bench", version="1.0.0", data_dir=folder, module_name="bench"),
                features=features,
            )
            writer = tfds.core.SequentialWriter(info, max_examples_per_shard=2500)
            writer.initialize_splits(["train"])
            for path in files:
                pixels = np.asarray(Image.open(path))
                writer.add_examples({"train": [{"image": pixels, "label": int(path.parent.name[-1])}]})
            writer.close_all()

    return write


def _webdataset(files: list[Path], scratch: Path) -> Callable[[], None]:
    import webdataset

    def write() -> None:
        with (
            tempfile.TemporaryDirectory(dir=scratch) as folder,
            webdataset.ShardWriter(f"{folder}/%05d.tar", verbose=0) as writer,
        ):
            for path, png in _as_png(files):
                writer.write({"__key__": path.stem, "png": png, "cls": path.parent.name[-1]})

    return write


def _streaming(files: list[Path], scratch: Path) -> Callable[[], None]:
    from PIL import Image
    from streaming import MDSWriter

    def write() -> None:
        with (
            tempfile.TemporaryDirectory(dir=scratch) as folder,
            MDSWriter(out=f"{folder}/out", columns={"image": "png", "label": "int"}) as writer,
        ):
            for path in files:
                writer.write({"image": Image.open(path), "label": int(path.parent.name[-1])})

    return write


def _as_png(files: list[Path]) -> Iterator[tuple[Path, bytes]]:
    from PIL import Image

    for path in files:
        png = io.BytesIO()
        Image.open(path).save(png, "PNG")
        yield path, png.getvalue()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:]:
            run(Path(folder), *map(int, sys.argv[1:]), others=False)
        else:
            run(Path(folder))
