"""Training images a second: from shards, streamed from shards, and from one synthetic batch that costs nothing."""

from __future__ import annotations

from pathlib import Path

from timing import interleave, report, with_pcam

ROUNDS = 15
STEPS = 50
BATCH = 64


def run(pcam: Path, scratch: Path) -> None:
    import kit
    from kit.compat import tf
    from kit.pipeline import train_batches
    from kit.training.devices import prepare_devices

    dataset = kit.shard(pcam / "train", name="pcam", labels=pcam / "train_labels.csv", size=(32, 32), root=scratch)
    prepare_devices()
    batch = next(iter(train_batches(dataset, batch_size=BATCH, seed=0)))
    inputs = {
        "one synthetic batch": tf.data.Dataset.from_tensors(batch).repeat(),
        "shards, decoded into memory": train_batches(dataset, batch_size=BATCH, seed=0),
        "shards, streamed": train_batches(dataset, batch_size=BATCH, seed=0, memory_share=0),
    }
    contestants = {name: _fit(dataset, batches) for name, batches in inputs.items()}
    title = f"training the histopathology network, {STEPS} steps of {BATCH} images of 32x32"
    report(title, interleave(contestants, ROUNDS), items=STEPS * BATCH, unit="images/s")


def _fit(dataset, batches):  # noqa: ANN001, ANN202
    from kit.training import run_spec
    from kit.training.compiled import compiled_model

    model = compiled_model(run_spec(dataset, "histopathologic-cancer", {}, seed=0), dataset)
    return lambda: model.fit(batches, steps_per_epoch=STEPS, epochs=1, verbose=0, shuffle=False)


if __name__ == "__main__":
    with_pcam(run)
