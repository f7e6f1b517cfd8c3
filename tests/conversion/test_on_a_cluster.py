from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from cluster import HEAD, OTHER, Cluster
from waiting import halting, wait_until

from kit.conversion import shard
from kit.datasets.dataset import MANIFEST

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 images of two classes, whose files are small, but take a worker a while to decode."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(96):
        path = folder / f"class{number % 2}" / f"{number:04d}.png"
        path.parent.mkdir(exist_ok=True)
        blocks = rng.integers(0, 255, (8, 8, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(blocks, (1200, 1200), interpolation=cv2.INTER_NEAREST))
    return folder


def _words(images: Path, *options: str) -> list[str]:
    made = ["shard", str(images), "--name", "pets", "--size", "32", "--folds", "12"]
    return [*made, "--engine", "ray", "--address", Cluster.address, *options]


def _command(images: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "kit", *_words(images, *options)]


def _shards(folder: Path) -> dict[str, bytes]:
    """All files but the manifest, which names the nodes."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}


def test_shards_of_two_nodes_are_those_of_this_machine_and_the_manifest_names_both(
    images: Path, tmp_path: Path, both_nodes: Cluster
) -> None:
    spread = shard(
        images, name="pets", size=32, folds=12, engine="ray", address=both_nodes.address, root=tmp_path / "spread"
    )
    local = shard(images, name="pets", size=32, folds=12, workers=1, root=tmp_path / "local")
    nodes = spread.manifest.nodes

    assert isinstance(nodes, tuple)
    assert [HEAD, OTHER] == [node.address for node in nodes]
    assert len({node.id for node in nodes}) == 2
    assert sorted(path.name for path in spread.folder.glob("*.tfrecord")) == sorted(
        name for node in nodes for name in node.shards
    )
    assert "nodes" not in (local.folder / MANIFEST).read_text()
    assert _shards(local.folder) == _shards(spread.folder)
    assert local.manifest.fingerprint == spread.manifest.fingerprint


def test_node_that_dies_while_it_writes_changes_no_byte_and_leaves_no_file(
    images: Path, tmp_path: Path, both_nodes: Cluster
) -> None:
    datasets = tmp_path / "tfrecords"
    with subprocess.Popen(
        _command(images, "--root", str(tmp_path), "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: both_nodes.stop_with_open(OTHER, _is_begun_shard), process)
        both_nodes.kill(OTHER)
        output, errors = process.communicate()
    local = shard(images, name="pets", size=32, folds=12, workers=1, root=tmp_path / "local")

    assert 0 == process.returncode, errors
    assert "a worker process was killed; the shards it had begun are written again" in errors
    assert "shards by node:" in errors
    assert json.loads(output)["fingerprint"] == local.manifest.fingerprint
    assert _shards(local.folder) == _shards(datasets / "pets")
    assert ["pets"] == [path.name for path in datasets.iterdir()]


def _is_begun_shard(path: Path) -> bool:
    return ".tmp." in path.name and path.suffix == ".tfrecord"


def test_command_that_was_killed_goes_on_with_the_shards_of_both_nodes(
    images: Path, tmp_path: Path, both_nodes: Cluster
) -> None:
    assert both_nodes.address
    partial = tmp_path / "tfrecords" / ".pets.partial"
    command = halting(_words(images, "--root", str(tmp_path)), partial, "[!.]*.written.json", 4)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(list(partial.glob("[!.]*.written.json"))) >= 4, process)
        process.kill()
    finished = {path.name.removesuffix(".written.json") for path in partial.glob("[!.]*.written.json")}
    kept = {path.name: path.stat().st_ino for path in partial.glob("*.tfrecord") if path.stem in finished}
    assert 4 <= len(kept) < 12
    again = shard(images, name="pets", size=32, folds=12, workers=1, root=tmp_path)
    local = shard(images, name="pets", size=32, folds=12, workers=1, root=tmp_path / "local")

    assert all((again.folder / name).stat().st_ino == number for name, number in kept.items())
    assert isinstance(again.manifest.nodes, tuple)
    assert _shards(local.folder) == _shards(again.folder)


def test_node_that_does_not_see_the_workspace_or_the_images_is_named_and_nothing_is_written(
    images: Path, tmp_path: Path, other_node: Cluster
) -> None:
    root = tmp_path / "workspace"
    for hidden in (root, images):
        root.mkdir(exist_ok=True)
        other_node.remove(OTHER)
        other_node.start(OTHER, mount=f"-t tmpfs none {hidden}")
        refused = subprocess.run(
            _command(images, "--root", str(root)), capture_output=True, text=True, check=False, cwd=tmp_path
        )

        lines = refused.stderr.splitlines()
        assert 1 == len(lines), refused.stderr
        assert f"kit: node {OTHER} of the cluster does not see {hidden}" in lines[0]
        assert "--root" in lines[0]
        assert 1 == refused.returncode
        assert not list(root.rglob("*.*"))


def test_node_with_another_kit_is_named(images: Path, tmp_path: Path, other_node: Cluster) -> None:
    other_kit = tmp_path / "other"
    package = Path(next(iter(sys.modules["kit"].__path__)))
    shutil.copytree(package, other_kit / "kit")
    with (other_kit / "kit" / "names.py").open("a") as changed:
        changed.write("# otherwise\n")
    other_node.start(OTHER, mount=f"--bind {other_kit / 'kit'} {package}")
    refused = subprocess.run(_command(images, "--root", str(tmp_path)), capture_output=True, text=True, check=False)

    lines = refused.stderr.splitlines()
    assert 1 == len(lines), refused.stderr
    assert f"kit: node {OTHER} of the cluster has kit's code " in lines[0]
    assert "install the same versions on all machines" in lines[0]
    assert not (tmp_path / "tfrecords").exists()
