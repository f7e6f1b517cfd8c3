"""Checks of file names from archives, manifests and the command line before they become paths."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from kit.errors import SpecError, WorkspaceError, worded
from kit.names import DEVICE

_DEEPEST = 50  # folders: ten times as deep as datasets, and far below the limits of systems and recursion
_LONGEST_STEP, _LONGEST = 255, 1024  # bytes: limit of file systems for one name, and of file stores for a whole path
_OWN = re.compile(
    r"\.(?:fetched|hashes)\.json|\.unpacking|\..*\.(?:zip|part|part\.json|lock)|\..*\.tmp\..*", re.IGNORECASE
)
_PLAIN = re.compile(  # names that need no closer check: nearly all
    r"(?=.{1,200}\Z)(?:(?!con|prn|aux|nul|com\d|lpt\d)[a-z0-9_](?:[a-z0-9_. -]*[a-z0-9_-])?(?:/|\Z)){1,20}",
    re.IGNORECASE | re.ASCII,
)
_UNSEEN = {"Cc", "Cs"}  # Unicode categories: control characters and surrogates
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # reorder the displayed text


def checked_relative(name: str, what: str, advice: str) -> PurePosixPath:
    """Return a name as a path that stays below any folder it is joined to.

    Args:
        name: Path with slashes, from a file or an option.
        what: Beginning of the message, such as "train.zip holds".
        advice: Next step, the end of the message.

    Raises:
        SpecError: The name leads elsewhere, or is invalid; see `why_unsafe`.
    """
    if why := why_unsafe(name):
        raise SpecError(f"{what} {name!r} {why}; {advice}")
    return PurePosixPath(name)


def why_unsafe(name: str) -> str:
    """Return why a name must not become a path below a folder; an empty string for a safe name.

    Both kinds of slashes are separators, so that a name means the same on every system.
    """
    if _PLAIN.fullmatch(name):
        return ""
    steps = PureWindowsPath(name).parts
    return _why_no_path(name, steps) or _why_unwelcome(name, steps)


def clashes(names: Iterable[str], folder: Path) -> Iterator[str]:
    """Describe clashes between names: equal names, and files that are folders in other names.

    Args:
        names: Paths with slashes, each safe by `why_unsafe`.
        folder: Folder to unpack to, which need not exist; names are compared with its file system's case sensitivity.
    """
    names = list(names)
    yield from _clashes(names, str)
    if any(_clashes(names, _folded)) and folds_case(folder):
        yield from (f"{clash} but for capitals" for clash in _clashes(names, _folded))


def folds_case(folder: Path) -> bool:
    """Whether the file system of a folder ignores case; for a missing folder, that of its parent."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.is_dir())
    with tempfile.TemporaryDirectory(prefix=".kit-", dir=existing) as probe:
        Path(probe, "a").touch()
        return Path(probe, "A").exists()


def refuse_link(folder: Path, name: str) -> None:
    """Refuse a file in a folder that links elsewhere.

    Raises:
        WorkspaceError: The path leads out of `folder`.
    """
    if not is_below(folder, name):
        raise WorkspaceError(
            f"{folder / name} lies behind a link that leads out of {folder}; choose another {worded('-o', 'output=')}"
        )


def is_below(folder: Path, name: str) -> bool:
    """Whether a file is really below a folder, with links resolved."""
    return (folder / name).parent.resolve().is_relative_to(folder.resolve())


def walk(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield folders with the names of folders and files in them, like `os.walk`, but to any depth.

    Links are not followed, and folders that cannot be listed are empty. Names removed from the list of folders
    are skipped.
    """
    todo = [top]
    while todo:
        parent = todo.pop()
        folders, files = _listed(parent)
        yield parent, folders, files
        todo += [parent / name for name in reversed(folders) if not (parent / name).is_symlink()]


def remove_tree(top: Path) -> None:
    """Remove a folder tree of any depth, like `shutil.rmtree`; entries that cannot be removed are kept."""
    for parent, folders, files in reversed([*walk(top)]):
        for name in (*files, *folders):
            path = parent / name
            with contextlib.suppress(OSError):
                path.unlink() if path.is_symlink() or name in files else path.rmdir()
    with contextlib.suppress(OSError):
        top.rmdir()


def _listed(parent: Path) -> tuple[list[str], list[str]]:
    try:
        with os.scandir(parent) as found:
            entries = sorted((entry.name, entry.is_dir()) for entry in found)
    except OSError:
        return [], []
    return [name for name, is_folder in entries if is_folder], [name for name, is_folder in entries if not is_folder]


def _clashes(names: Iterable[str], key: Callable[[str], str]) -> Iterator[str]:
    paths = [(name, key(name if _PLAIN.fullmatch(name) else PurePosixPath(name).as_posix())) for name in names]
    files: set[str] = set()
    for name, path in paths:
        if path in files:
            yield f"two files have the same name {name!r}"
        files.add(path)
    if taken := files & set(_folders(files)):
        yield from (f"{name!r} lies below a file" for name, path in paths if not taken.isdisjoint(_folders([path])))


def _folders(paths: Iterable[str]) -> Iterator[str]:
    """Yield every folder in the paths once."""
    seen = {""}
    for path in paths:
        above = path.rpartition("/")[0]
        while above not in seen:
            seen.add(above)
            yield above
            above = above.rpartition("/")[0]


def _folded(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _why_no_path(name: str, steps: Sequence[str]) -> str:
    if name.startswith("/") or PureWindowsPath(name).anchor or ".." in steps:
        return "leads out of the folder"
    if not all(step.strip(". ") for step in steps or (".",)):
        return "is no name"
    if _bytes(name) > _LONGEST or any(_bytes(step) > _LONGEST_STEP for step in steps):
        return "is longer than file systems take"
    return f"lies more than {_DEEPEST} folders deep" if len(steps) > _DEEPEST else ""


def _why_unwelcome(name: str, steps: Sequence[str]) -> str:
    if not name.isprintable() and any(map(_is_unseen, name)):
        return "holds a character that cannot be seen"
    if any(map(DEVICE.fullmatch, steps)):
        return "is a device on some systems"
    return "is a file of kit's own" if any(map(_OWN.fullmatch, steps)) else ""


def _is_unseen(character: str) -> bool:
    return character in _TURNING or unicodedata.category(character) in _UNSEEN


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))
