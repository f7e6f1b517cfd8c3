from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from trained import SIDE, write_images

import kit
from kit.errors import ShardError
from kit.shards.read import read_examples

if TYPE_CHECKING:
    from pathlib import Path

    from kit.shards import Dataset

IN_MEMORY, STREAMED = 0.25, 0.0
BATCH = 16


@pytest.fixture(autouse=True)
def _as_in_a_training() -> None:
    """Seeds and determinism as a run sets them: they change what tf.data allows."""
    from kit.compat import keras
    from kit.training.devices import prepare_devices

    prepare_devices()
    keras.utils.set_random_seed(0)


def epochs(dataset: Dataset, count: int, **options: object) -> list[np.ndarray]:
    """Images of `count` epochs, each [steps x batch, pixels]."""
    from kit.pipeline import train_batches

    steps = dataset.full_batches("train", BATCH)
    batches = train_batches(dataset, batch_size=BATCH, **options).take(count * steps)
    images = np.concatenate([image.numpy().reshape(BATCH, -1) for image, _ in batches])
    return np.split(images, count)


def distinct(images: np.ndarray) -> int:
    return len({row.tobytes() for row in images})


def test_eval_batches_give_every_example_once_in_stored_order(tiny: Dataset) -> None:
    from kit.pipeline import eval_batches

    stored = list(read_examples(tiny, "validation"))
    batches = list(eval_batches(tiny, "validation", batch_size=BATCH).as_numpy_iterator())

    assert [16, 16, 4] == [len(batch["key"]) for batch in batches]
    assert [example.key for example in stored] == [key.decode() for batch in batches for key in batch["key"]]
    assert np.array_equal([example.pixels for example in stored], np.concatenate([b["image"] for b in batches]))
    labels = np.concatenate([batch["label"] for batch in batches])
    assert [example.text for example in stored] == [tiny.manifest.classes[label] for label in labels]


def test_eval_batches_of_an_unlabelled_split_follow_the_sample_submission(tiny: Dataset) -> None:
    from kit.pipeline import eval_batches

    (batch,) = eval_batches(tiny, "test").as_numpy_iterator()

    assert [f"{number:03d}" for number in reversed(range(10))] == [key.decode() for key in batch["key"]]
    assert [-1] * 10 == batch["label"].tolist()


def test_eval_batches_know_how_many_they_are(tiny: Dataset) -> None:
    from kit.pipeline import eval_batches

    batches = eval_batches(tiny, "validation", batch_size=BATCH)

    assert 3 == batches.cardinality()
    assert (None, SIDE, SIDE, 3) == tuple(batches.element_spec["image"].shape)


@pytest.mark.parametrize("memory_share", [IN_MEMORY, STREAMED])
def test_an_epoch_shows_no_image_twice(tiny: Dataset, memory_share: float) -> None:
    for images in epochs(tiny, 3, seed=1, memory_share=memory_share):
        assert 80 == distinct(images)


@pytest.mark.parametrize("memory_share", [IN_MEMORY, STREAMED])
def test_epochs_and_seeds_differ_and_equal_ones_repeat(tiny: Dataset, memory_share: float) -> None:
    first, second = epochs(tiny, 2, seed=1, memory_share=memory_share)
    again, _ = epochs(tiny, 2, seed=1, memory_share=memory_share)
    other, _ = epochs(tiny, 2, seed=2, memory_share=memory_share)

    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("memory_share", [IN_MEMORY, STREAMED])
def test_a_later_epoch_is_the_same_whether_or_not_earlier_ones_were_seen(tiny: Dataset, memory_share: float) -> None:
    third = epochs(tiny, 3, seed=1, memory_share=memory_share)[2]
    (alone,) = epochs(tiny, 1, seed=1, first_epoch=2, memory_share=memory_share)

    assert np.array_equal(third, alone)


def test_train_images_are_scaled_to_one_and_labels_fit_them(tiny: Dataset) -> None:
    from kit.pipeline import train_batches

    images, labels = next(iter(train_batches(tiny, batch_size=BATCH, seed=0)))
    brightness = images.numpy().mean(axis=(1, 2, 3))

    assert images.dtype.name == "float32"
    assert 0 <= images.numpy().min()
    assert images.numpy().max() <= 1
    assert (brightness > 0.4).astype(float).tolist() == labels.numpy().tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_stored_jpegs_decode_to_the_pixels_that_sharding_saw(tmp_path: Path, channels: int) -> None:
    from kit.pipeline import eval_batches

    write_images(tmp_path / "images", 20, ("dark", "light"), ending=".jpg")
    dataset = kit.shard(tmp_path / "images", name="jpegs", channels=channels, root=tmp_path, workers=1)
    stored = [example.pixels for example in read_examples(dataset, "train")]
    (batch,) = eval_batches(dataset, "train").as_numpy_iterator()

    assert {"jpeg": 20} == dataset.manifest.image.formats
    assert np.array_equal(stored, batch["image"])


def test_raw_png_and_jpeg_images_can_share_a_dataset(tmp_path: Path) -> None:
    from kit.pipeline import eval_batches

    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    for number, ending in enumerate([".jpg", ".png", ".tif", ".bmp"] * 4):
        path = tmp_path / "images" / f"class-{number % 2}" / f"{number}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), noise + np.uint8(number))
    dataset = kit.shard(tmp_path / "images", name="mixed", root=tmp_path, workers=1)
    stored = [example.pixels for example in read_examples(dataset, "train")]
    (batch,) = eval_batches(dataset, "train").as_numpy_iterator()

    assert {"jpeg", "png"} == set(dataset.manifest.image.formats)
    assert np.array_equal(stored, batch["image"])


def test_images_of_several_sizes_are_refused_with_the_option_that_helps(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 8, ("dark", "light"))
    cv2.imwrite(str(tmp_path / "images" / "dark" / "larger.png"), np.zeros((40, 20, 3), np.uint8))
    dataset = kit.shard(tmp_path / "images", name="sizes", root=tmp_path, workers=1)

    with pytest.raises(ShardError, match=r"16 to 40 pixels high and 16 to 20 wide; shard them with --size"):
        _ = dataset.shape


def test_a_batch_larger_than_the_split_is_refused_with_one_that_fits(tiny: Dataset) -> None:

    with pytest.raises(ShardError, match=r"84 train images, fewer than a batch of 85; give --set train.batch_size=16"):
        tiny.full_batches("train", 85)
