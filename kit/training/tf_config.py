"""Machines of a training as TF_CONFIG names them, TensorFlow's variable for several workers."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass
from typing import Any

from kit.errors import SpecError, option

VARIABLE = "TF_CONFIG"
_TIMEOUT = "KIT_WORKERS_TIMEOUT"
_SECONDS = 300.0  # in which all machines must have come: queues start them one after another
_JOBS = ("chief", "worker")  # in the order in which TensorFlow counts them
_EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
_ASKED = option("distribute", "multiworker")
_ADDRESS = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})", re.ASCII)
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Workers of a training, and the one that this process is.

    Attributes:
        addresses: Address of each worker, HOST:PORT; the first is the chief, which writes the run.
        index: Index of this process among them.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process is the chief."""
        return self.index == 0

    def named(self, index: int) -> str:
        """Write a worker's role and address: "worker 1 (host2:2222)"."""
        return f"{f'worker {index}' if index else 'the chief'} ({self.addresses[index]})"


def read_cluster() -> Cluster:
    """Read TF_CONFIG from the environment.

    Raises:
        SpecError: It is missing, malformed, names a single worker, or jobs other than chief and worker.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        raise SpecError(f"{_ASKED} needs {VARIABLE} in the environment of each machine, as in {_EXAMPLE}")
    try:
        return _parsed(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(f"{VARIABLE} is not as in {_EXAMPLE}: got {' '.join(text.split())}") from error


def meeting_timeout() -> float:
    """Return the time in which all machines must have come, seconds, from KIT_WORKERS_TIMEOUT; 300 by default.

    Raises:
        SpecError: The variable is no number above 0.
    """
    text = os.environ.get(_TIMEOUT, "") or str(_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise SpecError(f"{_TIMEOUT} must be a number of seconds above 0, got '{text}'")
    return seconds


def _parsed(config: dict[str, Any]) -> Cluster:
    cluster: dict[str, list[str]] = config["cluster"]
    job, number = config["task"]["type"], _whole(config["task"]["index"])
    if others := sorted({*cluster, job} - set(_JOBS)):
        raise SpecError(f"{VARIABLE} names the job {others[0]}; {_ASKED} takes chief and worker only")
    if wrong := next((job for job, hosts in cluster.items() if not isinstance(hosts, list)), ""):
        raise SpecError(f"{VARIABLE}: {wrong} is a list of addresses, got {cluster[wrong]!r}")
    if len(cluster.get("chief", ())) > 1:
        raise SpecError(f"{VARIABLE} names {len(cluster['chief'])} chiefs; name one, and the others as worker")
    addresses = tuple(_checked(address) for job in _JOBS for address in cluster.get(job, ()))
    if len(addresses) <= 1:
        raise SpecError(f"{VARIABLE} names one worker; leave out {_ASKED} to train on one machine")
    if len(set(addresses)) < len(addresses):
        raise SpecError(f"{VARIABLE} names an address twice: {', '.join(addresses)}")
    if not 0 <= number < len(cluster.get(job, ())):
        raise SpecError(f"{VARIABLE} says that this is {job} {number}, and names {len(cluster.get(job, ()))} of them")
    return Cluster(addresses=addresses, index=number + (len(cluster.get("chief", ())) if job == "worker" else 0))


def _whole(index: object) -> int:
    """Read an index, which some write as text."""
    if isinstance(index, bool) or not isinstance(index, int | str):
        raise TypeError(index)
    return int(index)


def _checked(address: str) -> str:
    found = _ADDRESS.fullmatch(address)
    if not (found and 0 < int(found["port"]) <= _LAST_PORT):
        raise SpecError(f"{VARIABLE}: an address is HOST:PORT, got {address!r}")
    return address
