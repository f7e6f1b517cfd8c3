from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import SIGNATURE, SLUG, Game, StandIn
from trained import write_images

import kit
from kit import seals
from kit.errors import KaggleError, NetworkError, SpecError, WorkspaceError
from kit.kaggle.archives import refuse_unsafe, unpack
from kit.kaggle.retries import Retries
from kit.kaggle.shard_suggestion import shard_command

CALM = Retries(connect_timeout=5, read_timeout=5, attempts=3, backoff=0.01)
HASTE = Retries(connect_timeout=0.3, read_timeout=0.3, attempts=3, backoff=0.01)
FILES = {
    "train_labels.csv": b"id,label\n" + b"".join(b"%d,%d\n" % (one, one % 2) for one in range(20)),
    "sample_submission.csv": b"id,label\n" + b"".join(b"t%d,0\n" % one for one in range(5)),
    **{f"train/{one}.tif": bytes([one]) * 20_000 for one in range(20)},
    **{f"test/t{one}.tif": bytes([one]) * 3000 for one in range(5)},
}


def zipped(files: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.fixture
def game(standin: StandIn) -> Game:
    standin.games[SLUG] = Game(files=FILES, archive=zipped(FILES))
    return standin.games[SLUG]


def fetch(root: Path, competition: str | None = SLUG, kind: str = "", **options: Any) -> Any:
    return kit.fetch(competition, root=root, retries=HASTE if kind == "stall" else CALM, **options)


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.usefixtures("game")
def test_a_competition_is_fetched_unpacked_and_its_shard_command_named(tmp_path: Path) -> None:
    done = fetch(tmp_path)
    folder = tmp_path / "data" / SLUG

    assert FILES == contents(folder)
    assert (True, len(FILES), sum(map(len, FILES.values())), ()) == (done.is_new, done.files, done.bytes, done.remarks)
    assert done.command == (
        f"kit shard {folder}/train --labels {folder}/train_labels.csv --test {folder}/test"
        f" --sample-submission {folder}/sample_submission.csv --name {SLUG}"
    )
    assert [".fetched.json"] == [path.name for path in folder.iterdir() if path.name[0] == "."]


@pytest.mark.usefixtures("game")
def test_what_is_complete_is_not_fetched_again_and_needs_no_network(tmp_path: Path, standin: StandIn) -> None:
    fetch(tmp_path)
    standin.seen.clear()

    assert not fetch(tmp_path).is_new
    assert not standin.seen


@pytest.mark.usefixtures("game")
def test_a_file_that_was_lost_or_cut_is_fetched_again(tmp_path: Path) -> None:
    fetch(tmp_path)
    (tmp_path / "data" / SLUG / "train" / "3.tif").write_bytes(b"cut")

    assert fetch(tmp_path).is_new
    assert FILES == contents(tmp_path / "data" / SLUG)


@pytest.mark.usefixtures("game")
def test_a_file_that_was_changed_at_equal_size_is_named_and_fetched_again(tmp_path: Path) -> None:
    folder = fetch(tmp_path).folder
    (folder / "train" / "3.tif").write_bytes(b"?" * len(FILES["train/3.tif"]))
    done = fetch(tmp_path)

    assert done.is_new
    assert ("changed since they were fetched, and fetched anew: train/3.tif (1)",) == done.remarks
    assert FILES == contents(folder)
    assert (False, ()) == ((again := fetch(tmp_path)).is_new, again.remarks)


@pytest.mark.usefixtures("game")
def test_a_single_file_that_was_changed_at_equal_size_is_named_and_fetched_again(
    tmp_path: Path, standin: StandIn
) -> None:
    both = ["train_labels.csv", "train/7.tif"]
    folder = fetch(tmp_path, files=both).folder
    (folder / "train" / "7.tif").write_bytes(b"?" * len(FILES["train/7.tif"]))
    standin.seen.clear()
    done = fetch(tmp_path, files=both)

    assert ("changed since they were fetched, and fetched anew: train/7.tif (1)",) == done.remarks
    assert 1 == standin.steps("DownloadDataFile")
    assert {name: FILES[name] for name in both} == contents(folder)


def test_a_file_that_is_gone_from_kaggle_and_was_changed_at_equal_size_stays(tmp_path: Path, game: Game) -> None:
    folder = fetch(tmp_path).folder
    (folder / "train" / "3.tif").write_bytes(b"?" * len(FILES["train/3.tif"]))
    game.files = {name: data for name, data in FILES.items() if not name.startswith("train/")}
    game.archive = zipped(game.files)
    done = fetch(tmp_path, force=True)

    assert ("no longer on Kaggle, but changed here and kept: train/3.tif (1)",) == done.remarks
    assert {**game.files, "train/3.tif": b"?" * 20_000} == contents(folder)


@pytest.mark.usefixtures("game")
def test_files_are_read_once_to_be_known_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetch(tmp_path).folder
    for path in folder.rglob("*.*"):
        os.utime(path, (1, 1))
    monkeypatch.setattr(seals, "_RACY", 0)  # as if some seconds had gone by
    fetch(tmp_path)
    monkeypatch.setattr(seals, "xxh128_file", None)

    assert not fetch(tmp_path).is_new


@pytest.mark.usefixtures("game")
def test_a_note_without_hashes_is_read_as_before(tmp_path: Path) -> None:
    folder = fetch(tmp_path).folder
    old = json.loads((folder / ".fetched.json").read_text())
    assert FILES.keys() == old["hashes"].keys()
    (folder / ".fetched.json").write_bytes(
        seals.seal({name: old[name] for name in old if name not in {"hashes", "seal"}})
    )
    (folder / "train" / "3.tif").write_bytes(b"?" * len(FILES["train/3.tif"]))

    assert not fetch(tmp_path).is_new
    (folder / "train" / "3.tif").write_bytes(b"cut")
    assert fetch(tmp_path).is_new
    assert FILES == contents(folder)


def test_single_files_are_fetched_and_unwrapped(tmp_path: Path, game: Game) -> None:
    game.files = {**FILES, "train_labels.csv": zipped({"train_labels.csv": FILES["train_labels.csv"]}, 8)}
    done = fetch(tmp_path, files=["train_labels.csv", "train/7.tif"], output=tmp_path / "some")

    assert {name: FILES[name] for name in ("train_labels.csv", "train/7.tif")} == contents(tmp_path / "some")
    assert 2 == done.files
    assert not fetch(tmp_path, files=["train/7.tif"], output=tmp_path / "some").is_new


@pytest.mark.usefixtures("game")
def test_a_file_that_kit_did_not_fetch_is_not_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "data" / SLUG / "train_labels.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(WorkspaceError, match=r"train_labels.csv exists; choose another name or add force=True"):
        fetch(tmp_path, files=["train_labels.csv"])
    assert "mine" == mine.read_text()

    fetch(tmp_path, files=["train_labels.csv"], force=True)
    assert FILES["train_labels.csv"] == mine.read_bytes()


def test_files_that_came_before_a_failure_are_kept_and_not_asked_for_again(
    tmp_path: Path, standin: StandIn, game: Game
) -> None:
    both = ["train_labels.csv", "train/7.tif"]
    take = standin.take_fault
    standin.take_fault = lambda step: (  # type: ignore[method-assign]
        "rules" if step == "DownloadDataFile" and standin.steps(step) == 2 else take(step)
    )
    with pytest.raises(KaggleError, match="rules to accept"):
        fetch(tmp_path, files=both)
    standin.take_fault = take  # type: ignore[method-assign]
    standin.seen.clear()

    assert 2 == fetch(tmp_path, files=both).files
    assert 1 == standin.steps("DownloadDataFile")
    assert {name: game.files[name] for name in both} == contents(tmp_path / "data" / SLUG)


@pytest.mark.usefixtures("game")
def test_own_files_among_the_fetched_ones_stay_when_all_is_fetched_again(tmp_path: Path) -> None:
    folder = fetch(tmp_path).folder
    (folder / "train" / "mask.npy").write_text("mine")
    (folder / "train" / "3.tif").unlink()

    assert fetch(tmp_path).is_new
    assert {**FILES, "train/mask.npy": b"mine"} == contents(folder)


def test_files_that_are_no_longer_on_kaggle_go_when_all_is_fetched_again(tmp_path: Path, game: Game) -> None:
    folder = fetch(tmp_path).folder
    game.files = {name: data for name, data in FILES.items() if name != "train/5.tif"}
    game.archive = zipped(game.files)
    fetch(tmp_path, force=True)

    assert game.files == contents(folder)


@pytest.mark.usefixtures("game")
def test_own_files_of_the_same_names_stop_the_fetch_of_all(tmp_path: Path) -> None:
    folder = fetch(tmp_path, files=["train/7.tif"]).folder
    (folder / "train_labels.csv").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"holds files of its own: train_labels.csv \(1\); .* add force=True"):
        fetch(tmp_path)
    assert b"mine" == contents(folder)["train_labels.csv"]

    fetch(tmp_path, force=True)
    assert FILES == contents(folder)


