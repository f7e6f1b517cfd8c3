from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.audits import Audit, Facts, audit
from kit.audits.duplicate_sets import place_sets
from kit.cli.app import main
from kit.errors import SourceError, SpecError
from kit.images import equal_images
from kit.images.hamming import hamming, near_pairs, near_pairs_between
from kit.images.near_duplicates import find_near_duplicates
from kit.images.perceptual_hash import look_of
from kit.joined_sets import join_pairs
from kit.reports.audit import _balance, audit_tables, describe_audit, next_command
from kit.reports.audit_files import write_audit
from kit.reports.gallery import _rows, draw_gallery
from kit.reports.table import Table
from kit.sources import Record
from kit.sources.record import ImageFile
from tests.conftest import Competition
from tests.made import count_colours

SIDE = 64

Pixels = np.ndarray
Command = Callable[..., tuple[int, str, str]]


def scene(seed: int, side: int = SIDE) -> Pixels:
    """A smooth picture of its own, as photographs are: uint8 [side, side, 3]."""
    coarse = np.random.default_rng(seed).integers(30, 200, (6, 6, 3), np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def write(path: Path, pixels: Pixels, *options: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels, list(options))


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """Split folders with one of everything: 6 sound images, and 8 that are not."""
    folder = tmp_path / "messy"
    for number in range(4):
        write(folder / "train" / "cat" / f"{number}.png", scene(number))
    for number in range(2):
        write(folder / "train" / "dog" / f"{number}.png", scene(10 + number))
    write(folder / "test" / "cat" / "again.bmp", scene(1))
    write(folder / "test" / "dog" / "cat.png", scene(2))
    write(folder / "test" / "cat" / "near.jpg", scene(3), cv2.IMWRITE_JPEG_QUALITY, 60)
    write(folder / "test" / "dog" / "brighter.png", scene(10) + np.uint8(6))
    write(folder / "train" / "dog" / "blank.png", np.full((SIDE, SIDE, 3), 90, np.uint8))
    burnt = np.full((SIDE, SIDE, 3), 255, np.uint8)
    burnt[:8, :20] = scene(5)[:8, :20]
    write(folder / "train" / "dog" / "burnt.png", burnt)
    sound = cv2.imencode(".png", scene(6))[1].tobytes()
    (folder / "train" / "cat" / "cut.png").write_bytes(sound[: len(sound) // 2])
    (folder / "train" / "dog" / "text.jpg").write_text("no image at all")
    (folder / "notes.txt").write_text("no image by its name")
    return folder


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run_command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kit", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run_command


def named(found: Audit, places: tuple[int, ...]) -> list[str]:
    return [found.name(place) for place in places]


def table(found: Audit, title: str) -> Table:
    return next(table for table in audit_tables(found) if table.title.startswith(title))


# --- what is found


def test_an_audit_counts_by_class_and_split(messy: Path) -> None:
    found = kit.audit(messy, workers=1)

    assert {"dog": {"test": 2, "train": 5}, "cat": {"test": 2, "train": 5}} == found.counts()
    assert {"BMP, 3 x uint8": 1, "JPEG, 3 x uint8": 1, "PNG, 3 x uint8": 10} == dict(found.modes())
    assert {(SIDE, SIDE): 12} == dict(found.sizes())


def test_what_cannot_be_read_is_said_with_its_reason(messy: Path) -> None:
    found = audit(messy, workers=1)

    assert ["train/cat/cut.png", "train/dog/text.jpg"] == named(found, found.unreadable)
    cut, text = (found.facts[place] for place in found.unreadable)
    assert "truncated" in cut.problem
    assert ("", 0, "") == (text.kind, text.height, text.digest)
    assert text.problem


def test_exact_duplicates_are_found_across_splits_and_classes(messy: Path) -> None:
    found = audit(messy, workers=1)
    both, splits = found.duplicates

    assert ["test/dog/cat.png", "train/cat/2.png"] == named(found, both.indices)
    assert (True, True) == (both.across_splits, both.across_classes)
    assert ["test/cat/again.bmp", "train/cat/1.png"] == named(found, splits.indices)
    assert (True, False) == (splits.across_splits, splits.across_classes)


def test_compressed_and_brightened_copies_are_near_duplicates(messy: Path) -> None:
    found = audit(messy, workers=1)

    assert [["test/cat/near.jpg", "train/cat/3.png"], ["test/dog/brighter.png", "train/dog/0.png"]] == [
        named(found, alike.indices) for alike in found.near_duplicates
    ]
    assert all(alike.across_splits and not alike.across_classes for alike in found.near_duplicates)


VIEWS = {
    "quarter": lambda pixels: np.rot90(pixels, 1),
    "half": lambda pixels: np.rot90(pixels, 2),
    "three quarters": lambda pixels: np.rot90(pixels, 3),
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "transposed": lambda pixels: np.rot90(pixels[:, ::-1], 1),
    "otherwise transposed": lambda pixels: np.rot90(pixels[:, ::-1], 3),
}


@pytest.mark.parametrize("view", VIEWS)
def test_turned_and_mirrored_copies_are_near_duplicates(view: str, tmp_path: Path) -> None:
    for number in range(6):
        write(tmp_path / "a" / f"{number}.png", scene(number)[:, : 64 - 8 * (number % 2)])
    for number in (2, 3):  # copies that were compressed and made smaller or brighter, too
        turned = np.ascontiguousarray(VIEWS[view](scene(number)[:, : 64 - 8 * (number % 2)]))
        changed = cv2.resize(turned, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA) + np.uint8(5)
        write(tmp_path / "b" / f"{number}.jpg", changed, cv2.IMWRITE_JPEG_QUALITY, 60)
    found = audit(tmp_path, workers=1)

    assert [["a/2.png", "b/2.jpg"], ["a/3.png", "b/3.jpg"]] == [named(found, s.indices) for s in found.near_duplicates]
    assert all(alike.across_classes for alike in found.near_duplicates)


@pytest.mark.slow
def test_turned_real_patches_are_found_and_strangers_are_not(pcam: Path, tmp_path: Path) -> None:
    """Of 700 patches of tissue, which has no up and no down, 140 are there again, turned and compressed."""
    files = sorted((pcam / "train").iterdir())[:700]
    images = [cv2.imread(str(file)) for file in files]
    for number, pixels in enumerate(images):
        write(tmp_path / "a" / f"{number}.png", pixels)
    views = list(VIEWS.values())
    for number in range(0, 700, 5):
        turned = np.ascontiguousarray(views[number // 5 % 7](images[number]))
        write(tmp_path / "b" / f"{number}.jpg", turned, cv2.IMWRITE_JPEG_QUALITY, 75)
    found = audit(tmp_path)
    pairs = {frozenset(Path(name).stem for name in named(found, alike.indices)) for alike in found.near_duplicates}

    assert sum(len(names) == 1 for names in pairs) >= 0.97 * 140
    assert all(len(names) == 1 for names in pairs)


def test_renamed_classes_and_ignored_splits_go_on_to_kit_shard(messy: Path) -> None:
    found = audit(messy, classes={"cat": "small, soft"}, ignore_splits=["test"], workers=1)

    assert {"small, soft": {"train": 5}, "dog": {"train": 5}} == found.counts()
    assert """--classes '"cat=small, soft"' --ignore-splits test""" in next_command(found)


def test_labels_that_kit_shard_refuses_are_looked_at_with_the_reason(competition: Competition) -> None:
    competition.labels.write_text(competition.labels.read_text().replace(",1", ",Yes", 3).replace(",1", ",yes"))
    found = audit(competition.train, labels=competition.labels, test=competition.test, workers=1)

    assert "labels that differ in case or blanks only: 'yes' (9 images) and 'Yes' (3 images)" in found.refusal
    assert {"0", "yes", "Yes", "unlabelled"} == set(found.counts())
    assert 30 == len(found.records)


def test_near_zero_looks_for_no_near_duplicates(messy: Path) -> None:
    found = audit(messy, near_bits=0, workers=1)

    assert () == found.near_duplicates
    assert 2 == len(found.duplicates)
    assert not any(row[0].startswith("near") for row in table(found, "findings").rows)


def test_blank_and_saturated_images_are_told_apart(messy: Path) -> None:
    found = audit(messy, workers=1)

    assert ["train/dog/blank.png"] == named(found, found.blank)
    assert ["train/dog/burnt.png"] == named(found, found.saturated)
    assert 90 == found.facts[found.blank[0]].mean
    assert 0.95 < found.facts[found.saturated[0]].saturated < 0.97


def test_an_image_of_one_colour_is_blank_and_one_of_one_bit_is_not_saturated(tmp_path: Path) -> None:
    write(tmp_path / "red.png", np.full((SIDE, SIDE, 3), (0, 0, 200), np.uint8))
    drawing = np.where(scene(1)[..., 0] > 110, 255, 0).astype(np.uint8)
    write(tmp_path / "drawing.png", drawing, cv2.IMWRITE_PNG_BILEVEL, 1)
    write(tmp_path / "hard.png", drawing)
    found = audit(tmp_path, workers=1)

    assert ["red.png"] == named(found, found.blank)
    assert ["hard.png"] == named(found, found.saturated)
    assert 1.0 == found.facts[0].saturated


def test_groups_that_lie_across_splits_are_found(messy: Path) -> None:
    found = audit(messy, group=r"^\d", workers=1)

    assert {"0", "1", "2", "3"} == found.groups().keys()
    assert {} == found.groups_across_splits()
    write(messy / "test" / "cat" / "0b.png", scene(77))
    (group,) = (finding for finding in audit(messy, group=r"^\d", workers=1).findings() if "group" in finding.kind)

    assert ("0", 3) == (group.detail, len(group.inputs))


def test_pages_that_are_not_stored_are_found(tmp_path: Path) -> None:
    assert cv2.imwritemulti(str(tmp_path / "stack.tif"), [scene(1), scene(2)])
    found = audit(tmp_path, workers=1)

    assert (0,) == found.several_pages
    assert 2 == found.facts[0].pages


def test_labels_and_a_test_split_are_read_as_kit_shard_reads_them(competition: Competition) -> None:
    inputs = competition.inputs
    (inputs["source"] / "stray.png").write_bytes((inputs["source"] / "case01.png").read_bytes())
    found = audit(**inputs, workers=1)

    assert {
        "0": {"to split": 12, "test": 0},
        "1": {"to split": 12, "test": 0},
        "unlabelled": {"to split": 0, "test": 6},
    } == found.counts()
    classes = table(found, "classes, largest first")
    assert ("class", "to split", "test", "all", "share of\nlabelled") == classes.columns
    assert ["50.0%", "50.0%", "—", "—"] == [row[-1] for row in classes.rows]
    assert "2 classes, equally large" in describe_audit(found)[0]
    assert 1 == len(found.missing) == found.bad
    assert "image without an id" in found.missing[0].reason
    command = next_command(found)
    assert command.startswith(f"kit shard {inputs['source']} --name competition --labels {inputs['labels']}")
    assert command.endswith("--max-rejects 1")


def test_a_flat_folder_is_looked_at_though_kit_shard_would_refuse_it(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.png", scene(number))
    found = audit(tmp_path, workers=1)

    assert {"unlabelled": {"to split": 3}} == found.counts()
    assert "no class folder" in found.refusal
    assert "kit shard would refuse this" in describe_audit(found)[1]
    assert "kit audit again" in next_command(found)
    draw_gallery(found)


def test_one_class_and_stray_images_keep_what_is_known_of_them(tmp_path: Path) -> None:
    write(tmp_path / "train" / "cat" / "0.png", scene(0))
    write(tmp_path / "train" / "stray.png", scene(1))
    write(tmp_path / "test" / "cat" / "2.png", scene(2))
    found = audit(tmp_path, workers=1)

    assert {"cat": {"test": 1, "train": 1}, "unlabelled": {"test": 0, "train": 1}} == found.counts()


def test_arrays_are_audited(tmp_path: Path) -> None:
    images = np.stack([scene(number) for number in (0, 1, 2, 0)])
    np.savez(tmp_path / "images.npz", images=images, labels=np.array([0, 0, 1, 1]))
    found = audit(tmp_path / "images.npz", workers=1)

    assert {"array, 3 x uint8": 4} == dict(found.modes())
    assert [(0, 3)] == [alike.indices for alike in found.duplicates]
    assert found.duplicates[0].across_classes
    draw_gallery(found)


def test_floats_need_a_scale(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "float.tif"), scene(1).astype(np.float32) * 10)

    (fact,) = audit(tmp_path, workers=1).facts

    assert "set scale to minmax" in fact.problem
    assert ("TIFF", SIDE, SIDE, 3, 32, "") == (
        fact.kind,
        fact.height,
        fact.width,
        fact.channels,
        fact.bits,
        fact.digest,
    )
    scaled = audit(tmp_path, scale="minmax", workers=1)
    assert ("", 32) == (scaled.facts[0].problem, scaled.facts[0].bits)


def test_workers_do_not_change_the_answer(tmp_path: Path) -> None:
    for number in range(70):
        write(tmp_path / f"{number:02d}.png", scene(number % 66, 16))
    alone, together = (audit(tmp_path, workers=workers) for workers in (1, 2))

    assert alone == together
    assert 4 == len(alone.duplicates)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"near_bits": 65}, "near_bits must be between 0 and 12"),
        ({"near_bits": -1}, "near_bits must"),
        ({"workers": 0}, "workers must"),
    ],
)
def test_settings_out_of_range_are_refused(messy: Path, setting: dict[str, int], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        audit(messy, **setting)  # type: ignore[arg-type]  # these are whole numbers


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        audit(tmp_path)


# --- the pure functions


HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=12)


@given(HASHES, st.lists(st.integers(0, 63), max_size=80), st.integers(0, 12), st.randoms(use_true_random=False))
def test_near_pairs_are_those_of_comparing_all(
    seeds: list[int], flips: list[int], distance: int, random: object
) -> None:
    hashes = list(seeds)
    for flip in flips[: 40 if seeds else 0]:  # neighbours of one another, as random numbers never are
        hashes.append(random.choice(hashes) ^ (1 << flip))  # type: ignore[attr-defined]
    expected = [
        [one, other]
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if (hashes[one] ^ hashes[other]).bit_count() <= distance
    ]

    assert expected == near_pairs(np.array(hashes, np.uint64), distance).tolist()


@given(HASHES, HASHES, st.integers(0, 20))
def test_near_pairs_of_two_sets_are_those_of_comparing_all(one: list[int], other: list[int], distance: int) -> None:
    other = [*other, *(number ^ (1 << place) for place, number in enumerate(one))]
    expected = [
        [a, b] for a in range(len(one)) for b in range(len(other)) if (one[a] ^ other[b]).bit_count() <= distance
    ]

    assert expected == near_pairs_between(np.array(one, np.uint64), np.array(other, np.uint64), distance).tolist()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_joined_pairs_partition_their_members(pairs: list[tuple[int, int]]) -> None:
    sets = join_pairs(np.array(pairs, np.int64).reshape(-1, 2), 10)

    assert sorted({place for pair in pairs for place in pair}) == sorted(place for places in sets for place in places)
    assert all(any(one in places and other in places for places in sets) for one, other in pairs)
    assert sets == sorted(sorted(places) for places in sets)


@given(st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=12))
def test_duplicates_are_the_places_of_equal_digests(digests: list[str]) -> None:
    found = equal_images(digests)

    expected = [[place for place, other in enumerate(digests) if other == digest] for digest in dict.fromkeys(digests)]
    assert [places for places in expected if len(places) > 1 and digests[places[0]]] == found


