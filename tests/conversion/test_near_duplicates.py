"""Images that look the same, turned and mirrored too, stay in one split and one fold."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import kit
from kit.conversion.reshard import plan_again, shard_again
from kit.datasets import Dataset
from kit.datasets.example import decode_example
from kit.datasets.tfrecord import read_records
from kit.errors import SpecError
from kit.reports.dataset import remarks

PAIRS, ALONE = 12, 12


@pytest.fixture
def turned(tmp_path: Path) -> Path:
    """Twelve pictures with a turned, mirrored or compressed copy, and twelve without."""
    folder = tmp_path / "images"
    for number in range(PAIRS + ALONE):
        coarse = np.random.default_rng(number).integers(30, 200, (6, 6, 3), np.uint8)
        pixels = cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC)
        names = {f"{number}.png": pixels}
        if number < PAIRS:
            copy = np.rot90(pixels[:, ::-1] if number % 2 else pixels, number // 2 % 4)
            names[f"{number}-copy.jpg"] = np.ascontiguousarray(copy)
        for name, image in names.items():
            path = folder / "ab"[number % 2] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), image)
    return folder


def places(dataset: Dataset) -> dict[str, set[tuple[str, int]]]:
    """Find the splits and folds of each picture and its copy, from the stored records themselves."""
    found: dict[str, set[tuple[str, int]]] = {}
    for shard in dataset.manifest.shards:
        for record in read_records(dataset.folder / shard.name):
            features = decode_example(record)
            number = Path(bytes(features["image/filename"]).decode()).stem.partition("-")[0]  # type: ignore[arg-type]
            found.setdefault(number, set()).add((shard.split, int(features["image/fold"])))  # type: ignore[arg-type]
    return found


def test_near_duplicates_share_a_split_and_a_fold_where_asked(turned: Path, tmp_path: Path) -> None:
    loose = kit.shard(turned, name="loose", folds=4, workers=1, root=tmp_path)
    kept = kit.shard(turned, name="kept", folds=4, near_bits=4, workers=1, root=tmp_path)

    assert any(len(found) > 1 for found in places(loose).values())
    assert all(len(found) == 1 for found in places(kept).values())
    assert (PAIRS, 2 * PAIRS) == (kept.manifest.near_duplicates.sets, kept.manifest.near_duplicates.images)
    assert f"images kept with a near-duplicate: {2 * PAIRS} in sets: {PAIRS}; see near_duplicates.csv" in remarks(kept)
    assert PAIRS * 2 + 1 == len((kept.folder / "near_duplicates.csv").read_text().splitlines())


def test_workers_do_not_change_what_is_kept_together(turned: Path, tmp_path: Path) -> None:
    one, two = (kit.shard(turned, name=f"by{count}", near_bits=4, workers=count, root=tmp_path) for count in (1, 2))

    assert one.manifest.fingerprint == two.manifest.fingerprint


def test_equal_images_and_near_ones_are_kept_together_at_once(turned: Path, tmp_path: Path) -> None:
    (turned / "b" / "0-again.png").write_bytes((turned / "a" / "0.png").read_bytes())
    (turned / "a" / "20-again.png").write_bytes((turned / "a" / "20.png").read_bytes())
    kept = kit.shard(turned, name="kept", folds=4, near_bits=4, workers=1, root=tmp_path)

    assert all(len(found) == 1 for found in places(kept).values())
    assert 2 == kept.manifest.duplicates.sets


def test_another_size_keeps_the_split(turned: Path, tmp_path: Path) -> None:
    kept = kit.shard(turned, name="kept", near_bits=4, workers=1, root=tmp_path)
    again = shard_again(kept, plan_again(kept, {"data.size": "16"}), workers=1, root=tmp_path)

    assert places(kept) == places(again)


def test_near_duplicates_across_the_sources_own_splits_are_warned_of(turned: Path, tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / "split" / "train").mkdir(parents=True, exist_ok=True)
        (tmp_path / "split" / "test" / label).mkdir(parents=True)
        (turned / label).rename(tmp_path / "split" / "train" / label)
    for number in (0, 1):
        path = tmp_path / "split" / "train" / "ab"[number] / f"{number}-copy.jpg"
        path.rename(tmp_path / "split" / "test" / "ab"[number] / path.name)
    kept = kit.shard(tmp_path / "split", name="kept", near_bits=4, workers=1, root=tmp_path)

    assert "warning: sets of near-duplicates across the source's own splits: 2" in remarks(kept)


@pytest.mark.parametrize("bits", [-1, 13])
def test_bits_that_cannot_be_are_refused(turned: Path, tmp_path: Path, bits: int) -> None:
    with pytest.raises(SpecError, match=rf"near_bits must be between 0 and 12, got {bits}"):
        kit.shard(turned, name="x", near_bits=bits, workers=1, root=tmp_path)