@pytest.mark.usefixtures("game")
def test_a_fetch_that_was_stopped_while_moving_files_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename, moved = Path.rename, list[Path]()

    def stopping(new: Path, old: Path) -> Path:
        if moved:
            raise KeyboardInterrupt
        moved.append(old)
        return rename(new, old)

    monkeypatch.setattr(Path, "rename", stopping)
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path)
    assert moved[0].exists()
    monkeypatch.setattr(Path, "rename", rename)

    assert fetch(tmp_path).is_new
    assert FILES == contents(tmp_path / "data" / SLUG)


@pytest.mark.usefixtures("game")
def test_an_unknown_file_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(KaggleError, match=r"unknown file 'train_label.csv'; did you mean 'train_labels.csv'\?"):
        fetch(tmp_path, files=["train_label.csv"])
    fetch(tmp_path)
    with pytest.raises(KaggleError, match=r"unknown file 'train_label.csv'"):
        fetch(tmp_path, files=["train_label.csv"])


def test_a_dataset_is_fetched_by_owner_and_name(tmp_path: Path, standin: StandIn) -> None:
    files = {"chest/train/NORMAL/1.png": b"1", "chest/train/ILL/2.png": b"2", "chest/test/ILL/3.png": b"3"}
    standin.datasets["grace/chest-xray"] = Game(files=files, archive=zipped(files))
    done = fetch(tmp_path, None, dataset="grace/chest-xray")

    assert files == contents(tmp_path / "data" / "chest-xray")
    assert f"kit shard {tmp_path}/data/chest-xray/chest --name chest-xray" == done.command