def test_hamming_counts_differing_bits() -> None:
    one = np.array([0, 2**64 - 1, 5, 1 << 63], np.uint64)

    assert [0, 64, 2, 1] == hamming(one, np.zeros_like(one)).tolist()


RAMP, WAVE, FLAT = (bytes(values) for values in (range(256), [0, 200] * 128, [0] * 256))


def seen(digest: str, look: int = 1, thumbnail: bytes = RAMP, deviation: float = 9) -> Facts:
    return Facts(digest=digest, look=look, thumbnail=thumbnail, deviation=deviation)


def test_near_images_share_hash_and_thumbnail_but_not_all_pixels() -> None:
    strangers = [
        seen("c", deviation=1),
        seen("d", thumbnail=WAVE),
        seen("e", look=~1 & (2**64 - 1)),
        Facts(problem="x"),
    ]

    assert [] == find_near_duplicates([], 4)
    assert [] == find_near_duplicates([seen("a"), seen("a"), *strangers], 4)
    assert [[0, 1, 2]] == find_near_duplicates([seen("a"), seen("a"), seen("b", look=3), *strangers], 4)
    assert [[4, 5]] == find_near_duplicates([*strangers, seen("a"), seen("b")], 4)


def test_images_with_nothing_to_compare_are_not_near() -> None:
    assert [] == find_near_duplicates([seen("a", thumbnail=FLAT), seen("b", thumbnail=FLAT)], 4)


