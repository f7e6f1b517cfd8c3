from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import SpecError
from kit.specs import ModelSpec, check_fit, read_recipe

SHAPE = (32, 32, 3)


def weights_of(model: object) -> dict[str, np.ndarray]:
    return {f"{layer.name}/{weight.name}": weight.numpy() for layer in model.layers for weight in layer.weights}


def trainable(model: object) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("bn_position", ["before", "after"])
def test_histopathology_network_has_the_published_parameters(bn_position: str) -> None:
    from kit.models import build_model

    spec = ModelSpec(**{**_fields(read_recipe("histopathologic-cancer").model), "bn_position": bn_position})
    model = build_model(spec, SHAPE, 2, seed=0)

    assert (53_313, 52_865) == (model.count_params(), trainable(model))


def test_arms_with_equal_seeds_begin_with_equal_weights() -> None:
    from kit.models import build_model

    before = weights_of(build_model(ModelSpec(bn_position="before"), SHAPE, 2, seed=3))
    after = weights_of(build_model(ModelSpec(bn_position="after"), SHAPE, 2, seed=3))
    without = weights_of(build_model(ModelSpec(bn_position="none"), SHAPE, 2, seed=3))
    other = weights_of(build_model(ModelSpec(bn_position="before"), SHAPE, 2, seed=4))

    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert all(np.array_equal(before[name], without[name]) for name in without)
    assert not np.array_equal(before["conv_1/kernel"], other["conv_1/kernel"])


def test_layers_of_one_shape_begin_differently() -> None:
    from kit.models import build_model

    weights = weights_of(build_model(ModelSpec(filters=(3, 3), pool=1, dense=()), SHAPE, 2, seed=0))

    assert not np.array_equal(weights["conv_1/kernel"], weights["conv_2/kernel"])


@pytest.mark.parametrize(
    ("bn_position", "order"),
    [
        ("before", ["conv_1", "conv_1_norm", "conv_1_relu"]),
        ("after", ["conv_1", "conv_1_relu", "conv_1_norm"]),
        ("none", ["conv_1", "conv_1_relu", "pool_1"]),
    ],
)
def test_batch_norm_stands_on_the_side_that_the_spec_names(bn_position: str, order: list[str]) -> None:
    from kit.models import build_model

    model = build_model(ModelSpec(bn_position=bn_position), SHAPE, 2, seed=0)
    names = [layer.name for layer in model.layers]

    assert order == names[1:4]


def test_two_classes_end_in_a_sigmoid_and_more_in_a_softmax() -> None:
    from kit.models import build_model

    image = np.random.default_rng(0).random((4, *SHAPE), np.float32)
    two = build_model(ModelSpec(), SHAPE, 2, seed=0)(image).numpy()
    five = build_model(ModelSpec(), SHAPE, 5, seed=0)(image).numpy()

    assert (4, 1) == two.shape
    assert (4, 5) == five.shape
    assert np.allclose(five.sum(axis=1), 1, atol=1e-6)


def test_batch_norm_takes_its_momentum_and_epsilon_from_the_spec() -> None:
    from kit.models import build_model

    norm = build_model(ModelSpec(bn_momentum=0.3, bn_epsilon=0.01), SHAPE, 2, seed=0).get_layer("dense_1_norm")

    assert (0.3, 0.01) == (norm.momentum, norm.epsilon)


@given(
    spec=st.builds(
        ModelSpec,
        filters=st.lists(st.integers(1, 6), max_size=4).map(tuple),
        kernel=st.integers(1, 5),
        pool=st.integers(1, 4),
        padding=st.sampled_from(["valid", "same"]),
        dense=st.lists(st.integers(1, 6), max_size=2).map(tuple),
        bn_position=st.sampled_from(["none", "before", "after"]),
    ),
    side=st.integers(1, 40),
)
@settings(max_examples=25, deadline=None)
def test_a_spec_that_fits_builds_and_one_that_does_not_is_refused(spec: ModelSpec, side: int) -> None:
    from kit.models import build_model

    shape = (side, side + 3, 1)
    if not fits(spec, shape):
        with pytest.raises(SpecError, match=f"block ., which gets .* of the {side}x{side + 3} image"):
            build_model(spec, shape, 3, seed=0)
    else:
        assert (None, 3) == tuple(build_model(spec, shape, 3, seed=0).output.shape)


def fits(spec: ModelSpec, shape: tuple[int, int, int]) -> bool:
    try:
        check_fit(spec, shape)
    except SpecError:
        return False
    return True


def test_pools_that_do_not_fit_are_named_with_the_block() -> None:
    with pytest.raises(SpecError, match=r"model.pool=9 does not fit in block 2, which gets 1x1 pixels of the 32x32"):
        check_fit(ModelSpec(pool=9), SHAPE)


def _fields(spec: ModelSpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__struct_fields__}
