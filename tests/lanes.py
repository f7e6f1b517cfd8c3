"""What both lanes store, the newest TensorFlow and that of TensorFlow Addons: the digests that test_lanes.py compares.

`python tests/lanes.py` writes them anew, in the default lane; `python tests/lanes.py made` the pictures, too.
"""

from __future__ import annotations

import csv
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kit.conversion import shard
from kit.images import ImageError, decode_image, store_image
from kit.specs import ImageSpec

FOLDER = Path(__file__).parent / "images" / "lanes"
SHARED = Path(__file__).parents[2] / "shared" / "data"

SPECS: dict[str, ImageSpec] = {
    "as it is": ImageSpec(),
    "raw": ImageSpec(encoding="raw"),
    "grey": ImageSpec(channels=1, encoding="raw"),
    "PNG": ImageSpec(encoding="png"),
    "JPEG": ImageSpec(encoding="jpeg:90"),
    "grey JPEG": ImageSpec(channels=1, encoding="jpeg:60"),
    "smaller": ImageSpec(size=(31, 37), encoding="raw"),
    "a third": ImageSpec(size=(20, 32), fit="stretch", encoding="raw"),
    "larger": ImageSpec(size=(150, 131), fit="pad", encoding="raw"),
    "wider, lower": ImageSpec(size=(40, 160), fit="stretch", encoding="raw"),
    "small JPEG": ImageSpec(size=(48, 48), fit="crop", encoding="jpeg:80"),
    "own range": ImageSpec(scale="percentile:1,99", encoding="raw"),
}

DATASETS: dict[str, dict[str, Any]] = {  # inputs and settings by folder
    "pcam": {"source": "train", "labels": "train_labels.csv", "test": "test"},
    "chest_xray": {"source": ".", "size": (64, 80), "channels": 1},
    "cifar10_folders": {"source": ".", "encoding": "jpeg:90"},
    "leaf_classification": {
        "source": "images",
        "labels": "train.csv",
        "label_column": "species",
        "test": "images",
        "sample_submission": "sample_submission.csv",
        "size": (96, 96),
        "fit": "pad",
        "encoding": "png",
    },
    "plant_pathology_2021": {"source": "train_images", "labels": "train.csv", "size": (128, 128), "fit": "stretch"},
    "knee_kl": {"source": "train", "labels": "train.csv", "size": (60, 60), "encoding": "jpeg:75", "channels": 1},
}

_PATHS = ("source", "labels", "test", "sample_submission")


def stored_pictures() -> dict[str, str]:
    """Store every picture of the folder by every setting: digests of the stored bytes."""
    pictures = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix != ".csv"}
    return {
        f"{name}, {setting}": _told(lambda data=data, spec=spec: store_image(data, spec).encoded)
        for name, data in pictures.items()
        for setting, spec in SPECS.items()
    }


def awkward_verdict(name: str) -> str:
    """Decode a file of shared/data/awkward: its shape and a digest of its pixels, or the reason of the refusal."""
    data = (SHARED / "awkward" / name).read_bytes()
    return _told(lambda: decode_image(data, ImageSpec()))


def awkward_names() -> list[str]:
    """List the files of shared/data/awkward; empty without the folder."""
    folder = SHARED / "awkward"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def shards_of(name: str, root: Path) -> str:
    """Write a real dataset: a digest of its shards."""
    given = dict(DATASETS[name])
    paths = {key: SHARED / name / given.pop(key) for key in _PATHS if key in given}
    dataset = shard(**paths, **given, name=name, workers=2, root=root)
    shards = sorted(path for path in dataset.folder.rglob("*.tfrecord"))
    digest = hashlib.sha256()
    for path in shards:
        digest.update(path.name.encode() + path.read_bytes())
    return f"{len(shards)} shards {digest.hexdigest()[:32]}"


def read(name: str) -> dict[str, str]:
    """Read a table of digests."""
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return dict(csv.reader(file))


def _told(work: Callable[[], bytes | np.ndarray]) -> str:
    try:
        found = work()
    except ImageError as refusal:
        return str(refusal)
    shape = "x".join(map(str, found.shape)) if isinstance(found, np.ndarray) else f"{len(found)} bytes"
    return f"{shape} {hashlib.sha256(found if isinstance(found, bytes) else found.tobytes()).hexdigest()[:16]}"


def _tables() -> Iterator[tuple[str, dict[str, str]]]:
    yield "pictures", stored_pictures()
    yield "awkward", {name: awkward_verdict(name) for name in awkward_names()}
    with tempfile.TemporaryDirectory() as folder:
        yield "shards", {name: shards_of(name, Path(folder)) for name in DATASETS}


def make_pictures() -> None:
    """Write pictures of many kinds, all of one scene of 61x97 pixels."""
    import tifffile
    from PIL import Image

    rows, columns = np.mgrid[:61, :97]
    noise = np.random.default_rng(17).integers(0, 24, (61, 97, 3))
    scene = np.stack([rows * 3, columns * 2, 200 - rows - columns], axis=-1) + noise
    scene[20:44, 30:60] = (230, 40, 90)
    colour = Image.fromarray(scene.clip(0, 255).astype(np.uint8))
    deep = (scene.clip(0, 255) * 257 % 65521).astype(np.uint16)
    colour.save(FOLDER / "colour.jpg", quality=85)
    colour.save(FOLDER / "progressive.jpg", quality=92, progressive=True, subsampling=0)
    colour.convert("L").save(FOLDER / "grey.jpg", quality=75)
    colour.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=75)
    colour.save(FOLDER / "colour.png")
    colour.quantize(32).save(FOLDER / "palette.png")
    Image.fromarray(deep[..., 0]).save(FOLDER / "deep.png")
    colour.save(FOLDER / "lossy.webp", quality=70)
    colour.convert("RGBA").save(FOLDER / "lossless.webp", lossless=True)
    colour.quantize(200).save(FOLDER / "palette.bmp")
    colour.save(FOLDER / "jpeg.tif", compression="jpeg")
    colour.convert("1").save(FOLDER / "fax.tif", compression="group4")
    tifffile.imwrite(FOLDER / "deep.tif", deep, compression="lzw", predictor=True, metadata=None)
    tifffile.imwrite(FOLDER / "float.tif", (deep / 65535).astype(np.float16), compression="zlib", metadata=None)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    if "made" in sys.argv:
        make_pictures()
    for name, table in _tables():
        with (FOLDER / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(table.items())
