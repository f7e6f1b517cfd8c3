from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import SpecError
from kit.models import count_parameters, plan_layers
from kit.specs import ModelSpec, read_recipe
from kit.specs.model import BackboneSpec
from tests.made import class_head

SHAPE = (32, 32, 3)


def weights_of(model: object) -> dict[str, np.ndarray]:
    return {f"{layer.name}/{weight.name}": weight.numpy() for layer in model.layers for weight in layer.weights}


def trainable(model: object) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("bn_position", ["before", "after"])
def test_histopathology_network_has_the_published_parameters(bn_position: str) -> None:
    from kit.models.build import build_model

    spec = ModelSpec(**{**_fields(read_recipe("histopathologic-cancer").model), "bn_position": bn_position})
    model = build_model(spec, SHAPE, class_head(2), seed=0)

    assert (53_313, 52_865) == (model.count_params(), trainable(model))


def test_arms_with_equal_seeds_begin_with_equal_weights() -> None:
    from kit.models.build import build_model

    before = weights_of(build_model(ModelSpec(bn_position="before"), SHAPE, class_head(2), seed=3))
    after = weights_of(build_model(ModelSpec(bn_position="after"), SHAPE, class_head(2), seed=3))
    without = weights_of(build_model(ModelSpec(bn_position="none"), SHAPE, class_head(2), seed=3))
    other = weights_of(build_model(ModelSpec(bn_position="before"), SHAPE, class_head(2), seed=4))

    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert all(np.array_equal(before[name], without[name]) for name in without)
    assert not np.array_equal(before["conv_1/kernel"], other["conv_1/kernel"])


def test_layers_of_one_shape_begin_differently() -> None:
    from kit.models.build import build_model

    weights = weights_of(build_model(ModelSpec(filters=(3, 3), pool=1, dense=()), SHAPE, class_head(2), seed=0))

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
    from kit.models.build import build_model

    model = build_model(ModelSpec(bn_position=bn_position), SHAPE, class_head(2), seed=0)
    names = [layer.name for layer in model.layers]

    assert order == names[1:4]


def test_two_classes_end_in_a_sigmoid_and_more_in_a_softmax() -> None:
    from kit.models.build import build_model

    image = np.random.default_rng(0).random((4, *SHAPE), np.float32)
    two = build_model(ModelSpec(), SHAPE, class_head(2), seed=0)(image).numpy()
    five = build_model(ModelSpec(), SHAPE, class_head(5), seed=0)(image).numpy()

    assert (4, 1) == two.shape
    assert (4, 5) == five.shape
    assert np.allclose(five.sum(axis=1), 1, atol=1e-6)


def test_batch_norm_takes_its_momentum_and_epsilon_from_the_spec() -> None:
    from kit.models.build import build_model

    norm = build_model(ModelSpec(bn_momentum=0.3, bn_epsilon=0.01), SHAPE, class_head(2), seed=0).get_layer(
        "dense_1_norm"
    )

    assert (0.3, 0.01) == (norm.momentum, norm.epsilon)


@given(
    spec=st.builds(
        ModelSpec,
        filters=st.lists(st.integers(1, 6), max_size=4).map(tuple),
        convolutions=st.integers(1, 2),
        kernel=st.integers(1, 5),
        stride=st.integers(1, 2),
        pool=st.integers(1, 4),
        pool_stride=st.integers(0, 2),
        pool_padding=st.sampled_from(["valid", "same"]),
        padding=st.sampled_from(["valid", "same"]),
        dense=st.lists(st.integers(1, 6), max_size=2).map(tuple),
        dense_bn=st.booleans(),
        dense_l2=st.sampled_from([0.0, 0.01]),
        dropout=st.sampled_from([0.0, 0.2]),
        dropout_position=st.sampled_from(["pool", "activation"]),
        top=st.sampled_from(["flatten", "average"]),
        bn_position=st.sampled_from(["none", "before", "after"]),
    ),
    side=st.integers(1, 40),
)
@settings(max_examples=40, deadline=None)
def test_a_spec_that_fits_builds_and_one_that_does_not_is_refused(spec: ModelSpec, side: int) -> None:
    from kit.models.build import build_model

    shape = (side, side + 3, 1)
    if not fits(spec, shape):
        with pytest.raises(SpecError, match=f"block ., which gets .* of the {side}x{side + 3} image"):
            build_model(spec, shape, class_head(3), seed=0)
    else:
        model = build_model(spec, shape, class_head(3), seed=0)

        assert (None, 3) == tuple(model.output.shape)
        assert count_parameters(spec, shape, class_head(3)) == (model.count_params(), trainable(model))


def fits(spec: ModelSpec, shape: tuple[int, int, int]) -> bool:
    try:
        plan_layers(spec, shape, class_head(3))
    except SpecError:
        return False
    return True


