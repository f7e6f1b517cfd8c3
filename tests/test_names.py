from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.errors import SpecError
from kit.names import below, checked_id, checked_name, printable, printable_line

ANYTHING = st.text(st.characters() | st.sampled_from("/\\:.\0\n\x1b\u202e "), max_size=12)


def _is_checked(name: str) -> bool:
    try:
        checked_name(name, "arm")
    except SpecError:
        return False
    return True


@given(ANYTHING)
@example("..")
@example("/etc/passwd")
@example("../../../x")
@example("a/../../x")
@example("C:\\x")
def test_a_path_made_of_a_name_lies_just_below_its_folder(name: str) -> None:
    folder = Path("/workspace/runs")
    try:
        path = below(folder, name)
    except SpecError:
        return

    assert path.resolve().parent == folder


@given(ANYTHING)
def test_a_checked_name_can_be_a_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    if not _is_checked(name):
        return
    folder = tmp_path_factory.mktemp("named")
    (folder / name).mkdir()

    assert [name] == [path.name for path in folder.iterdir()]


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}[A-Za-z0-9]", fullmatch=True))
@example("bn_position=before,bn_momentum=0.99")
@example("größer, 3 Lagen (b)")
def test_names_that_people_give_are_kept(name: str) -> None:
    if re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)", name):
        return

    assert name == checked_name(name, "arm")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("..", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("a.", "ends with a dot"),
        ("a/b", "separator"),
        ("a\\b", "separator"),
        ("a\nb", "cannot be printed"),
        ("a\u202eb", "cannot be printed"),
        ("nul", "device"),
        ("COM1.txt", "device"),
    ],
)
def test_refused_name_says_why(name: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason) as caught:
        checked_name(name, "arm")

    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["a" * 201, "é" * 101])
def test_a_folder_has_no_longer_name_than_file_systems_take(name: str) -> None:
    with pytest.raises(SpecError, match="200 bytes"):
        below(Path("runs"), name)


@given(st.text(max_size=3), st.sampled_from(["/", "\\", "\0", "\n", " ", ":"]), st.text(max_size=3))
def test_id_that_could_lead_elsewhere_is_refused(before: str, between: str, after: str) -> None:
    with pytest.raises(SpecError):
        checked_id(before + between + after, "dataset")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "-option", "_x", "a/b", "../a", "/a", "é"])
def test_refused_id_is_repeated_with_its_kind(name: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"dataset name '{name}'")):
        checked_id(name, "dataset")


@given(ANYTHING)
def test_printed_text_steers_nothing(text: str) -> None:
    shown = printable(text)

    assert not [one for one in shown if one != "\n" and unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert shown == printable(shown)
    assert "\n" not in printable_line(text)
