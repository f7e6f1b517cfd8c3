"""Predictions of some of a split's batches, kept in files until the parts of a prediction are joined.

Every batch holds the same images as in a prediction of the whole split, so that the joined outputs are equal to the
last bit: a network may round differently in batches of another size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from kit.engines import Part
from kit.errors import RunError, SpecError
from kit.files import write_whole
from kit.inference.batch_size import measuring_batch
from kit.inference.ensemble import Ensemble
from kit.inference.predict_split import predict_split
from kit.inference.predictions import Predictions, average, join
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunSnapshot
from kit.runs.provenance import Maker
from kit.seals import read_sealed, seal
from kit.targets import Target
from kit.targets.top_classes import BEST, are_best


class KeptBatches(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions of batches next to each other, by one run.

    Attributes:
        fingerprint: Fingerprint of the dataset.
        split: Split of the images.
        weights: Epoch of the weights, "best" or "last".
        views: Averaged views of each image; empty for the image alone.
        made_by: Run with the hashes of its settings and weights.
        size: Number of images in a batch; the split's last one may have fewer.
        first: Index of the first batch in the split, from 0.
        keys: Keys of the images.
        best: Whether only the likeliest of very many classes are kept.
        outputs: Bytes of the outputs, row by row; float32, or `kit.targets.top_classes.BEST`.
        seal: XXH128 over all other fields; see `kit.seals`.
    """

    fingerprint: str
    split: str
    weights: str
    views: str
    made_by: Maker
    size: int
    first: int
    keys: list[str]
    best: bool
    outputs: bytes
    seal: str = ""

    @property
    def batches(self) -> range:
        """Indices of the batches."""
        return range(self.first, self.first + math.ceil(len(self.keys) / self.size))

    @property
    def question(self) -> tuple[object, ...]:
        """Everything that decides the outputs, apart from the run."""
        return self.fingerprint, self.split, self.weights, self.views

    def predictions(self, batch: int, target: Target) -> Predictions:
        """Return the predictions of one of the batches, without labels."""
        images = slice((batch - self.first) * self.size, (batch - self.first + 1) * self.size)
        keys = self.keys[images]
        outputs = np.frombuffer(self.outputs, BEST if self.best else np.float32).reshape(len(self.keys), -1)
        return Predictions(keys, target.encode([None] * len(keys)), outputs[images].copy(), target)


