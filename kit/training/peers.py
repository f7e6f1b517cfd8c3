"""Connections between the machines of a training: they meet, compare what they have, exchange texts and miss the dead.

Every worker is connected to the chief, on the address that TensorFlow uses afterwards. TensorFlow alone waits for ever
for a machine that never starts, and says of one that died what no user understands.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from kit.errors import KitError, PeerError, SpecError
from kit.training.tf_config import Cluster

_BEAT = 5.0  # seconds between signs of life
_SILENCE = 30.0  # seconds without one, after which a machine counts as lost
_HELLO = 10.0  # seconds in which a connection must say who it is
_PARTING = 3.0  # seconds in which the others take leave, too
_RETRY = 0.3  # seconds between attempts to reach the chief
_CHUNK = 1 << 20
_LONGEST_HELLO = 1 << 16  # bytes: strangers may connect, too

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lost:
    """Reason why the machines no longer work together.

    Attributes:
        why: Reason in one line.
        is_refusal: Whether trying again cannot help.
    """

    why: str
    is_refusal: bool = False

    def error(self) -> PeerError | SpecError:
        """Make the error to raise."""
        return SpecError(self.why) if self.is_refusal else PeerError(self.why)


class _Line:
    """A connection on which each message is one line of JSON."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self._writing = threading.Lock()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(_SILENCE)

    def send(self, **message: Any) -> None:
        """Send a message in parts, each of which has its own time limit."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        with self._writing:
            while data:
                data = data[self._connection.send(data[:_CHUNK]) :]

    def receive(self, longest: int = -1) -> dict[str, Any]:
        """Wait for a message.

        Raises:
            OSError: The connection ended, or was silent.
            ValueError: The message is none of kit's.
        """
        line = self._file.readline(longest)
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        message = json.loads(line)
        if not isinstance(message, dict):
            raise TypeError(message)
        return message

    def wait_at_most(self, seconds: float) -> None:
        """Set the time after which a connection without messages counts as lost."""
        self._connection.settimeout(seconds)

    def end_writing(self) -> None:
        """Tell the other end that nothing follows."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the connection, also for a thread that waits for a message."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError, ValueError):
            self._file.close()
        self._connection.close()


