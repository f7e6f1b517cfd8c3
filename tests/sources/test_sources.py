from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from kit.audits import audit
from kit.conversion import shard
from kit.errors import SourceError, SpecError, SubmissionError
from kit.reports.audit import describe_audit
from kit.reports.dataset import remarks
from kit.sources import Record, Reject, Source, read_source
from kit.specs import SourceSpec
from tests.conftest import Competition


def _read(folder: Path, **options: object) -> Source:
    return read_source(SourceSpec(folder=str(folder), **{name: str(value) for name, value in options.items()}))


def _images(folder: Path, *names: str) -> Path:
    """Make files that are found by their names; nothing here reads them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not looked into")
    return folder


def _labelled(tmp_path: Path, csv: str, *names: str) -> Source:
    folder = _images(tmp_path / "images", *names)
    return _read(folder, labels=_csv(tmp_path, csv))


def _csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def _pairs(source: Source) -> dict[str, str | None]:
    return {record.key: record.label for record in source.records}


FOUR = ("a.png", "b.png", "c.png", "d.png")
FOUR_LABELS = "id,label\na,x\nb,y\nc,x\nd,y\n"


def test_folders_are_classes(tmp_path: Path) -> None:
    source = _read(_images(tmp_path, "cat/1.png", "cat/2.jpg", "dog/1.png", "dog/deep/er/2.TIF"))

    assert _pairs(source) == {
        "cat/1.png": "cat",
        "cat/2.jpg": "cat",
        "dog/1.png": "dog",
        "dog/deep/er/2.TIF": "dog",
    }
    assert {record.split for record in source.records} == {None}
    assert not source.rejects


@pytest.mark.parametrize("ending", ["bmp", "jpeg", "jpg", "png", "tif", "tiff", "webp", "PNG", "Tif", "JPEG"])
def test_image_is_found_by_its_ending_whatever_its_case(tmp_path: Path, ending: str) -> None:
    source = _read(_images(tmp_path, *(f"{label}/{number}.{ending}" for label in "ab" for number in range(2))))

    assert len(source.records) == 4


def test_files_of_other_kinds_and_hidden_ones_are_not_looked_at(tmp_path: Path) -> None:
    images = ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]
    source = _read(
        _images(tmp_path, *images, "a/notes.txt", "a/.1.png", ".git/x/1.png", "a/.thumbs/1.png", "README.md", ".x.png")
    )

    assert images == [record.file.name for record in source.records]


def test_record_knows_its_file_without_reading_it(tmp_path: Path) -> None:
    folder = _images(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    file = _read(folder).records[0].file

    assert file.path == folder / "a" / "1.png"
    assert file.path.stat().st_size == file.size
    assert file.path.stat().st_mtime_ns == file.modified
    assert file.stem == "a/1"


@pytest.mark.parametrize(
    ("folder", "split"),
    [("val", "validation"), ("valid", "validation"), ("validation", "validation"), ("test", "test")],
)
def test_split_folders_give_splits(tmp_path: Path, folder: str, split: str) -> None:
    trained = [f"train/{label}/{number}.png" for label in "ab" for number in range(2)]
    source = _read(_images(tmp_path, *trained, f"{folder}/a/9.png", f"{folder}/b/9.png"))

    assert Counter(record.split for record in source.records) == {"train": 4, split: 2}
    assert {record.label for record in source.records} == {"a", "b"}
    assert {record.key for record in source.records} >= {"train/a/0.png", f"{folder}/a/9.png"}


def test_a_folder_beside_splits_is_refused_by_name(tmp_path: Path) -> None:
    files = [f"{top}/{number}.png" for top in ("train", "test", "other") for number in "12"]

    with pytest.raises(SourceError, match=r"folders test and train beside other \(1\).* exclude="):
        _read(_images(tmp_path, *files))


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    source = _read(_images(tmp_path, *(f"{top}/{number}.png" for top in ("train", "car", "bus") for number in "12")))

    assert {record.label for record in source.records} == {"train", "car", "bus"}
    assert {record.split for record in source.records} == {None}


@pytest.mark.parametrize("ids", [["a", "b", "c", "d"], ["a.png", "b.png", "c.png", "d.png"], ["a", "b.png", "c", "d"]])
def test_ids_find_their_files_with_and_without_endings(tmp_path: Path, ids: list[str]) -> None:
    rows = "".join(f"{identifier},{label}\n" for identifier, label in zip(ids, "xyxy", strict=True))
    source = _labelled(tmp_path, f"id,label\n{rows}", *FOUR)

    assert dict(zip(ids, "xyxy", strict=True)) == _pairs(source)
    assert list(FOUR) == [record.file.name for record in source.records]
    assert not source.rejects


def test_ids_may_name_files_in_folders(tmp_path: Path) -> None:
    source = _labelled(
        tmp_path, "id,label\np1/a,x\np1/b.png,y\np2/a,x\np2/b,y\n", "p1/a.png", "p1/b.png", "p2/a.jpg", "p2/b.tif"
    )

    assert _pairs(source) == {"p1/a": "x", "p1/b.png": "y", "p2/a": "x", "p2/b": "y"}


def test_ids_and_labels_stay_text_as_written(tmp_path: Path) -> None:
    source = _labelled(tmp_path, "id,label\n01,1.0\n1,none\nNA,1.0\n1e3,none\n", "01.png", "1.png", "NA.png", "1e3.png")

    assert _pairs(source) == {"01": "1.0", "1": "none", "NA": "1.0", "1e3": "none"}


def test_ids_may_hold_dots(tmp_path: Path) -> None:
    source = _labelled(tmp_path, "id,label\na.1,x\na.2,x\nb.1,y\nb.2,y\n", "a.1.png", "a.2.png", "b.1.png", "b.2.png")

    assert [record.file.name for record in source.records] == ["a.1.png", "a.2.png", "b.1.png", "b.2.png"]


def test_columns_are_chosen_by_name_in_any_order(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", *FOUR)
    labels = _csv(tmp_path, "class,age,file\nx,1,a\ny,2,b\nx,3,c\ny,4,d\n")
    source = _read(folder, labels=labels, id_column="file", label_column="class")

    assert _pairs(source) == {"a": "x", "b": "y", "c": "x", "d": "y"}


def test_label_file_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", *FOUR)
    labels = tmp_path / "labels.csv"
    labels.write_bytes(b"\xef\xbb\xbf" + FOUR_LABELS.replace("\n", "\r\n").encode())

    assert _pairs(_read(folder, labels=labels)) == {"a": "x", "b": "y", "c": "x", "d": "y"}


def test_repeated_identical_rows_count_once(tmp_path: Path) -> None:
    source = _labelled(tmp_path, FOUR_LABELS + "a,x\na,x\n", *FOUR)

    assert [record.key for record in source.records] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("column", ["id", "label"])
def test_missing_column_names_those_there_are(tmp_path: Path, column: str) -> None:
    csv = FOUR_LABELS.replace(column, "other")

    with pytest.raises(SourceError, match=rf"labels\.csv has no column '{column}'; it has (other, label|id, other) "):
        _read(_images(tmp_path / "images", *FOUR), labels=_csv(tmp_path, csv), id_column="id", label_column="label")


@pytest.mark.parametrize(
    "csv",
    [
        "a.png,x\nb.png,y\nc.png,x\nd.png,y\n",
        "a,x\nb,y\nc,x\nd,y\n",
        "x,a\ny,b\nx,c\ny,d\n",
        "image,diagnosis\na,x\nb,y\nc,x\nd,y\n",
        "width,label,file\n9,x,a.png\n9,y,b.png\n9,x,c.png\n9,y,d.png\n",
        "image,x,y\na,1,0\nb,0,1\nc,1,0\nd,0,1\n",
        "image,x,y\na,1.0,0.0\nb,0.0,1.0\nc,1.0,0.0\nd,0.0,1.0\n",
        "id,label\nimages/a.png,x\n./b.png,y\nsomewhere/images/c,x\nimages\\d.png,y\n",
    ],
)
def test_ids_and_labels_are_found_wherever_they_stand(tmp_path: Path, csv: str) -> None:
    source = _labelled(tmp_path, csv, *FOUR)

    assert [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y")] == sorted(
        (record.file.name[0], record.label) for record in source.records
    )
    assert not source.rejects


def test_lines_of_a_file_without_a_header_are_counted_from_its_first(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"b is y in line 2 and x in line 5"):
        _labelled(tmp_path, "a,x\nb,y\nc,x\nd,y\nb,x\n", *FOUR)


def test_columns_that_are_neither_labels_nor_one_hot_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has no column 'label'; it has image, age, sex \(choose with label_column="):
        _labelled(tmp_path, "image,age,sex\na,1,0\nb,2,1\nc,3,0\nd,4,1\n", *FOUR)


def test_named_columns_that_are_not_one_hot_are_no_classes(tmp_path: Path) -> None:
    folder, labels = _images(tmp_path / "images", *FOUR), _csv(tmp_path, "id,x,y\na,1,1\nb,0,1\nc,1,0\nd,0,1\n")

    with pytest.raises(SourceError, match=r"line 2: columns x, y are not one-hot: one 1 and otherwise 0 in each row"):
        _read(folder, labels=labels, label_column="x,y", target="classes")


def test_parquet_holds_what_a_csv_would(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    pd.DataFrame({"id": ["a", "b", "c", "d"], "label": [1.0, 0.0, 1.0, 0.0], "age": [9, 9, 9, None]}).to_parquet(path)
    source = _read(_images(tmp_path / "images", *FOUR), labels=path)

    assert {"a": "1", "b": "0", "c": "1", "d": "0"} == _pairs(source)


def test_parquet_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read .*none\.parquet: No such file"):
        _read(_images(tmp_path / "images", *FOUR), labels=tmp_path / "none.parquet")


def test_what_is_no_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    path.write_text("id,label\n")

    with pytest.raises(SourceError, match=r"labels\.parquet is not a Parquet file"):
        _read(_images(tmp_path / "images", *FOUR), labels=path)


def test_label_file_without_header_is_read(cifar: Path) -> None:
    folder = cifar / "image_data_format_1"
    source = _read(folder / "train", labels=folder / "trainLabels.csv")

    assert 100 <= len(source.records)
    assert [".DS_Store"] == [Path(reject.name).name for reject in source.rejects]


def test_id_that_leads_elsewhere_is_said_to(tmp_path: Path) -> None:
    _images(tmp_path, "secret.png")
    source = _labelled(tmp_path, FOUR_LABELS + "../secret.png,x\n", *FOUR)

    assert [("../secret.png", f"id in labels.csv that leads out of {tmp_path / 'images'}")] == [
        (reject.name, reject.reason) for reject in source.rejects
    ]


def test_what_is_labelled_and_no_image_is_named_once_and_is_bad(tmp_path: Path) -> None:
    source = _labelled(tmp_path, FOUR_LABELS + "e.gif,x\n", *FOUR, "e.gif", "notes.txt")

    assert [
        ("e.gif", "no image by its ending (.gif)", True),
        ("notes.txt", "no image by its ending (.txt)", False),
    ] == [(Path(reject.name).name, reject.reason, reject.is_bad) for reject in source.rejects]


XRAYS = ("NORMAL/IM-1.png", "NORMAL/IM-2.png", "ill/person1_bacteria_1.png", "ill/person1_bacteria_2.png")
XRAYS += ("ill/person2_virus_1.png", "ill/person2_VIRUS_2.png")


def test_classes_stand_in_file_names_or_else_in_folders(tmp_path: Path) -> None:
    source = _read(_images(tmp_path, *XRAYS), class_from="(?i)_(bacteria|virus)_")

    assert {"bacteria": 2, "virus": 2, "normal": 2} == Counter(record.label for record in source.records)


def test_image_without_a_class_by_name_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no class by class_from='_\(a\|b\)_' and no class folder: .*/c_1\.png"):
        _read(_images(tmp_path, "1_a_.png", "2_b_.png", "c_1.png"), class_from="_(a|b)_")


@pytest.mark.parametrize("option", ["class_from", "group"])
def test_expression_that_is_none_is_named(tmp_path: Path, option: str) -> None:
    with pytest.raises(SpecError, match=rf"{option}='\(' is not a regular expression: "):
        _read(_images(tmp_path, *XRAYS), **{option: "("})


def test_groups_are_found_in_file_names(tmp_path: Path) -> None:
    source = _read(_images(tmp_path, *XRAYS), group=r"person\d+|IM-2")

    assert ["", "IM-2", "person1", "person1", "person2", "person2"] == [record.group for record in source.records]


def test_groups_stand_in_a_column(tmp_path: Path) -> None:
    csv = "id,label,patient\na,x,p1\nb,y,p1\nc,x,p2\nd,y,p3\n"
    source = _read(_images(tmp_path / "images", *FOUR), labels=_csv(tmp_path, csv), group="patient")

    assert ["p1", "p1", "p2", "p3"] == [record.group for record in source.records]


def test_groups_that_are_nowhere_name_the_columns(tmp_path: Path) -> None:
    folder, labels = _images(tmp_path / "images", *FOUR), _csv(tmp_path, FOUR_LABELS)

    with pytest.raises(SpecError, match=r"group='patient' finds nothing in file names .*the columns id, label"):
        _read(folder, labels=labels, group="patient")


def test_excluded_images_are_left_out_and_listed(tmp_path: Path) -> None:
    excluded = tmp_path / "exclude.txt"
    excluded.write_text("# looked at by hand\nNORMAL/IM-1.png\n\nperson1_bacteria_2\n")
    source = _read(_images(tmp_path / "images", *XRAYS, "NORMAL/IM-3.png"), exclude=excluded)

    assert 5 == len(source.records)
    assert ["IM-1.png", "person1_bacteria_2.png"] == [Path(reject.name).name for reject in source.rejects]
    assert not any(reject.is_bad for reject in source.rejects)


def test_misspelt_exclusions_are_named(tmp_path: Path) -> None:
    excluded = tmp_path / "exclude.txt"
    excluded.write_text("person9\n")

    with pytest.raises(SourceError, match=r"exclude\.txt has lines that name no image: person9 \(1\); correct them"):
        _read(_images(tmp_path / "images", *XRAYS), exclude=excluded)


def test_test_folder_without_class_folders_is_unlabelled(tmp_path: Path) -> None:
    folder = _images(tmp_path, *(f"Train/{label}/{number}.png" for label in "ab" for number in "12"), "test/9.png")
    source = _read(folder)

    assert [("9", None, "test")] == [(r.key, r.label, r.split) for r in source.records if r.split == "test"]


def test_unlabelled_test_folder_follows_the_sample_submission(tmp_path: Path) -> None:
    names = [f"train/{label}/{number}.png" for label in "ab" for number in "12"]
    folder = _images(tmp_path / "images", *names, *(f"test/{number}.png" for number in "123"))
    sample = tmp_path / "sample.csv"
    sample.write_text("id,label\n2,0\n3,0\n1,0\n")
    source = _read(folder, sample_submission=sample)

    assert ["2", "3", "1"] == [record.key for record in source.records if record.split == "test"]


def test_links_are_followed_once_and_loops_named(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    elsewhere = _images(tmp_path / "elsewhere", "1.png", "2.png")
    (folder / "c").symlink_to(elsewhere)
    (folder / "b" / "loop").symlink_to(folder)
    (folder / "b" / "lost.png").symlink_to(folder / "nowhere.png")
    source = _read(folder)

    assert {"a": 2, "b": 2, "c": 2} == Counter(record.label for record in source.records)
    assert [
        ("loop", "a symbolic link that leads back to a folder above it", True),
        ("lost.png", "a symbolic link that leads nowhere", True),
    ] == [(Path(reject.name).name, reject.reason, reject.is_bad) for reject in source.rejects]


def test_links_to_themselves_are_named(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    for name in ("loop", "loop.png"):
        (folder / "b" / name).symlink_to(name)

    assert [("loop", False), ("loop.png", True)] == [
        (Path(reject.name).name, reject.is_bad)
        for reject in _read(folder).rejects
        if reject.reason == "cannot be followed: Too many levels of symbolic links"
    ]


def test_a_folder_that_cannot_be_listed_is_a_bad_input() -> None:
    with tempfile.TemporaryDirectory() as top:
        folder = _images(Path(top), "a/1.png", "a/2.png", "b/1.png", "b/2.png", "a/locked/3.png")
        folder.chmod(0o755)
        (folder / "a" / "locked").chmod(0)
        with _as_nobody():
            source = _read(folder)
        (folder / "a" / "locked").chmod(0o755)

        assert (Reject(f"{top}/a/locked", "the folder cannot be listed: Permission denied"),) == source.rejects
        assert {"a": 2, "b": 2} == Counter(record.label for record in source.records)


@contextlib.contextmanager
def _as_nobody() -> Iterator[None]:
    """Read files as a user without rights: root may read everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_folders_can_be_excluded(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", "a/1.png", "a/2.png", "b/1.png", "b/2.png", "a/old/3.png")
    (folder / "empty").mkdir()
    excluded = tmp_path / "exclude.txt"
    excluded.write_text("a/old/\nempty\n")
    source = _read(folder, exclude=excluded)

    assert {"a": 2, "b": 2} == Counter(record.label for record in source.records)
    assert {"a/old", "empty"} == {
        Path(reject.name).relative_to(folder).as_posix()
        for reject in source.rejects
        if (reject.reason, reject.is_bad) == ("the folder is left out by hand", False)
    }


def test_a_class_expression_that_finds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"class_from='_\(virrus\)_' finds nothing in file names such as NORMAL"):
        _read(_images(tmp_path, *XRAYS), class_from="_(virrus)_")