def test_archives_within_the_archive_are_unpacked_in_folders_of_their_names(tmp_path: Path, game: Game) -> None:
    inner = {"train.zip": {"train/1.png": b"1", "train/2.png": b"2"}, "test.zip": {"9.png": b"9"}}
    game.files = {**{name: zipped(files) for name, files in inner.items()}, "labels.csv": b"id,label\n1,0\n2,1\n"}
    game.archive = zipped(game.files)
    done = fetch(tmp_path)

    assert {"train/1.png", "train/2.png", "test/9.png", "labels.csv"} == set(contents(tmp_path / "data" / SLUG))
    assert 4 == done.files
    assert not fetch(tmp_path).is_new


def test_archives_that_kit_does_not_unpack_are_named(tmp_path: Path, game: Game) -> None:
    game.files = {"train.7z": b"7z"}
    game.archive = zipped(game.files)
    done = fetch(tmp_path)

    assert (("still packed: train.7z (1)",), None) == (done.remarks, done.command)


# The network.


@pytest.mark.parametrize("step", ["GetCompetition", "ListDataFiles", "DownloadDataFiles", "Download"])
@pytest.mark.parametrize("kind", ["500", "503", "drop", "stall", "html", "429"])
@pytest.mark.usefixtures("game")
def test_what_passes_is_repeated(step: str, kind: str, tmp_path: Path, standin: StandIn) -> None:
    standin.faults[step] = (kind, 1)
    fetch(tmp_path, kind=kind)

    assert FILES == contents(tmp_path / "data" / SLUG)


@pytest.mark.parametrize("step", ["GetCompetition", "ListDataFiles", "DownloadDataFiles", "Download"])
@pytest.mark.parametrize("kind", ["500", "drop", "stall"])
@pytest.mark.usefixtures("game")
def test_what_lasts_ends_with_a_next_step_and_the_same_command_goes_on(
    step: str, kind: str, tmp_path: Path, standin: StandIn
) -> None:
    standin.faults[step] = (kind, 99)
    with pytest.raises(NetworkError, match="run the same command again") as told:
        fetch(tmp_path, kind=kind)
    assert SIGNATURE not in str(told.value)

    standin.faults.clear()
    fetch(tmp_path)
    assert FILES == contents(tmp_path / "data" / SLUG)


@pytest.mark.usefixtures("game")
def test_a_download_that_is_cut_goes_on_where_it_was(tmp_path: Path, standin: StandIn) -> None:
    standin.faults["Download"] = ("cut", 6)  # more often than there are attempts, but each gets further
    fetch(tmp_path)
    begins = [headers["Range"] for step, headers in standin.seen if step == "Download" and "Range" in headers]

    assert FILES == contents(tmp_path / "data" / SLUG)
    assert begins
    assert begins == sorted(begins, key=lambda text: int(text[6:-1]))


