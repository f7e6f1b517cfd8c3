"""Long form: ids read <image>_<name>, with a row for each name of an image.

Pure: ids and a target's names tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from kit.errors import SubmissionError, first_three
from kit.sources.image_table import line_of
from kit.targets import Target

LONG = "_"  # between an image's id and a name

_SEVERAL = 2  # names, below which there is no long form
_LOOKED = 12  # ids, among which one of an image says that there are no rows of names


def split_id(identifier: str, names: Collection[str]) -> tuple[str, str]:
    """Split the id of a row in long form into image and name; the name is empty where the id ends with none.

    >>> split_id("ID_12_epidural", ["any", "epidural"]), split_id("7_any", ["any", "of_any"])
    (('ID_12', 'epidural'), ('7', 'any'))
    """
    parts = identifier.split(LONG)
    for cut in range(1, len(parts)):  # the longest name first
        image, name = LONG.join(parts[:cut]), LONG.join(parts[cut:])
        if image and name and name in names:
            return image, name
    return identifier, ""


def is_long(ids: Sequence[str], target: Target, is_image: Callable[[str], bool]) -> bool:
    """Whether ids are in long form: every image has a row for each name of the target."""
    if len(target.names) < _SEVERAL or not ids or any(map(is_image, ids[:_LOOKED])):
        return False
    rows: dict[str, set[str]] = {}
    known = set(target.names)
    for identifier in ids:
        image, name = split_id(identifier, known)
        rows.setdefault(image, set()).add(name)
    return all(names == known for names in rows.values())


def refuse_incomplete(path: Path, ids: Sequence[str], target: Target, is_image: Callable[[str], bool]) -> None:
    """Refuse ids in long form among which one ends with no name, or an image lacks a row.

    Args:
        path: Sample submission, for messages.
        ids: Ids that are not in long form as they are.
        target: Target with the names.
        is_image: Function that tells whether a text is the id of an image.

    Raises:
        SubmissionError: Most ids end with a name; the message gives the first that does not, or the missing row.
    """
    known = set(target.names)
    rows = [split_id(one, known) for one in ids]
    if any(map(is_image, ids[:_LOOKED])) or 2 * sum(bool(name) for _, name in rows) <= len(rows):
        return
    next_step = "give the competition's own file, or leave it out"
    for row, (image, name) in enumerate(rows):
        if not name:
            names = first_three(target.names, len(known))
            raise SubmissionError(
                f"{path}, line {line_of(row)}: '{image}' ends with none of the {target.kind()}: {names}; {next_step}"
            )
    there = set(rows)
    image, name = next((image, name) for image, _ in rows for name in target.names if (image, name) not in there)
    raise SubmissionError(f"{path}: image {image} has no row for '{name}', as others have; {next_step}")
