from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.engines import engine_for
from kit.engines.cluster_address import AUTO, VARIABLE, cluster_address
from kit.engines.cluster_node import ClusterNode, Share, differences, new_probe, smallest
from kit.engines.node import Node
from kit.errors import EngineError, MissingDependencyError, SpecError

SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # the frame that every HTTP/2 server sends first


@pytest.fixture(autouse=True)
def _without_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def listener(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a server that answers whoever connects with the parameter."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            opened, _ = server.accept()
            with opened, contextlib.suppress(ConnectionError):
                opened.recv(64)
                opened.sendall(request.param)
                opened.recv(64)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(timeout=10)


@pytest.fixture
def closed() -> Iterator[str]:
    """Address where nobody listens, nor can while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_no_address_says_how_to_start_a_cluster_and_starts_none() -> None:
    with pytest.raises(SpecError) as refused:
        cluster_address(None)

    said = refused.value.as_options()
    assert "neither --address nor RAY_ADDRESS names one" in said
    assert "'ray start --head --port=6379' on one machine and 'ray start --address=HEAD:6379' on the others" in said
    assert said.endswith("then give --address HEAD:6379")


@pytest.mark.parametrize("wrong", ["head", "ray://head:10001", "head:0", "head:99999", "a b:1", ":6379"])
def test_what_is_no_host_and_port_is_refused(wrong: str) -> None:
    with pytest.raises(SpecError, match="address must be HOST:PORT of a Ray cluster's head"):
        cluster_address(wrong)


def test_nobody_at_an_address_is_an_error_that_names_it_and_its_origin(
    closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed.rpartition(":")[2]
    with pytest.raises(EngineError, match=rf"no Ray cluster answers at {closed}: .*ray start --head --port={port}"):
        cluster_address(closed)
    monkeypatch.setenv(VARIABLE, closed)
    with pytest.raises(EngineError, match=rf"no Ray cluster answers at {closed} \(from RAY_ADDRESS\)"):
        cluster_address(None)


@pytest.mark.parametrize("listener", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH"], indirect=True)
def test_another_server_at_an_address_is_no_cluster(listener: str) -> None:
    with pytest.raises(EngineError, match=f"what listens at {listener} is no Ray cluster"):
        cluster_address(listener)


@pytest.mark.parametrize("listener", [SETTINGS], indirect=True)
def test_a_server_that_speaks_as_ray_does_is_taken(listener: str) -> None:
    assert listener == cluster_address(listener)


def test_the_address_of_the_environment_may_leave_the_search_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, AUTO)

    assert AUTO == cluster_address(None)


@pytest.mark.parametrize("left", [True, False], ids=["left", "none"])
def test_a_cluster_that_is_gone_is_not_waited_for(
    left: bool, closed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    services = pytest.importorskip("ray._private.services", reason="needs the extra ray")
    monkeypatch.setattr(services, "_find_address_from_flag", lambda _: set())  # those of other clusters on this machine
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv(VARIABLE, AUTO)
    port = closed.rpartition(":")[2]
    if left:
        (tmp_path / "ray").mkdir()
        (tmp_path / "ray" / "ray_current_cluster").write_text(closed)
    said = (
        rf"no Ray cluster answers at .*:{port} \(auto\)"
        if left
        else "this machine is no node of a Ray cluster; start one with"
    )

    with pytest.raises(EngineError, match=said):
        engine_for(None, "ray")


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingDependencyError, match=r"engine 'ray' needs ray; install 'kit\[ray\]'"):
        engine_for(None, "ray", "127.0.0.1:6379")


def test_machines_that_differ_are_described_by_what_differs() -> None:
    here = new_probe()()
    there = {**here, "numpy": "1.0", "tensorflow": ""}

    assert "" == differences(here, dict(here))
    assert f"numpy 1.0 (here {here['numpy']}), no tensorflow" == differences(here, there)
    assert {"Python", "kit", "kit's code", "opencv-python-headless"} <= here.keys()


@pytest.mark.parametrize(
    ("share", "room"),
    [
        (Share(cpus=1), 8),
        (Share(cpus=3), 2),
        (Share(cpus=9), 0),
        (Share(cpus=2, gpus=1), 2),
        (Share(cpus=1, gpus=0.5), 4),
    ],
)
def test_a_node_has_room_for_what_all_its_resources_allow(share: Share, room: int) -> None:
    assert room == _machine(cpus=8, gpus=2).room(share)


def test_the_smallest_machine_gives_a_share_that_all_have() -> None:
    cores = [_machine(cpus=8), _machine(cpus=4), _machine(cpus=6)]
    mixed = [*cores, _machine(cpus=8, gpus=8), _machine(cpus=4, gpus=1), _machine(cpus=64, gpus=8)]

    assert _machine(cpus=4) == smallest(cores)
    assert _machine(cpus=8, gpus=8) == smallest(mixed)
    assert Share(cpus=1, gpus=1) == smallest(mixed).divided(8)
    assert [0, 0, 0, 8, 1, 8] == [node.room(smallest(mixed).divided(8)) for node in mixed]
    with pytest.raises(EngineError, match="no machine that can take a task is left"):
        smallest([])


@pytest.mark.parametrize(
    ("tasks", "share"),
    [(2, Share(cpus=4, gpus=1)), (4, Share(cpus=2, gpus=0.5)), (1, Share(cpus=8, gpus=1)), (16, Share(gpus=0.125))],
)
def test_a_machine_is_divided_into_shares_with_one_gpu_at_most(tasks: int, share: Share) -> None:
    assert share == _machine(cpus=8, gpus=2).divided(tasks)


def _machine(*, cpus: float, gpus: float = 0) -> ClusterNode:
    return ClusterNode(Node(id="a", address="10.0.0.1"), cpus=cpus, gpus=gpus)