@pytest.mark.usefixtures("game")
def test_a_stopped_download_is_gone_on_with_by_the_next_call(tmp_path: Path, standin: StandIn) -> None:
    part = stopped(tmp_path, standin)
    got = part.stat().st_size
    standin.seen.clear()
    fetch(tmp_path)

    assert f"bytes={got}-" in [headers.get("Range") for _, headers in standin.seen]
    assert FILES == contents(tmp_path / "data" / SLUG)


def test_a_begun_download_of_another_version_is_not_gone_on_with(tmp_path: Path, standin: StandIn, game: Game) -> None:
    stopped(tmp_path, standin)
    game.files = {name: data[::-1] + b"!" for name, data in FILES.items()}
    game.archive = zipped(game.files)
    fetch(tmp_path)

    assert game.files == contents(tmp_path / "data" / SLUG)


def test_a_file_store_that_overlooks_versions_mixes_none(tmp_path: Path, standin: StandIn, game: Game) -> None:
    stopped(tmp_path, standin)
    game.files = {name: data[::-1] for name, data in FILES.items()}
    game.archive = zipped(game.files)
    standin.ranges = "careless"
    fetch(tmp_path)

    assert game.files == contents(tmp_path / "data" / SLUG)


@pytest.mark.parametrize("ranges", ["wrong", "none"])
@pytest.mark.usefixtures("game")
def test_a_file_store_that_mistakes_ranges_spoils_no_download(ranges: str, tmp_path: Path, standin: StandIn) -> None:
    stopped(tmp_path, standin)
    standin.ranges = ranges
    standin.seen.clear()
    fetch(tmp_path)

    assert 1 == sum("Range" in headers for _, headers in standin.seen)
    assert FILES == contents(tmp_path / "data" / SLUG)


def stopped(root: Path, standin: StandIn) -> Path:
    """Let the download of an archive be cut, and all that follow fail."""
    standin.faults = {"Download": ("cut", 2)}  # the first opening only asks for the size
    take = standin.take_fault

    def take_fault(step: str) -> str:
        return take(step) or ("500" if step == "Download" and standin.faults["Download"][1] == 0 else "")

    standin.take_fault = take_fault  # type: ignore[method-assign]
    with pytest.raises(NetworkError):
        fetch(root)
    standin.take_fault = take  # type: ignore[method-assign]
    standin.faults.clear()
    return root / "data" / SLUG / f"..{SLUG}.zip.part"


@pytest.mark.parametrize(
    ("step", "kind", "told"),
    [
        ("ListDataFiles", "rules", rf"rules to accept first .*in a browser: https://.*{SLUG}/rules"),
        ("DownloadDataFiles", "rules", rf"rules to accept first .*in a browser: https://.*{SLUG}/rules"),
        ("GetCompetition", "401", "credentials of KAGGLE_USERNAME and KAGGLE_KEY"),
        ("GetCompetition", "404", f"competition '{SLUG}' is not open to this account"),
    ],
)
@pytest.mark.usefixtures("game")
def test_refusals_name_the_next_step(step: str, kind: str, told: str, tmp_path: Path, standin: StandIn) -> None:
    standin.faults[step] = (kind, 99)
    with pytest.raises(KaggleError, match=told) as refused:
        fetch(tmp_path)

    assert 1 == refused.value.exit_status


def test_who_has_not_joined_is_told_before_anything_is_downloaded(tmp_path: Path, standin: StandIn, game: Game) -> None:
    game.entered = False
    with pytest.raises(KaggleError, match="accept its rules in a browser, then again: https"):
        fetch(tmp_path)

    assert ["GetCompetition", "DownloadDataFiles"] == [step for step, _ in standin.seen]


def test_a_proxy_that_refuses_is_named(tmp_path: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "PROD")  # https, for which the stand-in is a proxy that cannot connect
    monkeypatch.setenv("https_proxy", f"http://ada:proxy-secret@127.0.0.1:{standin.port}")
    with pytest.raises(NetworkError, match=r"api.kaggle.com cannot be reached: the proxy does not connect") as told:
        fetch(tmp_path)

    assert "proxy-secret" not in str(told.value)