def test_near_images_chain() -> None:
    chain = [seen("a", look=0), seen("b", look=0b1111), seen("c", look=0b11111111)]

    assert [[0, 1, 2]] == find_near_duplicates(chain, 4)
    assert [] == find_near_duplicates(chain, 3)


def test_sets_in_contradiction_come_first_and_then_the_larger() -> None:
    def record(label: str | None, split: str | None) -> Record:
        file = ImageFile(folder=Path(), name="x", size=1, modified=1)
        return Record(key="x", file=file, label=label, split=split)

    records = [record("a", "train")] * 5 + [record("b", "train"), record("a", "test"), record(None, "train")]
    sets = place_sets([[0, 1], [0, 1, 2], [3, 5], [4, 6], [0, 7]], records)

    assert [(3, 5), (4, 6), (0, 1, 2), (0, 1), (0, 7)] == [alike.indices for alike in sets]
    assert [(False, True), (True, False)] == [(alike.across_splits, alike.across_classes) for alike in sets[:2]]


def test_looks_follow_what_an_image_shows() -> None:
    (look, thumbnail), (half, _), (other, _) = (look_of(scene(*which)) for which in ((1, 256), (1, 128), (2, 256)))

    assert (look ^ half).bit_count() <= 2
    assert (look ^ other).bit_count() > 12
    assert (256, 0, 255) == (len(thumbnail), min(thumbnail), max(thumbnail))
    assert {0} == set(look_of(np.full((9, 7, 3), 80, np.uint8))[1])


