"""Checks of untrusted names before they become file names, and escaping of untrusted text before it is printed."""

from __future__ import annotations

import re
from pathlib import Path

from kit.errors import SpecError

# Devices on Windows, with any ending.
DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(?:[.:].*)?", re.IGNORECASE)

ADDONS_PREFIX = "addons/"
"""Beginning of the names of TensorFlow Addons, wherever settings name something."""

_LONGEST = 200  # bytes: file systems allow 255, and endings and temporary names need some of them
_SEPARATORS = frozenset("/\\:")  # including the colon: drives and alternate streams on Windows
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def checked_name(name: str, kind: str) -> str:
    """Return a name after checking that it is a valid file name on every system.

    Args:
        name: Name of a dataset, a run, an arm or a split, possibly from an untrusted file.
        kind: Noun for the message, such as "arm".

    Raises:
        SpecError: The name is empty, begins or ends with a dot or a blank, holds a separator or an unprintable
            character, or is the name of a device on some system.
    """
    if reason := _why_not(name):
        raise SpecError(f"{kind} name {printable(name)!r} {reason}; choose another")
    return name


def checked_id(name: str, kind: str) -> str:
    """Return a name after checking that it has only ASCII letters, digits, '.', '_' and '-', which need no quoting.

    Raises:
        SpecError: The name has other characters, or fails `checked_name`.
    """
    if not _PLAIN.fullmatch(name):
        raise SpecError(
            f"{kind} name '{printable(name)}' must be letters, digits, '.', '_' or '-', beginning with a letter or"
            " digit"
        )
    return checked_name(name, kind)


def below(folder: Path, *names: str) -> Path:
    """Join a path from names; it is always below `folder`.

    Args:
        folder: Folder above the path.
        *names: Names of the path's parts.

    Raises:
        SpecError: A name is invalid, see `checked_name`, or has more than 200 bytes.
    """
    for name in names:
        if len(name.encode(errors="surrogatepass")) > _LONGEST:
            raise SpecError(f"name '{printable(name)}' has more than {_LONGEST} bytes, too many for a folder")
    return folder.joinpath(*(checked_name(name, "file") for name in names))


def printable(text: str) -> str:
    r"""Escape control and bidirectional characters, except line ends.

    >>> printable("cat\x1b[2J\u202egod")
    'cat\\x1b[2J\\u202egod'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else _escaped(one) for one in text)


def printable_line(text: str) -> str:
    r"""Escape control and bidirectional characters, including line ends.

    >>> printable_line("a\nb")
    'a\\nb'
    """
    return printable(text).replace("\n", "\\n")


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def _why_not(name: str) -> str:
    problems = {
        "is empty": not name,
        "begins with a dot or a blank": name[:1] in {".", " "},
        "ends with a dot or a blank": name[-1:] in {".", " "},
        "holds a separator": not _SEPARATORS.isdisjoint(name),
        "holds a character that cannot be printed": not name.isprintable(),
        "is a device name on some systems": bool(DEVICE.fullmatch(name)),
    }
    return next((problem for problem, applies in problems.items() if applies), "")
