"""An ablation's trials an hour: packed by kit, one after another by Keras' defaults, and fed by ImageDataGenerator.

Every contestant is a process of its own that trains the same arms and seeds for as many epochs, keeps the best epoch's
weights and a CSV of the history; kit keeps checkpoints, TensorBoard logs and predictions besides.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from timing import forget, in_process, interleave, report, with_pcam

ROUNDS = 3
POSITIONS = ("before", "after")
SEEDS = 8
EPOCHS = 20
SIDE = 32
BATCH = 64
PARAMETERS = 53_313  # of the recipe


def run(pcam: Path, scratch: Path) -> None:
    import kit

    kit.shard(pcam / "train", name="pcam", labels=pcam / "train_labels.csv", size=(SIDE, SIDE), root=scratch)
    ours = ["-m", "kit", "ablate", "pcam", "--bn-position", ",".join(POSITIONS), "--seeds", SEEDS, "--root", scratch]
    ours += ["--set", f"train.epochs={EPOCHS}", "--jobs"]
    contestants = {
        "kit ablate, as many trials at a time as it finds best": lambda: in_process(*ours, "auto"),
        f"kit ablate --jobs {os.cpu_count()}": lambda: in_process(*ours, os.cpu_count()),
        "one after another, Keras' defaults, arrays in memory": lambda: in_process(__file__, "arrays", pcam, scratch),
        "one after another, ImageDataGenerator from the files": lambda: in_process(__file__, "files", pcam, scratch),
    }
    trials = len(POSITIONS) * SEEDS
    seconds = interleave(contestants, ROUNDS, before=forget(scratch / "runs", scratch / "keras"), warm_up=False)
    report(f"{trials} trials of {EPOCHS} epochs", seconds, items=3600 * trials, unit="trials/hour")


def train(kind: str, pcam: Path, scratch: Path) -> None:
    """Train all trials, one after another, as a Keras user would."""
    import numpy as np
    import pandas as pd
    from tensorflow import keras

    from kit.datasets import find_dataset
    from kit.pipeline.cache import decode_split

    dataset = find_dataset("pcam", root=scratch)
    parts = {split: decode_split(dataset, split) for split in ("train", "validation")}
    (scratch / "keras").mkdir()
    for position in POSITIONS:
        for seed in range(SEEDS):
            keras.utils.set_random_seed(seed)
            model = network(position)
            model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
            stem = str(scratch / "keras" / f"{position}-{seed}")
            common = {
                "epochs": EPOCHS,
                "verbose": 0,
                "callbacks": [
                    keras.callbacks.CSVLogger(f"{stem}.csv"),
                    keras.callbacks.ModelCheckpoint(f"{stem}.weights.h5", save_best_only=True, save_weights_only=True),
                ],
            }
            if kind == "arrays":
                (x, y), held_back = ((np.float32(part.images) / 255, part.labels) for part in parts.values())
                model.fit(x, y, batch_size=BATCH, validation_data=held_back, **common)
                continue
            frames = [
                pd.DataFrame({"file": [f"{key.decode()}.tif" for key in part.keys], "label": part.labels.astype(str)})
                for part in parts.values()
            ]
            flows = [
                keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255).flow_from_dataframe(
                    frame,
                    directory=str(pcam / "train"),
                    x_col="file",
                    y_col="label",
                    class_mode="binary",
                    target_size=(SIDE, SIDE),
                    batch_size=BATCH,
                )
                for frame in frames
            ]
            model.fit(flows[0], validation_data=flows[1], **common)


def network(position: str) -> Any:
    """Build the recipe's network of Keras' own layers."""
    from tensorflow.keras import Input, Sequential, layers

    def normed() -> list[Any]:
        pair = [layers.BatchNormalization(), layers.Activation("relu")]
        return pair if position == "before" else pair[::-1]

    blocks = [[layers.Conv2D(filters, 3), *normed(), layers.MaxPooling2D(3)] for filters in (32, 64)]
    head = [layers.Flatten(), layers.Dense(128), *normed(), layers.Dense(1, activation="sigmoid")]
    model = Sequential([Input((SIDE, SIDE, 3)), *blocks[0], *blocks[1], *head])
    assert model.count_params() == PARAMETERS
    return model


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        with_pcam(run)
