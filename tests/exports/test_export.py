from __future__ import annotations

import csv
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trained import SIDE

import kit
from kit.errors import MissingDependencyError, RunError, SpecError, WorkspaceError
from kit.exports import Export
from kit.exports.metadata import FILES, ExportInfo
from kit.images import decode_image
from kit.images.resize import fit
from kit.images.stored_image import store_image
from kit.progress import NoProgress
from kit.runs import RunDirectory
from kit.specs import ImageSpec, ModelSpec, from_json, override
from tests.made import class_head

SIZE = (12, 16)
ROUNDING = 1e-5  # of a probability: kernels differ in their last bits
FITS = ("crop", "pad", "stretch")

Pixels = np.ndarray


@functools.cache
def preprocessing(spec: ImageSpec) -> Any:
    """What an exported model does first, as pixels of 0 to 255 again."""
    from kit.compat import tf
    from kit.exports.preprocessing import preprocessing_model

    model = preprocessing_model(spec, (*spec.size, spec.channels))
    signature = [tf.TensorSpec((None, None, None, spec.channels), tf.uint8)]
    return tf.function(lambda images: tf.round(model(images) * 255.0), input_signature=signature)


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def differences(pixels: Pixels, spec: ImageSpec) -> Pixels:
    return np.abs(preprocessing(spec)(pixels[None])[0].numpy() - fit(pixels, spec))


sides = st.integers(1, 60)


@settings(max_examples=60)
@given(height=sides, width=sides, how=st.sampled_from(FITS), channels=st.sampled_from([1, 3]), seed=st.integers(0, 99))
def test_any_size_is_brought_to_the_dataset_s_as_shards_do_it(
    height: int, width: int, how: str, channels: int, seed: int
) -> None:
    spec = ImageSpec(size=SIZE, fit=how, channels=channels)

    assert differences(noise(height, width, channels, seed), spec).max() <= 1


@settings(max_examples=30)
@given(factor=st.integers(1, 9), how=st.sampled_from(FITS), channels=st.sampled_from([1, 3]), seed=st.integers(0, 99))
def test_whole_areas_are_averaged_to_the_last_bit(factor: int, how: str, channels: int, seed: int) -> None:
    spec = ImageSpec(size=SIZE, fit=how, channels=channels)
    pixels = noise(SIZE[0] * factor, SIZE[1] * factor, channels, seed)

    assert not differences(pixels, spec).any()


@settings(max_examples=30)
@given(height=st.integers(*SIZE), width=st.integers(16, 90), how=st.sampled_from(FITS), seed=st.integers(0, 99))
def test_parts_of_areas_are_averaged_to_the_last_bit_but_where_sums_are_halves(
    height: int, width: int, how: str, seed: int
) -> None:
    spec = ImageSpec(size=(8, 11), fit=how)

    assert np.count_nonzero(differences(noise(height, width, 3, seed), spec)) <= 8 * 11 * 3 // 10


