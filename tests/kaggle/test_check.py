from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import json_mutations

import kit
from kit.errors import SourceError, SpecError, SubmissionError
from kit.kaggle.check_submission import DOUBTS, check_file, check_table
from kit.kaggle.find_sample import Answer
from kit.submission.origin import Origin, now, read_origin, write_csv, write_origin
from kit.targets.classes import Classes

IDS = [f"00{number}" for number in range(6)]


def table(values: list[str], ids: list[str] | None = None, column: str = "label") -> pd.DataFrame:
    return pd.DataFrame({"id": IDS if ids is None else ids, column: values}, dtype=str)


SAMPLE = table(["0"] * 6)
GOOD = ["0.1", "0.9", "0.2", "0.8", "0.3", "0.7"]


def answer(classes: tuple[str, ...]) -> Answer | None:
    return Answer(target=Classes(names=classes)) if classes else None


def found(submission: pd.DataFrame, sample: pd.DataFrame = SAMPLE, classes: tuple[str, ...] = ()) -> list[str]:
    return [finding.what for finding in check_table(submission, sample, answer(classes))]


def doubts(submission: pd.DataFrame, sample: pd.DataFrame = SAMPLE, classes: tuple[str, ...] = ()) -> list[str]:
    return [finding.what for finding in check_table(submission, sample, answer(classes)) if finding.doubt]


def test_a_file_as_asked_for_has_no_finding() -> None:
    assert [] == found(table(GOOD))


@pytest.mark.parametrize(
    ("submission", "what"),
    [
        (table(GOOD, column="lable"), "columns missing label (1), extra lable (1)"),
        (table(GOOD)[["label", "id"]], "its columns stand in another order: label, id instead of id, label"),
        (pd.DataFrame({"id;label": ["000;1"]}), "its columns seem to be separated by semicolons; save it with commas"),
        (table([], []), "it has no rows"),
        (table(GOOD[:5], IDS[:5]), "ids missing: 005 (1)"),
        (table([*GOOD, "0.5"], [*IDS, "x"]), "ids that were not asked for: x (1)"),
        (table([*GOOD, "0.5"], [*IDS, "003"]), "ids repeated: 003 (1)"),
        (table([*GOOD[:5], ""]), "blank values, of 005 (1)"),
        (table([*GOOD[:4], "nan", "inf"]), "values that are no numbers, NaN or infinite, of 004, 005 (2)"),
        (table([*GOOD[:5], "high"]), "values that are no numbers, NaN or infinite, of 005 (1)"),
    ],
)
def test_faults_are_counted_and_named(submission: pd.DataFrame, what: str) -> None:
    assert what in found(submission)
    assert what not in doubts(submission)


@pytest.mark.parametrize(
    ("submission", "what"),
    [
        (table(GOOD[::-1], IDS[::-1]), "its rows stand in another order than the sample's"),
        (table(["0.5"] * 6), "every row predicts the same: 0.5"),
        (table([*GOOD[:5], "1.5"]), "values outside [0, 1], of 005 (1)"),
        (table([*GOOD[:5], "-0.1"]), "values outside [0, 1], of 005 (1)"),
    ],
)
def test_what_may_be_meant_is_a_doubt(submission: pd.DataFrame, what: str) -> None:
    assert [what] == found(submission)
    assert [what] == doubts(submission)


def test_lost_zeros_and_added_endings_are_recognised() -> None:
    zeros = found(table(GOOD, [one.lstrip("0") or "0" for one in IDS]), table(["0"] * 6, IDS))
    endings = found(table(GOOD, [f"{one}.tif" for one in IDS]))
    decimals = found(table(GOOD[:2], ["1.0", "2.0"]), table(["0"] * 2, ["1", "2"]))

    assert any("leading zeros are lost: read ids as texts, dtype=str" in what for what in zeros)
    assert any("without the files' endings" in what for what in endings)
    assert any("they became decimal numbers" in what for what in decimals)


def test_classes_are_compared_with_those_of_the_dataset() -> None:
    names = ["cat", "dog", "cow", "cat", "pig", "dog"]
    sample = table(["cat"] * 6)

    assert ["values outside the classes cat, dog (2): cow, pig (2)"] == found(table(names), sample, ("cat", "dog"))
    assert [] == found(table(names), sample, ("cat", "cow", "dog", "pig"))
    assert [] == found(table(names), sample)  # the sample names one class only: more are not known
    assert [] == found(table(["0", "1"] * 3), SAMPLE, ("0", "1"))


