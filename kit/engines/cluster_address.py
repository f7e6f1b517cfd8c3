"""Addresses of Ray clusters: given, or from the environment, and whether anybody answers there."""

from __future__ import annotations

import contextlib
import os
import re
import socket

from kit.errors import EngineError, SpecError, option

VARIABLE = "RAY_ADDRESS"
AUTO = "auto"  # Ray's name for the cluster that this machine is a node of

_PORT = 6379  # Ray's own choice
_TIMEOUT = 5.0  # seconds for an answer: machines of a cluster are near each other
# What HTTP/2, which Ray speaks, begins with (RFC 9113, section 3.4), and an empty frame of settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME, _KIND, _SETTINGS = 9, 3, 4  # bytes of a frame's head, index of its type, and the type of settings
_ENCRYPTED = "RAY_USE_TLS"  # variable that is 1 where a cluster encrypts; its first bytes are others
_ADDRESS = re.compile(r"(?P<host>[^\s:/\[\]]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})")


def cluster_address(given: str | None) -> str:
    """Return the address that is given, else that of the environment.

    Raises:
        SpecError: There is none, or it is not HOST:PORT.
        EngineError: Nothing answers there.
    """
    address = given or os.environ.get(VARIABLE, "")
    if not address:
        raise SpecError(
            f"engine ray needs the address of a cluster, and neither {option('address')} nor {VARIABLE} names one;"
            f" {starting('HEAD')}, then give {option('address', f'HEAD:{_PORT}')}"
        )
    if address != AUTO:
        refuse_silent(address, "" if given else f" (from {VARIABLE})")
    return address


def starting(host: str, port: int = _PORT) -> str:
    """Write how to start a cluster whose first machine is `host`."""
    return (
        f"start one with 'ray start --head --port={port}' on one machine and 'ray start --address={host}:{port}' on the"
        " others"
    )


def refuse_silent(address: str, origin: str) -> None:
    """Refuse an address at which no cluster answers.

    Args:
        address: Address to try.
        origin: Text after it in messages, such as " (from RAY_ADDRESS)".

    Raises:
        SpecError: It is not HOST:PORT.
        EngineError: Nothing answers there, or another server.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) < 1 << 16:
        raise SpecError(
            f"address must be HOST:PORT of a Ray cluster's head, such as 10.0.0.1:{_PORT}, got '{address}'{origin}"
        )
    host, port = found["host"].strip("[]"), int(found["port"])
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT) as opened:
            is_ray = os.environ.get(_ENCRYPTED) == "1" or _speaks_http2(opened)
    except OSError as error:
        why = error.strerror or str(error)
        raise EngineError(f"no Ray cluster answers at {address}{origin}: {why}; {starting(host, port)}") from error
    if not is_ray:
        raise EngineError(
            f"what listens at {address}{origin} is no Ray cluster; give the port that 'ray start --head' named"
        )


def _speaks_http2(opened: socket.socket) -> bool:
    """Return whether the other side answers in HTTP/2: Ray itself would wait for ever for one that is mute."""
    opened.sendall(_PREFACE)
    with contextlib.suppress(OSError):
        answer = opened.recv(_FRAME)
        return len(answer) > _KIND and answer[_KIND] == _SETTINGS
    return False
