"""JPEGs into shards: kept as they are, against reading and appending them; reduced, against Pillow's plain loop."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench_shard import FLOOR
from timing import forget, in_process, interleave, report

ROUNDS = 5
KEPT, LARGE = 40_000, 2_880

PILLOW = """
import multiprocessing, pathlib, sys
from PIL import Image

def load(path):
    return Image.open(path).convert("RGB").resize((256, 256)).tobytes()

if __name__ == "__main__":
    paths = sorted(pathlib.Path(sys.argv[1]).rglob("*.jpg"))
    with multiprocessing.Pool(2) as pool, open(sys.argv[2], "wb") as out:
        for pixels in pool.imap(load, paths):
            out.write(pixels)
"""


def run(scratch: Path) -> None:
    _write(scratch / "kept", KEPT, (224, 225))
    _write(scratch / "large", LARGE, (1000, 2000))
    script = scratch / "pillow.py"  # a file: multiprocessing's workers import it
    script.write_text(PILLOW)

    clean = forget(scratch / "all", scratch / "tfrecords")

    def with_kit(name: str, *options: object) -> None:
        in_process("-m", "kit", "shard", scratch / name, "--name", name, "--workers", 2, "--root", scratch, *options)

    kept = {
        "floor: read every file, append its bytes": lambda: in_process(
            "-c", FLOOR.replace("tif", "jpg"), scratch / "kept", scratch / "all"
        ),
        "kit shard --workers 2": lambda: with_kit("kept"),
    }
    report(f"{KEPT:,} JPEGs of 224x224, kept", interleave(kept, ROUNDS, before=clean), items=KEPT, unit="images/s")
    large = {
        "plain loop: Pillow's open, convert, resize; 2 processes": lambda: in_process(
            script, scratch / "large", scratch / "all"
        ),
        "kit shard --size 256 --workers 2": lambda: with_kit("large", "--size", 256),
    }
    report(
        f"{LARGE:,} JPEGs of 1000 to 2000 pixels, to 256",
        interleave(large, ROUNDS, before=clean),
        items=LARGE,
        unit="images/s",
    )


def _write(folder: Path, count: int, sides: tuple[int, int]) -> None:
    """Write different JPEGs in two class folders: smooth colours and some noise, as photographs have."""
    import cv2
    import numpy as np

    generator = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"class-{number % 2}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = generator.integers(*sides, 2)
        coarse = generator.integers(0, 255, (16, 16, 3), np.uint8)
        pixels = cv2.resize(coarse, (int(width), int(height)), interpolation=cv2.INTER_CUBIC)
        pixels ^= generator.integers(0, 8, pixels.shape, np.uint8)
        cv2.imwrite(str(path), pixels)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