def test_classes_in_words_where_the_sample_has_a_zero_are_compared_too() -> None:
    assert ["values outside the classes ill, well (2): wel (1)"] == found(
        table(["ill", "wel", "well"] * 2), SAMPLE, ("ill", "well")
    )


def test_whole_numbers_for_a_sample_of_whole_numbers_are_labels() -> None:
    assert [] == found(table(["0", "7", "3", "9", "1", "2"]))


def test_every_column_of_probabilities_is_looked_at() -> None:
    sample = pd.DataFrame({"id": IDS, "a": ["0.5"] * 6, "b": ["0.5"] * 6})
    submission = pd.DataFrame({"id": IDS, "a": GOOD, "b": [*GOOD[:4], "", "2"]})

    assert ["blank values, of 004 (1)", "values outside [0, 1], of 005 (1)"] == found(submission, sample)


PROBABILITIES = st.lists(st.floats(0, 1), min_size=6, max_size=6).filter(lambda values: len(set(values)) > 1)


@given(PROBABILITIES)
def test_probabilities_are_never_refused(values: list[float]) -> None:
    assert [] == found(table([repr(value) for value in values]))


@given(PROBABILITIES, st.sets(st.sampled_from(range(6)), min_size=1), st.sampled_from(["nan", "inf", "-inf", "x", ""]))
def test_every_row_with_a_bad_value_is_counted(values: list[float], places: set[int], bad: str) -> None:
    texts = [bad if place in places else repr(value) for place, value in enumerate(values)]

    assert any(f"({len(places)})" in what for what in found(table(texts)))


@given(st.lists(st.sampled_from([*IDS, "a", "b"]), min_size=1, max_size=12))
def test_ids_pass_exactly_if_each_comes_once(ids: list[str]) -> None:
    values = [repr(place / 100) for place in range(len(ids))]
    faults = [f for f in check_table(table(values, ids), SAMPLE) if not f.doubt]

    assert (sorted(ids) == IDS) == (not faults)


def written(folder: Path, text: str, sample: str = "id,label\na,0\nb,0\n") -> tuple[Path, Path]:
    (folder / "mine.csv").write_text(text)
    (folder / "sample.csv").write_text(sample)
    return folder / "mine.csv", folder / "sample.csv"


def test_a_file_is_described_by_its_bytes(tmp_path: Path) -> None:
    text = "id,label\na,0.25\nb,0.5\n"
    checked = check_file(*written(tmp_path, text))

    assert (2, ("id", "label"), len(text)) == (checked.rows, checked.columns, checked.bytes)
    assert hashlib.sha256(text.encode()).hexdigest() == checked.sha256


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"mine.csv is empty; write it again"):
        check_file(*written(tmp_path, text))


def test_a_gigantic_file_is_refused_unread(tmp_path: Path) -> None:
    mine, sample = written(tmp_path, "id,label\n")
    with mine.open("ab") as file:
        file.truncate(70_000_000)
    with pytest.raises(SubmissionError, match=r"has 70.00 MB, .*sample.csv 17 bytes: it cannot be what"):
        check_file(mine, sample)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"'\.' is not a file; give the CSV"):
        kit.submit(".", competition="pets", dry_run=True, root=tmp_path)


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(
        SubmissionError, match=r"none.csv does not exist; make it with kit\.predict\(RUN, output='.*none\.csv'\)"
    ):
        check_file(tmp_path / "none.csv", tmp_path / "sample.csv")


def test_rows_that_were_cut_short_are_blank(tmp_path: Path) -> None:
    assert ["blank values, of b (1)"] == [
        finding.what for finding in check_file(*written(tmp_path, "id,label\na,0.5\nb\n")).findings
    ]


def test_a_sample_without_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"sample.csv has no ids and values to compare with"):
        check_file(*written(tmp_path, "id,label\na,1\n", "id\na\n"))


def test_faults_and_doubts_are_one_line_and_only_doubts_can_be_forced(tmp_path: Path) -> None:
    faulty = check_file(*written(tmp_path, "id,label\na,0.5\nc,0.5\n"))
    with pytest.raises(
        SubmissionError, match=r"ids missing: b \(1\); ids that were .* c \(1\); every row .*; nothing was"
    ):
        faulty.refuse(force=DOUBTS)
    doubtful = check_file(*written(tmp_path, "id,label\na,0.5\nb,0.5\n"))
    doubtful.refuse(force=["constant"])
    with pytest.raises(SubmissionError, match=r"if that is meant, add force=\['constant'\]$"):
        doubtful.refuse(force=[])