@pytest.mark.parametrize("size", [32, 48, 64])
def test_real_patches_become_the_pixels_of_their_shards(pcam: Path, size: int) -> None:
    spec = ImageSpec(size=(size, size), encoding="raw")
    files = sorted((pcam / "train").glob("*.tif"))[:50]
    for data in (path.read_bytes() for path in files):
        stored = np.frombuffer(store_image(data, spec).encoded, np.uint8).reshape(size, size, 3)
        given_pixels = preprocessing(spec)(decode_image(data, spec)[None])[0].numpy()

        np.testing.assert_array_equal(stored, given_pixels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("how", FITS)
def test_bytes_of_real_jpegs_become_the_pixels_of_their_shards(chest_xray: Path, how: str, channels: int) -> None:
    spec = ImageSpec(size=(48, 40), fit=how, channels=channels, encoding="raw")
    files = sorted(chest_xray.rglob("*.jp*g"))[::150]
    for data in (path.read_bytes() for path in files):
        stored = np.frombuffer(store_image(data, spec).encoded, np.uint8).reshape(48, 40, channels)
        off = np.abs(preprocessing(spec)(decoded(data, spec)[None])[0].numpy() - stored)

        assert (off.max() <= 1, np.count_nonzero(off) <= off.size // 1000) == (True, True)


def decoded(data: bytes, spec: ImageSpec) -> Pixels:
    from kit.compat import tf
    from kit.exports.saved_model import decode_file

    return decode_file(tf.constant(data), spec, (*spec.size, spec.channels)).numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba", "grey 16", "rgb 16", "grey jpeg", "rgb jpeg"])
def test_bytes_are_decoded_as_shards_decode_them(kind: str, channels: int) -> None:
    colours = {"grey": 1, "rgb": 3, "rgba": 4}[kind.split(maxsplit=1)[0]]
    pixels = noise(23, 17, colours)
    if "16" in kind:
        pixels = np.random.default_rng(1).integers(0, 1 << 16, pixels.shape, np.uint16)
    data = cv2.imencode(".jpg" if "jpeg" in kind else ".png", pixels)[1].tobytes()
    spec = ImageSpec(size=(16, 16), channels=channels)

    np.testing.assert_array_equal(decode_image(data, spec), decoded(data, spec))


@pytest.fixture(scope="session")
def exported(run: RunDirectory, workspace: Path) -> Export:
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    return kit.export(run.path, formats=tuple(FILES), root=workspace)


@pytest.fixture(scope="session")
def predicted(run: RunDirectory, workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """What kit predict gives for every validation image: by its id the probability of each class."""
    path = tmp_path_factory.mktemp("predicted") / "validation.csv"
    kit.predict(run.path, split="validation", output=path, root=workspace)
    rows = csv.DictReader(path.read_text().splitlines())
    return {row["id"]: [float(row["dark"]), float(row["light"])] for row in rows}


def images_of(workspace: Path, ids: list[str]) -> Pixels:
    return np.stack([cv2.imread(str(workspace / "images" / key), cv2.IMREAD_COLOR_RGB) for key in ids])


@pytest.mark.parametrize("name", FILES)
def test_every_format_predicts_what_kit_predict_writes(
    exported: Export, predicted: dict[str, list[float]], workspace: Path, name: str
) -> None:
    from kit.exports.formats import FORMATS

    images = images_of(workspace, list(predicted))
    given_rows = FORMATS[name].read(exported.paths[name], images)

    assert (len(predicted), 2) == given_rows.shape
    assert "float32" == given_rows.dtype
    np.testing.assert_allclose(given_rows, list(predicted.values()), atol=ROUNDING)
    assert exported.info.largest_difference[name] <= ROUNDING


@pytest.mark.parametrize("name", FILES)
def test_every_format_takes_images_of_any_size(
    exported: Export, predicted: dict[str, list[float]], workspace: Path, name: str
) -> None:
    from kit.exports.formats import FORMATS

    ids = list(predicted)[:3]
    larger = np.kron(images_of(workspace, ids), np.ones((1, 5, 5, 1), np.uint8))
    others = np.stack([noise(20, 31, seed=seed) for seed in range(4)])
    fitted = np.stack([fit(image, ImageSpec(size=(SIDE, SIDE))) for image in others])
    read, path = FORMATS[name].read, exported.paths[name]

    assert (3, 5 * SIDE, 5 * SIDE, 3) == larger.shape
    np.testing.assert_allclose(read(path, larger), [predicted[key] for key in ids], atol=ROUNDING)
    np.testing.assert_allclose(read(path, others), read(path, fitted), atol=0.01)


def test_bytes_of_files_of_several_sizes_are_served(
    exported: Export, predicted: dict[str, list[float]], workspace: Path
) -> None:
    from kit.compat import tf

    ids = list(predicted)[:6]
    images = images_of(workspace, ids)
    larger = [np.kron(image, np.ones((factor, factor, 1), np.uint8)) for factor, image in enumerate(images, start=1)]
    data = [cv2.imencode(".png", image[..., ::-1])[1].tobytes() for image in larger]
    loaded = tf.saved_model.load(str(exported.paths["saved_model"]))
    rows = loaded.signatures["serving_bytes"](image_bytes=tf.constant(data))["probabilities"]

    assert {(SIDE * factor, SIDE * factor, 3) for factor in range(1, 7)} == {image.shape for image in larger}
    np.testing.assert_allclose(rows, [predicted[key] for key in ids], atol=ROUNDING)


@pytest.mark.slow
def test_keras_loads_the_file_where_there_is_no_kit(
    exported: Export, predicted: dict[str, list[float]], workspace: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "images.npy", images_of(workspace, list(predicted)))
    script = f"""
import sys
sys.modules["kit"] = None
import keras, numpy as np
try:
    import kit
except ImportError:
    model = keras.models.load_model({str(exported.paths["keras"])!r})
    np.save({str(tmp_path / "rows.npy")!r}, model.predict(np.load({str(tmp_path / "images.npy")!r}), verbose=0))
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)

    np.testing.assert_allclose(np.load(tmp_path / "rows.npy"), list(predicted.values()), atol=ROUNDING)


def test_an_export_says_what_it_is(exported: Export, run: RunDirectory) -> None:
    beside = exported.folder / "export.json"
    within = exported.paths["saved_model"] / "assets.extra" / "export.json"
    info = from_json(beside, ExportInfo)

    assert (run.path / "export", run.spec()) == (exported.folder, info.run)
    assert (("dark", "light"), (SIDE, SIDE, 3), "best") == (info.classes, info.shape, info.weights)
    assert exported.info == info == from_json(within, ExportInfo)
    assert 36 == info.compared
    assert {"assets.extra", "saved_model.pb", "variables"} <= {path.name for path in within.parents[1].iterdir()}


def test_the_last_weights_are_exported_when_asked(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    from kit.exports.formats import FORMATS

    exported = kit.export(run.path, formats=["keras"], weights="last", output=tmp_path / "last", root=workspace)
    path = tmp_path / "last.csv"
    kit.predict(run.path, split="validation", weights="last", output=path, root=workspace)
    rows = {row["id"]: float(row["light"]) for row in csv.DictReader(path.read_text().splitlines())}
    given_rows = FORMATS["keras"].read(exported.paths["keras"], images_of(workspace, list(rows)))

    np.testing.assert_allclose(given_rows[:, 1], list(rows.values()), atol=ROUNDING)


def test_an_export_is_replaced_only_when_asked(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "export"
    kit.export(run.path, formats=["keras"], output=folder, root=workspace)
    with pytest.raises(WorkspaceError, match=r"models/export exists; choose another name or add force=True"):
        kit.export(run.path, output=folder, root=workspace)
    replaced = kit.export(run.path, formats=["saved_model"], output=folder, force=True, root=workspace)

    assert {"export.json", "saved_model", "seal.json"} == {path.name for path in folder.iterdir()}
    assert [folder] == list(folder.parent.iterdir())
    assert ["saved_model"] == list(replaced.paths)


def test_a_folder_that_is_no_export_is_left_alone(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"exists and is no export of kit's; move it away"):
        kit.export(run.path, output=tmp_path, force=True, root=workspace)

    assert "mine" == (tmp_path / "mine.txt").read_text()


class Stopping(NoProgress):
    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps, note
        raise KeyboardInterrupt


def test_an_interrupted_export_leaves_nothing(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "export"
    with pytest.raises(KeyboardInterrupt):
        kit.export(run.path, formats=["keras"], output=folder, root=workspace, progress=Stopping())

    assert not list(folder.parent.iterdir())


def test_what_cannot_be_exported_is_said_at_once(
    run: RunDirectory, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match=r"unknown format 'onx'; did you mean 'onnx'\?"):
        kit.export(run.path, formats=["onx"], output=tmp_path / "e", root=workspace)
    with pytest.raises(SpecError, match=r"formats must be different, got keras, keras"):
        kit.export(run.path, formats=["keras", "keras"], output=tmp_path / "e", root=workspace)
    with pytest.raises(SpecError, match=r"formats must be some of keras, saved_model, onnx, got none"):
        kit.export(run.path, formats=[], output=tmp_path / "e", root=workspace)
    with pytest.raises(RunError, match=r"unknown run 'nothing'"):
        kit.export("nothing", root=workspace)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(MissingDependencyError, match=r"format 'onnx' needs tf2onnx; install 'kit\[onnx\]'"):
        kit.export(run.path, formats=["onnx"], output=tmp_path / "e", root=workspace)

    assert not list(tmp_path.iterdir())


def check_formats(model: ModelSpec, shape: tuple[int, int, int], classes: int, names: list[str], folder: Path) -> None:
    """Write a network that has seen one batch, and compare what each format gives with what it gives."""
    from kit.compat import keras
    from kit.exports.formats import FORMATS
    from kit.exports.inference_model import served_model
    from kit.models.build import build_model

    network = build_model(model, shape, class_head(classes), seed=0)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (8, *shape), np.uint8)
    pixels = images.astype(np.float32) / np.float32(255)
    for layer in (inner for outer in network.layers for inner in getattr(outer, "layers", [outer])):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(pixels, training=True)
    expected = class_head(classes).predictions(network.predict_on_batch(pixels))
    image = ImageSpec(size=shape[:2], channels=1 if shape[2] == 1 else 3)
    for name in names:
        path = folder / name / Path(FILES[name]).name
        path.parent.mkdir()
        FORMATS[name].write(served_model(network, class_head(classes), image), image, path)
        given_rows = FORMATS[name].read(path, images)

        assert (8, classes) == given_rows.shape
        np.testing.assert_allclose(given_rows, expected, atol=1e-3)
        assert np.ptp(expected, axis=0).max() > 0.05


def test_three_grey_classes_are_exported(tmp_path: Path) -> None:
    check_formats(ModelSpec(filters=(4,), pool=2, dense=(8,), dropout=0.5), (16, 12, 1), 3, ["keras"], tmp_path)


def test_a_backbone_is_exported(tmp_path: Path) -> None:
    backbone = {"backbone.name": "VGG16", "backbone.weights": "none", "backbone.bn": "true"}
    check_formats(override(ModelSpec(), backbone), (64, 64, 3), 2, ["keras"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["DenseNet121", "EfficientNetB0", "MobileNetV2", "VGG16"])
def test_a_backbone_is_exported_to_every_format(network: str, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    backbone = {"backbone.name": network, "backbone.weights": "none", "backbone.frozen_layers": "0"}
    check_formats(
        override(ModelSpec(), {**backbone, "backbone.adapter": "repeat"}), (64, 64, 1), 3, list(FILES), tmp_path
    )


def test_info_is_plain_json(exported: Export) -> None:
    read = json.loads((exported.folder / "export.json").read_text())

    assert {"keras": "model.keras", "saved_model": "saved_model/1", "onnx": "model.onnx"} == read["files"]
    assert read["run"]["fingerprint"] == exported.info.run.fingerprint
