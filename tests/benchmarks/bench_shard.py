"""Images a second into shards: kit, the loop that everybody writes, and the least that must be done.

The images are 96x96 TIFFs, stored at their own size. kit decodes, checks, hashes and shuffles them into 16 shards;
the plain loop decodes with Pillow, encodes PNG and appends a tf.train.Example; the floor reads every file and
appends its bytes to one file.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from timing import interleave, report, with_pcam

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
ROUNDS = 3
COPIES = 8  # of the 1,823 images, so that starting worker processes does not hide their work


def run(pcam: Path, scratch: Path) -> None:
    import cv2
    import tensorflow as tf
    from PIL import Image

    import kit

    source = scratch / "source"
    for place, path in enumerate(sorted((pcam / "train").glob("*.tif"))):
        for copy in range(COPIES):
            target = source / f"class-{place % 2}" / f"{path.stem}-{copy}.tif"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    files = sorted(source.rglob("*.tif"))

    def with_kit(workers: int) -> None:
        kit.shard(source, name="bench", workers=workers, root=scratch, force=True)

    def plain_loop() -> None:
        with tf.io.TFRecordWriter(str(scratch / "plain.tfrecord")) as writer:
            for path in files:
                png = io.BytesIO()
                Image.open(path).save(png, "PNG")
                writer.write(_example(tf, png.getvalue(), path.parent.name))

    def plain_loop_raw() -> None:
        with tf.io.TFRecordWriter(str(scratch / "raw.tfrecord")) as writer:
            for path in files:
                writer.write(_example(tf, cv2.imread(str(path)).tobytes(), path.parent.name))

    def append_bytes() -> None:
        with (scratch / "all").open("wb") as out:
            for path in files:
                out.write(path.read_bytes())

    cores = os.cpu_count() or 1
    contestants = {
        f"kit shard --workers {cores}": lambda: with_kit(cores),
        "kit shard --workers 1": lambda: with_kit(1),
        "plain loop: Pillow, PNG, TFRecordWriter": plain_loop,
        "plain loop: OpenCV, raw, TFRecordWriter": plain_loop_raw,
        "floor: read every file, append its bytes": append_bytes,
    }
    report(f"kit shard, {len(files):,} TIFFs", interleave(contestants, ROUNDS), items=len(files), unit="images/s")


def _example(tf, encoded: bytes, label: str) -> bytes:  # noqa: ANN001 (a module)
    def feature(value: bytes):  # noqa: ANN202
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {"image/encoded": feature(encoded), "image/class/text": feature(label.encode())}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


if __name__ == "__main__":
    with_pcam(run)
