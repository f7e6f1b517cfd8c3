from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest
from trained import SIDE, write_images

import kit
from kit.datasets.read import read_examples
from kit.errors import ShardError, SpecError, WorkspaceError
from kit.specs import AugmentSpec

if TYPE_CHECKING:
    from pathlib import Path

    from kit.datasets import Dataset

IN_MEMORY, STREAMED = 0.25, 0.0
BATCH = 16
PLACES = [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(2, marks=pytest.mark.slow)]  # in `memory_shares`
SAMPLINGS = ["shuffle", pytest.param("balanced", marks=pytest.mark.slow)]
SOME = AugmentSpec(horizontal_flip=True, contrast=0.5, mixup=0.4)  # of an image and of a batch, soon traced
STRONG = AugmentSpec(rotation=90, width_shift=0.2, horizontal_flip=True, contrast=0.5, erasing=0.5, mixup=0.4, cutmix=1)


@pytest.fixture(autouse=True)
def _as_in_a_training() -> None:
    """Set seeds and determinism as in a run, which affect tf.data."""
    from kit.compat import keras
    from kit.training.devices import prepare_devices

    prepare_devices()
    keras.utils.set_random_seed(0)


def epochs(dataset: Dataset, count: int, **options: object) -> list[np.ndarray]:
    """Images of `count` epochs, each [steps x batch, pixels]."""
    from kit.pipeline import train_batches

    steps = dataset.full_batches("train", BATCH)
    batches = train_batches(dataset, dataset.manifest.target.head(), batch_size=BATCH, **options).take(count * steps)
    images = np.concatenate([image.numpy().reshape(BATCH, -1) for image, _ in batches])
    return np.split(images, count)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """99 train images of three classes: 60, 30 and 9 of them."""
    root = tmp_path_factory.mktemp("uneven")
    numbers = np.repeat([0, 1, 2], [67, 33, 10])
    images = np.random.default_rng(0).integers(0, 255, (len(numbers), 8, 8, 3), np.uint8)
    labels = [f"class-{number}" for number in numbers]
    return kit.shard_arrays(images, labels, name="uneven", split=(0.9, 0.1), root=root, workers=1)


