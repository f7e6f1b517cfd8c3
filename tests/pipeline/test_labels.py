from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made import dataset_of

import kit
from kit.datasets.read import read_examples
from kit.errors import SpecError
from kit.specs import AugmentSpec, ImageSpec, ShardSpec
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

if TYPE_CHECKING:
    from pathlib import Path

    from kit.datasets import Dataset

COUNT, TESTED, BATCH = 80, 5, 16
TAGS = Tags(names=("cirrus", "haze", "road", "water"))
_RNG = np.random.default_rng(0)
_MARKS = (_RNG.random((COUNT, 4)) < (0.5, 0.3, 0.1, 0.2)).astype(np.int8)
_NUMBERS = [f"{angle:.6g} {count}" for angle, count in zip(_RNG.normal(size=COUNT), range(COUNT), strict=True)]
TARGETS: dict[str, tuple[Target, list[str]]] = {
    "two classes": (Classes(names=("no", "yes")), ["no", "yes"] * (COUNT // 2)),
    "classes": (Classes(names=("a", "b", "c")), [*"abca"] * (COUNT // 4)),
    "grades": (Grades(names=("0", "1", "2")), [*"0120"] * (COUNT // 4)),
    "tags": (TAGS, [TAGS.join(np.array(TAGS.names)[row > 0]) for row in _MARKS]),
    "values": (Values.of(("angle", "count"), _NUMBERS), _NUMBERS),
}
HEADS = [(name, head, loss) for name, (t, _) in TARGETS.items() for head in t.heads for loss in t.losses[head]]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """A dataset of each target, its images stored as pixels."""
    return _datasets(tmp_path_factory.mktemp("raw"), "raw")


@pytest.fixture(scope="module")
def as_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """A dataset of each target, its images stored as PNG."""
    return _datasets(tmp_path_factory.mktemp("png"), "png")


def _datasets(root: Path, encoding: str) -> dict[str, Dataset]:
    spec = ShardSpec(image=ImageSpec(encoding=encoding))
    return {
        name: dataset_of(root, target, labels, unlabelled=TESTED, spec=spec, name=name.replace(" ", "-"))
        for name, (target, labels) in TARGETS.items()
    }


def _truth(dataset: Dataset, split: str) -> np.ndarray:
    """Labels of a split, read without TensorFlow."""
    texts = [example.text for example in read_examples(dataset, split)]
    return dataset.manifest.target.encode([None] * len(texts) if split == "test" else texts)


def _labels(batches: object) -> np.ndarray:
    return np.concatenate([batch["label"] for batch in batches.as_numpy_iterator()])


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("cache", ["memory", "none"])
def test_batches_hold_the_labels_of_the_target(stored: dict[str, Dataset], name: str, cache: str) -> None:
    from kit.pipeline import eval_batches

    dataset = stored[name]
    for split in dataset.manifest.splits:
        truth = _truth(dataset, split)
        labels = _labels(eval_batches(dataset, split, batch_size=BATCH, cache=cache))

        assert truth.dtype == labels.dtype
        assert np.array_equal(truth, labels, equal_nan=True)


@pytest.mark.parametrize("name", TARGETS)
def test_labels_on_the_disk_are_those_of_the_target(stored: dict[str, Dataset], name: str, tmp_path: Path) -> None:
    from kit.pipeline import map_split

    written, read = (map_split(stored[name], "train", tmp_path).labels for _ in range(2))

    assert np.array_equal(_truth(stored[name], "train"), written)
    assert np.array_equal(written, read)
    assert written.dtype == read.dtype


@pytest.mark.parametrize("name", TARGETS)
def test_labels_beside_files_are_those_of_the_target(as_files: dict[str, Dataset], name: str) -> None:
    from kit.pipeline import eval_batches

    dataset = as_files[name]
    truth = np.concatenate([_truth(dataset, split) for split in ("validation", "test")])
    labels = [_labels(eval_batches(dataset, split, cache="none")) for split in ("validation", "test")]
    examples = kit.load(dataset.manifest.name, "validation", root=dataset.folder.parent.parent)
    loaded = np.stack([example["label"] for example in examples.as_numpy_iterator()])

    assert np.array_equal(truth, np.concatenate(labels), equal_nan=True)
    assert np.array_equal(truth[: len(loaded)], loaded)
    assert truth.shape[1:] == examples.element_spec["label"].shape
    assert truth.dtype == loaded.dtype


@pytest.mark.parametrize(("name", "head", "loss"), HEADS)
def test_labels_are_learned_as_the_head_says(name: str, head: str, loss: str) -> None:
    from kit.compat import tf
    from kit.pipeline import encode_labels

    target, labels = TARGETS[name]
    truth = target.encode(labels)
    encoded = encode_labels(target.head(head, loss), tf.constant(truth)).numpy()
    expected = target.head(head, loss).encode(truth)

    assert np.float32 == encoded.dtype
    assert np.array_equal(expected[:, 0] if name == "two classes" else expected, encoded)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-1e9, 1e9, width=32), min_size=2, max_size=20))
@example([3.490214937513767e-32, 3.490214937513767e-32])
def test_values_are_standardised_to_the_last_bit_as_without_tensorflow(numbers: list[float]) -> None:
    from kit.compat import tf
    from kit.pipeline import encode_labels

    labels = [f"{number:.9g}" for number in numbers]
    target = Values.of(("x",), labels)
    truth = target.encode(labels)

    assert np.array_equal(target.head().encode(truth), encode_labels(target.head(), tf.constant(truth)).numpy())


@pytest.mark.parametrize("cache", ["memory", "none"])
@pytest.mark.parametrize("name", TARGETS)
def test_training_batches_hold_each_image_with_its_own_label(stored: dict[str, Dataset], name: str, cache: str) -> None:
    from kit.pipeline import train_batches, validation_batches

    dataset = stored[name]
    head = dataset.manifest.target.head()
    own = {
        (example.pixels / np.float32(255)).astype(np.float32).tobytes(): row
        for split in ("train", "validation")
        for example, row in zip(read_examples(dataset, split), head.encode(_truth(dataset, split)), strict=True)
    }
    trained = train_batches(dataset, head, batch_size=BATCH, seed=3, cache=cache).take(4)
    seen = 0
    for images, labels in [*trained, *validation_batches(dataset, head, cache=cache)]:
        assert labels.shape == (len(images),) if name == "two classes" else (len(images), head.units)
        for image, label in zip(images.numpy(), labels.numpy(), strict=True):
            assert np.array_equal(own[image.tobytes()], np.atleast_1d(label))
            seen += 1
    assert seen == 4 * BATCH + dataset.manifest.records("validation")


@pytest.mark.parametrize("augment", [AugmentSpec(mixup=0.4), AugmentSpec(cutmix=1.0)])
@pytest.mark.parametrize("name", TARGETS)
def test_mixed_images_have_labels_mixed_by_the_same_shares(name: str, augment: AugmentSpec) -> None:
    """Zhang et al. 2018, arXiv:1710.09412, equation 1; Yun et al. 2019, arXiv:1905.04899, equation 1.

    Flat images make the share of each partner readable: MixUp's grey, CutMix's pixels.
    """
    from kit.compat import tf
    from kit.pipeline import augment_batch, encode_labels

    target, labels = TARGETS[name]
    head = target.head()
    learned = encode_labels(head, tf.constant(target.encode(labels))).numpy().reshape(COUNT, -1)
    flat = np.repeat(np.eye(COUNT, dtype=np.float32)[:, :, None], 64, axis=2)  # a channel for each image
    images = flat.transpose(0, 2, 1).reshape(COUNT, 8, 8, COUNT)
    mixed, mixed_labels = augment_batch(
        augment, tf.constant(images), tf.constant(learned), tf.constant([1, 2], tf.int64)
    )
    shares = mixed.numpy().mean(axis=(1, 2))

    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert ((shares > 1e-3).sum(axis=1) <= 2).all()
    assert (shares.max(axis=1) < 0.95).sum() > COUNT // 10
    assert np.allclose(shares @ learned, mixed_labels.numpy().reshape(COUNT, -1), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "tags",
            {"sampling": "balanced"},
            r"sampling=balanced needs one class or grade.*tags; train\.class_weights=",
        ),
        (
            "tags",
            {"class_weights": [1.0, 2.0]},
            r"class_weights must be 2 rows of \d numbers, without and with each",
        ),
        (
            "values",
            {"sampling": "balanced"},
            r"sampling=balanced needs one class or grade an image, and .* is values",
        ),
        (
            "values",
            {"class_weights": [1.0]},
            r"class_weights=balanced needs classes, grades or tags, and .* is values",
        ),
    ],
)
def test_balancing_that_a_target_does_not_allow_is_refused(
    stored: dict[str, Dataset], name: str, given: dict[str, object], message: str
) -> None:
    from kit.pipeline import train_batches

    dataset = stored[name]
    with pytest.raises(SpecError, match=message):
        train_batches(dataset, dataset.manifest.target.head(), batch_size=BATCH, seed=0, **given)


def test_tags_are_weighed_by_an_images_own_even_where_it_is_mixed(stored: dict[str, Dataset]) -> None:
    from kit.pipeline import train_batches

    dataset = stored["tags"]
    target = dataset.manifest.target
    weights = np.float32(np.arange(2 * len(target.names)).reshape(2, -1))
    options = {"batch_size": BATCH, "seed": 0}
    plain = train_batches(dataset, target.head(), **options).take(3).as_numpy_iterator()
    mixed = train_batches(
        dataset, target.head(), augment=AugmentSpec(mixup=0.4), class_weights=weights, **options
    ).take(3)
    for (_, labels), (_, learned, weighed) in zip(plain, mixed.as_numpy_iterator(), strict=True):
        assert np.array_equal(np.where(labels > 0, weights[1], weights[0]), weighed)
        assert not np.array_equal(labels, learned)


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_grades_are_drawn_equally_often_by_balanced_sampling(stored: dict[str, Dataset], cache: str) -> None:
    from kit.pipeline import train_batches

    dataset = stored["grades"]
    head = dataset.manifest.target.head("cumulative")
    batches = train_batches(dataset, head, batch_size=15, seed=0, cache=cache, sampling="balanced")
    for _, labels in batches.take(4):
        grades = labels.numpy().sum(axis=1)

        assert [5, 5, 5] == np.unique(grades, return_counts=True)[1].tolist()


def test_cached_labels_of_another_target_are_decoded_anew(tmp_path: Path) -> None:
    from kit.pipeline import eval_batches

    target, labels = TARGETS["values"]
    one = dataset_of(tmp_path / "values", target, labels)
    others = [label.split()[0] for label in labels]
    other = dataset_of(tmp_path / "value", Values.of(("angle",), others), others)
    for dataset in (one, other):
        found = _labels(eval_batches(dataset, "validation", cache="disk", shared=tmp_path / "decoded"))

        assert np.array_equal(_truth(dataset, "validation"), found)


def test_all_tags_of_a_batch_may_be_missing(tmp_path: Path) -> None:
    from kit.pipeline import eval_batches

    spec = msgspec.structs.replace(ShardSpec(), split=(0.5, 0.5))
    dataset = dataset_of(tmp_path, TAGS, [""] * 39 + ["road"], spec=spec)
    marks = _labels(eval_batches(dataset, "train", batch_size=1, cache="none"))

    assert (20, 4) == marks.shape
    assert set(np.unique(marks)) <= {0, 1}