# --- tables, files and the command


def test_tables_begin_with_what_is_wrong_and_cut_long_lists(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / f"class{number % 11:02d}" / f"{number:02d}.png", scene(number))
    for number in range(7):
        (tmp_path / "class00" / f"bad{number}.png").write_bytes(b"x")
    for place in range(5):
        write(tmp_path / "class01" / f"copy{place}.png", scene(2))
    found = audit(tmp_path, workers=1)
    titles = [table.title for table in audit_tables(found)]

    assert "findings" == titles[0]
    assert ["class00", "class01"] == [row[0] for row in table(found, "classes").rows[:2]]
    assert "… 1 in between" == table(found, "classes").rows[5][0]
    (duplicates,) = table(found, "exact duplicates").rows
    assert "… 2 more" == duplicates[0].splitlines()[-1]
    assert {"class01", "class02"} == set(duplicates[1].splitlines())
    assert ["7"] == [row[1] for row in table(found, "cannot be stored").rows]


def test_files_have_a_line_an_image_and_a_line_a_finding(messy: Path, tmp_path: Path) -> None:
    found = audit(messy, workers=1)
    images, findings, picture, chart = write_audit(found, tmp_path / "out")
    rows = list(csv.DictReader(images.read_text().splitlines()))
    by_name = {Path(row["path"]).relative_to(messy).as_posix(): row for row in rows}

    assert 14 == len(rows)
    assert chart.read_bytes().startswith(b"\x89PNG")
    assert {"class": "cat", "split": "test", "kind": "BMP", "height": "64", "width": "64", "channels": "3"}.items() <= (
        by_name["test/cat/again.bmp"].items()
    )
    assert by_name["test/cat/again.bmp"]["digest"] == by_name["train/cat/1.png"]["digest"]
    assert "2" == by_name["test/cat/again.bmp"]["duplicate_set"] == by_name["train/cat/1.png"]["duplicate_set"]
    assert "1" == by_name["test/cat/near.jpg"]["near_duplicate_set"]
    assert ("", "", "") == tuple(by_name["train/dog/text.jpg"][name] for name in ("kind", "height", "mean"))
    assert by_name["train/dog/text.jpg"]["problem"]
    assert "90.00" == by_name["train/dog/blank.png"]["mean"]

    listed = list(csv.DictReader(findings.read_text().splitlines()))
    assert ["finding", "set", "path", "class", "split", "detail"] == list(listed[0])
    assert ["unreadable"] * 2 + ["duplicates"] * 4 + ["near-duplicates"] * 4 + ["blank", "saturated"] == [
        row["finding"] for row in listed
    ]
    assert "across splits and classes" == listed[2]["detail"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_page_shows_pictures(messy: Path) -> None:
    page = cv2.imdecode(np.frombuffer(draw_gallery(audit(messy, workers=1)), np.uint8), cv2.IMREAD_COLOR)

    assert count_colours(page) > 5000
    assert (page == (0, 94, 213)).all(axis=2).any()  # the orange of sets across splits


def test_an_image_that_went_away_leaves_its_place_empty(messy: Path) -> None:
    found = audit(messy, workers=1)
    (messy / "train" / "cat" / "0.png").unlink()

    assert draw_gallery(found).startswith(b"\x89PNG")


def test_the_command_prints_and_writes(messy: Path, tmp_path: Path, command: Command) -> None:
    status, out, err = command("audit", messy, "-o", tmp_path / "out", "--workers", 1)

    assert (0, "") == (status, err)
    assert re.search(r"unreadable +2 ", out)
    assert re.search(r"exact duplicates: equal pixels +4 +2 +2 +1", out)
    assert ["audit.csv", "audit.png", "classes.png", "findings.csv"] == sorted(
        path.name for path in (tmp_path / "out").iterdir()
    )
    assert f"next: kit shard {messy} --name messy --max-rejects 2" == out.splitlines()[-1]
    assert max(map(len, out.splitlines()[1:-2])) <= 100


def test_nothing_is_written_unless_asked(messy: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(messy.parent)
    before = sorted(messy.parent.rglob("*"))
    command("audit", messy, "--workers", 1)

    assert before == sorted(messy.parent.rglob("*"))


def test_json_has_the_counts_and_every_finding(messy: Path, tmp_path: Path, command: Command) -> None:
    answer = json.loads(command("audit", messy, "--json", "-o", tmp_path / "out", "--workers", 1)[1])

    assert (14, 2, 0, 1, 1) == tuple(answer[name] for name in ("images", "unreadable", "missing", "blank", "saturated"))
    assert {"sets": 2, "images": 4, "across_splits": 2, "across_classes": 1} == answer["duplicates"]
    assert {"64x64": 12} == answer["sizes"]
    assert 2 + 2 + 2 + 1 + 1 == len(answer["findings"])
    assert 4 == len(answer["files"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere does not exist"),
        ([".", "--near-bits", "13"], "near_bits must be between 0 and 12, got 13"),
        ([".", "--labels", "nothing.csv"], "cannot read nothing.csv"),
        ([".", "--class-from", "("], r"not a regular expression"),
        ([".", "-o", "notes.txt"], r"notes.txt"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line(
    messy: Path, arguments: list[str], message: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(messy)
    status, out, err = command("audit", *arguments, "--workers", 1)

    assert (1, "", 1) == (status, out, err.count("\n"))
    assert re.match(f"kit: .*{message}", err)


def test_help_imports_nothing_heavy() -> None:
    script = """
import sys
sys.argv = ["kit", "audit", "--help"]
from kit.cli import main
try:
    main()
finally:
    heavy = {"imagehash", "PIL", "scipy", "cv2", "matplotlib", "pandas", "numpy"} & set(sys.modules)
    assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_workers_load_neither_tensorflow_nor_pandas() -> None:
    script = "import sys, kit.audits.image_facts; sys.exit('tensorflow' in sys.modules or 'pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ})


def test_odd_files_of_many_makers_are_audited(awkward: Path) -> None:
    found = audit(awkward, workers=1)

    assert len(found.records) > 100
    assert 15 < len(found.unreadable) < 40
    assert all(fact.problem or fact.digest for fact in found.facts)


def test_x_rays_of_different_people_are_not_near(chest_xray: Path) -> None:
    found = audit(chest_xray, workers=1)

    assert (8, 17) == (len(found.duplicates), sum(len(alike.indices) for alike in found.duplicates))
    assert () == found.near_duplicates


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([29, 10], "the largest 2.9 times the smallest"),
        ([100, 98], "about equally large"),
        ([7, 7, 7], "equally large"),
        ([106, 100], "the largest 1.1 times the smallest"),
    ],
)
def test_classes_that_are_equally_large_are_said_to_be(counts: list[int], said: str) -> None:
    assert said == _balance(counts)


def test_the_page_counts_one_set_and_one_image_in_the_singular(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / "cat" / f"{name}.png", scene(1))
    write(tmp_path / "dog" / "three.png", scene(2))
    notes = [row.note for row in _rows(kit.audit(tmp_path, workers=1)) if row.heading]

    assert ["2 images", "1 image", "1 set; equal pixels"] == notes[:3]


@pytest.mark.parametrize(
    ("target", "labels", "headings"),
    [
        ("tags", ["a b", "b", "a c", "b c", "a", "c b"], ["tag b", "tag a", "tag c"]),
        ("values", ["1.5", "-2.25", "10.5", "0.125", "7.75", "3.5"], ["label"]),
    ],
)
def test_a_gallery_shows_each_tag_and_values_from_the_lowest_up(
    tmp_path: Path, target: str, labels: list[str], headings: list[str]
) -> None:
    rng = np.random.default_rng(0)
    for number in range(len(labels)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), rng.integers(0, 256, (16, 16, 3), np.uint8))
    table = tmp_path / "train.csv"
    table.write_text("id,label\n" + "".join(f"{number},{label}\n" for number, label in enumerate(labels)))
    found = kit.audit(tmp_path, labels=table, target=target, workers=1, near_bits=0)
    rows = list(_rows(found))

    assert headings == [row.heading for row in rows if row.heading]
    if target == "tags":
        assert [4, 3, 3] == [len(row.clusters[0].tiles) for row in rows if row.clusters]
    else:
        captions = [tile.caption for tile in rows[1].clusters[0].tiles]
        assert sorted(labels, key=float) == captions
    assert draw_gallery(found).startswith(b"\x89PNG")


@pytest.mark.parametrize(("target", "noun"), [("values", "value"), ("tags", "tag")])
def test_labels_of_duplicates_are_called_what_they_are(tmp_path: Path, target: str, noun: str) -> None:
    for number in range(3):
        write(tmp_path / f"{number}.png", scene(number // 2))
    labels = tmp_path / "train.csv"
    labels.write_text("id,label\n0,1\n1,2\n2,3\n")
    found = kit.audit(tmp_path, labels=labels, target=target, workers=1, near_bits=0)

    assert ("image", noun) == table(found, "exact duplicates").columns