def test_pools_that_do_not_fit_are_named_with_the_block() -> None:
    with pytest.raises(SpecError, match=r"model.pool=9 does not fit in block 2, which gets 1x1 pixels of the 32x32"):
        plan_layers(ModelSpec(pool=9), SHAPE, class_head(2))


def _fields(spec: ModelSpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


def test_dropout_stands_where_the_spec_says() -> None:
    from kit.models.build import build_model

    pooled = ModelSpec(filters=(4, 4), pool=2, dropout=(0.1, 0.0), dense=(8,), dense_dropout=0.3, flatten_dropout=0.2)
    activated = ModelSpec(
        filters=(4,), pool=2, dropout=0.1, dropout_position="activation", bn_position="after", dense=()
    )
    names = [layer.name for layer in build_model(pooled, SHAPE, class_head(2), seed=0).layers]
    others = [layer.name for layer in build_model(activated, SHAPE, class_head(2), seed=0).layers]

    assert names[names.index("pool_1") + 1] == "dropout_1"
    assert "dropout_2" not in names
    assert names[names.index("flatten") + 1] == "flatten_dropout"
    assert ["dense_1_dropout", "head"] == names[-2:]
    assert ["conv_1", "conv_1_relu", "conv_1_dropout", "conv_1_norm", "pool_1"] == others[1:6]


def test_the_initializer_is_the_convolutions() -> None:
    from kit.models.build import build_model

    model = build_model(ModelSpec(initializer="random_uniform"), SHAPE, class_head(2), seed=0)
    kernel = model.get_layer("conv_1").weights[0].numpy()

    assert 0.04 < np.abs(kernel).max() <= 0.05  # Keras' RandomUniform
    assert 0.06 < np.abs(model.get_layer("dense_1").weights[0].numpy()).max()


def test_l2_counts_in_the_loss() -> None:
    from kit.models.build import build_model

    model = build_model(ModelSpec(dense_l2=0.5), SHAPE, class_head(2), seed=0)
    kernel = model.get_layer("dense_1").weights[0].numpy()

    assert 0.5 * np.square(kernel).sum() == pytest.approx(float(sum(model.losses)), rel=1e-5)


@pytest.mark.parametrize(("frozen", "expected"), [(None, 0), (0, 26), (15, 6)])
def test_a_backbone_s_first_layers_are_frozen(frozen: int | None, expected: int) -> None:
    from kit.models.build import build_model

    backbone = BackboneSpec(name="VGG16", weights="none", frozen_layers=frozen, adapter="repeat")
    spec = ModelSpec(backbone=backbone, dense=(), bn_position="none", top="average")
    model = build_model(spec, (32, 32, 1), class_head(2), seed=0)

    assert expected == sum(len(layer.trainable_weights) for layer in model.layers if "vgg16" in layer.name)


@pytest.mark.parametrize(
    ("backbone", "shape", "message"),
    [
        ({"name": "VGG18"}, (32, 32, 3), r"unknown model.backbone.name 'VGG18'; did you mean 'VGG1[69]'"),
        ({"name": "VGG16"}, (16, 16, 3), r"VGG16 cannot take images of 16x16 pixels"),
        ({"name": "VGG16"}, (32, 32, 1), r"adapter=none takes images of 3 channels, the dataset has 1"),
        ({"name": "VGG16", "weights": "nowhere.h5"}, (32, 32, 3), r"weights=nowhere.h5 is not a file"),
        ({"name": "VGG16"}, (32, 32, 3), r"ImageNet weights of VGG16 cannot be downloaded: .*weights=none"),
    ],
)
def test_backbones_that_cannot_be_had_are_named(
    backbone: dict[str, str], shape: tuple[int, int, int], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kit.models.build import build_model

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody answers: as without a network
    with pytest.raises(SpecError, match=message):
        build_model(ModelSpec(backbone=BackboneSpec(**backbone), dense=()), shape, class_head(2), seed=0)


def test_a_backbone_takes_weights_from_a_file(tmp_path: Path) -> None:
    from kit.compat import keras
    from kit.models.build import build_model

    keras.utils.set_random_seed(7)
    given = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    given.save_weights(tmp_path / "own.weights.h5")
    backbone = BackboneSpec(name="MobileNetV2", weights=str(tmp_path / "own.weights.h5"))
    model = build_model(ModelSpec(backbone=backbone, dense=()), (32, 32, 3), class_head(2), seed=0)
    (inner,) = (layer for layer in model.layers if "mobilenetv2" in layer.name)

    assert all(np.array_equal(a, b) for a, b in zip(given.get_weights(), inner.get_weights(), strict=True))


def test_a_backbone_without_adapter_sees_pixels_as_its_authors_did() -> None:
    from kit.compat import keras
    from kit.models.backbone import scale_for

    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, scale_for("VGG16", inputs))
    image = np.random.default_rng(0).random((2, 4, 4, 3), np.float32)
    expected = keras.applications.vgg16.preprocess_input(image.copy() * 255)

    assert np.allclose(expected, model.predict_on_batch(image), atol=1e-3)
