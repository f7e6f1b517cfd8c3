"""Training images a second: from shards, streamed from shards, and from one synthetic batch that costs nothing.

The goal is at most 1.05 times the time of the synthetic batch.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from timing import SHARED, interleave, report, with_pcam


def run(pcam: Path, scratch: Path) -> None:
    import kit

    dataset = kit.shard(pcam / "train", name="pcam", labels=pcam / "train_labels.csv", size=32, root=scratch)
    _compare(dataset, "histopathologic-cancer", "the histopathology network", steps=228, joined=19, rounds=15)


def run_xray(source: Path, scratch: Path) -> None:
    import kit

    dataset = kit.shard(source, name="xray", recipe="chest-xray-transfer", root=scratch)
    title = "the X-ray network with augmentation"
    _compare(dataset, "chest-xray-transfer/small_cnn", title, steps=12, joined=6, rounds=7)


def _compare(dataset, recipe: str, title: str, *, steps: int, joined: int, rounds: int) -> None:  # noqa: ANN001
    from kit.compat import tf
    from kit.pipeline import as_written, train_batches
    from kit.training import run_spec
    from kit.training.compile import compiled_model
    from kit.training.devices import prepare_devices

    prepare_devices()
    spec = run_spec(dataset, recipe, {}, seed=0)
    batch = spec.train.batch_size

    def batches(cache: str):  # noqa: ANN202
        return train_batches(
            dataset, dataset.manifest.target.head(), batch_size=batch, seed=0, cache=cache, augment=spec.augment
        )

    def fitted(fed):  # noqa: ANN001, ANN202
        model = compiled_model(spec, dataset, joined=joined)
        return lambda: model.fit(fed, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)

    inputs = {
        "one synthetic batch": as_written(tf.data.Dataset.from_tensors(next(iter(batches("memory")))).repeat()),
        "shards, decoded into memory": batches("memory"),
        "shards, streamed": batches("none"),
    }
    height, width, _ = dataset.shape
    report(
        f"training {title}, {steps} steps of {batch} images of {height}x{width}",
        interleave({name: fitted(fed) for name, fed in inputs.items()}, rounds),
        items=steps * batch,
        unit="images/s",
    )


if __name__ == "__main__":
    with_pcam(run)
    if (SHARED / "chest_xray").is_dir():
        with tempfile.TemporaryDirectory() as folder:
            run_xray(SHARED / "chest_xray", Path(folder))
