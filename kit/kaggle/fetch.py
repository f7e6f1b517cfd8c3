"""Fetches a competition's or a dataset's files: download, check, unpack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kit.arguments import checked_arguments
from kit.errors import KaggleError, NetworkError, WorkspaceError, first_three, option, require, unknown, worded
from kit.files import refuse_overwrite
from kit.kaggle.fetch_manifest import Contents, FetchManifest, read_fetched, write_fetched
from kit.kaggle.http_errors import Resource, not_entered
from kit.kaggle.member_names import checked_relative, is_below, refuse_link
from kit.kaggle.responses import RemoteFile
from kit.kaggle.retries import Retries
from kit.kaggle.shard_suggestion import next_step
from kit.locks import locked
from kit.names import checked_id
from kit.progress import NO_PROGRESS, Progress
from kit.seals import hashes
from kit.workspace import Workspace

if TYPE_CHECKING:
    from kit.kaggle.remote_files import KaggleFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A folder of fetched files.

    Attributes:
        folder: Folder of the files.
        files: Number of files.
        bytes: Total size, bytes.
        is_new: Whether anything was downloaded.
        remarks: Remarks on the files, one line each.
        command: `kit shard` command for the files; None without images.
    """

    folder: Path
    files: int
    bytes: int
    is_new: bool
    remarks: tuple[str, ...]
    command: str | None


@checked_arguments
def fetch(
    competition: str | None = None,
    *,
    dataset: str | None = None,
    files: Sequence[str] = (),
    output: Path | str | None = None,
    force: bool = False,
    root: Path | str | None = None,
    retries: Retries | None = None,
    progress: Progress = NO_PROGRESS,
) -> Fetched:
    """Fetch a competition's or a dataset's files; complete files are not fetched again.

    Files lost, truncated or changed since are fetched again, and remarks name the changed ones.

    Args:
        competition: Slug of the competition, as in its address.
        dataset: OWNER/NAME, instead of a competition.
        files: Names of the files to fetch; by default all, as one archive to unpack.
        output: Folder to fetch to; data/<competition> by default.
        force: Whether to fetch again, and replace existing files.
        root: Workspace; KIT_ROOT or the current folder by default.
        retries: Timeouts and number of attempts; the defaults suit Kaggle.
        progress: Receiver of downloaded and unpacked files.

    Raises:
        KaggleError: Kaggle refuses, or the archive is not safe to unpack.
        NetworkError: The connection was cut; another call resumes.
        SpecError: A name in `files` is invalid, or the folder's .fetched.json was changed since kit wrote it.
        WorkspaceError: The disk is too small, or the folder holds other files.
    """
    about = _about(competition, dataset)
    folder = Path(output) if output else Workspace.at(root).data / about.slug
    for name in files:
        checked_relative(name, option("files"), "kit fetches no such file")
        refuse_link(folder, name)
    with locked(folder):
        known = read_fetched(folder, about, force=force)
        is_known = known.files.keys() >= set(files) if files else known.is_whole
        contents = Contents(folder, known, progress)
        changed = [] if force else contents.changed([name for name in files or known.files if name in known.files])
        if not force and is_known and not changed:
            return _result(folder, known, about, is_new=False)
        overwritten = [name for name in changed if (folder / name).is_file()]
        from kit.kaggle.remote_files import KaggleFiles  # noqa: PLC0415 (what talks to the network)

        with KaggleFiles(retries or Retries(), progress) as store:
            progress.start("asking Kaggle", 1)
            listed = _listed(store, about, files)
            if files:
                wanted = [name for name in files if force or name in changed or name not in known.files]
                done = _fetch_some(store, about, wanted, listed, folder, known=known, force=force)
            else:
                done = _fetch_all(store, about, listed, folder, known=known, contents=contents, force=force)
        remarks = (*(known.remarks if files else done.remarks), *_differences(done.files, listed, wanted=files))
        done = write_fetched(folder, msgspec.structs.replace(done, remarks=tuple(dict.fromkeys(remarks))))
        anew = [name for name in overwritten if name in done.files]
        return _result(folder, done, about, is_new=True, anew=anew)


def _fetch_some(
    store: KaggleFiles,
    about: Resource,
    wanted: Sequence[str],
    listed: list[RemoteFile] | None,
    folder: Path,
    *,
    known: FetchManifest,
    force: bool,
) -> FetchManifest:
    """Fetch single files; each is recorded on arrival, so that another call resumes."""
    from kit.kaggle.fetched_files import fetch_files  # noqa: PLC0415 (what talks to the network)

    for name in wanted:
        refuse_overwrite(folder / name, force=force or name in known.files)
    for name, size in fetch_files(store, about, wanted, listed, folder):
        files, sums = {**known.files, name: size}, {**known.hashes, **hashes(folder, [name])}
        known = _noted(folder, known, files, sums, is_whole=known.is_whole)
    return known


