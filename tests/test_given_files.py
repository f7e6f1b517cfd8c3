"""Untrusted arrays, models and shards: no code runs, and no memory is allocated for sizes that are only claimed."""

from __future__ import annotations

import ast
import io
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import google_crc32c
import msgspec
import numpy as np
import pytest
from trained import SETTINGS

import kit
from kit.datasets import Dataset, find_dataset
from kit.datasets.manifest import fingerprint
from kit.datasets.read import read_examples
from kit.errors import ShardError, SourceError
from kit.files import xxh128_file
from kit.pipeline.cache import decode_split, map_split
from kit.seals import seal
from kit.sources.arrays import read_npz

EXPLICIT = {"load": "allow_pickle", "read_array": "allow_pickle", "load_model": "safe_mode"}


class Malice:
    """What runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.path),)


def npy(shape: tuple[int, ...], content: bytes, kind: str = "|u1") -> bytes:
    """Header of an array, regardless of its data."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


def write_npz(path: Path, images: bytes, packed: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("images.npy", images)
        archive.writestr("labels.npy", npy((4,), bytes([0, 1, 0, 1])))
    return path


def test_an_npz_file_is_not_unpickled(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "data.npz", images=np.zeros((2, 4, 4), np.uint8), labels=np.array([Malice(tmp_path / "run"), 1])
    )

    with pytest.raises(SourceError, match=r"data\.npz: array labels holds Python objects, which kit does not load"):
        read_npz(tmp_path / "data.npz")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("shape", "said"),
    [((4, 1 << 20, 1 << 20), "4,398,046,511,104"), ((4, 8, 9), "288"), ((4, 8, 7), "224"), ((-4, -8, 8), "256")],
)
def test_an_array_that_claims_other_bytes_than_it_has_is_refused(
    tmp_path: Path, shape: tuple[int, ...], said: str
) -> None:
    path = write_npz(tmp_path / "data.npz", npy(shape, bytes(257)))

    with pytest.raises(SourceError, match=rf"array images claims {said} bytes of uint8 .*, and holds 257; write"):
        read_npz(path)


def test_arrays_larger_than_the_free_memory_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """192 MiB of zeros are 200 kB deflated; the process may have 100 MiB more than it has."""
    with zipfile.ZipFile(tmp_path / "data.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w") as member:
            member.write(npy((12, 1 << 12, 1 << 12), b""))
            for _ in range(12):
                member.write(bytes(1 << 24))
        archive.writestr("labels.npy", npy((4,), bytes([0, 1, 0, 1])))
    code = (
        "import resource, pathlib, sys; from kit.sources.arrays import read_npz;"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2); read_npz(pathlib.Path(sys.argv[1]))"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "data.npz")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)

    assert "SourceError" in done.stderr
    assert "data.npz: its arrays need 201.33 MB of memory, and " in done.stderr


def test_an_array_packed_otherwise_than_numpy_packs_is_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "data.npz", npy((4, 8, 8), bytes(256)), zipfile.ZIP_BZIP2)

    with pytest.raises(SourceError, match=r"array images is neither stored nor deflated"):
        read_npz(path)


@pytest.mark.parametrize("content", [b"", b"no array", npy((), b"\0"), npy((4, 8, 8), bytes(256))[:-1]], ids=len)
def test_what_is_no_array_of_images_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"data\.npz|images must be"):
        read_npz(write_npz(tmp_path / "data.npz", content))


def test_a_whole_npz_file_is_read(tmp_path: Path) -> None:
    images = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    records, _ = read_npz(write_npz(tmp_path / "data.npz", npy((4, 8, 8), images.tobytes()), zipfile.ZIP_DEFLATED))

    assert np.array_equal(images, [record.file.read() for record in records])


