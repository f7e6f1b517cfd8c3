from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from kit.errors import SpecError
from kit.specs import AugmentSpec

ROUNDING = 1e-4  # of float32 over a hundred pixels

few = settings(max_examples=15)
sides = st.integers(12, 24)


def augmented(
    images: np.ndarray, labels: np.ndarray | None = None, *, seed: tuple[int, int] = (1, 2), **amounts: Any
) -> tuple[np.ndarray, np.ndarray]:
    from kit.compat import tf
    from kit.pipeline import augment_batch

    labels = np.zeros(len(images), np.float32) if labels is None else labels
    made = augment_batch(AugmentSpec(**amounts), tf.constant(images), tf.constant(labels), tf.constant(seed, tf.int64))
    return made[0].numpy(), made[1].numpy()


def noise(count: int, height: int, width: int, channels: int = 3, *, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, (count, height, width, channels)).astype(np.float32)


def ways_back(height: int, width: int, *, count: int = 48, **amounts: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels came from, about the centre: matrices [count, 2, 2] of x and y, and offsets [count, 2], in pixels.

    An image that holds its own coordinates is moved, and says it itself: linear interpolation of what is linear is
    exact. The third channel tells which pixels were inside.
    """
    y, x = np.indices((height, width), np.float32)
    image = np.stack([x / (width - 1), y / (height - 1), np.ones_like(x)], axis=-1)
    moved, _ = augmented(np.repeat(image[None], count, 0), fill="constant", **amounts)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrices, offsets = [], []
    for found in moved:
        inside = found[..., 2] > 1 - 1e-6
        to = np.stack([x[inside], y[inside]], axis=1) - centre
        back = found[inside][:, :2] * (width - 1, height - 1) - centre
        solved, *_ = np.linalg.lstsq(np.column_stack([to, np.ones(len(to))]), back, rcond=None)
        matrices.append(solved[:2].T)
        offsets.append(solved[2])
    return np.array(matrices), np.array(offsets)


def test_nothing_asked_is_nothing_done() -> None:
    from kit.compat import tf
    from kit.pipeline import augment_batch

    with tf.Graph().as_default() as graph:
        given_ones = tf.ones((4, 8, 8, 3)), tf.ones(4), tf.constant([1, 2], tf.int64)
        before = len(graph.get_operations())
        images, labels = augment_batch(AugmentSpec(), *given_ones)

        assert (images, labels) == given_ones[:2]
        assert before == len(graph.get_operations())


@pytest.mark.parametrize("amounts", [{"saturation": 0.5}, {"hue": 0.2}])
def test_grey_images_have_no_saturation_and_no_hue(amounts: dict[str, float]) -> None:
    images = noise(4, 8, 8, 1)

    assert not AugmentSpec(**amounts).changes(1)
    assert np.array_equal(images, augmented(images, **amounts)[0])


def test_flips_and_quarter_turns_give_the_eight_views_exactly() -> None:
    images = noise(96, 9, 9)
    moved, _ = augmented(images, horizontal_flip=True, vertical_flip=True, quarter_turns=True)
    views = [np.rot90(side, turns, axes=(1, 2)) for side in (images, images[:, :, ::-1]) for turns in range(4)]
    seen = [[place for place, view in enumerate(views) if np.array_equal(view[n], moved[n])] for n in range(96)]

    assert all(len(places) == 1 for places in seen)
    assert set(range(8)) == {places[0] for places in seen}


@pytest.mark.parametrize(("setting", "axis"), [("horizontal_flip", 2), ("vertical_flip", 1)])
@given(height=st.integers(1, 40), width=st.integers(1, 40), channels=st.sampled_from([1, 3]))
@few
def test_a_flip_turns_about_half_of_the_images_exactly(
    setting: str, axis: int, height: int, width: int, channels: int
) -> None:
    images = noise(64, height, width, channels)
    moved, _ = augmented(images, **{setting: True})
    flipped = np.flip(images, axis)
    is_flipped = [np.array_equal(flipped[n], moved[n]) for n in range(64)]
    is_same = [np.array_equal(images[n], moved[n]) for n in range(64)]

    assert all(one or other for one, other in zip(is_flipped, is_same, strict=True))
    assert 16 <= sum(is_same)
    assert 16 <= sum(is_flipped)


def test_quarter_turns_of_images_that_are_not_square_are_refused_with_the_next_step() -> None:
    spec = AugmentSpec(quarter_turns=True)
    spec.check_shape((32, 32, 3))

    with pytest.raises(SpecError, match=r"needs square images, not 240x320; shard them at size 240, or set augment"):
        spec.check_shape((240, 320, 3))


@given(height=sides, width=sides, degrees=st.floats(1, 180))
@few
def test_rotation_is_about_the_centre_and_keeps_distances(height: int, width: int, degrees: float) -> None:
    matrices, offsets = ways_back(height, width, rotation=degrees)
    angles = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))

    assert np.allclose(np.eye(2), matrices @ matrices.transpose(0, 2, 1), atol=ROUNDING)
    assert np.allclose(1, np.linalg.det(matrices), atol=ROUNDING)
    assert np.allclose(0, offsets, atol=ROUNDING * width)
    assert np.abs(angles).max() <= degrees + 0.01
    assert angles.min() < -degrees / 2
    assert degrees / 2 < angles.max()


@given(height=sides, width=sides, degrees=st.floats(1, 40))
@few
def test_shear_leans_upright_lines_about_the_centre(height: int, width: int, degrees: float) -> None:
    matrices, offsets = ways_back(height, width, shear=degrees)
    leans = np.degrees(np.arctan(matrices[:, 0, 1]))

    assert np.allclose([1, 0, 1], matrices[:, [0, 1, 1], [0, 0, 1]], atol=ROUNDING)
    assert np.allclose(0, offsets, atol=ROUNDING * width)
    assert degrees / 2 < np.abs(leans).max() <= degrees + 0.01


@given(height=sides, width=sides, share=st.floats(0.01, 0.7))
@few
def test_zoom_resizes_both_sides_together_and_stretch_each(height: int, width: int, share: float) -> None:
    zoomed, offsets = ways_back(height, width, zoom=share)
    stretched, _ = ways_back(height, width, stretch=share)
    grown = 1 / stretched[:, [0, 1], [0, 1]]

    assert np.allclose(0, offsets, atol=ROUNDING * width)
    assert np.allclose(zoomed[:, 0, 0], zoomed[:, 1, 1], rtol=1e-3)
    assert np.allclose(0, stretched[:, [0, 1], [1, 0]], atol=ROUNDING)
    for factors in (1 / zoomed[:, 0, 0], grown[:, 0], grown[:, 1]):
        assert 1 - share - 0.01 <= factors.min() < 1 - share / 2
        assert 1 + share / 2 < factors.max() <= 1 + share + 0.01
    assert share / 2 < np.abs(grown[:, 0] - grown[:, 1]).max()


@given(height=sides, width=sides, down=st.floats(0.05, 0.4), across=st.floats(0.05, 0.4), degrees=st.floats(0, 30))
@few
def test_shifts_are_shares_of_the_picture_whatever_else_moves_it(
    height: int, width: int, down: float, across: float, degrees: float
) -> None:
    matrices, offsets = ways_back(
        height, width, height_shift=down, width_shift=across, rotation=degrees, horizontal_flip=True
    )
    shifts = np.abs(np.linalg.solve(matrices, -offsets[..., None])[..., 0]) / (width, height)

    assert np.all(shifts.max(axis=0) <= np.array([across, down]) + 1e-3)
    assert np.all(shifts.max(axis=0) > np.array([across, down]) / 2)


@pytest.mark.parametrize(
    ("fill", "of_scipy"),
    [("reflect", "reflect"), ("nearest", "nearest"), ("wrap", "grid-wrap"), ("constant", "grid-constant")],
)
@given(height=st.integers(2, 24), width=st.integers(2, 24))
@few
def test_all_movements_together_are_one_interpolation_filled_as_scipy_does(
    fill: str, of_scipy: str, height: int, width: int
) -> None:
    from kit.compat import tf
    from kit.pipeline.geometry import transforms
    from kit.pipeline.random_numbers import Draws

    amounts: dict[str, Any] = {"rotation": 180, "shear": 20, "zoom": 0.5, "stretch": 0.2, "horizontal_flip": True}
    amounts |= {"height_shift": 1, "width_shift": 1, "fill": fill, "fill_value": 0.25}
    images = noise(8, height, width, 1)
    moved, _ = augmented(images, **amounts)
    drawn = transforms(AugmentSpec(**amounts), height, width, Draws(tf.constant((1, 2), tf.int64), images)).numpy()
    y, x = np.indices((height, width))
    for image, back, found in zip(images, drawn, moved, strict=True):
        places = [back[3] * x + back[4] * y + back[5], back[0] * x + back[1] * y + back[2]]
        expected = ndimage.map_coordinates(image[..., 0], places, order=1, mode=of_scipy, cval=0.25)
        known = np.ones((height, width), bool)
        for place, side in zip(places, (height, width), strict=True):  # on a seam, or far off, TensorFlow wraps askew
            is_near = (1 - side < place) & (place < 2 * (side - 1)) & (place % side < side - 1)
            known &= is_near if fill == "wrap" else True
        assert np.allclose(expected[known], found[..., 0][known], atol=1e-3)


def test_brightness_adds_one_amount_to_each_image() -> None:
    images = noise(64, 6, 5, low=0.3, high=0.7)
    added = augmented(images, brightness=0.3)[0] - images
    amounts = added.mean(axis=(1, 2, 3))

    assert np.allclose(amounts[:, None, None, None], added, atol=1e-6)
    assert -0.3 <= amounts.min() < -0.2
    assert 0.2 < amounts.max() <= 0.3


@pytest.mark.parametrize("channels", [1, 3])
def test_contrast_stretches_about_the_mean_of_each_channel(channels: int) -> None:
    images = noise(64, 6, 5, channels, low=0.4, high=0.6)
    changed, _ = augmented(images, contrast=0.8)
    means = images.mean(axis=(1, 2), keepdims=True)
    gains = changed.std(axis=(1, 2)) / images.std(axis=(1, 2))

    assert np.allclose((images - means) * gains[:, None, None], changed - means, atol=1e-5)
    assert np.allclose(gains[:, :1], gains, atol=1e-4)
    assert 0.2 <= gains.min() < 0.4
    assert 1.6 < gains.max() <= 1.8001


def test_saturation_keeps_how_bright_colours_look_and_hue_their_sum() -> None:
    images = noise(64, 6, 5, low=0.4, high=0.6)
    saturated, _ = augmented(images, saturation=0.9)
    turned, _ = augmented(images, hue=0.5)
    luma = np.array([0.299, 0.587, 0.114])
    grey = images @ luma[:, None]

    factors = (saturated - grey).std(axis=(1, 2, 3)) / (images - grey).std(axis=(1, 2, 3))
    assert np.allclose(grey + (images - grey) * factors[:, None, None, None], saturated, atol=1e-4)
    assert 0.1 <= factors.min() < 0.3
    assert 1.7 < factors.max() <= 1.9001
    assert np.allclose(images.sum(axis=-1), turned.sum(axis=-1), atol=1e-5)
    assert 0.05 < np.abs(turned - images).max()


def test_hue_turns_red_to_green_to_blue_by_thirds_and_leaves_grey() -> None:
    from kit.compat import tf
    from kit.pipeline.colour_jitter import colour_matrices

    turns = colour_matrices(tf.ones(3), tf.constant([0.0, 1 / 3, 2 / 3])).numpy()
    anything = colour_matrices(tf.constant([0.0, 0.4, 2.0]), tf.constant([0.1, -0.3, 0.5])).numpy()

    for place, turned in enumerate(turns):
        assert np.allclose(np.roll(np.eye(3), place, axis=1), turned, atol=1e-6)
    assert np.allclose(0.7, np.full((3, 3), 0.7) @ anything, atol=1e-6)


@given(
    low=st.floats(0.01, 0.9),
    more=st.floats(0, 0.5),
    height=st.integers(8, 48),
    width=st.integers(8, 48),
)
@few
def test_erasing_fills_one_rectangle_of_the_area_and_shape_asked(
    low: float, more: float, height: int, width: int
) -> None:
    images = noise(32, height, width, low=0.1)
    high = min(low + more, 0.95)
    erased, _ = augmented(images, erasing=1, erasing_area=(low, high))

    for before, after in zip(images, erased, strict=True):
        gone = (after == 0).all(axis=-1)
        rows, columns = np.flatnonzero(gone.any(axis=1)), np.flatnonzero(gone.any(axis=0))
        assert gone.sum() == len(rows) * len(columns)
        assert np.array_equal(before[~gone], after[~gone])
        assert (len(rows) - 0.51) * (len(columns) - 0.51) <= high * height * width
        assert (len(rows) + 0.51) * (len(columns) + 0.51) >= low * height * width
        if max(len(rows) / height, len(columns) / width) < 1:  # else the image is too long for the paper's shapes
            assert (len(rows) - 0.51) / (len(columns) + 0.51) <= 1 / 0.3
            assert (len(rows) + 0.51) / (len(columns) - 0.51) >= 0.3


def test_erasing_takes_its_share_of_the_images_and_reaches_every_corner() -> None:
    images = np.ones((2000, 12, 12, 1), np.float32)
    erased, _ = augmented(images, erasing=0.25, erasing_area=(0.1, 0.2), fill_value=0.5)
    touched = (erased == 0.5).any(axis=(1, 2, 3))

    assert 440 <= touched.sum() <= 560
    assert (erased[touched] == 0.5).any(axis=0).all()
    assert {0.5, 1.0} == set(np.unique(erased).tolist())


@pytest.mark.parametrize("amounts", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 1.0, "cutmix": 0.5}])
@pytest.mark.parametrize("classes", [2, 5])
def test_labels_are_mixed_by_the_share_of_the_pixels(amounts: dict[str, float], classes: int) -> None:
    numbers = np.arange(60) % classes
    one_hot = np.eye(classes, dtype=np.float32)[numbers]
    labels = numbers.astype(np.float32) if classes == 2 else one_hot
    shown = np.broadcast_to(labels.reshape(60, 1, 1, -1), (60, 7, 9, labels.reshape(60, -1).shape[1]))
    for part in range(4):  # with both, of which kind a batch is
        mixed, targets = augmented(np.ascontiguousarray(shown), labels, seed=(3, part), **amounts)

        assert targets.shape == labels.shape
        assert np.allclose(mixed.mean(axis=(1, 2)), targets.reshape(60, -1), atol=1e-6)
        assert 20 < np.sum(
            (targets.reshape(60, -1).max(axis=1) < 0.999) & (targets.reshape(60, -1).max(axis=1) > 0.001)
        )
        if classes > 2:
            assert np.allclose(1, targets.sum(axis=1), atol=1e-6)


def test_cutmix_covers_one_rectangle_of_the_images_own_shape() -> None:
    images = np.broadcast_to(np.arange(64, dtype=np.float32).reshape(-1, 1, 1, 1), (64, 20, 40, 1)).copy()
    mixed, _ = augmented(images, cutmix=1.0)
    whole = []
    for number, image in enumerate(mixed[..., 0]):
        covered = image != number
        rows, columns = covered.any(axis=1).sum(), covered.any(axis=0).sum()
        assert covered.sum() == rows * columns
        assert len(np.unique(image)) <= 2
        if covered.any() and not (covered[[0, -1]].any() or covered[:, [0, -1]].any()):
            whole.append(columns / rows)

    assert 5 < len(whole)
    assert np.allclose(2, whole, rtol=0.34)  # a side is off by half a pixel at most


def test_with_both_each_batch_is_either_mixup_or_cutmix() -> None:
    images = np.broadcast_to(np.arange(8, dtype=np.float32).reshape(-1, 1, 1, 1) % 2, (8, 16, 16, 1)).copy()
    is_mixup = []
    for part in range(40):
        mixed, _ = augmented(images, seed=(0, part), mixup=1.0, cutmix=1.0)
        is_mixup.append(bool(((mixed > 0) & (mixed < 1)).any()))

    assert 10 <= sum(is_mixup) <= 30


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.2, 1.0, 5.0, 1e6])
def test_shares_follow_the_beta_distribution_even_where_gamma_variates_vanish(alpha: float) -> None:
    from kit.compat import tf
    from kit.pipeline.random_numbers import Draws

    count = 20_000
    shares = np.sort(Draws(tf.constant([4, 5], tf.int64), tf.zeros((count, 1))).beta("test", alpha).numpy())

    assert 0 <= shares[0]
    assert shares[-1] <= 1
    expected = stats.beta(alpha, alpha).cdf(np.linspace(0.001, 0.999, 201))  # floats are coarse next to 1
    found = np.searchsorted(shares, np.linspace(0.001, 0.999, 201), side="right") / count
    assert np.abs(found - expected).max() < 1.95 / math.sqrt(count)  # Kolmogorov's distance, one chance in a thousand


@st.composite
def specs(draw: st.DrawFn) -> AugmentSpec:
    share = st.sampled_from([0.0, 0.1, 0.5])
    return AugmentSpec(
        rotation=draw(st.sampled_from([0.0, 20.0, 180.0])),
        shear=draw(st.sampled_from([0.0, 20.0])),
        zoom=draw(share),
        stretch=draw(share),
        height_shift=draw(share),
        width_shift=draw(share),
        horizontal_flip=draw(st.booleans()),
        vertical_flip=draw(st.booleans()),
        quarter_turns=draw(st.booleans()),
        fill=draw(st.sampled_from(["reflect", "nearest", "wrap", "constant"])),
        fill_value=draw(share),
        brightness=draw(share),
        contrast=draw(share),
        saturation=draw(share),
        hue=draw(share),
        erasing=draw(share),
        mixup=draw(share),
        cutmix=draw(share),
    )


@pytest.mark.slow
@given(spec=specs(), channels=st.sampled_from([1, 3]), part=st.integers(0, 1 << 40))
@few
def test_any_augmentation_keeps_range_and_shape_and_repeats_itself_bit_for_bit(
    spec: AugmentSpec, channels: int, part: int
) -> None:
    from kit.compat import tf
    from kit.pipeline import augment_batch

    images, labels = tf.constant(noise(6, 10, 10, channels)), tf.constant([0.0, 1, 0, 1, 1, 0])
    seed = tf.constant([7, part], tf.int64)
    (first, targets), (second, again) = (
        tf.function(lambda *given_ones: augment_batch(spec, *given_ones))(images, labels, seed) for _ in range(2)
    )

    assert images.shape == first.shape
    assert np.isfinite(first.numpy()).all()
    assert 0 <= first.numpy().min()
    assert first.numpy().max() <= 1 + 1e-6  # weights of an interpolation add up to 1 but for rounding
    assert 0 <= targets.numpy().min() <= targets.numpy().max() <= 1
    assert np.array_equal(first, second)
    assert np.array_equal(targets, again)


@pytest.mark.parametrize(
    "amounts",
    [
        {"rotation": 30},
        {"shear": 30},
        {"zoom": 0.3},
        {"stretch": 0.3},
        {"height_shift": 0.3},
        {"width_shift": 0.3},
        {"brightness": 0.3},
        {"contrast": 0.3},
        {"saturation": 0.3},
        {"hue": 0.3},
        {"erasing": 1},
    ],
)
def test_each_image_of_a_batch_and_each_seed_draws_something_else(amounts: dict[str, float]) -> None:
    images = np.repeat(noise(1, 16, 16), 5, 0)
    first, second = (augmented(images, seed=(0, part), **amounts)[0] for part in range(2))

    assert 10 == len({image.tobytes() for image in (*first, *second)})


def test_what_one_setting_draws_does_not_depend_on_the_others() -> None:
    alone, _ = ways_back(16, 16, rotation=30)
    beside, _ = ways_back(16, 16, rotation=30, width_shift=0.1, erasing=0.0001, erasing_area=(0.001, 0.002))

    assert np.allclose(alone, beside, atol=ROUNDING)


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ({"rotation": 181}, r"rotation must be in 0 to 180, got 181"),
        ({"zoom": -0.1}, r"zoom must be in 0 to 0.99, got -0.1"),
        ({"mixup": -1.0}, r"mixup must be 0 or more, and finite, got -1.0"),
        ({"cutmix": math.inf}, r"cutmix must be 0 or more, and finite, got inf"),
        ({"hue": math.nan}, r"hue must be in 0 to 0.5, got nan"),
        ({"erasing_area": (0.5, 0.2)}, r"erasing_area must be two shares between 0 and 1, .* got 0.5 and 0.2"),
    ],
)
def test_amounts_out_of_range_are_refused(amounts: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        AugmentSpec(**amounts)