def _fetch_all(
    store: KaggleFiles,
    about: Resource,
    listed: list[RemoteFile] | None,
    folder: Path,
    *,
    known: FetchManifest,
    contents: Contents,
    force: bool,
) -> FetchManifest:
    """Fetch all files; they are recorded before they are moved into place, so that a killed call can resume."""
    from kit.kaggle.fetched_files import STAGE, put_in_place, staged_files  # noqa: PLC0415 (what talks to the network)

    _refuse_other(folder, known, about, force=force)
    _forget_begun(folder, about, force=force)
    with staged_files(store, about, listed, folder) as new:
        strange = [name for name in new if name not in known.files and (folder / name).exists()]
        if strange and not force:
            named = first_three(strange, len(strange))
            raise WorkspaceError(
                f"{folder} holds files of its own: {named}; move them away, or add {option('force', True)}"
            )
        gone = contents.changed(known.files.keys() - new.keys()) if known.is_whole else []
        sums = {**known.hashes, **hashes(folder / STAGE, new)}
        _noted(folder, known, {**known.files, **new}, sums, is_whole=False)
        put_in_place(folder)
    kept = _remove_gone(folder, known, new, changed=gone) if known.is_whole else ()
    noted = _noted(folder, known, new if known.is_whole else {**known.files, **new}, sums, is_whole=True)
    return msgspec.structs.replace(noted, remarks=kept)


def _remove_gone(
    folder: Path, known: FetchManifest, new: Mapping[str, int], *, changed: Sequence[str]
) -> tuple[str, ...]:
    """Remove files no longer on Kaggle; files changed since they were fetched are kept, and reported."""
    gone = sorted(name for name in known.files.keys() - new.keys() if (folder / name).exists())
    mine = [name for name in gone if is_below(folder, name) and name not in changed]
    for name in mine:
        (folder / name).unlink()
    others = [name for name in gone if name not in set(mine)]
    return (f"no longer on Kaggle, but changed here and kept: {first_three(others, len(others))}",) if others else ()


def _noted(
    folder: Path, known: FetchManifest, files: dict[str, int], sums: Mapping[str, str], *, is_whole: bool
) -> FetchManifest:
    """Record the files fetched into a folder."""
    kept = {name: sums[name] for name in files if name in sums}
    return write_fetched(folder, FetchManifest(source=known.source, is_whole=is_whole, files=files, hashes=kept))


def _about(competition: str | None, dataset: str | None) -> Resource:
    require(bool(competition) != bool(dataset), f"give a competition, or {option('dataset', typed='OWNER/NAME')}")
    if competition:
        return Resource(name=checked_id(competition, "competition"))
    owner, _, name = str(dataset).partition("/")
    require(bool(name), f"{option('dataset')} must be OWNER/NAME, as in an address on Kaggle, got '{dataset}'")
    return Resource(name=f"{checked_id(owner, 'owner')}/{checked_id(name, 'dataset')}", is_dataset=True)


def _listed(store: KaggleFiles, about: Resource, files: Sequence[str]) -> list[RemoteFile] | None:
    """Check access to the files, and list them; None if they are too many."""
    from kit.kaggle.download import size_of  # noqa: PLC0415 (what talks to the network)

    if not about.is_dataset and not store.competition(about.name).has_entered:
        try:
            size_of(store, about, None)  # some data are open to everyone
        except NetworkError:
            raise
        except KaggleError:
            raise not_entered(about) from None
    listed = store.files(about)
    names = {file.name for file in listed or ()}
    if listed is not None and (strange := [name for name in files if name not in names]):
        raise KaggleError(f"{about.name}: {unknown('file', strange[0], names)}")
    return listed


def _differences(new: Mapping[str, int], listed: list[RemoteFile] | None, *, wanted: Sequence[str]) -> tuple[str, ...]:
    """Compare sizes with Kaggle's list, and name archives that kit does not unpack."""
    sizes = {file.name: file.bytes for file in listed or () if not wanted or file.name in wanted}
    other = [name for name, size in sizes.items() if size and new.get(name, size) != size]
    remarks = [f"of another size than Kaggle lists: {first_three(other, len(other))}"] if other else []
    packed = [name for name in new if Path(name).suffix.lower() in {".7z", ".gz", ".tar", ".tgz", ".rar", ".bz2"}]
    remarks += [f"still packed: {first_three(packed, len(packed))}"] if packed else []
    return tuple(remarks)


def _refuse_other(folder: Path, known: FetchManifest, about: Resource, *, force: bool) -> None:
    """Refuse a folder with files that kit did not fetch."""
    if force or known.files or not folder.is_dir():
        return
    begun = any(folder.glob(f".*{about.slug}.zip*"))
    if any(folder.iterdir()) and not begun:
        raise WorkspaceError(
            f"{folder} holds other files; choose another {worded('-o', 'output=')}, or add"
            f" {option('force', True)} to put these among them"
        )


def _forget_begun(folder: Path, about: Resource, *, force: bool) -> None:
    for begun in folder.glob(f".*{about.slug}.zip*") if force else ():
        begun.unlink()


def _result(folder: Path, known: FetchManifest, about: Resource, *, is_new: bool, anew: Sequence[str] = ()) -> Fetched:
    said = (f"changed since they were fetched, and fetched anew: {first_three(anew, len(anew))}",) if anew else ()
    command, told = next_step(folder, about)
    return Fetched(
        folder=folder,
        files=len(known.files),
        bytes=sum(known.files.values()),
        is_new=is_new,
        remarks=(*known.remarks, *said, *told),
        command=command,
    )
