"""Provenance of a folder's files in seal.json: the runs and weights that made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from kit.errors import SpecError, WorkspaceError, first_three, worded
from kit.files import write_whole, xxh128
from kit.names import below
from kit.runs.directory import RunDirectory
from kit.seals import check_hash, hashes, read_sealed, seal

SEALED = "seal.json"


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """A run and its weights, identified by hashes.

    Attributes:
        run: Path of the run, relative to runs/ if it is there.
        identity: XXH128 of the run's settings.
        weights: XXH128 of the file of the weights.
    """

    run: str
    identity: str
    weights: str


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Provenance of a folder's files.

    Attributes:
        kind: Noun of the folder's contents, "evaluation" or "export".
        dataset: Name of the dataset.
        fingerprint: Fingerprint of the dataset.
        split: Split of an evaluation; for an export, the split on which predictions were compared.
        weights: Epoch of the weights, "best" or "last".
        views: Averaged views of each image; empty for the image alone.
        made_by: Runs whose predictions were averaged.
        files: XXH128 of the folder's files, by relative path.
        seal: XXH128 over all other fields; see `kit.seals`.
    """

    kind: str
    dataset: str
    fingerprint: str
    split: str
    weights: str
    views: str = ""
    made_by: tuple[Maker, ...]
    files: dict[str, str] = {}
    seal: str = ""

    def __str__(self) -> str:
        """Describe the contents: "evaluation of pcam-base-seed-0-1a2b3c4d, best weights, split validation"."""
        runs = first_three((maker.run for maker in self.made_by), len(self.made_by))
        runs = self.made_by[0].run if len(self.made_by) == 1 else runs
        views = f", views {self.views}" if self.views else ""
        return f"{self.kind} of {runs}, {self.weights} weights, split {self.split}{views}"

    def goes_on(self, before: Provenance) -> bool:
        """Return whether this updates `before`: the same question, with more runs or further trained weights."""
        runs, others = ({maker.identity for maker in one.made_by} for one in (self, before))
        return others <= runs and self._question == before._question

    def is_made_like(self, before: Provenance) -> bool:
        """Return whether the same runs with bit-equal weights made both."""
        same, others = ({(maker.identity, maker.weights) for maker in one.made_by} for one in (self, before))
        return same == others and self._question == before._question

    @property
    def _question(self) -> tuple[str, ...]:
        return self.kind, self.fingerprint, self.split, self.weights, self.views


def name_maker(run: RunDirectory, weights: Path, name: str) -> Maker:
    """Identify a run by the hashes of its settings and its file of weights."""
    return Maker(run=name, identity=run.identity, weights=run.hash_of(weights))


def sealed_with(provenance: Provenance, files: Mapping[str, bytes | str]) -> bytes:
    """Make the content of `SEALED` for files that are to be written."""
    made = {name: xxh128(data) for name, data in files.items()}
    return seal(msgspec.structs.replace(provenance, files=made))


def seal_folder(folder: Path, provenance: Provenance, names: Iterable[str]) -> None:
    """Write the provenance of a folder's files, as its last file."""
    write_whole(folder / SEALED, seal(msgspec.structs.replace(provenance, files=hashes(folder, names))))


def read_provenance(folder: Path) -> Provenance | None:
    """Read the provenance of a folder's files; None without one.

    Raises:
        SpecError: The provenance was changed.
    """
    path = folder / SEALED
    return read_sealed(path, Provenance, what="folder of results") if path.is_file() else None


def refuse_changed(folder: Path, before: Provenance, *names: str) -> None:
    """Compare a folder's files with their hashes; missing files are ignored.

    Args:
        folder: Folder of the files.
        before: Provenance with the hashes.
        *names: Relative paths of the files to compare; none for all.

    Raises:
        WorkspaceError: A file was changed.
    """
    try:
        for name, expected in before.files.items():
            path = below(folder, *name.split("/"))
            if name in (names or before.files) and path.is_file():
                check_hash(path, expected)
    except SpecError as error:
        raise WorkspaceError(f"{error}; move it away, then run the command that wrote it again") from error


def refuse_other(folder: Path, provenance: Provenance) -> None:
    """Refuse a folder with other results, or with changed files; a folder without provenance is accepted.

    Raises:
        SpecError: The provenance was changed.
        WorkspaceError: The folder holds results of other runs or weights, or changed files.
    """
    before = read_provenance(folder)
    if before is None:
        return
    if not provenance.goes_on(before):
        raise WorkspaceError(
            f"{folder} holds the {before}; choose another {worded('-o', 'output=')}, or remove that folder"
        )
    refuse_changed(folder, before)