@dataclass(frozen=True, slots=True)
class BatchFolder:
    """Folder with the predicted batches of all parts.

    Attributes:
        path: Path of the folder.
        ensemble: Runs that predict.
        split: Split of the images.
    """

    path: Path
    ensemble: Ensemble
    split: str

    def predict(self, makers: Sequence[Maker], part: Part, progress: Progress = NO_PROGRESS) -> int:
        """Predict the batches of a part that are missing, and keep them.

        Args:
            makers: Runs of the ensemble with the hashes of their weights.
            part: Part of the batches.
            progress: Receiver of every batch.

        Returns:
            Number of images of the part.

        Raises:
            RunError: The folder holds predictions of other weights, runs, views or data.
        """
        known, images = self._known(makers), 0
        for number, (run, maker) in enumerate(zip(self.ensemble.runs, makers, strict=True), start=1):
            share = part.share(range(self._count(run)))
            images = max(images, self._images(run, share))
            covered = {batch for kept in known if kept.made_by == maker for batch in kept.batches}
            task = f"predict {self.split}, part {part}, run {number} of {len(makers)}"
            for batches in _stretches([batch for batch in share if batch not in covered]):
                self._keep(run, maker, batches, task, progress)
        return images

    def missing(self, makers: Sequence[Maker]) -> int:
        """Count the images of the split that not every run has predicted yet."""
        known, missing = self._known(makers), 0
        for run, maker in zip(self.ensemble.runs, makers, strict=True):
            covered = {batch for kept in known if kept.made_by == maker for batch in kept.batches}
            left = [batch for batch in range(self._count(run)) if batch not in covered]
            missing = max(missing, self._images(run, left))
        return missing

    def join(self, makers: Sequence[Maker], progress: Progress = NO_PROGRESS) -> Predictions:
        """Predict what no part has, and average the runs' predictions on the whole split.

        Raises:
            RunError: The folder holds predictions of other weights, runs, views or data.
        """
        self.predict(makers, Part(1, 1), progress)
        known, target = self._known(makers), self.ensemble.dataset.manifest.target
        scores = []
        for maker in makers:
            found = {batch: kept for kept in known if kept.made_by == maker for batch in kept.batches}
            scores.append(join([found[batch].predictions(batch, target) for batch in sorted(found)]))
        return average(scores)

    def _known(self, makers: Sequence[Maker]) -> list[KeptBatches]:
        """Read what is kept; damaged files are predicted anew."""
        known = []
        for path in sorted(self.path.glob("[!.]*.json")):
            try:
                kept = read_sealed(path, KeptBatches)
            except (SpecError, FileNotFoundError):
                continue
            self._refuse_other(path, kept, makers)
            known.append(kept)
        return known

    def _refuse_other(self, path: Path, kept: KeptBatches, makers: Sequence[Maker]) -> None:
        names = {maker.run: run for maker, run in zip(makers, self.ensemble.runs, strict=True)}
        run = names.get(kept.made_by.run)
        if run is None:
            problem = f"by {kept.made_by.run}, which is not among these runs"
        elif kept.made_by not in makers:
            problem = f"by other weights of {kept.made_by.run}"
        elif kept.question != self._question() or kept.size != self._size(run):
            problem = "from other data, another split, or with other weights or views"
        else:
            return
        raise RunError(
            f"{path} was predicted {problem}; give every part the same runs and options, or remove the folder"
            f" {self.path} and begin anew"
        )

    def _keep(self, run: RunSnapshot, maker: Maker, batches: range, task: str, progress: Progress) -> None:
        ensemble = self.ensemble
        scores = predict_split(
            run,
            ensemble.dataset,
            self.split,
            weights=ensemble.weights,
            views=ensemble.views,
            batches=batches,
            task=task,
            progress=progress,
        )
        fingerprint, split, weights, views = self._question()
        kept = KeptBatches(
            fingerprint=fingerprint,
            split=split,
            weights=weights,
            views=views,
            made_by=maker,
            size=self._size(run),
            first=batches.start,
            keys=scores.keys,
            best=are_best(scores.outputs),
            outputs=np.ascontiguousarray(scores.outputs).tobytes(),
        )
        name = f"{maker.identity[:8]}-{maker.weights[:8]}-{batches.start:07d}-{batches.stop:07d}.json"
        write_whole(self.path / name, seal(kept))

    def _question(self) -> tuple[str, str, str, str]:
        ensemble = self.ensemble
        return ensemble.dataset.manifest.fingerprint, self.split, ensemble.weights, str(ensemble.views)

    def _size(self, run: RunSnapshot) -> int:
        return measuring_batch(run.spec().model, self.ensemble.dataset)

    def _count(self, run: RunSnapshot) -> int:
        return math.ceil(self._records / self._size(run))

    def _images(self, run: RunSnapshot, batches: Iterable[int]) -> int:
        size = self._size(run)
        return sum(min(size, self._records - batch * size) for batch in batches)

    @property
    def _records(self) -> int:
        return self.ensemble.dataset.for_fold(self.ensemble.runs[0].spec().fold).manifest.records(self.split)


def _stretches(numbers: Sequence[int]) -> Iterator[range]:
    """Cut ascending numbers into ranges without gaps."""
    begin = 0
    for end in range(1, len(numbers) + 1):
        if end == len(numbers) or numbers[end] != numbers[end - 1] + 1:
            yield range(numbers[begin], numbers[end - 1] + 1)
            begin = end