def test_data_that_is_open_to_all_needs_no_joining(tmp_path: Path, game: Game) -> None:
    game.entered, game.is_open = False, True

    assert fetch(tmp_path).is_new


@pytest.mark.usefixtures("game")
def test_capitals_in_a_name_name_the_nearest_too(tmp_path: Path) -> None:
    with pytest.raises(KaggleError, match=rf"no competition '{SLUG.upper()}' .*; did you mean {SLUG}\?"):
        fetch(tmp_path, SLUG.upper())


def test_wrong_names_of_datasets_name_the_nearest(tmp_path: Path, standin: StandIn) -> None:
    standin.datasets["grace/chest-xray"] = Game()
    with pytest.raises(KaggleError, match=r"no dataset 'grace/chest-xrays' .*did you mean grace/chest-xray\?"):
        fetch(tmp_path, None, dataset="grace/chest-xrays")


@pytest.mark.parametrize(
    "names", [{}, {"competition": SLUG, "dataset": "a/b"}, {"dataset": "chest"}, {"competition": "a/b"}]
)
def test_what_to_fetch_must_be_clear(names: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        kit.fetch(root=tmp_path, **names)  # type: ignore[arg-type]


@pytest.mark.usefixtures("game")
def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "data" / SLUG / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(WorkspaceError, match="holds other files; choose another output=, or add force=True"):
        fetch(tmp_path)
    assert {"notes.txt": b"mine"} == contents(mine.parent)

    fetch(tmp_path, force=True)
    assert {**FILES, "notes.txt": b"mine"} == contents(mine.parent)


@pytest.mark.usefixtures("game")
def test_a_full_disk_is_said_before_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.kaggle.archives._SPARE", 1e18)
    with pytest.raises(
        WorkspaceError, match=r"needs .* kB and .* to spare, and .* are free; free some space or choose another output="
    ):
        fetch(tmp_path)


def test_an_archive_that_lacks_a_listed_file_is_refused(tmp_path: Path, game: Game) -> None:
    game.archive = zipped({name: data for name, data in FILES.items() if name != "train/3.tif"})
    with pytest.raises(KaggleError, match=r"lacks files that Kaggle lists: train/3.tif \(1\)"):
        fetch(tmp_path)

    assert {} == contents(tmp_path / "data" / SLUG)


def test_a_size_that_kaggle_lists_otherwise_is_remarked(tmp_path: Path, game: Game) -> None:
    game.archive = zipped({**FILES, "train/3.tif": b"short"})

    assert ("of another size than Kaggle lists: train/3.tif (1)",) == fetch(tmp_path).remarks
    again = fetch(tmp_path)
    assert not again.is_new
    assert ("of another size than Kaggle lists: train/3.tif (1)",) == again.remarks


# Unpacking.


def member(name: str, data: bytes = b"x", mode: int = 0) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, data


def archive_of(path: Path, *members: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in members:
            archive.writestr(info, data)
    return path


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (member("../out.txt"), "leads out"),
        (member("a/../../out.txt"), "leads out"),
        (member("/etc/out.txt"), "leads out"),
        (member("C:/out.txt"), "leads out"),
        (member("..\\out.txt"), "leads out"),
        (member("link", b"/etc", stat.S_IFLNK | 0o777), "is a link"),
        (member("pipe", b"", stat.S_IFIFO | 0o777), "is no plain file"),
        (member("good.txt/below"), "lies below a file"),
    ],
)
def test_unsafe_members_are_refused_and_nothing_is_unpacked(
    bad: tuple[zipfile.ZipInfo, bytes], why: str, tmp_path: Path
) -> None:
    archive = archive_of(tmp_path / "bad.zip", member("good.txt"), bad)
    with pytest.raises(KaggleError, match=f"not safe to unpack: .*{why}.*nothing of it was unpacked"):
        unpack(archive, tmp_path / "in" / "folder")

    assert ["bad.zip"] == [path.name for path in tmp_path.rglob("*")]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = archive_of(tmp_path / "bad.zip", member("a.txt"), member("a.txt", b"y"))
    with pytest.raises(KaggleError, match="two files have the same name"):
        unpack(archive, tmp_path / "folder")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "bomb.zip", member("zeros", bytes(20_000_000)))
    with zipfile.ZipFile(archive) as opened:
        zeros = opened.infolist()[0]
    zeros.file_size = 5_000_000_000

    with pytest.raises(KaggleError, match=r"would become 5.00 GB"):
        refuse_unsafe(archive, [zeros])