class Peers:
    """Machines that have met; see `meet`.

    Args:
        cluster: Workers of the training.
        lines: Connections by the index of the worker at their other end: all of them at the chief, 0 elsewhere.
    """

    def __init__(self, cluster: Cluster, lines: Mapping[int, _Line]) -> None:
        self.cluster = cluster
        self.lost: Lost | None = None
        self.on_lost: Callable[[Lost], None] = _ignore
        self._lines = lines
        self._texts: dict[int, queue.Queue[list[str] | None]] = {index: queue.Queue() for index in lines}
        self._noticed = threading.Event()
        self._losing = threading.Lock()
        self._is_closed = False
        self._listeners = [threading.Thread(target=self._listen, args=(index,), daemon=True) for index in lines]
        for thread in (*self._listeners, threading.Thread(target=self._beat, daemon=True)):
            thread.start()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Part from the others, or tell them why this machine ends."""
        self._is_closed = True
        lost = self.lost or self._ending(error)
        for line in self._lines.values():
            with contextlib.suppress(OSError):
                if error is None:
                    line.send(kind="done")
                else:
                    line.send(kind="end", why=lost.why, is_refusal=lost.is_refusal)
            line.end_writing()
        self._noticed.set()
        for thread in self._listeners:  # what is closed with unread messages takes the last ones sent with it
            thread.join(_PARTING)
        for line in self._lines.values():
            line.close()

    def _ending(self, error: BaseException | None) -> Lost:
        """Say to the others why this machine ends."""
        own = self.cluster.named(self.cluster.index)
        if isinstance(error, KitError):
            return Lost(f"{own} ended: {error.marked}", is_refusal=error.exit_status == 1)
        return Lost(f"{own} ended before the training did")

    def exchange(self, text: str) -> list[str]:
        """Send all workers the texts of all, in their order; each waits for the others.

        Raises:
            PeerError: A machine was lost.
            SpecError: A machine refused to go on.
        """
        if not self.cluster.is_chief:
            self._send(0, kind="say", texts=[text])
            return self._wait(0)
        texts = [text, *(self._wait(index)[0] for index in sorted(self._lines))]
        for index in self._lines:
            self._send(index, kind="say", texts=texts)
        return texts

    def told(self, text: str) -> str:
        """Send all workers the chief's text; see `exchange`."""
        if not self.cluster.is_chief:
            return self._wait(0)[0]
        for index in self._lines:
            self._send(index, kind="say", texts=[text])
        return text

    def wait_until_lost(self) -> Lost:
        """Wait for the news behind an error of TensorFlow, which may notice a loss before kit does."""
        self._noticed.wait(_SILENCE + _BEAT)
        return self.lost or Lost("the connection between the machines broke")

    def _send(self, index: int, **message: Any) -> None:
        try:
            self._lines[index].send(**message)
        except OSError as error:
            raise self.wait_until_lost().error() from error

    def _wait(self, index: int) -> list[str]:
        texts = self._texts[index].get()
        if texts is None:
            raise (self.lost or self.wait_until_lost()).error()
        return texts

    def _listen(self, index: int) -> None:
        line = self._lines[index]
        while True:
            try:
                message = line.receive()
            except (OSError, ValueError, TypeError) as error:
                how = "gives no sign of life" if isinstance(error, TimeoutError) else "has ended"
                self._lose(Lost(f"{self.cluster.named(index)} {how}"))
                return
            if message.get("kind") == "say":
                self._texts[index].put(message["texts"])
            elif message.get("kind") == "end":
                self._lose(Lost(message["why"], message["is_refusal"]))
                return
            elif message.get("kind") == "done":
                self._texts[index].put(None)
                return

    def _beat(self) -> None:
        while not self._noticed.wait(_BEAT):
            for line in self._lines.values():
                with contextlib.suppress(OSError):
                    line.send(kind="beat")

    def _lose(self, lost: Lost) -> None:
        with self._losing:
            if self.lost or self._is_closed:
                return
            self.lost = lost
        self._noticed.set()
        for line in self._lines.values():
            with contextlib.suppress(OSError):
                line.send(kind="end", why=lost.why, is_refusal=lost.is_refusal)
        for texts in self._texts.values():
            texts.put(None)
        self.on_lost(lost)


def _ignore(lost: Lost) -> None:
    """Do nothing; who waits for a text is told."""


def meet(cluster: Cluster, facts: Facts, timeout: float) -> Peers:
    """Wait until all machines are there, and compare what must be equal on all of them.

    Args:
        cluster: Workers of the training.
        facts: Values that must be equal everywhere, by what they are called in a message.
        timeout: Time until all must be there, seconds.

    Raises:
        PeerError: A machine did not come in time, or the port of the chief is in use.
        SpecError: The machines differ.
    """
    deadline = time.monotonic() + timeout
    if not cluster.is_chief:
        return _joined(cluster, facts, deadline, timeout)
    lines = _gathered(cluster, facts, deadline, timeout)
    for line in lines.values():
        with contextlib.suppress(OSError):  # of one that has just ended, which is noticed from now on
            line.send(kind="welcome")
    return Peers(cluster, lines)


def _joined(cluster: Cluster, facts: Facts, deadline: float, timeout: float) -> Peers:
    """Call the chief until it answers that all are there."""
    while True:
        try:
            line, answer = _answered(cluster, facts)
        except (OSError, ValueError, TypeError) as error:
            if time.monotonic() > deadline:
                raise PeerError(
                    f"{cluster.named(0)} does not answer {cluster.named(cluster.index)} within {timeout:g} s; run"
                    " the same command on all machines, and see whether its port can be reached"
                ) from error
            time.sleep(_RETRY)
            continue
        if answer.get("kind") == "end":
            line.close()
            raise Lost(answer["why"], answer["is_refusal"]).error()
        return Peers(cluster, {0: line})


