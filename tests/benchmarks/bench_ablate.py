"""An ablation's trials, several at a time against one after another."""

from __future__ import annotations

import os
from pathlib import Path

from timing import interleave, report, with_pcam

ROUNDS = 3
SEEDS = 2
EPOCHS = 20


def run(pcam: Path, scratch: Path) -> None:
    import shutil

    import kit

    kit.shard(pcam / "train", name="pcam", labels=pcam / "train_labels.csv", size=(32, 32), root=scratch)

    def ablate(jobs: int) -> None:
        shutil.rmtree(scratch / "runs", ignore_errors=True)
        axes = [kit.parse_axis("model.bn_position", "before,after")]
        kit.ablate("pcam", axes, settings={"train.epochs": EPOCHS}, seeds=SEEDS, jobs=jobs, root=scratch)

    cores = os.cpu_count() or 1
    contestants = {"kit ablate --jobs 1": lambda: ablate(1), f"kit ablate --jobs {cores}": lambda: ablate(cores)}
    report(f"kit ablate, {2 * SEEDS} trials of {EPOCHS} epochs", interleave(contestants, ROUNDS))


if __name__ == "__main__":
    with_pcam(run)