def test_a_bomb_in_several_archives_is_refused(tmp_path: Path, game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.kaggle.archives._HARMLESS", 250_000)
    inner = zipped({"zeros": bytes(100_000)}, zipfile.ZIP_DEFLATED)
    game.files = {f"{one}.zip": inner for one in range(3)}
    game.archive = zipped(game.files)
    with pytest.raises(KaggleError, match=r"is not safe to unpack: .* bytes would become 300"):
        fetch(tmp_path)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "damaged.zip", member("a.txt", bytes(range(256)) * 50))
    data = bytearray(archive.read_bytes())
    data[100] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(KaggleError, match=r"is damaged: .*; remove it, or add force=True, and fetch again"):
        unpack(archive, tmp_path / "folder")


def test_an_archive_that_cannot_be_unpacked_is_damaged(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": bytes(range(256)) * 50}, zipfile.ZIP_DEFLATED))
    data[40:80] = b"\xff" * 40
    archive = tmp_path / "damaged.zip"
    archive.write_bytes(data)
    with pytest.raises(KaggleError, match="is damaged: "):
        unpack(archive, tmp_path / "folder")


def test_a_file_that_only_ends_like_an_archive_is_kept(tmp_path: Path, game: Game) -> None:
    odd = b"x" * 200 + zipped({"train_labels.csv": b"id,label"})[-22:]
    game.files = {**FILES, "train_labels.csv": odd}

    assert odd == (fetch(tmp_path, files=["train_labels.csv"]).folder / "train_labels.csv").read_bytes()


NAMES = st.lists(
    st.text(st.sampled_from("ab./\\C:"), min_size=1, max_size=8).filter(lambda name: not name.endswith("/")),
    min_size=1,
    max_size=5,
    unique=True,
)


@given(names=NAMES)
def test_whatever_names_an_archive_has_nothing_leaves_the_folder(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = tmp_path_factory.mktemp("any")
    archive = archive_of(top / "any.zip", *(member(name) for name in names))
    folder = top / "inner" / "folder"
    with contextlib.suppress(KaggleError, OSError):
        unpack(archive, folder)
    outside = [path for path in top.rglob("*") if path.is_file() and not path.is_relative_to(folder)]

    assert [archive] == outside


# What was found.


def test_class_folders_need_no_options(tmp_path: Path) -> None:
    write_images(tmp_path / "pets" / "images", 4, ("cat", "dog"))

    assert f"kit shard {tmp_path}/pets/images --name pets" == shard_command(tmp_path / "pets", "pets")


def test_split_folders_are_left_to_kit_shard(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_images(tmp_path / "xray" / "chest" / split, 4, ("ill", "well"))

    assert f"kit shard {tmp_path}/xray/chest --name xray" == shard_command(tmp_path / "xray", "xray")


def test_labels_of_images_in_many_folders_are_found(tmp_path: Path) -> None:
    write_images(tmp_path / "slides" / "train", 4, ("0", "1"))
    (tmp_path / "slides" / "train.csv").write_text("image_id,label\n000,a\n001,b\n002,a\n003,b\n")
    (tmp_path / "slides" / "meta.csv").write_text("site,country\n1,x\n")

    assert f"kit shard {tmp_path}/slides/train --labels {tmp_path}/slides/train.csv --name slides" == shard_command(
        tmp_path / "slides", "slides"
    )


def test_tables_of_long_cells_are_no_labels(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 4, ("cat", "dog"))
    (tmp_path / "masks.csv").write_text(f"id,mask\n000,{'1 2 ' * 50_000}\n")

    assert f"kit shard {tmp_path}/images --name pets" == shard_command(tmp_path, "pets")


def test_a_folder_without_images_has_no_command(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b\n1,2\n")

    assert shard_command(tmp_path, "tables") is None


@pytest.mark.parametrize("data", ["pcam", "cifar"])
def test_the_command_shards_real_competition_data(
    data: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from kit.cli import main

    command = shard_command(request.getfixturevalue(data), data)
    assert command
    monkeypatch.setattr(
        sys, "argv", [*shlex.split(command), "--root", str(tmp_path), "--size", "8", "--max-rejects", "9999"]
    )
    with pytest.raises(SystemExit) as left:
        main()

    assert not left.value.code
    manifest = json.loads((tmp_path / "tfrecords" / data / "manifest.json").read_text())
    assert (data == "pcam") == manifest["sample_submission"]
