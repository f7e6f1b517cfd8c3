"""What a sample submission asks for: filled by kit, or refused by name when the dataset is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import SourceError, SpecError, SubmissionError
from kit.sources import Source, read_source
from kit.sources.sample_submission import read_ids
from kit.specs import SourceSpec
from kit.targets.classes import Classes
from tests.conftest import Competition

SHARED = Path(__file__).parents[3] / "shared" / "data"
GRADES = ("0", "1", "2", "3", "4")
NAMES = ("HGSC", "LGSC", "CC", "EC", "MC")


def sample(folder: Path, *rows: str, columns: str = "id,label") -> Path:
    path = folder / "sample_submission.csv"
    path.write_text("\n".join([columns, *(f"{number},{row}" for number, row in enumerate(rows))]) + "\n")
    return path


@pytest.mark.parametrize(
    ("classes", "rows"),
    [
        (("0", "1"), ["0", "0"]),  # histopathologic-cancer-detection, siim-isic-melanoma-classification
        (("0", "1"), ["0.5", "0.5"]),  # aerial-cactus-identification, statoil-iceberg-classifier-challenge
        (("cat", "dog"), ["0.5", "0.5"]),  # dogs-vs-cats
        (("0", "1"), ["0.12", "0.97"]),
        (("cat", "dog"), ["cat", "dog"]),
        (("0.0", "1.0"), ["0", "1"]),
        (("0", "1"), ["0.0", "1.0"]),
        (GRADES, ["4", "4"]),  # cassava-leaf-disease-classification
        (GRADES, ["0", "0"]),  # aptos2019-blindness-detection
        (GRADES, ["0.0", "3.0"]),
        (("1", "2", "3"), ["0", "0"]),  # an id that no training image has
        (("10", "20", "30"), ["10", "20", "31", "30", "10"]),
        (NAMES, ["HGSC", "HGSC"]),  # UBC-OCEAN
        (NAMES, ["HGSC", "MC", "Other", "EC"]),  # a class that no training image has, among those that some have
        (NAMES, ["", ""]),  # paddy-disease-classification
        (NAMES, ["0", "0"]),
        (("Common Chickweed", "Fat Hen", "Maize"), ["Fat Hen", "Fat Hen"]),  # plant-seedlings-classification
    ],
)
def test_cells_that_kit_can_fill_are_taken(tmp_path: Path, classes: tuple[str, ...], rows: list[str]) -> None:
    assert [str(number) for number in range(len(rows))] == read_ids(sample(tmp_path, *rows), Classes(names=classes))


@pytest.mark.parametrize("row", ["0.0101010101010101", "0", "0.5", "1", "", "1e-05"])
def test_columns_of_classes_hold_probabilities_or_nothing(tmp_path: Path, row: str) -> None:
    path = sample(tmp_path, *[",".join([row] * 5)] * 2, columns=f"id,{','.join(NAMES)}")

    assert ["0", "1"] == read_ids(path, Classes(names=NAMES))


@pytest.mark.parametrize(
    ("classes", "rows", "message"),
    [
        (("a", "b"), ["38.5", "37.1"], r"'38\.5' in column label is a number, and neither a class nor a probability"),
        (("a", "b"), ["-3", "-3"], r"kit would write the probability of b, or a or b"),
        (NAMES, ["0.3", "0.7"], r"'0\.3' in column label is a number"),
        (NAMES, ["50", "50"], r"kit would write the likeliest of CC, EC, HGSC, LGSC, MC"),
        (("1", "2", "3"), ["1 2 3", "1 2"], r"'1 2 3' in column label is a list of 3 classes"),
        (("scab", "rust", "complex"), ["scab rust", "rust"], r"'scab rust' in column label is a list of 2 classes"),
        (NAMES, ["14 1 100 0.5 10 10", "14 1 100 0.5 10 10"], r"is none of the classes"),
        (NAMES, ["Other", "Other"], r"'Other' in column label is none of the classes"),
        (NAMES, ["hgsc", "hgsc"], r"'hgsc' is spelled 'HGSC' by the labels.*classes=\{'HGSC': 'hgsc'\}"),
    ],
)
def test_cells_that_kit_cannot_fill_are_named_with_what_it_would_write(
    tmp_path: Path, classes: tuple[str, ...], rows: list[str], message: str
) -> None:
    with pytest.raises(SubmissionError, match=message):
        read_ids(sample(tmp_path, *rows), Classes(names=classes))


@pytest.mark.parametrize("row", ["12.5", "healthy", "-1"])
def test_columns_of_classes_that_hold_no_probabilities_are_refused(tmp_path: Path, row: str) -> None:
    path = sample(tmp_path, *[f"{row},0,0,0,0"] * 2, columns=f"id,{','.join(NAMES)}")

    with pytest.raises(SubmissionError, match=rf"'{row}' in column HGSC is .*kit would write a probability of each"):
        read_ids(path, Classes(names=NAMES))


@given(
    classes=st.lists(
        st.text("abcdefg hij", min_size=1, max_size=9).map(str.strip), min_size=2, unique=True, max_size=30
    ),
    picks=st.lists(st.integers(0, 29), min_size=1, max_size=20),
)
def test_cells_that_are_classes_are_always_taken(
    tmp_path_factory: pytest.TempPathFactory, classes: list[str], picks: list[int]
) -> None:
    names = [name for name in classes if name]
    rows = [names[pick % len(names)] for pick in picks] if names else []
    if len({"".join(name.split()) for name in names}) == len(names) > 1:
        assert len(rows) == len(read_ids(sample(tmp_path_factory.mktemp("s"), *rows), Classes(names=tuple(names))))


def test_renamed_labels_that_the_sample_submission_spells_as_they_were_are_refused(competition: Competition) -> None:
    competition.sample_submission.write_text("id,label\n" + "".join(f"test{n},0\n" for n in range(6)))
    spec = SourceSpec(
        folder=str(competition.train),
        labels=str(competition.labels),
        classes=(("0", "benign"), ("1", "malignant")),
        test=str(competition.test),
        sample_submission=str(competition.sample_submission),
    )

    with pytest.raises(SubmissionError, match=r"'0' is the label that classes= calls 'benign'"):
        read_source(spec)


# --- test images: of their own, or among the labelled ones


def one_folder(competition: Competition, **options: str) -> Source:
    """Read a competition with test images in the folder of the labelled ones."""
    for path in competition.test.iterdir():
        path.rename(competition.train / path.name)
    spec = {
        "folder": competition.train,
        "labels": competition.labels,
        "sample_submission": competition.sample_submission,
    }
    return read_source(SourceSpec(**{name: str(value) for name, value in {**spec, **options}.items()}))


@pytest.mark.parametrize("names_test", [False, True])
def test_one_folder_for_train_and_test_is_understood(competition: Competition, *, names_test: bool) -> None:
    source = one_folder(competition, **({"test": str(competition.train)} if names_test else {}))
    tested = [record for record in source.records if record.split == "test"]

    assert ["test3", "test0", "test5", "test1", "test4", "test2"] == [record.key for record in tested]
    assert {None} == {record.label for record in tested}
    assert 24 == sum(record.label is not None for record in source.records)
    assert not source.rejects


def test_an_image_that_is_labelled_and_to_be_predicted_is_named(competition: Competition) -> None:
    competition.sample_submission.write_text("id,label\ntest1,0\ncase00,0\n")

    with pytest.raises(SourceError, match=r"sample_submission\.csv names labelled images of .*: case00 \(1\)"):
        one_folder(competition)


def test_an_image_that_neither_file_names_is_bad_once(competition: Competition) -> None:
    competition.sample_submission.write_text("id,label\n" + "".join(f"test{n},0\n" for n in range(5)))
    (reject,) = one_folder(competition).rejects

    assert ("test5", True) == (Path(reject.name).stem, reject.is_bad)


def test_the_folder_of_labelled_images_is_no_test_folder_without_a_sample_submission(competition: Competition) -> None:
    spec = SourceSpec(folder=str(competition.train), labels=str(competition.labels), test=str(competition.train))

    with pytest.raises(SpecError, match=r"holds the labelled images too; give sample_submission="):
        read_source(spec)


def test_ids_and_images_that_share_nothing_are_not_called_bad_ones(competition: Competition) -> None:
    competition.sample_submission.write_text("id,label\n" + "".join(f"{n},0\n" for n in range(240, 246)))
    spec = SourceSpec(
        folder=str(competition.train),
        labels=str(competition.labels),
        test=str(competition.test),
        sample_submission=str(competition.sample_submission),
    )

    with pytest.raises(SourceError, match=r"the first id is '240', the first image test0\.\w+; .*test=") as caught:
        read_source(spec)
    assert "max_rejects" not in str(caught.value)


def test_the_column_that_names_the_images_is_named(competition: Competition) -> None:
    lines = competition.labels.read_text().splitlines()
    rows = [f"{number},{line}" for number, line in enumerate(lines[1:])]
    competition.labels.write_text("\n".join(["id,image,label", *rows]) + "\n")

    with pytest.raises(
        SourceError, match=r"no id in .*; ids there, in column id: 0, 1, .*; give id_column='image', which does"
    ):
        read_source(SourceSpec(folder=str(competition.train), labels=str(competition.labels)))


def test_real_folder_of_train_and_test_is_divided_by_its_files() -> None:
    top = SHARED / "leaf_classification"
    if not top.is_dir():
        pytest.skip("shared data are not here")
    source = read_source(
        SourceSpec(
            folder=str(top / "images"),
            labels=str(top / "train.csv"),
            label_column="species",
            sample_submission=str(top / "sample_submission.csv"),
        )
    )
    tested = [record.key for record in source.records if record.split == "test"]
    rows = (top / "sample_submission.csv").read_text().splitlines()[1:]

    assert [row.partition(",")[0] for row in rows] == tested
    assert (495, 110) == (len(source.records) - len(tested), len(tested))
    assert not [reject for reject in source.rejects if reject.is_bad]


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = sample(tmp_path, "0.5,0.5", columns="id,cat,id")

    with pytest.raises(SourceError, match=r"sample_submission\.csv has several columns called 'id'; give each a name"):
        read_ids(path, Classes(names=("cat", "id")))
