from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.errors import SpecError
from kit.specs import AugmentSpec
from kit.specs.views import ONE_VIEW, parse_views

if TYPE_CHECKING:
    from pathlib import Path

    from kit.runs import FoldSet

SPEC = AugmentSpec(rotation=20, brightness=0.2, mixup=0.4, cutmix=1)


def pictures(images: int = 3, height: int = 5, width: int = 5, *, seed: int = 0) -> Any:
    import tensorflow as tf

    return tf.constant(np.random.default_rng(seed).random((images, height, width, 3), np.float32))


def views_of(images: Any, asked: str | int, *, augment: AugmentSpec = SPEC, number: int = 0) -> list[np.ndarray]:
    from kit.pipeline import batch_views

    return [view.numpy() for view in batch_views(images, parse_views(asked), augment, number)]


def test_flips_are_the_four_of_a_rectangle() -> None:
    images = pictures(height=4, width=7)
    pixels = images.numpy()
    wanted = [pixels, pixels[:, :, ::-1], pixels[:, ::-1], pixels[:, ::-1, ::-1]]

    assert all(np.array_equal(*pair) for pair in zip(wanted, views_of(images, "flips"), strict=True))


def test_d4_are_the_quarter_turns_of_a_square_and_their_mirror_images() -> None:
    images = pictures()
    turns = [np.rot90(images.numpy(), quarter, axes=(1, 2)) for quarter in range(4)]
    wanted = {turn.tobytes() for pixels in turns for turn in (pixels, pixels[:, :, ::-1])}

    assert 8 == len(wanted)
    assert wanted == {view.tobytes() for view in views_of(images, "d4")}


@given(st.integers(1, 5))
def test_a_number_draws_as_many_views_the_first_as_it_is(count: int) -> None:
    images = pictures()
    views = views_of(images, count)

    assert count == len(views) == len({view.tobytes() for view in views})
    assert np.array_equal(images.numpy(), views[0])


def test_draws_are_the_same_again_and_others_for_another_batch() -> None:
    first, again, other = (views_of(pictures(), 3, number=number) for number in (4, 4, 5))

    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


def test_draws_mix_no_images() -> None:
    mixing = AugmentSpec(mixup=0.4, cutmix=1)

    assert all(np.array_equal(view, pictures().numpy()) for view in views_of(pictures(), 3, augment=mixing))


@pytest.mark.parametrize("asked", ["d5", "0", "-1", "2.5", "", 0])
def test_other_views_are_refused(asked: str | int) -> None:
    with pytest.raises(SpecError, match=r"tta must be flips, d4, or a number of views, got"):
        parse_views(asked)


def test_views_that_a_run_does_not_have_are_refused() -> None:
    mixing = AugmentSpec(mixup=0.4)

    ONE_VIEW.refuse((4, 7, 3), mixing)
    parse_views("flips").refuse((4, 7, 3), mixing)
    with pytest.raises(SpecError, match=r"tta='d4' needs square images, not 4x7; give tta='flips'"):
        parse_views("d4").refuse((4, 7, 3), SPEC)
    with pytest.raises(SpecError, match=r"tta=5 draws from the run's augmentation, and it was trained with none"):
        parse_views(5).refuse((4, 4, 3), mixing)


def test_averaged_views_tell_an_image_from_its_turned_self_no_more(
    fold_set: FoldSet, workspace: Path, tmp_path: Path
) -> None:
    chances = {}
    for tta in (None, "flips", "d4"):
        path = tmp_path / f"{tta}.csv"
        kit.predict(fold_set.run(0).path, tta=tta, output=path, root=workspace)
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        chances[tta] = {key: float(light) for key, _, light in rows}
    as_it_is, mirrored, turned = (np.array([chances[tta][name] for tta in chances]) for name in sorted(chances[None]))

    assert [False, True, True] == np.isclose(as_it_is, mirrored, rtol=1e-5).tolist()
    assert [False, False, True] == np.isclose(as_it_is, turned, rtol=1e-5).tolist()