def _answered(cluster: Cluster, facts: Facts) -> tuple[_Line, dict[str, Any]]:
    """Call the chief, and wait for its answer as long as it gives signs of life."""
    host, _, port = cluster.addresses[0].rpartition(":")
    line = _Line(socket.create_connection((host.strip("[]"), int(port)), timeout=_HELLO))
    try:
        line.send(kind="hello", index=cluster.index, facts={**facts, "list of addresses": _listed(cluster)})
        answer = line.receive()
        while answer.get("kind") == "beat":
            answer = line.receive()
    except BaseException:
        line.close()
        raise
    return line, answer


def _gathered(cluster: Cluster, facts: Facts, deadline: float, timeout: float) -> dict[int, _Line]:
    """Accept a connection from each of the other workers."""
    lines: dict[int, _Line] = {}
    try:
        with _listening(cluster.addresses[0]) as listener:
            while len(lines) < len(cluster.addresses) - 1:
                left = _time_left(deadline, cluster, lines, timeout)
                _accept(listener, cluster, {**facts, "list of addresses": _listed(cluster)}, lines, min(left, _BEAT))
                _keep_waiting(lines)
    except (PeerError, SpecError) as error:
        for line in lines.values():
            with contextlib.suppress(OSError):
                line.send(kind="end", why=error.marked, is_refusal=error.exit_status == 1)
            line.close()
        raise
    return lines


def _time_left(deadline: float, cluster: Cluster, lines: Mapping[int, _Line], timeout: float) -> float:
    """Return the time in which the others may still come, seconds.

    Raises:
        PeerError: It is over.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        missing = next(index for index in range(1, len(cluster.addresses)) if index not in lines)
        raise PeerError(
            f"{cluster.named(missing)} did not come within {timeout:g} s; run the same command on all machines"
        )
    return left


def _accept(listener: socket.socket, cluster: Cluster, facts: Facts, lines: dict[int, _Line], patience: float) -> None:
    """Accept one connection, if there is one; a stranger's is closed."""
    listener.settimeout(max(0.1, patience))
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return
    line = _Line(connection)
    line.wait_at_most(_HELLO)
    try:
        hello = line.receive(_LONGEST_HELLO)
        index, theirs = int(hello["index"]), dict(hello["facts"])
    except (OSError, ValueError, TypeError, KeyError):
        line.close()
        return
    line.wait_at_most(_SILENCE)
    taken = lines.pop(index, None)
    lines[index] = line  # before anything is refused: it is told, too
    if taken:
        taken.close()  # of an attempt that was ended; two that live are refused by the port that both need
    for name, value in facts.items():
        if theirs.get(name) != value:
            raise SpecError(
                f"{name} differs: {cluster.named(index) if 0 < index < len(cluster.addresses) else index} has"
                f" {theirs.get(name)}, and the chief {value}; make them equal and run the same command on all machines"
            )


def _keep_waiting(lines: dict[int, _Line]) -> None:
    """Show those who are there that the chief still waits for others; forget those who left."""
    for index, line in list(lines.items()):
        try:
            line.send(kind="beat")
        except OSError:
            line.close()
            del lines[index]


def _listening(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    error: OSError | None = None
    for place in (host.strip("[]"), ""):  # a name may be that of a gateway, not of this machine
        try:
            return socket.create_server((place, int(port)))
        except OSError as failed:
            error = failed
    raise PeerError(
        f"the chief cannot listen on {address}: {error}; end what uses the port, or name another in TF_CONFIG"
    )


def _listed(cluster: Cluster) -> str:
    return ", ".join(cluster.addresses)
