"""Choice of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kit.engines.engine import Engine
from kit.engines.local import Local
from kit.engines.machine import core_count
from kit.engines.part import Part
from kit.engines.ray import Ray
from kit.engines.serial import Serial
from kit.errors import SpecError, option, require, unknown

LOCAL, RAY = "local", "ray"


def engine_for(workers: int | None, engine: str = LOCAL, address: str | None = None) -> Engine:
    """Make the engine of a name.

    Args:
        workers: Number of tasks at a time; one per core otherwise.
        engine: Name of the engine: "local" runs processes of this machine, or this process for a single worker; "ray"
            runs on the machines of a Ray cluster.
        address: HOST:PORT of the cluster's head; the environment's RAY_ADDRESS otherwise.

    Raises:
        SpecError: There is less than one worker, no such engine, or an address for processes of this machine.
        MissingDependencyError: The engine needs a package that is not installed.
        EngineError: The cluster does not answer, or its machines differ from this one.
    """
    require(workers is None or workers >= 1, f"workers must be 1 or more, got {workers}")
    check_engine(engine, address)
    return _ENGINES[engine](workers, address)


def new_cluster(engine: str, address: str | None) -> Ray | None:
    """Connect to the cluster of an engine; None for the engine of this machine.

    Raises:
        KitError: See `engine_for`.
    """
    check_engine(engine, address)
    return Ray(address) if engine == RAY else None


def check_engine(engine: str, address: str | None, part: Part | None = None) -> None:
    """Refuse an unknown engine, an address for one that has none, and parts for one that shares work out by itself.

    Raises:
        SpecError: The engine is unknown, has no address, or takes no parts.
    """
    if engine not in _ENGINES:
        raise SpecError(unknown("engine", engine, _ENGINES))
    require(
        address is None or engine != LOCAL,
        f"{option('address')} is a Ray cluster's; add {option('engine', RAY)}",
    )
    require(
        part is None or engine == LOCAL,
        f"{option('engine', engine)} shares the work among machines by itself; leave {option('part', str(part))} out",
    )


def _local(workers: int | None, address: str | None) -> Engine:
    del address
    count = core_count() if workers is None else workers
    return Local(count) if count > 1 else Serial()


def _ray(workers: int | None, address: str | None) -> Engine:
    return Ray(address, workers=workers)


_ENGINES: Mapping[str, Callable[[int | None, str | None], Engine]] = {LOCAL: _local, RAY: _ray}