def test_each_doubt_is_overruled_by_its_own_name(tmp_path: Path) -> None:
    shuffled = check_file(*written(tmp_path, "id,label\nb,0.5\na,1.5\n"))

    with pytest.raises(SubmissionError, match=r"another order than .*; values .* add force=\['order', 'range'\]$"):
        shuffled.refuse(force=["constant", "known"])
    with pytest.raises(SubmissionError, match=r"csv: values outside \[0, 1\], of a \(1\); .* add force=\['range'\]$"):
        shuffled.refuse(force=["order"])
    shuffled.refuse(force=["order", "range"])


def test_a_constant_in_another_order_is_never_submitted(tmp_path: Path) -> None:
    checked = check_file(*written(tmp_path, "id,label\nb,0.5\na,0.5\n"))

    with pytest.raises(SubmissionError, match=r"another order .*; every row predicts the same: 0.5; no force="):
        checked.refuse(force=DOUBTS)


def test_a_doubt_that_there_is_not_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^force= takes constant, range, order, known, .* got 'yes'"):
        kit.submit("none.csv", competition="pets", dry_run=True, force=["yes"], root=tmp_path)


def test_a_file_that_is_missing_is_said_to_be_without_a_sample_too(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"none.csv does not exist; make it with kit\.predict"):
        kit.submit(tmp_path / "none.csv", competition="pets", dry_run=True, root=tmp_path)


@pytest.mark.parametrize("column", [["0.5", "2.5"], ["-1", "0"]])
def test_values_outside_0_and_1_are_no_doubt_where_the_sample_has_such(column: list[str]) -> None:
    asked = table([*column, *["0.5"] * 4])
    two = asked.assign(other=asked["label"])
    submitted = table(["-0.3", "7.1", "0.2", "1.8", "0.3", "0.7"])

    assert [] == doubts(submitted, asked)
    assert [] == doubts(submitted.assign(other=submitted["label"]), two)
    assert ["values outside [0, 1], of 000, 001, 003 (3)"] == doubts(submitted, table(["0.5"] * 6))


def test_the_sample_is_the_predicted_datasets_with_its_classes(tmp_path: Path) -> None:
    from trained import write_images

    write_images(tmp_path / "images", 12, ("ill", "well"))
    write_images(tmp_path / "test", 2, ("",))
    (tmp_path / "sample.csv").write_text("id,label\n000,0\n001,0\n")
    dataset = kit.shard(
        tmp_path / "images",
        name="two",
        test=tmp_path / "test",
        sample_submission=tmp_path / "sample.csv",
        root=tmp_path,
    )
    mine = tmp_path / "mine.csv"
    mine.write_text("id,label\n000,ill\n001,wel\n")
    origin = Origin(
        command=["kit", "predict", "two-1"],
        dataset="two",
        fingerprint=dataset.manifest.fingerprint,
        runs=["two-1"],
        created="2026-01-01T00:00:00+00:00",
    )
    write_origin(mine, origin)

    assert origin == read_origin(mine)
    with pytest.raises(
        SubmissionError, match=r"tfrecords/two/sample_submission.csv .*outside the classes ill, well \(2\): wel"
    ):
        kit.submit(mine, competition="any", dry_run=True, root=tmp_path)


def test_without_a_sample_the_ways_to_give_one_are_named(tmp_path: Path) -> None:
    mine, _ = written(tmp_path, "id,label\na,1\n")
    with pytest.raises(
        SubmissionError, match=r"fetch it: kit\.fetch\('any', files=\['sample_submission\.csv'\]\), or name it: sample="
    ):
        kit.submit(mine, competition="any", dry_run=True, root=tmp_path)


def test_a_file_without_a_side_file_has_no_origin(tmp_path: Path) -> None:
    assert read_origin(tmp_path / "mine.csv") is None


def test_every_change_of_what_a_csv_comes_from_is_refused(tmp_path: Path) -> None:
    origin = Origin(
        command=["kit", "predict", "run"], dataset="pcam", fingerprint="f", runs=["a", "b"], created=now(), score=0.875
    )
    write_csv(tmp_path / "mine.csv", "id,label\n", origin, force=True)
    path = tmp_path / "mine.csv.origin.json"
    written, before = path.read_bytes(), read_origin(tmp_path / "mine.csv")
    silent = []
    for name, changed in json_mutations(written):
        path.write_bytes(changed)
        try:
            silent += [name] if read_origin(tmp_path / "mine.csv") != before else []
        except SpecError as error:
            silent += [name] if "\n" in str(error) else []

    assert not [name for name in silent if not name.startswith("('seal',)")]
