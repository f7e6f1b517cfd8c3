from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from hypothesis import example, given
from hypothesis import strategies as st

from kit.errors import SourceError
from kit.sources.image_files import FilesById
from kit.sources.record import ImageFile

PARTS = st.sampled_from(["a", "b", "a.b", "a\\b"])
FOLDERS = st.lists(PARTS, max_size=2)
NAMES = st.builds(
    lambda folders, stem, ending: "/".join([*folders, stem + ending]), FOLDERS, PARTS, st.sampled_from([".png", ".jpg"])
)
IDS = NAMES | st.builds("/".join, st.lists(st.sampled_from(["a", "b", "a.b", "..", ""]), max_size=3)) | st.just("a\\b")


def files(names: Sequence[str]) -> list[ImageFile]:
    return [ImageFile(folder=Path(), name=name, size=1, modified=0) for name in names]


def fitting(names: Sequence[str], identifier: str) -> list[str]:
    """Look through all names for those that an id may mean."""
    stems = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
    parts = PurePosixPath(identifier.replace("\\", "/")).parts
    ends = [
        name for name in names if parts and ".." not in parts and any(meet(text, parts) for text in (name, stems[name]))
    ]
    return [name for name in names if name == identifier] or [n for n in names if stems[n] == identifier] or ends


def meet(text: str, parts: tuple[str, ...]) -> bool:
    """Tell whether one path is the end of the other."""
    others = tuple(text.split("/"))
    return others[-len(parts) :] == parts or parts[-len(others) :] == others


def answer(ask: Callable[[], object]) -> object:
    """Return what a call returns, or the text of its refusal."""
    try:
        return ask()
    except SourceError as error:
        return str(error)


@given(st.lists(NAMES, unique=True, max_size=8), IDS)
@example(["a/b.png"], "x/a/b")
@example(["a/b.png"], "x\\a\\b.png")
@example(["b/a.png", "a.png"], "a")
def test_an_id_finds_the_file_that_looking_through_all_finds(names: list[str], identifier: str) -> None:
    found, expected = answer(lambda: FilesById(files(names)).find(identifier)), fitting(names, identifier)

    if len(expected) > 1:
        assert f"id '{identifier}' fits several files: {', '.join(expected[:3])}" in str(found)
    else:
        assert (files(expected)[0] if expected else None) == found


@given(st.lists(NAMES, unique=True, max_size=8), st.lists(IDS, max_size=4))
@example(["a\\b.png"], ["a\\b"])
@example(["a/b.png", "b/b.png"], ["c", "b"])
def test_some_of_a_few_ids_name_a_file_if_one_of_them_does(names: list[str], ids: list[str]) -> None:
    finder = FilesById(files(names))

    assert answer(lambda: any(finder.find(identifier) for identifier in ids)) == answer(lambda: finder.find_any(ids))