def test_training_and_testing_are_splits(tmp_path: Path) -> None:
    names = [f"{split}/{label}/{n}.png" for split in ("Training", "Testing") for label in "ab" for n in range(2)]
    source = _read(_images(tmp_path, *names))

    assert {("train", "a"): 2, ("train", "b"): 2, ("test", "a"): 2, ("test", "b"): 2} == Counter(
        (record.split, record.label) for record in source.records
    )


def test_a_one_hot_column_without_an_image_is_named(tmp_path: Path) -> None:
    table = "id,cat,dog,bird\na,1,0,0\nb,0,1,0\nc,1,0,0\nd,0,1,0\n"
    with pytest.raises(SourceError, match=r"one-hot column bird \(1\) marks no image; .*label_column='cat,dog'"):
        _labelled(tmp_path, table, *FOUR)


def test_what_is_no_image_is_listed_and_does_not_count_as_bad(tmp_path: Path) -> None:
    folder = _images(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png", "b/notes.doc", "README", "a/Thumbs.db")
    source = _read(folder)

    assert [
        ("README", "no image: the name has no ending", False),
        ("Thumbs.db", "hidden, or left behind by a system: not looked at", False),
        ("notes.doc", "no image by its ending (.doc)", False),
    ] == [(Path(reject.name).name, reject.reason, reject.is_bad) for reject in source.rejects]


def test_id_with_two_labels_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gives two labels to the same id: b is y in line 3 and x in line 6 \(1\)"):
        _labelled(tmp_path, FOUR_LABELS + "b,x\n", *FOUR)


def test_id_with_many_labels_names_three(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"b is y in line 3 and c0 in line 6 and c1 in line 7 and so on \(10\) \(1\)"):
        _labelled(tmp_path, FOUR_LABELS + "".join(f"b,c{number}\n" for number in range(9)), *FOUR)


def test_many_ids_with_two_labels_are_counted_and_three_named(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"two labels to the same id: a is x in line 2 and q in line 6, b is .*, … \(4\)"
    ):
        _labelled(tmp_path, FOUR_LABELS + "a,q\nb,q\nc,q\nd,q\n", *FOUR)


@pytest.mark.parametrize("row", ["e,", "e,  ", "e"])
def test_empty_label_names_its_row(tmp_path: Path, row: str) -> None:
    with pytest.raises(SourceError, match=r"has an empty 'label': line 6 \(1\)"):
        _labelled(tmp_path, f"{FOUR_LABELS}{row}\n", *FOUR)


def test_empty_id_names_its_row(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has an empty 'id': line 6 \(1\)"):
        _labelled(tmp_path, f"{FOUR_LABELS},x\n", *FOUR)


def test_id_that_fits_several_files_names_them(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"id 'a' fits several files: a\.jpg, a\.png \(2\); write ids as paths"):
        _labelled(tmp_path, FOUR_LABELS, *FOUR, "a.jpg")


def test_files_that_differ_in_their_endings_are_told_apart_by_whole_names(tmp_path: Path) -> None:
    source = _labelled(tmp_path, FOUR_LABELS.replace("a,x", "a.jpg,x\na.png,y"), *FOUR, "a.jpg")

    assert _pairs(source) == {"a.jpg": "x", "a.png": "y", "b": "y", "c": "x", "d": "y"}


def test_two_ids_for_one_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ids 'a' and 'a\.png' are the same file .*a\.png"):
        _labelled(tmp_path, FOUR_LABELS + "a.png,x\n", *FOUR)


def test_ids_without_files_and_files_without_ids_become_rejects(tmp_path: Path) -> None:
    source = _labelled(tmp_path, FOUR_LABELS + "lost,x\n", *FOUR, "extra.png")

    assert source.rejects == (
        Reject("lost", f"id in labels.csv without an image in {tmp_path / 'images'}"),
        Reject(str(tmp_path / "images" / "extra.png"), "image without an id in labels.csv"),
    )
    assert [record.key for record in source.records] == ["a", "b", "c", "d"]


def test_rejects_of_the_source_stop_shard_with_their_count_and_the_first_three(
    competition: Competition, tmp_path: Path
) -> None:
    with competition.labels.open("a") as file:
        file.writelines(f"lost{number},1\n" for number in range(5))

    with pytest.raises(
        SourceError, match=r"id in .* without an image in .*: lost0, lost1, lost2, … \(5\)\..*max_rejects=5"
    ):
        shard(**competition.inputs, name="cells", workers=1, root=tmp_path, max_rejects=4)

    assert not list((tmp_path / "tfrecords").glob("*"))


def test_rejects_of_the_source_that_are_allowed_are_listed(competition: Competition, tmp_path: Path) -> None:
    with competition.labels.open("a") as file:
        file.write("lost,1\n")
    dataset = shard(**competition.inputs, name="cells", workers=1, root=tmp_path, max_rejects=1)

    assert (dataset.folder / "rejects.csv").read_text().splitlines()[1].startswith("lost,id in train_labels.csv")
    assert dataset.manifest.rejects == 1
    assert dataset.manifest.records("train") + dataset.manifest.records("validation") == 24


@pytest.mark.parametrize("files", [(), ("notes.txt", ".hidden.png")])
def test_folder_without_images_names_the_endings_looked_for(tmp_path: Path, files: tuple[str, ...]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()

    with pytest.raises(SourceError, match=r"images holds no image; looked for .*\.png"):
        _read(_images(folder, *files))


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere does not exist"):
        _read(tmp_path / "nowhere")


def test_file_instead_of_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.png is not a folder"):
        _read(_images(tmp_path, "a.png") / "a.png")


@pytest.mark.parametrize("empty", ["bird", "train/bird", "test/bird"])
def test_empty_class_folder_is_named(tmp_path: Path, empty: str) -> None:
    prefix = "train/" if "/" in empty else ""
    folder = _images(tmp_path, *(f"{prefix}{label}/{number}.png" for label in "ab" for number in "12"))
    if prefix:
        _images(folder, "test/a/1.png", "test/b/1.png")
    (folder / empty).mkdir()

    with pytest.raises(SourceError, match=f"class folder {re.escape(str(folder / empty))} holds no image"):
        _read(folder)


def test_image_outside_class_folders_is_named(tmp_path: Path) -> None:
    folder = _images(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png", "stray.png")

    with pytest.raises(SourceError, match=r"no class folder: .*stray\.png \(1\); .*labels="):
        _read(folder)


def test_image_in_a_split_folder_but_in_no_class_is_named(tmp_path: Path) -> None:
    folder = _images(tmp_path, "train/a/1.png", "train/a/2.png", "train/b/1.png", "train/b/2.png", "test/stray.png")
    _images(folder, "test/a/1.png")

    with pytest.raises(SourceError, match=r"no class folder: .*test/stray\.png"):
        _read(folder)


def test_one_class_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found only class 'a'; nothing tells images apart"):
        _read(_images(tmp_path, "a/1.png", "a/2.png"))


def test_one_label_in_a_label_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found only class 'x'"):
        _labelled(tmp_path, FOUR_LABELS.replace("y", "x"), *FOUR)


@pytest.mark.parametrize("csv", ["id,label\n", "id,label\nlost,x\ngone,y\n"])
def test_label_file_that_fits_no_image_is_refused(tmp_path: Path, csv: str) -> None:
    with pytest.raises(
        SourceError, match=r"no id in .*labels\.csv names an image in .*; images there: a\.png, b\.png, c\.png, … \(4\)"
    ):
        _labelled(tmp_path, csv, *FOUR)


def test_classes_with_one_image_are_read_unless_all_have_one(tmp_path: Path) -> None:
    folder = _images(tmp_path / "some", "a/1.png", "a/2.png", "b/1.png", "c/1.png")

    assert ("a", "b", "c") == _read(folder).target.names
    with pytest.raises(SourceError, match=r"every class has one image: a, b \(2\); it trains, and none is left for"):
        _read(_images(tmp_path / "all", "a/1.png", "b/1.png"))


def test_missing_label_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read .*none\.csv: No such file"):
        _read(_images(tmp_path / "images", *FOUR), labels=tmp_path / "none.csv")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"id,label\na,\xe9\n",
        b"\x00\xff\xfe\x80\x81",
        b'id,label\n"a,x\nb,y\n',
        b"id,label\na,x\nb,y,z\n",
        b"id,label\na,x,\nb,y,\n",
        b"id,label\na,x,1\nb,y,2\nc,x,3\n",
    ],
)
def test_file_that_is_not_a_csv_of_utf8_text_is_named(tmp_path: Path, content: bytes) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_bytes(content)

    with pytest.raises(SourceError, match=r"labels\.csv (is not a CSV|has no column|is not UTF-8 text)"):
        _read(_images(tmp_path / "images", *FOUR), labels=labels)


def test_test_images_come_in_the_order_of_the_sample_submission(competition: Competition) -> None:
    source = _read(
        competition.train,
        labels=competition.labels,
        test=competition.test,
        sample_submission=competition.sample_submission,
    )
    tested = [record for record in source.records if record.split == "test"]

    assert [record.key for record in tested] == ["test3", "test0", "test5", "test1", "test4", "test2"]
    assert {record.label for record in tested} == {None}
    assert source.sample_submission == competition.sample_submission


def test_test_images_without_a_sample_submission_come_by_name_with_their_stems_as_ids(competition: Competition) -> None:
    source = _read(competition.train, labels=competition.labels, test=competition.test)

    assert [record.key for record in source.records if record.split == "test"] == [f"test{i}" for i in range(6)]


def test_test_images_that_would_share_an_id_are_named(competition: Competition) -> None:
    _images(competition.test, "test0.jpg")

    with pytest.raises(SourceError, match=r"test0\.jpg and test0\.\w+ would both have the id 'test0'"):
        _read(competition.train, labels=competition.labels, test=competition.test)


def test_test_images_and_the_ids_of_the_sample_submission_must_meet(competition: Competition) -> None:
    competition.sample_submission.write_text("id,label\n" + "".join(f"test{i},0\n" for i in (9, 4, 3, 2, 1, 0)))
    source = _read(
        competition.train,
        labels=competition.labels,
        test=competition.test,
        sample_submission=competition.sample_submission,
    )

    assert [Path(reject.name).stem for reject in source.rejects] == ["test9", "test5"]
    assert "without an image" in source.rejects[0].reason
    assert "without an id in sample_submission.csv" in source.rejects[1].reason


def test_sample_submission_without_test_images_is_refused(competition: Competition) -> None:
    with pytest.raises(SpecError, match="sample_submission= needs test="):
        _read(competition.train, labels=competition.labels, sample_submission=competition.sample_submission)


def test_repeated_ids_in_the_sample_submission_are_named(competition: Competition) -> None:
    with competition.sample_submission.open("a") as file:
        file.write("test1,0.5\ntest3,0.5\n")

    with pytest.raises(SourceError, match=r"sample_submission\.csv repeats ids: test1, test3 \(2\)"):
        _read(
            competition.train,
            labels=competition.labels,
            test=competition.test,
            sample_submission=competition.sample_submission,
        )


def test_sample_submission_of_one_column_is_refused(competition: Competition) -> None:
    competition.sample_submission.write_text("id\ntest0\n")

    with pytest.raises(SourceError, match=r"needs an id column and a value column; it has id"):
        _read(
            competition.train,
            labels=competition.labels,
            test=competition.test,
            sample_submission=competition.sample_submission,
        )


@pytest.mark.parametrize("separator", [("semicolon", ";"), ("tab", "\t"), ("bar", "|")])
def test_label_file_with_another_separator_is_told_to_use_commas(tmp_path: Path, separator: tuple[str, str]) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(FOUR_LABELS.replace(",", separator[1]))

    with pytest.raises(SourceError, match=rf"no column 'id'; it has .* seem to be separated by {separator[0]}s"):
        _read(_images(tmp_path / "images", *FOUR), labels=labels)


@pytest.mark.parametrize("columns", ["id,0,2", "id,a,b", "id,0,1,2,3"])
def test_sample_submission_that_no_prediction_fits_is_refused(competition: Competition, columns: str) -> None:
    rows = competition.sample_submission.read_text().splitlines()[1:]
    values = ",0" * columns.count(",")
    competition.sample_submission.write_text("\n".join([columns, *(row.partition(",")[0] + values for row in rows)]))

    with pytest.raises(SubmissionError, match=r"are not the 2 classes of the labels: (mis|ex)"):
        _read(
            competition.train,
            labels=competition.labels,
            test=competition.test,
            sample_submission=competition.sample_submission,
        )


def test_two_test_splits_are_refused(tmp_path: Path, competition: Competition) -> None:
    files = [f"{split}/{label}/{number}.png" for split in ("train", "test") for label in "ab" for number in "12"]

    with pytest.raises(SpecError, match="has a test folder of its own"):
        _read(_images(tmp_path / "images", *files), test=competition.test)


def test_link_to_a_folder_is_not_followed_and_one_to_a_file_is(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    (folder / "a" / "round").symlink_to(folder, target_is_directory=True)
    (folder / "a" / "3.png").symlink_to(folder / "a" / "1.png")
    (folder / "a" / "4.png").symlink_to(folder / "nowhere.png")

    assert [record.key for record in _read(folder).records] == [
        "a/1.png",
        "a/2.png",
        "a/3.png",
        "b/1.png",
        "b/2.png",
    ]


def test_file_name_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    folder = _images(tmp_path / "images", "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    try:
        (folder / "a" / os.fsdecode(b"\xe9.png")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")

    with pytest.raises(SourceError, match=r"file name 'a/\\udce9\.png' is not UTF-8; rename the file"):
        _read(folder)


def test_real_competition_is_read_whole(pcam: Path) -> None:
    source = _read(
        pcam / "train",
        labels=pcam / "train_labels.csv",
        test=pcam / "test",
        sample_submission=pcam / "sample_submission.csv",
    )

    assert Counter(record.label for record in source.records) == {"0": 1122, "1": 701, None: 332}
    assert not source.rejects
    assert all(isinstance(record, Record) and record.file.size > 0 for record in source.records)


# --- what kit itself wrote, and what it does not look at


def test_a_second_look_at_a_folder_ignores_what_kit_wrote_there(tmp_path: Path) -> None:
    folder = _images(tmp_path, *(f"{label}/{number}.png" for label in ("cat", "dog") for number in "123"))
    before = _read(folder)
    written = (
        "tfrecords/x/manifest.json",
        "runs/x/arm/seed-0/spec.json",
        "runs/x/comparison/curves.png",
        "submissions/x.csv.origin.json",
        "kit-demo/digits/train_labels.csv",
        "kit-demo/digits/train/digit.tif",
        "audit/audit.csv",
        "audit/findings.csv",
        "audit/audit.png",
        "evaluated/evaluation.json",
        "evaluated/confusion_matrix.csv",
        "evaluated/roc_curve.png",
    )
    after = _read(_images(folder, *written))

    assert before.records == after.records
    assert {Path(reject.name).name for reject in after.rejects} == {name.partition("/")[0] for name in written}
    assert {("written by kit: not looked at", False)} == {(reject.reason, reject.is_bad) for reject in after.rejects}


def test_splits_stay_splits_beside_what_kit_wrote(tmp_path: Path) -> None:
    files = [f"{split}/{label}/{number}.png" for split in ("train", "test") for label in "ab" for number in "12"]
    source = _read(_images(tmp_path, *files, "tfrecords/x/manifest.json", "runs/x/spec.json"))

    assert {"train", "test"} == {record.split for record in source.records}


def test_classes_may_be_called_as_kits_folders(tmp_path: Path) -> None:
    source = _read(_images(tmp_path, *(f"{label}/{number}.png" for label in ("runs", "walks") for number in "12")))

    assert {"runs", "walks"} == {record.label for record in source.records}


def test_a_second_shard_of_the_folder_itself_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(4):
            cv2.imwrite(str(tmp_path / label / f"{number}.png"), rng.integers(0, 255, (8, 8, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    first = shard(".", name="pets", workers=1)
    second = shard(".", name="pets", workers=1)

    assert first.manifest == second.manifest


def test_what_its_ending_leaves_out_is_counted_by_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(4):
            cv2.imwrite(str(tmp_path / label / f"{number}.png"), rng.integers(0, 255, (8, 8, 3), np.uint8))
    _images(tmp_path, "cat/a.heic", "cat/b.heic", "dog/c.heic", "dog/notes.txt", "dog/.hidden")
    dataset = shard(tmp_path, name="pets", workers=1, root=tmp_path / "workspace")

    (line,) = remarks(dataset)
    assert line.startswith("not stored: 3 .heic and 1 .txt left out by ending; 1 hidden")
    assert "bad" not in line
    assert "3 .heic and 1 .txt left out by ending" in describe_audit(audit(tmp_path, workers=1))[1]
