"""Machines of a training meet, exchange texts, and miss the ones that end; here each is a thread."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from kit.errors import KitError, PeerError, SpecError
from kit.training.peers import Peers, meet
from kit.training.tf_config import Cluster

FACTS = {"version of kit": "1"}


@contextlib.contextmanager
def addresses(count: int) -> Iterator[tuple[str, ...]]:
    """Addresses of this machine whose ports nobody else is given; who knows them may listen there."""
    with contextlib.ExitStack() as opened:
        held = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 0))
        yield tuple(f"127.0.0.1:{one.getsockname()[1]}" for one in held)


def together(
    act: Callable[[Peers], Any], count: int = 2, facts: Mapping[int, Mapping[str, str]] | None = None
) -> list[Future[Any]]:
    """Let machines meet and do the same."""

    def machine(index: int) -> Any:
        with meet(Cluster(addresses=listed, index=index), (facts or {}).get(index, FACTS), 20) as peers:
            return act(peers)

    with addresses(count) as listed, ThreadPoolExecutor(count) as pool:
        return [pool.submit(machine, index) for index in range(count)]


def error_of(future: Future[Any]) -> KitError:
    error = future.exception()

    assert isinstance(error, KitError)
    return error


def test_all_get_the_texts_of_all_and_what_the_chief_tells() -> None:
    long = "x" * (3 << 20)

    def act(peers: Peers) -> tuple[list[str], str]:
        return peers.exchange(f"{peers.cluster.index}"), peers.told(long if peers.cluster.is_chief else "not heard")

    assert [(["0", "1", "2"], long)] * 3 == [future.result() for future in together(act, 3)]


@pytest.mark.parametrize("ending", [0, 1, 2])
def test_a_machine_that_fails_ends_the_others_with_its_name(ending: int) -> None:
    def act(peers: Peers) -> None:
        if peers.cluster.index == ending:
            raise ZeroDivisionError
        peers.exchange("on")

    began = time.monotonic()
    ends = together(act, 3)
    others = [error_of(future) for index, future in enumerate(ends) if index != ending]
    name = f"worker {ending}" if ending else "the chief"

    assert isinstance(ends[ending].exception(), ZeroDivisionError)
    for error in others:
        assert isinstance(error, PeerError)
        assert str(error).startswith(f"{name} (127.0.0.1:")
        assert 3 == error.exit_status
    assert time.monotonic() - began < 15


def test_a_refusal_on_one_machine_is_one_on_all() -> None:
    def act(peers: Peers) -> None:
        if peers.cluster.is_chief:
            raise SpecError("no such setting")
        peers.told("")

    chief, other = map(error_of, together(act))

    assert "no such setting" == str(chief)
    assert isinstance(other, SpecError)
    assert str(other).startswith("the chief (127.0.0.1:")
    assert str(other).endswith(" ended: no such setting")


def test_a_loss_is_told_to_who_asks_for_it() -> None:
    heard: list[str] = []

    def act(peers: Peers) -> None:
        peers.on_lost = lambda lost: heard.append(lost.why)
        peers.exchange("all have asked")
        if not peers.cluster.is_chief:
            raise ZeroDivisionError
        peers.wait_until_lost()

    together(act)

    assert 1 == len(heard)
    assert heard[0].startswith("worker 1 (127.0.0.1:")


def test_machines_that_differ_are_refused_with_both_values() -> None:
    ends = [error_of(future) for future in together(lambda _: None, 2, {1: {"version of kit": "2"}})]

    for error in ends:
        assert isinstance(error, SpecError)
        assert "version of kit differs: worker 1 (127.0.0.1:" in str(error)
        assert "has 2, and the chief 1; make them equal" in str(error)


def test_a_stranger_on_the_port_is_no_machine() -> None:
    def machine(index: int) -> list[str]:
        with meet(Cluster(addresses=listed, index=index), FACTS, 20) as peers:
            return peers.exchange(str(index))

    with addresses(2) as listed, ThreadPoolExecutor(2) as pool:
        chief = pool.submit(machine, 0)
        host, _, port = listed[0].rpartition(":")
        _until_it_listens(host, int(port))
        with socket.create_connection((host, int(port))) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            other = pool.submit(machine, 1)

            assert ["0", "1"] == other.result() == chief.result()


def _until_it_listens(host: str, port: int) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, port)):
            return
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (0, r"worker 1 \(.*\) did not come within 0.5 s; run the same command on all machines"),
        (1, r"the chief \(.*\) does not answer worker 1 \(.*\) within 0.5 s; run the same command on all machines"),
    ],
)
def test_nobody_waits_for_ever(index: int, message: str) -> None:
    with addresses(2) as listed, pytest.raises(PeerError, match=message):
        meet(Cluster(addresses=listed, index=index), FACTS, 0.5)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(PeerError, match=rf"the chief cannot listen on {address}: .*; end what uses the port"):
            meet(Cluster(addresses=(address, "127.0.0.1:1"), index=0), FACTS, 5)
