from __future__ import annotations

import itertools
import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import kit
from kit.cli.app import main
from kit.competitions import Competition, competition_names, fill, read_competition
from kit.errors import SpecError
from kit.kaggle.find_sample import sample_in
from kit.metrics import find_metric
from kit.reports.audit import next_command
from kit.reports.competitions import competition_lines
from kit.specs.source import source_spec
from tests.competitions.miniatures import Miniature, every, make_miniature, to_predict

SHARED = Path(__file__).parents[3] / "shared" / "COMPETITIONS.md"
Command = Callable[..., tuple[int, str]]

OWN = """\
title = "Cats of the neighbourhood"
folder = "train"
labels = "train.csv"
id_column = "photo"
label_column = "cat"
target = "classes"
metric = "log_loss"
test = "test"
sample_submission = "sample_submission.csv"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A competition of one's own: its files, and the .toml file beside them."""
    made = Miniature(tmp_path / "cats")
    made.pair(every("tom", "kitty"), "photo,cat")
    made.sample("photo,cat", 0.5)
    path = tmp_path / "cats.toml"
    path.write_text(OWN)
    return path


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run kit; return its exit status and what it printed: the one line of a refusal, or all of its output."""

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["kit", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        told = capsys.readouterr()
        assert len(told.err.splitlines()) == bool(stopped.value.code)
        return int(stopped.value.code or 0), told.err.rstrip() or told.out

    return run


@pytest.mark.parametrize("name", competition_names())
def test_each_file_says_where_its_facts_are_from_or_that_they_are_unconfirmed(name: str) -> None:
    found = read_competition(name)

    assert found.sources or found.unconfirmed
    assert found.images
    assert found.answer
    assert found.cells
    assert found.refused or find_metric(found.metric)
    assert all(len(sentence) < 200 for sentence in (*found.notes, *found.unconfirmed, found.refused))


@pytest.mark.skipif(not SHARED.is_file(), reason="no list of competitions here")
def test_every_competition_of_the_list_has_a_file() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", SHARED.read_text(), re.MULTILINE)[2:]
    names = {name for row in rows for name in re.findall(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+", row)}
    known = " ".join(competition_names())

    assert len(names) > 40
    assert [] == sorted(name for name in names if name not in known and f"herbarium{name}" not in known)


def test_a_competition_of_one_s_own_works_by_its_path(own: Path, tmp_path: Path) -> None:
    dataset = kit.shard(tmp_path / "cats", competition=own, size=8, workers=1, root=tmp_path)

    assert ("cats", "log_loss", ("kitty", "tom")) == (dataset.manifest.name, dataset.metric, dataset.manifest.classes)
    assert len(to_predict()) == dataset.manifest.records("test")


def test_options_win_over_the_competition(own: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text((tmp_path / "cats/train.csv").read_text().replace("cat\n", "name\n"))
    given = {"labels": tmp_path / "other.csv", "label_column": None, "target": None}
    filled = fill(own, tmp_path / "cats", {**given, "label_column": "name"}, metric="accuracy")

    assert tmp_path / "other.csv" == filled.options["labels"]
    assert ("name", "photo", "classes") == tuple(filled.options[key] for key in ("label_column", "id_column", "target"))
    assert "accuracy" == filled.metric


@pytest.mark.parametrize(
    ("name", "given", "gone"),
    [
        ("plant-pathology-2021-fgvc8", {"target": "classes"}, "separator"),
        ("aptos2019-blindness-detection", {"class_from": "(x)"}, "labels"),
        ("dogs-vs-cats-redux-kernels-edition", {"labels": "own.csv"}, "class_from"),
    ],
)
def test_a_given_option_makes_void_what_contradicts_it(
    name: str, given: dict[str, str], gone: str, tmp_path: Path
) -> None:
    filled = fill(name, make_miniature(name, tmp_path), given)

    assert given.items() <= filled.options.items()
    assert gone not in filled.options
    assert source_spec(filled.source, filled.options)


def test_a_refusal_with_two_readings_names_commands_with_the_competition(
    own: Path, tmp_path: Path, command: Command
) -> None:
    made = Miniature(tmp_path / "cats")
    made.pair([(number / 2,) for number in range(8)] * 2, "photo,cat")
    own.write_text(OWN.replace('target = "classes"', "").replace("log_loss", "accuracy"))

    _, line = command("shard", tmp_path / "cats", "--competition", own, "--root", tmp_path)

    assert f"kit shard {tmp_path}/cats --competition {own}" in line
    assert "--target classes" in line
    assert "--target values" in line


def test_an_audit_s_next_command_has_the_competition_s_name_and_metric(tmp_path: Path) -> None:
    name = "siim-isic-melanoma-classification"
    audited = kit.audit(make_miniature(name, tmp_path), competition=name, near_bits=0, workers=1)
    words = shlex.split(next_command(audited))

    assert {"--name": name, "--metric": "auc", "--group": "patient_id"}.items() <= dict(
        itertools.pairwise(words)
    ).items()


def test_no_competition_leaves_a_call_as_it_is(tmp_path: Path) -> None:
    filled = fill(None, tmp_path, {"labels": None}, None)

    assert (tmp_path, {"labels": None}, None, "") == (filled.source, filled.options, filled.metric, filled.name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('metric = "log_loss"', 'metrik = "log_loss"'), "cats.toml: unknown setting 'metrik'; did you mean 'metric'?"),
        (('"log_loss"', '"rmse"'), "cats.toml: metric 'rmse' is for grades and values, not for target 'classes'"),
        (('"log_loss"', '"logloss"'), "cats.toml: unknown metric 'logloss'; did you mean 'log_loss'?"),
        (('"classes"', '"klasses"'), "cats.toml: unknown target 'klasses'; did you mean 'classes'?"),
        (
            ('"cat"', '"name"'),
            "train.csv lacks the column 'name', label_column of {own}; it has photo, cat: give --label-column",
        ),
        (
            ('"train.csv"', '"labels.csv"'),
            "cats lacks labels.csv of {own}: give the folder that holds it, or correct {own}",
        ),
        (('"train"', '"../train"'), "cats.toml: folder must be a name below the fetched folder, got '../train'"),
        (('"test"', '["", "test"]'), "cats.toml: test lists an empty name; leave it out, or name a file"),
        (('title = "Cats of the neighbourhood"', ""), "cats.toml: Object missing required field `title`"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    change: tuple[str, str],
    told: str,
    own: Path,
    tmp_path: Path,
    command: Command,
) -> None:
    assert change[0] in OWN
    own.write_text(OWN.replace(*change))

    status, line = command("shard", tmp_path / "cats", "--competition", own, "--root", tmp_path)

    assert 1 == status
    assert told.format(own=own) in line
    assert not (tmp_path / "tfrecords").exists()


def test_a_folder_is_no_competition_s_file(tmp_path: Path) -> None:
    (tmp_path / "cats.toml").mkdir()

    with pytest.raises(SpecError, match=r"competition file .*cats.toml is a folder"):
        read_competition(tmp_path / "cats.toml")


def test_an_unknown_slug_is_answered_by_the_nearest_and_by_what_to_write(tmp_path: Path, command: Command) -> None:
    status, line = command("shard", tmp_path, "--competition", "aptos2019-blindness")

    assert 1 == status
    assert "unknown competition 'aptos2019-blindness'; did you mean 'aptos2019-blindness-detection'?" in line
    assert "write a .toml file with title, labels, id_column, label_column, metric and test, and give its path" in line


@pytest.mark.parametrize("name", ["shard", "audit"])
def test_what_kit_cannot_serve_is_refused_in_its_own_sentence(name: str, tmp_path: Path, command: Command) -> None:
    status, line = command(name, tmp_path, "--competition", "rsna-breast-cancer-detection")

    assert 1 == status
    assert line.endswith(
        "kit cannot serve rsna-breast-cancer-detection: its images are DICOM files, which kit does not read, and"
        " several images make one row"
    )


def test_packed_images_are_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "train_labels.csv").write_text("name,invasive\n1,0\n")
    (tmp_path / "sample_submission.csv").write_text("name,invasive\n1,0\n")
    for name in ("train.7z", "test.7z"):
        (tmp_path / name).write_bytes(b"7z")

    with pytest.raises(SpecError, match=r"lacks test of invasive-species-monitoring: unpack test\.7z there"):
        fill("invasive-species-monitoring", tmp_path, {})


def test_a_folder_within_a_folder_of_the_same_name_is_looked_into(tmp_path: Path) -> None:
    folder = make_miniature("plant-seedlings-classification", tmp_path)
    for name in ("train", "test"):
        (folder / name).rename(folder / "moved")
        (folder / name).mkdir()
        (folder / "moved").rename(folder / name / name)
    (folder / "train/.DS_Store").write_bytes(b"x")

    dataset = kit.shard(folder, competition="plant-seedlings-classification", size=8, workers=1, root=tmp_path)

    assert 4 == len(dataset.manifest.classes)
    assert len(to_predict()) == dataset.manifest.records("test")


def test_litter_of_operating_systems_is_no_image(own: Path, tmp_path: Path) -> None:
    for name in ("train/._a0.jpg", "train/Thumbs.db", "test/.DS_Store", "__MACOSX/train/._a0.jpg"):
        (tmp_path / "cats" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cats" / name).write_bytes(b"x")

    assert 0 == kit.audit(tmp_path / "cats", competition=own, near_bits=0, workers=1).bad


def test_ids_may_end_like_files_in_the_sample_only(own: Path, tmp_path: Path) -> None:
    made = Miniature(tmp_path / "cats")
    made.sample("photo,cat", 0.5, ending=".jpg")

    dataset = kit.shard(tmp_path / "cats", competition=own, size=8, workers=1, root=tmp_path)

    assert len(to_predict()) == dataset.manifest.records("test")


def test_test_ids_may_stand_in_a_table_of_files(own: Path, tmp_path: Path) -> None:
    made = Miniature(tmp_path / "cats")
    files = [f"a{number}.jpg" for number in range(24)]
    made.table("train.csv", "photo,cat,file", [(f"x{name}", name[1] in "02468", name) for name in files])
    made.table("test.csv", "photo,file", [(f"id{one}", f"{one}.jpg") for one in to_predict()])
    made.table("sample_submission.csv", "photo,cat", [(f"id{one}", 0.5) for one in to_predict()])
    own.write_text(OWN.replace('test = "test"', 'test = "test.csv"\npath_column = "file"'))

    dataset = kit.shard(tmp_path / "cats", competition=own, size=8, workers=1, root=tmp_path)

    assert len(to_predict()) == dataset.manifest.records("test")


@pytest.mark.parametrize(
    "name",
    [
        "kaggle_sample_submission.csv",
        "sample_submission_v2.csv",
        "stage1_sample_submission.csv",
        "sampleSubmission.csv",
    ],
)
def test_sample_submissions_are_known_by_their_other_names(name: str, tmp_path: Path) -> None:
    for other in (name, "resample_submission.csv", "train.csv"):
        (tmp_path / other).write_text("id,label\n")

    assert tmp_path / name == sample_in(tmp_path)


def test_show_prints_trap_doors_sources_and_what_is_unconfirmed(command: Command) -> None:
    found = read_competition("iwildcam-2019-fgvc6")
    _, shown = command("competitions", "show", "iwildcam-2019-fgvc6")
    _, described = command("competitions", "show", "iwildcam-2019-fgvc6", "--json")

    assert all(f"note: {note}" in shown for note in found.notes)
    assert all(f"unconfirmed: {fact}" in shown for fact in found.unconfirmed)
    assert all(f"source: {source}" in shown for source in found.sources)
    assert "location" == json.loads(described)["group"]
    assert "kit cannot serve it: no" in competition_lines("x.toml", Competition(title="x", refused="no"))


@pytest.mark.parametrize("columns", ["80", "100"])
def test_the_list_fits_the_screen(columns: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    _, shown = command("competitions")
    lines = shown.splitlines()

    assert [] == [line for line in lines if len(line.rstrip()) > int(columns)]
    assert all(1 == sum(line.split()[:1] == [name] for line in lines) for name in competition_names())
