"""A dataset on disk: a folder with a manifest."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.datasets.manifest import NO_FOLD, READABLE, Manifest, ShardInfo, upgraded
from kit.datasets.metric import found_metric, read_metric
from kit.errors import ShardError, SpecError, WorkspaceError, option, unknown
from kit.files import size_text
from kit.locks import shared_lock
from kit.progress import NO_PROGRESS, Progress
from kit.seals import check_hash, read_sealed
from kit.specs import from_json
from kit.storage import SealedFolder, room_for_copies, sealed_folder

MANIFEST = "manifest.json"
SAMPLE_SUBMISSION = "sample_submission.csv"
REJECTS = "rejects.csv"
DUPLICATES = "duplicates.csv"
NEAR_DUPLICATES = "near_duplicates.csv"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    def shards(self, split: str) -> list[ShardInfo]:
        """List the shards of a split in order.

        Raises:
            ShardError: There is no such split.
        """
        if split not in self.manifest.splits:
            raise ShardError(f"{self.manifest.name}: {unknown('split', split, self.manifest.splits)}")
        return [shard for shard in self.manifest.shards if shard.split == split]

    def paths(self, split: str) -> list[Path]:
        """List the shard files of a split in order."""
        return [self.folder / shard.name for shard in self.shards(split)]

    @property
    def stored(self) -> SealedFolder | None:
        """Dataset in an object store, of which this one is the copy; None for one that is only here."""
        return sealed_folder(self.folder, MANIFEST)

    def fetch(self, shards: Iterable[ShardInfo], progress: Progress = NO_PROGRESS) -> None:
        """Download shards that are in a store and not here yet.

        Args:
            shards: Shards to have on this machine.
            progress: Receiver of every shard.

        Raises:
            StoreError: The store refuses, does not answer, or has other bytes.
            WorkspaceError: The disk has no room for them.
        """
        stored, missing = self.stored, self.missing(shards)
        head = stored.copied_head() if stored and missing else None
        if stored and head:
            needed, room = sum(shard.bytes for shard in missing), room_for_copies(self.folder)
            if needed > room:
                raise WorkspaceError(
                    f"{self.folder} has room for {size_text(room)}, {self.manifest.name} needs {size_text(needed)};"
                    " free some, raise KIT_CACHE_GB, or set KIT_CACHE to a folder on a larger disk"
                )
            stored.fetch(head, {shard.name: shard.xxh128 for shard in missing}, progress)

    def fetch_fitting(self, shards: Sequence[ShardInfo], progress: Progress = NO_PROGRESS) -> list[ShardInfo]:
        """Download shards, unless this machine has no room for all of them: then they are streamed; see `fetch`.

        Returns:
            Those of the shards that are on this machine.
        """
        missing = self.missing(shards)
        if self.stored and missing:
            needed = sum(shard.bytes for shard in missing)
            if needed <= room_for_copies(self.folder):
                self.fetch(missing, progress)
                return list(shards)
            progress.start(f"look for {self.manifest.name}", 1)
            progress.advance(
                1, f"{size_text(needed)} of shards have no room on this machine: streamed while they are read"
            )
            progress.finish()
        return [shard for shard in shards if shard not in missing]

    def missing(self, shards: Iterable[ShardInfo]) -> list[ShardInfo]:
        """List those of some shards that are not on this machine, or of which a copy is not whole."""
        files = ((shard, self.folder / shard.name) for shard in shards)
        is_copy = self.stored is not None
        return [
            shard for shard, path in files if not path.is_file() or (is_copy and path.stat().st_size != shard.bytes)
        ]

    def for_fold(self, fold: int | None) -> Dataset:
        """Return a view with one fold as the validation split and all others as the train split; None changes nothing.

        Images of the train split that lie in no fold, those of classes that never validate, stay there.

        Raises:
            ShardError: There is no such fold.
        """
        if fold is None:
            return self
        manifest = self.manifest
        if fold not in manifest.folds:
            known = (
                f"folds 0 to {len(manifest.folds) - 1}"
                if manifest.folds
                else f"no folds (shard it with {option('folds', 5)})"
            )
            raise ShardError(f"{manifest.name} has {known}, not fold {fold}")
        both = [manifest.counts[split] for split in ("train", "validation")]
        held = manifest.folds[fold]
        counts = {
            **manifest.counts,
            "train": {name: sum(part.get(name, 0) for part in both) - held.get(name, 0) for name in manifest.classes},
            "validation": dict(held),
        }
        new = msgspec.structs.replace
        shards = tuple(
            shard if shard.fold == NO_FOLD else new(shard, split="validation" if shard.fold == fold else "train")
            for shard in manifest.shards
        )
        return Dataset(self.folder, new(manifest, counts=counts, shards=shards))

    @property
    def sample_submission(self) -> Path | None:
        """Path of the copy of the sample submission, or None.

        Raises:
            ShardError: The file was changed since the dataset was made.
        """
        return self.checked(SAMPLE_SUBMISSION) if self.manifest.sample_submission else None

    @property
    def metric(self) -> str:
        """Metric that the competition scores, as `kit.find_metric` takes it; the target's default if none was named.

        Raises:
            ShardError: The note `metric.json` is damaged.
        """
        metric = read_metric(self.folder)
        return found_metric(metric, self.folder.parent.parent) if metric else self.manifest.target.default_metric

    def checked(self, name: str) -> Path:
        """Return the path of a file beside the shards, after comparing its checksum.

        Raises:
            ShardError: The file was changed since the dataset was made.
        """
        path = self.folder / name
        try:
            if expected := self.manifest.files.get(name):
                check_hash(path, expected)
        except SpecError as error:
            raise ShardError(f"{error}; restore it, or shard again with {option('force', True)}") from error
        return path

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Lock the dataset against being replaced, if its folder can be locked.

        Raises:
            ShardError: The dataset was replaced since it was opened.
        """
        with shared_lock(self.folder / MANIFEST):
            self.refuse_replaced()
            yield

    def refuse_replaced(self) -> None:
        """Compare the manifest with the one in the folder.

        Raises:
            ShardError: The folder holds another dataset, or none.
        """
        try:
            now = from_json(self.folder / MANIFEST, _Identity)
        except (OSError, SpecError) as error:
            raise ShardError(f"{self.folder} was removed or damaged while it was in use: {error}") from error
        if now.fingerprint != self.manifest.fingerprint or now.seal != self.manifest.seal:
            raise ShardError(
                f"{self.folder} was replaced while it was in use ({self.manifest.fingerprint} before,"
                f" {now.fingerprint} now); run the command again"
            )

    def full_batches(self, split: str, batch_size: int) -> int:
        """Return the number of full batches in a split.

        Raises:
            ShardError: The split does not fill one batch.
        """
        records = self.manifest.records(split)
        if records < batch_size:
            fitting = 1 << max(0, (records // 4).bit_length() - 1)  # a power of two that leaves some steps an epoch
            raise ShardError(
                f"{self.manifest.name} has {records} {split} images, fewer than a batch of {batch_size};"
                f" set train.batch_size={fitting}"
            )
        return records // batch_size

    def decoded_bytes(self, split: str) -> int:
        """Return the size of a split's decoded pixels, bytes.

        Raises:
            ShardError: Images differ in size.
        """
        return self.manifest.records(split) * math.prod(self.shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image.

        Raises:
            ShardError: Images differ in size, so they cannot be stacked into batches.
        """
        image = self.manifest.image
        if image.shape is None:
            raise ShardError(
                f"{self.manifest.name}: images are {image.height[0]} to {image.height[1]} pixels high and"
                f" {image.width[0]} to {image.width[1]} wide; shard them with {option('size')} to give them one size"
            )
        return image.shape


class _Identity(msgspec.Struct):
    """Fields of the manifest that identify the dataset."""

    fingerprint: str
    seal: str = ""


class _AnyVersion(msgspec.Struct):
    """Field that the manifests of all versions have."""

    format_version: int


def read_dataset(folder: Path) -> Dataset:
    """Read the manifest in `folder` and compare the sizes of the shards with it.

    Raises:
        ShardError: The manifest is missing or of another format version, or a shard was changed after writing.
    """
    dataset = Dataset(folder, read_manifest(folder))
    missing = dataset.missing(dataset.manifest.shards)
    if missing and not dataset.stored:
        raise ShardError(
            f"{folder / missing[0].name} is missing; restore it, or shard again with {option('force', True)}"
        )
    for shard in dataset.manifest.shards:
        path = folder / shard.name
        if shard not in missing and path.stat().st_size != shard.bytes:
            raise ShardError(
                f"{path} has {path.stat().st_size:,} bytes, the manifest says {shard.bytes:,}: it was changed after"
                f" writing; restore it, or shard again with {option('force', True)}"
            )
    return dataset


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in `folder`.

    Raises:
        ShardError: The manifest is missing, damaged, or of another format version.
    """
    try:
        version = from_json(folder / MANIFEST, _AnyVersion).format_version
        if version not in READABLE:
            known = " and ".join(map(str, sorted(READABLE)))
            raise ShardError(
                f"{folder / MANIFEST} has format version {version}, this kit reads {known}; shard it again"
            )
        manifest = read_sealed(folder / MANIFEST, Manifest, what="dataset", upgrade=upgraded)
    except FileNotFoundError as error:
        raise ShardError(f"{folder} has no {MANIFEST}, so it is not a dataset; make it with kit shard") from error
    except SpecError as error:
        raise ShardError(f"{error}; restore the file, or shard again with {option('force', True)}") from error
    try:
        manifest.refuse_contradictions()
    except SpecError as error:
        raise ShardError(
            f"{folder / MANIFEST}: {error}; restore the file, or shard again with {option('force', True)}"
        ) from error
    return manifest
