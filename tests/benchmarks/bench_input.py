"""Input alone, images a second: kit's batches, and Keras' two ways of reading the same image files at the same size.

The goals are 5 times ImageDataGenerator and 2 times image_dataset_from_directory. All give float32 batches in 0 to 1,
shuffled and not augmented, and each is read as `fit` reads it: kit's without end, Keras' anew in every epoch.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from timing import SHARED, interleave, report, with_pcam

ROUNDS = 7
EPOCHS = 5
BATCH = 32


def run_xrays(source: Path, scratch: Path) -> None:
    import kit

    dataset = kit.shard(source, name="xray", size=(224, 224), channels=1, root=scratch)
    kept = kit.shard(source, name="kept", channels=1, encoding="keep", root=scratch)
    _compare("JPEGs of 224x224, grey", dataset, source / "train", also={"kit: streamed, JPEGs kept": kept})


def run_patches(pcam: Path, scratch: Path) -> None:
    """PCam's TIFFs as PNGs in class folders, which is what image_dataset_from_directory reads."""
    import csv

    import cv2

    import kit

    source = scratch / "png"
    for row in csv.DictReader((pcam / "train_labels.csv").open()):
        path = source / row["label"] / f"{row['id']}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.imread(str(pcam / "train" / f"{row['id']}.tif")))
    _compare("PNGs of 96x96, RGB", kit.shard(source, name="pcam", size=(32, 32), root=scratch), source)


def _compare(title: str, dataset, folder: Path, also=None) -> None:  # noqa: ANN001
    from kit.compat import keras
    from kit.pipeline import train_batches
    from kit.training.devices import prepare_devices

    prepare_devices()
    height, width, channels = dataset.shape
    steps = dataset.full_batches("train", BATCH)
    colour = "grayscale" if channels == 1 else "rgb"
    read = {"target_size": (height, width), "batch_size": BATCH, "color_mode": colour, "class_mode": "binary"}
    generator = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
    files = generator.flow_from_directory(str(folder), **read)
    images = keras.utils.image_dataset_from_directory(
        str(folder), image_size=(height, width), batch_size=BATCH, color_mode=colour, verbose=False
    ).map(lambda image, label: (image / 255.0, label))

    def batches(of, cache: str):  # noqa: ANN001, ANN202
        made = train_batches(of, of.manifest.target.head(), batch_size=BATCH, seed=0, cache=cache)
        return lambda: _take(made, EPOCHS * steps)

    contestants = {
        "kit: decoded in memory": batches(dataset, "memory"),
        "kit: streamed from the shards": batches(dataset, "none"),
        **{name: batches(other, "none") for name, other in (also or {}).items()},
        "Keras: image_dataset_from_directory": lambda: [_take(images, steps) for _ in range(EPOCHS)],
        "Keras: ImageDataGenerator": lambda: [files[place] for _ in range(EPOCHS) for place in range(steps)],
    }
    seconds = interleave(contestants, ROUNDS)
    report(
        f"{title}, {EPOCHS} epochs of {steps} batches of {BATCH} at {height}x{width}",
        seconds,
        items=EPOCHS * steps * BATCH,
        unit="images/s",
    )


def _take(batches, steps: int) -> None:  # noqa: ANN001
    for _ in batches.take(steps):
        pass


if __name__ == "__main__":
    with_pcam(run_patches)
    if (SHARED / "chest_xray").is_dir():
        with tempfile.TemporaryDirectory() as folder:
            run_xrays(SHARED / "chest_xray", Path(folder))
