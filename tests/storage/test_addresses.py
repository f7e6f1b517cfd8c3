"""Addresses of workspaces in stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import SpecError
from kit.storage import Address, is_address

_letters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/")
_parts = st.text(_letters, min_size=1).filter(lambda part: part not in {".", ".."})
_addresses = st.builds(
    Address,
    st.sampled_from(["s3", "gs"]),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True),
    st.lists(_parts, max_size=4).map("/".join),
)


@given(address=_addresses)
def test_written_address_is_read_again(address: Address) -> None:
    assert address == Address.parse(str(address))


@given(address=_addresses)
def test_path_of_an_address_is_the_address(address: Address) -> None:
    path = Path(str(address))

    assert is_address(path)
    assert address == Address.parse(path)
    assert str(address).replace("://", ":/") == str(path)


@given(address=_addresses, slashes=st.integers(1, 3))
def test_slashes_at_the_end_are_nothing(address: Address, slashes: int) -> None:
    assert address == Address.parse(f"{address}{'/' * slashes}")


@given(text=st.text())
def test_any_text_is_an_address_or_refused_in_a_line(text: str) -> None:
    try:
        address = Address.parse(text)
    except SpecError as error:
        assert text in str(error) or text.strip("/").split(":")[0].lower() in str(error)  # noqa: PT017
    else:
        assert is_address(text)
        assert address == Address.parse(str(address))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://lab", Address("s3", "lab")),
        ("S3://lab/", Address("s3", "lab")),
        ("gs:/lab/retina", Address("gs", "lab", "retina")),
        ("gs://lab//retina///2", Address("gs", "lab", "retina/2")),
        ("s3://lab/a b/100%?#", Address("s3", "lab", "a b/100%?#")),
    ],
)
def test_spellings(text: str, address: Address) -> None:
    assert address == Address.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lab/retina", "'lab/retina' is no address of a store, such as s3://bucket/folder"),
        ("", "'' is no address of a store, such as s3://bucket/folder"),
        ("az://lab", "az://lab: kit knows stores by s3:// and gs://; mount others as folders"),
        ("https://lab/a", "https://lab/a: kit knows stores by s3:// and gs://; mount others as folders"),
        ("s3://", "s3:// names no bucket; write s3://bucket/folder"),
        ("s3:", "s3:// names no bucket; write s3://bucket/folder"),
        ("gs:lab/retina", "'gs:lab/retina' lacks the slashes; write gs://lab/retina"),
        ("S3:lab", "'S3:lab' lacks the slashes; write s3://lab"),
        ("s3://lab/a\nb", "'s3://lab/a\\nb' has a line break or another control character; write it without"),
        ("s3://a", "s3://a names no bucket; write s3://bucket/folder"),
        ("s3://-lab-/a", "s3://-lab-/a names no bucket; write s3://bucket/folder"),
        (
            "s3://key:secret@lab/a",
            "s3://…@lab/a: an address is shown and kept; write s3://lab/a, and give keys in the environment",
        ),
        ("s3://lab/../a", "s3://lab/../a has . or .. as a folder, which stores do not resolve"),
        ("s3://lab/./a", "s3://lab/./a has . or .. as a folder, which stores do not resolve"),
    ],
)
def test_refusals(text: str, said: str) -> None:
    with pytest.raises(SpecError) as raised:
        Address.parse(text)

    assert said == str(raised.value)


@pytest.mark.parametrize(
    "root", [".", "/data/s3", "s3", "s3/lab", "../s3:/lab", "C:/data", "C:\\data", "lab:", "ags:x"]
)
def test_folders_are_no_addresses(root: str) -> None:
    assert not is_address(root)
    assert not is_address(Path(root))


@pytest.mark.parametrize("root", ["s3://", "gs://", "s3:lab", "s3://lab\n", "S3:/lab"])
def test_mistaken_address_is_no_folder(root: str) -> None:
    assert is_address(root)
    assert is_address(Path(root))