def memory_shares(dataset: Dataset) -> tuple[float, ...]:
    """Shares of the memory that hold the whole split, none of it, and its rarer classes only."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return IN_MEMORY, STREAMED, 0.5 * sum(shard.bytes for shard in dataset.shards("train")) / machine


def augmentation(place: int) -> AugmentSpec:
    """Augmentation of a place in `memory_shares`: little of it in the fast tests, all of it in the slow ones."""
    return SOME if place == 1 else STRONG


def drawn(dataset: Dataset, count: int, **options: object) -> list[tuple[np.ndarray, ...]]:
    """Return the images, labels and other elements of `count` batches."""
    from kit.pipeline import train_batches

    return list(
        train_batches(dataset, dataset.manifest.target.head(), batch_size=BATCH, **options)
        .take(count)
        .as_numpy_iterator()
    )


def equal(first: list[tuple[np.ndarray, ...]], second: list[tuple[np.ndarray, ...]]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(np.array_equal(one, other) for batches in pairs for one, other in zip(*batches, strict=True))


def share_memory(tensor: object, array: np.ndarray) -> bool:
    array[0, 0, 0, 0] ^= 255
    return bool(tensor.numpy()[0, 0, 0, 0] == array[0, 0, 0, 0])


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

    images, labels = next(iter(train_batches(tiny, tiny.manifest.target.head(), batch_size=BATCH, seed=0)))
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

    with pytest.raises(ShardError, match=r"16 to 40 pixels high and 16 to 20 wide; shard them with size="):
        _ = dataset.shape


def test_a_batch_larger_than_the_split_is_refused_with_one_that_fits(tiny: Dataset) -> None:

    with pytest.raises(ShardError, match=r"84 train images, fewer than a batch of 85; set train.batch_size=16"):
        tiny.full_batches("train", 85)


@pytest.mark.parametrize("memory_share", [pytest.param(IN_MEMORY, marks=pytest.mark.slow), STREAMED])
def test_augmentation_is_drawn_anew_for_every_batch_and_the_same_after_a_stop(
    tiny: Dataset, memory_share: float
) -> None:
    first, second, third = (
        drawn(tiny, 15, seed=1, memory_share=memory_share, augment=STRONG)[start : start + 5] for start in (0, 5, 10)
    )

    assert equal(third, drawn(tiny, 5, seed=1, first_epoch=2, memory_share=memory_share, augment=STRONG))
    assert not equal(first, drawn(tiny, 5, seed=2, memory_share=memory_share, augment=STRONG))
    assert 240 == distinct(np.concatenate([images for images, _ in (*first, *second, *third)]))


@pytest.mark.parametrize("memory_share", [IN_MEMORY, STREAMED])
def test_augmentation_leaves_the_order_of_the_examples(tiny: Dataset, memory_share: float) -> None:
    plain = drawn(tiny, 10, seed=1, memory_share=memory_share)
    flipped = drawn(tiny, 10, seed=1, memory_share=memory_share, augment=AugmentSpec(horizontal_flip=True))
    sides = [
        (np.array_equal(image, other), np.array_equal(image[:, ::-1], other))
        for (images, _), (others, _) in zip(plain, flipped, strict=True)
        for image, other in zip(images, others, strict=True)
    ]

    assert all(same or turned for same, turned in sides)
    assert 40 < sum(turned for _, turned in sides) < 120
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(plain, flipped, strict=True))


@pytest.mark.parametrize("memory_share", [IN_MEMORY, STREAMED])
def test_validation_images_are_as_they_are_stored(tiny: Dataset, memory_share: float) -> None:
    from kit.pipeline import train_batches, validation_batches

    next(
        iter(
            train_batches(
                tiny, tiny.manifest.target.head(), batch_size=BATCH, seed=0, memory_share=memory_share, augment=SOME
            )
        )
    )
    batches = validation_batches(tiny, tiny.manifest.target.head(), memory_share=memory_share)
    stored = [example.pixels for example in read_examples(tiny, "validation")]
    for _ in range(2):  # the second time from the cache, where there is one
        images = np.concatenate([image for image, _ in batches.as_numpy_iterator()])
        assert np.array_equal(np.float32(stored) / np.float32(255), images)


def test_labels_of_more_than_two_classes_are_one_hot(uneven: Dataset) -> None:
    from kit.pipeline import validation_batches

    (batch, *_) = drawn(uneven, 1, seed=0)
    labels = np.concatenate(
        [label for _, label in validation_batches(uneven, uneven.manifest.target.head()).as_numpy_iterator()]
    )
    stored = [uneven.manifest.classes.index(example.text) for example in read_examples(uneven, "validation")]

    assert ((BATCH, 3), "float32") == (batch[1].shape, batch[1].dtype.name)
    assert np.array_equal(np.eye(3, dtype=np.float32)[stored], labels)


@pytest.mark.parametrize("place", range(3))
def test_balanced_sampling_draws_classes_in_turn_and_images_of_a_class_equally_often(
    uneven: Dataset, place: int
) -> None:
    batches = drawn(uneven, 6, seed=1, memory_share=memory_shares(uneven)[place], sampling="balanced")
    shown: dict[int, dict[bytes, int]] = {0: {}, 1: {}, 2: {}}
    for images, labels in batches:
        for image, label in zip(images, labels.argmax(axis=1), strict=True):
            shown[label][image.tobytes()] = shown[label].get(image.tobytes(), 0) + 1

    assert {"class-0": 60, "class-1": 30, "class-2": 9} == uneven.manifest.counts["train"]
    assert all(set(labels.sum(axis=0)) <= {4, 5, 6} for _, labels in batches)
    assert [32, 32, 32] == [sum(times.values()) for times in shown.values()]
    assert [32, 30, 9] == [len(times) for times in shown.values()]
    assert [{1}, {1, 2}, {3, 4}] == [set(times.values()) for times in shown.values()]


@pytest.mark.parametrize("place", PLACES)
def test_balanced_sampling_goes_on_where_it_was_stopped(uneven: Dataset, place: int) -> None:
    options = {"memory_share": memory_shares(uneven)[place], "sampling": "balanced", "augment": augmentation(place)}
    whole = drawn(uneven, 18, seed=1, **options)

    assert equal(whole[12:], drawn(uneven, 6, seed=1, first_epoch=2, **options))
    assert not equal(whole[:6], whole[6:12])
    assert not equal(whole[:6], drawn(uneven, 6, seed=2, **options))


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("place", PLACES)
def test_batches_go_on_from_the_middle_of_an_epoch(uneven: Dataset, place: int, sampling: str) -> None:
    from kit.pipeline import train_examples

    options = {"sampling": sampling, "memory_share": memory_shares(uneven)[place]}
    examples = train_examples(uneven, **options)  # opened once for all that follows
    augment = augmentation(place)
    whole = drawn(uneven, 12, seed=1, augment=augment, **options)

    for epoch, step in ((0, 1), (0, 5), (1, 2)):
        rest = drawn(
            uneven,
            12 - 6 * epoch - step,
            seed=1,
            augment=augment,
            sampling=sampling,
            first_epoch=epoch,
            first_step=step,
            examples=examples,
        )
        assert equal(whole[6 * epoch + step :], rest)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("mixup", [0.0, 0.4])
@pytest.mark.parametrize("place", PLACES)
def test_shares_of_a_batch_together_are_the_batch(uneven: Dataset, place: int, mixup: float, sampling: str) -> None:
    from kit.pipeline import BatchShare

    augment = msgspec.structs.replace(augmentation(place), mixup=mixup, cutmix=mixup)
    options = {
        "seed": 1,
        "augment": augment,
        "sampling": sampling,
        "memory_share": memory_shares(uneven)[place],
        "class_weights": [1, 2, 4],
    }
    whole = drawn(uneven, 3, **options)
    shares = [drawn(uneven, 3, share=BatchShare(index, 2), **options) for index in range(2)]

    joined = [tuple(map(np.concatenate, zip(*halves, strict=True))) for halves in zip(*shares, strict=True)]
    for batch, same in zip(whole, joined, strict=True):
        assert all(np.array_equal(values, others) for values, others in zip(batch, same, strict=True))


def test_reduced_images_are_means_over_areas_of_the_whole_ones(uneven: Dataset) -> None:
    whole = drawn(uneven, 2, seed=1)
    reduced = drawn(uneven, 2, seed=1, sides=(4, 2))

    for (images, labels), (means, same) in zip(whole, reduced, strict=True):
        areas = images.reshape(BATCH, 4, 2, 2, 4, 3).mean(axis=(2, 4))
        np.testing.assert_allclose(areas, means, atol=1e-6)
        assert np.array_equal(labels, same)


def test_weights_are_those_of_an_images_own_class_even_where_it_is_mixed(uneven: Dataset) -> None:
    plain = drawn(uneven, 6, seed=1)
    weighted = drawn(uneven, 6, seed=1, augment=STRONG, class_weights=[1, 2, 4])

    for (_, labels), (_, mixed, weights) in zip(plain, weighted, strict=True):
        assert "float32" == weights.dtype.name
        assert np.array_equal(labels @ np.float32([1, 2, 4]), weights)
        assert not np.array_equal(labels, mixed)


def test_weights_that_do_not_fit_the_classes_are_refused(uneven: Dataset) -> None:
    with pytest.raises(SpecError, match=r"class_weights must be 3 numbers, one per class, got \[1, 2\]"):
        drawn(uneven, 1, seed=0, class_weights=[1, 2])


def test_quarter_turns_of_wide_images_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    dataset = kit.shard_arrays(np.zeros((8, 6, 9, 1), np.uint8), list("abababab"), name="wide", root=tmp_path)

    with pytest.raises(SpecError, match=r"quarter_turns needs square images, not 6x9; shard them at size 6"):
        drawn(dataset, 1, seed=0, augment=AugmentSpec(quarter_turns=True))


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_images_on_the_disk_come_as_those_in_memory(uneven: Dataset, tmp_path: Path, sampling: str) -> None:
    options = {"seed": 1, "sampling": sampling, "augment": SOME if sampling == "shuffle" else STRONG}
    in_memory = drawn(uneven, 18, cache="memory", **options)

    for _ in range(2):  # the second time from the files that are there
        assert equal(in_memory, drawn(uneven, 18, cache="disk", shared=tmp_path / "decoded", **options))
    assert 3 == len(list((tmp_path / "decoded").glob("train-*.npy")))


def test_no_cache_is_a_stream_whatever_the_memory(uneven: Dataset) -> None:
    streamed = drawn(uneven, 12, seed=1, memory_share=STREAMED)

    assert equal(streamed, drawn(uneven, 12, seed=1, cache="none"))
    assert not equal(streamed, drawn(uneven, 12, seed=1, cache="memory", memory_share=STREAMED))


def test_validation_images_on_the_disk_are_as_they_are_stored(tiny: Dataset, tmp_path: Path) -> None:
    from kit.pipeline import validation_batches

    batches = validation_batches(tiny, tiny.manifest.target.head(), batch_size=BATCH, cache="disk", shared=tmp_path)
    stored = [example.pixels for example in read_examples(tiny, "validation")]
    images = [image for image, _ in batches.as_numpy_iterator()]

    assert [16, 16, 4] == [len(batch) for batch in images]
    assert np.array_equal(np.float32(stored) / np.float32(255), np.concatenate(images))


def test_folds_on_the_disk_do_not_take_each_others_files(tmp_path: Path) -> None:
    from kit.pipeline import map_split

    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 1), np.uint8)
    dataset = kit.shard_arrays(images, list("ab" * 30), name="folds", channels=1, folds=3, root=tmp_path, workers=1)
    found = [set(map_split(dataset.for_fold(fold), "train", tmp_path / "decoded").keys) for fold in range(3)]

    assert [40, 40, 40] == [len(keys) for keys in found]
    assert not set.intersection(*found)


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_cached_images_become_a_tensor_without_a_copy(tiny: Dataset, tmp_path: Path, place: str) -> None:
    from kit.pipeline.cache import as_tensor, decode_split, map_split

    decoded = decode_split(tiny, "train") if place == "memory" else map_split(tiny, "train", tmp_path)

    assert share_memory(as_tensor(decoded.images), decoded.images)


def test_pixels_that_lie_where_tensorflow_cannot_read_are_copied() -> None:
    from kit.pipeline.cache import as_tensor

    shifted = np.arange(1 + 2 * 4 * 4, dtype=np.uint8)[1:].reshape(2, 4, 4, 1)

    assert np.array_equal(shifted, as_tensor(shifted).numpy())
    assert not share_memory(as_tensor(shifted), shifted)


def test_a_cache_on_a_disk_without_room_is_refused_with_the_way_out(tiny: Dataset, tmp_path: Path) -> None:
    import msgspec

    from kit.datasets import Dataset as AnyDataset
    from kit.pipeline import map_split

    huge = msgspec.structs.replace(tiny.manifest.image, height=(1 << 23, 1 << 23), width=(1 << 23, 1 << 23))
    dataset = AnyDataset(tiny.folder, msgspec.structs.replace(tiny.manifest, image=huge))

    with pytest.raises(WorkspaceError, match=r"the decoded train images fill 17,732,923.53 GB.* give cache='none'"):
        map_split(dataset, "train", tmp_path / "decoded")
    assert [".lock"] == [path.name for path in (tmp_path / "decoded").iterdir()]


def test_a_disk_cache_without_a_folder_is_refused(tiny: Dataset) -> None:
    with pytest.raises(SpecError, match="cache disk needs a folder"):
        drawn(tiny, 1, seed=0, cache="disk")


def test_windows_of_large_records_hold_fewer(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.pipeline import sampling as orders

    whole = epochs(tiny, 2, seed=1, cache="none")
    monkeypatch.setattr(orders, "_WINDOW_BYTES", 20_000)  # some 20 of the 84 records
    windows = epochs(tiny, 2, seed=1, cache="none")

    assert [80, 80] == [distinct(images) for images in windows]
    assert not np.array_equal(whole, windows)
