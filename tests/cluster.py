"""A Ray cluster of two nodes, each a process tree of its own, in a network of its own.

Ray listens on every interface, and whoever reaches it runs what he likes; so the tests' nodes live in a network
namespace that only they and this process are in.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waiting import kill_tree, stopped_with_open, tree, wait_until

from kit.engines import Ray

HEAD, OTHER = "127.0.0.2", "127.0.0.3"
PORT = 6399
ADDRESS = f"{HEAD}:{PORT}"

_ROOT = Path(__file__).parents[1]
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of linux/sched.h
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP of linux/sockios.h and if.h
_STARTED, _TOO_SLOW = "Ray runtime started", "timed out during startup"
_STARTS = 20  # at most: Ray gives a node 30 s, which is too little on a machine that has other work
_START = "import sys; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; main()"


class Cluster:
    """Two nodes of one CPU each."""

    address = ADDRESS

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self.start(HEAD)
            self.start(OTHER)
        except BaseException:
            self.stop()
            raise

    def start(self, host: str, *, mount: str = "") -> None:
        """Start a node, unless it runs.

        Args:
            host: Its address.
            mount: What it mounts first, for itself alone, as the arguments of mount.
        """
        log = self._folder / f"{host}.log"
        for left in reversed(range(_STARTS)):
            if host in self._nodes:
                return
            self._nodes[host] = self._launched(host, mount, log)
            try:
                wait_until(lambda: _STARTED in log.read_text(), self._nodes[host])
            except AssertionError:
                self.kill(host)
                if not left or _TOO_SLOW not in log.read_text():
                    raise

    def _launched(self, host: str, mount: str, log: Path) -> subprocess.Popen[bytes]:
        head = ["--head", f"--port={PORT}", f"--temp-dir={self._folder}", "--include-dashboard=false"]
        with log.open("wb") as file:
            return subprocess.Popen(
                [
                    *(("unshare", "-m", "sh", "-c", f'mount {mount} && exec "$0" "$@"') if mount else ()),
                    *(sys.executable, "-c", _START, "start", "--block", f"--node-ip-address={host}"),
                    *(head if host == HEAD else [f"--address={ADDRESS}"]),
                    *("--num-cpus=1", "--num-gpus=0", "--object-store-memory=100000000"),
                ],
                env={
                    **os.environ,
                    "PYTHONPATH": str(_ROOT),
                    "RAY_USAGE_STATS_ENABLED": "0",
                    "RAY_health_check_period_ms": "1000",
                    "RAY_health_check_failure_threshold": "3",
                },
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, host: str) -> None:
        """Kill a node's whole tree at once, as if the machine lost its power; nothing if it does not run."""
        if host not in self._nodes:
            return
        kill_tree(self._nodes.pop(host))

    def stop_with_open(self, host: str, is_meant: Callable[[Path], object]) -> bool:
        """Stop a process of a node that has such a file open, so that it has when the node is killed."""
        return stopped_with_open(tree(self._nodes[host].pid), is_meant) is not None

    def remove(self, host: str) -> None:
        """Kill a node, and wait until the head no longer lists it, which takes it some seconds."""
        self.kill(host)
        engine = Ray(self.address)
        with engine.prepare(len):
            wait_until(lambda: host not in {node.node.address for node in engine.nodes}, self._nodes[HEAD])

    def stop(self) -> None:
        """End all nodes, by their process ids."""
        for host in reversed(list(self._nodes)):
            self.kill(host)


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run two nodes, with this process in a network of their own.

    Raises:
        OSError: No network of its own may be made here.
    """
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's path is 107 characters at most
    with _own_network():
        made = Cluster(folder)
        try:
            yield made
        finally:
            made.stop()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes that run for all tests; one that a test kills is started again by `both_nodes`."""
    pytest.importorskip("ray", reason="needs the extra ray")
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(running_cluster())
        except OSError as error:
            pytest.skip(f"no network of its own may be made here: {error}")
        yield made


@contextlib.contextmanager
def _own_network() -> Iterator[None]:
    """Move this thread, and all that it starts, into a network of its own."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or not hasattr(library, "unshare"):
        raise OSError("only Linux has network namespaces")
    with Path("/proc/thread-self/ns/net").open() as before:
        if library.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            _set_up_loopback()
            yield
        finally:
            library.setns(before.fileno(), _NEW_NETWORK)


@pytest.fixture
def both_nodes(cluster: Cluster) -> Cluster:
    """The cluster with both nodes alive."""
    cluster.start(OTHER)
    return cluster


@pytest.fixture
def other_node(both_nodes: Cluster) -> Iterator[Cluster]:
    """The cluster without its second node, which a test starts otherwise; afterwards it is as it was."""
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("only root may have mounts of its own")
    both_nodes.remove(OTHER)
    yield both_nodes
    both_nodes.remove(OTHER)


def _set_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(any_socket, _GET_FLAGS, asked))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))
