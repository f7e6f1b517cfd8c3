"""Forms of sample submissions: what each target's cells may be, and whether names have columns, rows or neither."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import SubmissionError
from kit.sources.long_form import split_id
from kit.sources.sample_form import SampleForm, sample_form
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

PAIR, WHALES = Classes(names=("cat", "dog")), Classes(names=("new_whale", "w_1", "w_2", "w_3"))
LEAVES = Tags(names=("healthy", "rust", "scab"))
FINDINGS = Tags(names=("Mass", "No Finding", "Pleural Thickening"), separator="|", are_columns=True)
KNEES = Grades(names=("0", "1", "2", "3", "4"))
COUNTS, ANGLE = Values.of(("red", "white"), ["7 2", "8 3"]), Values.of(("angle",), ["0.5", "1"])
NAMES = st.text("abc_", min_size=1, max_size=4)


def form(target: Target, *rows: str, columns: str = "id,label") -> SampleForm:
    header, cells = columns.split(","), [row.split(",") for row in rows]
    return sample_form(Path("sample.csv"), pd.DataFrame(cells, columns=header, dtype=str), target)


@pytest.mark.parametrize(
    ("target", "rows", "columns", "expected"),
    [
        (PAIR, ["a,0.5", "b,0.5"], "id,dog", {"holds": "probabilities"}),  # dogs-vs-cats
        (PAIR, ["a,cat", "b,cat"], "id,label", {"holds": "decisions"}),
        (Classes(names=("0", "1")), ["a,0", "b,0"], "id,label", {"holds": None}),  # pcam
        (PAIR, ["a,0.5,0.5"], "id,cat,dog", {"holds": "probabilities"}),
        (WHALES, ["a,new_whale w_1 w_2"] * 2, "Image,Id", {"holds": "ranks", "guesses": 3}),
        (WHALES, ["a,w_9 w_1 w_2", "b,w_1 w_2 w_3"], "Image,Id", {"holds": "ranks", "guesses": 3}),
        (LEAVES, ["a,healthy", "b,healthy"], "image,labels", {"holds": "decisions"}),  # plant-pathology-2021
        (LEAVES, ["a,scab|rust", "b,"], "image,labels", {"holds": "decisions", "separator": "|"}),
        (PAIR, ["a,0.5,0.5,0"], "id,cat,dog,fox", {"holds": "probabilities"}),  # no labelled image is a fox
        (LEAVES, ["a,0,0,1"], "id,scab,rust,healthy", {"holds": None}),
        (LEAVES, ["a,0.5,0.5,0.5"], "id,scab,rust,healthy", {"holds": "probabilities"}),  # ranzcr
        (FINDINGS, ["a,Mass|Pleural Thickening"], "id,f", {"holds": "decisions", "separator": "|"}),
        (FINDINGS, ["a,"], "id,f", {"holds": "decisions", "separator": "|"}),
        (
            LEAVES,
            [f"{image}_{name},0.5" for image in ("p_1", "p_2") for name in LEAVES.names],
            "ID,Label",
            {"holds": "probabilities", "is_long": True},
        ),
        (KNEES, ["a,0", "b,0"], "id_code,diagnosis", {"holds": None}),  # aptos
        (KNEES, ["a,1.7", "b,0"], "id_code,diagnosis", {"holds": "numbers"}),
        (Grades(names=("mild", "bad")), ["a,mild"], "id,g", {"holds": "decisions"}),
        (KNEES, ["a,0.2,0.2,0.2,0.2,0.2"], "id,0,1,2,3,4", {"holds": "probabilities"}),
        (ANGLE, ["240,0.0", "241,-17"], "id,steering", {"holds": "numbers"}),
        (COUNTS, ["a,0,0"], "id,white,red", {"holds": "numbers"}),
        (COUNTS, ["a_red,5", "a_white,1"], "id,count", {"holds": "numbers", "is_long": True}),
    ],
)
def test_the_form_is_read_from_columns_ids_and_cells(
    target: Target, rows: list[str], columns: str, expected: dict[str, object]
) -> None:
    first, *values = columns.split(",")

    assert SampleForm(id_column=first, columns=tuple(values), **expected) == form(target, *rows, columns=columns)


@pytest.mark.parametrize(
    ("target", "rows", "columns", "message"),
    [
        (
            Tags(names=tuple("abcdef")),
            ["1,0,0,0,0,0,0"],
            "id,a,b,m,n,o,p",
            r"not the 6 tags of the labels: missing c, d, e, … \(4\), extra m, n, o, … \(4\); give",
        ),
        (WHALES, ["a,0,0,0"], "id,w_1,w_2,w_3", r"not the 4 classes of the labels: missing new_whale \(1\); give"),
        (COUNTS, ["a,5"], "id,count", r"the 2 values of the labels: missing red, white \(2\), extra count \(1\); give"),
        (COUNTS, ["a,5,1"], "id,red,blue", r"the 2 values of the labels: missing white \(1\), extra blue \(1\); give"),
        (
            LEAVES,
            ["a,0.5,0.5"],
            "id,scab,rust",
            r"sample.csv: its 2 value columns are not the 3 tags of the labels: missing healthy \(1\); give",
        ),
        (
            LEAVES,
            ["a,0,0,7"],
            "id,scab,rust,healthy",
            r"line 2: '7' in column healthy is a number, and neither a tag n",
        ),
        (
            LEAVES,
            ["a,scab", "b,scab canker"],
            "id,t",
            r"line 3: 'scab canker' in column t is a list with canker, a tag of",
        ),
        (WHALES, ["a,w_1 w_2", "b,w_1 w_2 w_3"], "id,t", r"line 2: 'w_1 w_2' in column t is a list of 2 classes"),
        (KNEES, ["a,0", "b,9"], "id,g", r"line 3: '9' in column g is a number, and neither a grade nor a probability"),
        (ANGLE, ["a,0.0", "b,left"], "id,v", r"line 3: 'left' in column v is no number; kit would write a number"),
    ],
)
def test_what_a_target_cannot_fill_is_refused_by_line_and_value(
    target: Target, rows: list[str], columns: str, message: str
) -> None:
    with pytest.raises(SubmissionError, match=message):
        form(target, *rows, columns=columns)


@given(images=st.lists(NAMES, min_size=1, max_size=5, unique=True), names=st.sets(NAMES, min_size=2, max_size=4))
def test_ids_in_long_form_are_split_at_the_longest_name(images: list[str], names: set[str]) -> None:
    for image in images:
        for name in names:
            found, end = split_id(f"{image}_{name}", names)

            assert f"{found}_{end}" == f"{image}_{name}"
            assert len(end) >= len(name)


@given(images=st.lists(st.integers(0, 99).map(str), min_size=1, max_size=5, unique=True))
def test_images_of_the_long_form_come_once_in_order(images: list[str]) -> None:
    rows = [f"{image}_{name},0" for image in images for name in LEAVES.names]

    assert images == form(LEAVES, *rows).images([row.partition(",")[0] for row in rows], LEAVES)


def test_ids_that_are_images_are_not_split() -> None:
    """As chest X-rays, whose files are called after the patient and a number."""
    pair = Classes(names=("0", "1"))
    table = pd.DataFrame({"id": ["p1_0", "p1_1"], "label": ["0", "0"]})

    assert sample_form(Path("s.csv"), table, pair).is_long
    assert not sample_form(Path("s.csv"), table, pair, lambda one: one.startswith("p1_")).is_long


@pytest.mark.parametrize(
    ("lost", "added", "message"),
    [
        ("p_2_scab", "", "sample.csv: image p_2 has no row for 'scab', as others have; give the competition's own"),
        ("", "p_2_Scab", "sample.csv, line 8: 'p_2_Scab' ends with none of the tags: healthy, rust, scab"),
    ],
)
def test_rows_of_names_are_complete(lost: str, added: str, message: str) -> None:
    ids = [f"{image}_{name}" for image in ("p_1", "p_2") for name in LEAVES.names]

    with pytest.raises(SubmissionError, match=re.escape(message)):
        form(LEAVES, *[f"{one},0.5" for one in [*ids, added] if one not in {"", lost}])