@pytest.mark.parametrize("part", ["keys", "labels", "pixels"])
@pytest.mark.parametrize("damage", ["pickled", "huge", "cut", "other"])
def test_a_decoded_split_that_is_not_its_own_is_decoded_again_and_never_unpickled(
    tiny: Dataset, tmp_path: Path, part: str, damage: str
) -> None:
    expected = [example.pixels for example in read_examples(tiny, "train")]
    for read in (map_split, decode_split):
        folder = tmp_path / read.__name__
        read(tiny, "train", folder)
        (path,) = folder.glob(f"train-*.{part}.npy")
        match damage:
            case "pickled":
                np.save(path, np.array([Malice(tmp_path / "run")]), allow_pickle=True)
            case "huge":
                path.write_bytes(npy((1 << 40,), path.read_bytes()[128:]))
            case "cut":
                path.write_bytes(path.read_bytes()[:100])
            case _:
                np.save(path, np.zeros(3, np.uint8))
        again = read(tiny, "train", folder)

        assert np.array_equal(expected, again.images)
        assert len(expected) == len(again.labels) == len(again.keys)
    assert not (tmp_path / "run").exists()


def test_every_load_says_that_it_runs_no_code() -> None:
    """A default may change; a setting in a file does not."""
    found = 0
    for path in Path(kit.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            name = ast.unparse(call.func)
            option = EXPLICIT.get(call.func.attr)
            if option and name.startswith(("np.", "numpy.", "keras.", "tf.keras.")):
                given = {one.arg: ast.unparse(one.value) for one in call.keywords}
                found += 1

                assert {"allow_pickle": "False", "safe_mode": "True"}[option] == given.get(option), f"{path}: {name}"
            assert name not in {"pickle.load", "pickle.loads", "joblib.load"}, path
    assert found >= 3


def test_a_keras_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    from kit.compat import keras
    from kit.exports.formats import FORMATS

    images = keras.Input((4, 4, 3))
    keras.Model(images, keras.layers.Lambda(lambda x: x)(images)).save(tmp_path / "model.keras")

    with pytest.raises(ValueError, match="safe_mode"):
        FORMATS["keras"].read(tmp_path / "model.keras", np.zeros((1, 4, 4, 3), np.uint8))


def with_a_long_record(tiny: Dataset, root: Path) -> Dataset:
    """A dataset whose seals and hashes fit, and whose first record of train claims a terabyte."""
    shutil.copytree(tiny.folder, root / "tfrecords" / "long")
    shard = tiny.shards("train")[0]
    path = root / "tfrecords" / "long" / shard.name
    length = struct.pack("<Q", 1 << 40)
    checksum = google_crc32c.value(length)
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    path.write_bytes(length + struct.pack("<I", masked) + path.read_bytes()[12:])
    shards = [
        msgspec.structs.replace(one, xxh128=xxh128_file(path)) if one.name == shard.name else one
        for one in tiny.manifest.shards
    ]
    changed = msgspec.structs.replace(
        tiny.manifest, name="long", shards=tuple(shards), fingerprint=fingerprint(tiny.manifest.target, shards)
    )
    (path.parent / "manifest.json").write_bytes(seal(changed))
    return find_dataset("long", root=root)


def test_a_record_that_claims_a_terabyte_is_refused_before_tensorflow_reads_it(tiny: Dataset, tmp_path: Path) -> None:
    """TensorFlow takes the memory and ends the process."""
    dataset = with_a_long_record(tiny, tmp_path)
    message = r"train-00000-of-0000\d\.tfrecord: record 0 at byte 0 is damaged or cut short"

    with pytest.raises(ShardError, match=message):
        kit.load(dataset.manifest.name, root=tmp_path)
    with pytest.raises(ShardError, match=message):
        kit.train(dataset.manifest.name, settings=SETTINGS, root=tmp_path)
    with pytest.raises(ShardError, match=message):
        kit.bench(dataset.manifest.name, settings=SETTINGS, seconds=1, root=tmp_path)
    with pytest.raises(ShardError, match=message):
        list(read_examples(dataset, "train"))
