"""The connection of this process to a Ray cluster."""

from __future__ import annotations

from typing import Any

from kit.engines.cluster_address import AUTO, cluster_address, refuse_silent, starting
from kit.errors import EngineError


class RayConnection:
    """Connection to a cluster; one that the caller has opened himself is used, and left as it is.

    Args:
        address: HOST:PORT of the cluster's head; the environment's RAY_ADDRESS otherwise.
        ray: Ray's module.

    Attributes:
        is_kept: Whether it stays open after a run.
    """

    def __init__(self, address: str | None, ray: Any) -> None:
        self._address, self._ray = address, ray
        self._is_own = self.is_kept = False

    def open(self) -> None:
        """Enter the cluster, unless this process is in one.

        Raises:
            SpecError: There is no address, or it is none.
            EngineError: No cluster answers, or it refuses this process.
        """
        if self._ray.is_initialized():
            return
        address = cluster_address(self._address)
        if address == AUTO:
            refuse_silent(_own_cluster(self._ray), f" ({AUTO})")
        refusals = (ConnectionError, RuntimeError, ValueError, OSError, AssertionError, self._ray.exceptions.RayError)
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except refusals as why:
            raise _refused(address, why) from why
        self._is_own = True
        _show_errors_of_nodes(self._ray, shown=False)

    def close(self) -> None:
        """Leave the cluster, if `open` entered it."""
        if self._is_own:
            self._is_own = False
            self._ray.shutdown()
            _show_errors_of_nodes(self._ray, shown=True)


def _own_cluster(ray: Any) -> str:
    """Find the cluster that this machine is a node of as Ray does, which then waits minutes for one that is gone."""
    services = ray._private.services  # noqa: SLF001
    services.find_gcs_addresses.cache_clear()  # as ray.init does
    try:
        found = services.canonicalize_bootstrap_address(AUTO)
    except (ConnectionError, ValueError) as why:  # there is none, or RAY_ADDRESS is wrong
        raise _refused(AUTO, why) from why
    if found is None:  # RAY_ADDRESS is "local", where Ray would start one
        raise _refused(AUTO, ConnectionError())
    return str(found)


def _show_errors_of_nodes(ray: Any, *, shown: bool) -> None:
    """Keep Ray from printing pages of its nodes' logs on stdout, where kit prints results; it has no setting for it."""
    ray._private.worker._worker_logs_enabled = shown  # noqa: SLF001


def _refused(address: str, why: BaseException) -> EngineError:
    chain = [why, why.__cause__, why.__context__]
    said = " ".join(" ".join(str(error).split()) for error in chain if error)
    if "mismatch" in said:
        return EngineError(f"the cluster at {address} runs another Python or Ray than this process: {said}")
    if address == AUTO:
        return EngineError(f"this machine is no node of a Ray cluster; {starting('HEAD')}")
    if "No node info" in said:
        return EngineError(
            f"this machine is no node of the cluster at {address}; run 'ray start --address={address} --num-cpus=0'"
            " here first (0: it only hands out tasks)"
        )
    return EngineError(f"the Ray cluster at {address} refuses this process: {said}; see 'ray status'")
