"""The engine of a Ray cluster; the one module that imports Ray."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import secrets
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.engines.attempts import killed
from kit.engines.cluster_node import ClusterNode, Share, differences, new_probe, no_machine_left
from kit.engines.cluster_query import query_all
from kit.engines.engine import Finished, Result, Task
from kit.engines.node import Node
from kit.engines.ray_connection import RayConnection
from kit.errors import EngineError, MissingDependencyError, option, require

_TICK = 0.5  # seconds between checks of unfinished work
_LOOK = 5.0  # seconds between looks at the cluster's nodes
_ROOM = 120.0  # seconds without a machine that has room, after which nothing goes on
_CANCEL = 5.0  # seconds for cancelled tasks to end
_REQUEST = 20  # seconds for the head to answer, and for a node to be found on this machine; Ray's own are 60
_AHEAD = 2  # tasks handed out per task that can run: a worker that finishes has its next one already

ONE_CORE = Share(cpus=1)


class Ray:
    """Workers of a running Ray cluster, of which this machine is a node.

    Ray may run a task twice when a machine falls silent, so tasks must bear that; it never repeats one by itself:
    attempts are the caller's to count.

    Args:
        address: HOST:PORT of the cluster's head; the environment's RAY_ADDRESS otherwise.
        workers: Largest number of tasks at a time, on all machines together; as many as fit otherwise.
        share: Share of a machine that a task takes.

    Attributes:
        limit: Largest number of tasks at a time; None for as many as fit.
        share: Share of a machine that a task takes.
        only: Id of the one machine to use; None for all.

    Raises:
        MissingDependencyError: Ray is not installed.
        SpecError: There is no address, or it is none.
        EngineError: No cluster answers, or its machines differ from this one.
    """

    is_remote = True

    def __init__(self, address: str | None = None, *, workers: int | None = None, share: Share = ONE_CORE) -> None:
        require(workers is None or workers >= 1, f"workers must be 1 or more, got {workers}")
        self._ray = _import_ray()
        self.limit, self.share = workers, share
        self.only: str | None = None
        self._connection = RayConnection(address, self._ray)
        self._connection.open()
        try:
            self._probe_all()
        except BaseException:
            self.close()
            raise

    @property
    def nodes(self) -> list[ClusterNode]:
        """Machines that can take a task now."""
        alive = [node for node in self._ray.nodes() if node["Alive"] and self.only in {None, node["NodeID"]}]
        return [node for node in map(self._describe, alive) if node.room(self.share)]

    @property
    def workers(self) -> int:
        """Number of tasks that can run at a time now."""
        room = sum(node.room(self.share) for node in self.nodes)
        return room if self.limit is None else min(room, self.limit)

    def taking(self, share: Share) -> Ray:
        """Make an engine on the same cluster whose tasks take another share of a machine."""
        other = copy.copy(self)
        other.share = share
        return other

    def on(self, node: Node) -> Ray:
        """Make an engine on the same cluster that uses one machine only."""
        other = self.taking(self.share)
        other.only = node.id
        return other

    def alone(self) -> Ray:
        """Make an engine on the same cluster that runs one task at a time."""
        other = self.taking(self.share)
        other.limit = 1
        return other

    def reach(self, folder: Path, files: Sequence[Path] = ()) -> None:
        """Check that every node sees the same files as this process; see `Engine.reach`."""
        self._connection.open()
        folder.mkdir(parents=True, exist_ok=True)
        word = secrets.token_hex(16)
        sizes = [(Path(os.path.abspath(path)), path.stat().st_size) for path in files]  # noqa: PTH100 (links stay)
        token = Path(os.path.abspath(folder / f".{word}.tmp.seen"))  # noqa: PTH100
        try:
            token.write_text(word)
            missing = self._ask_all(lambda: _unseen, token, word, sizes)
        finally:
            token.unlink(missing_ok=True)
        for node, path in missing:
            if path:
                shown = token.parent if path == str(token) else path
                raise EngineError(
                    f"node {node.address} of the cluster does not see {shown}; put the images and the workspace"
                    f" ({option('root')}) into folders that all machines share under the same path"
                )

    @contextlib.contextmanager
    def prepare(self, function: Callable[[Task], Result]) -> Iterator[None]:
        """Stay connected until the end of the context; see `Engine.prepare`."""
        del function  # nodes import it with the first task
        self._connection.open()
        self._connection.is_kept = True
        try:
            yield
        finally:
            self._connection.is_kept = False
            self.close()

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        tick: Callable[[], None] | None = None,
        lost: Callable[[int], None] | None = None,
        stranded: Callable[[int], bool] | None = None,
    ) -> Iterator[Finished[Result]]:
        """Yield results as they finish; see `Engine.run`."""
        self._connection.open()
        remote = self._remote(_work, self.share, self._pinned(self.only) if self.only else "SPREAD")
        waiting = deque(enumerate(tasks))
        running: dict[Any, int] = {}
        window = _Window(self)
        try:
            while waiting or running:
                while waiting and len(running) < window.size():
                    index, task = waiting.popleft()
                    running[remote.remote(str(Path.cwd()), function, task)] = index
                answers = [self._fetch(running.pop(ref), ref) for ref in self._ready(running)]
                for answer in sorted(answers, key=lambda answer: answer.error is not None):
                    if answer.is_lost:
                        if _goes_on(answer, lost, stranded):
                            waiting.append((answer.index, tasks[answer.index]))
                    elif answer.error is not None:
                        raise answer.error
                    else:
                        yield Finished(answer.index, answer.value, answer.node)
                if tick:
                    tick()
        finally:
            self._cancel(list(running))
            if not self._connection.is_kept:
                self.close()

    def close(self) -> None:
        """Leave the cluster, if this engine entered it; the next run enters it again."""
        self._connection.close()

    def _describe(self, node: Mapping[str, Any]) -> ClusterNode:
        resources = node["Resources"]
        return ClusterNode(
            Node(id=node["NodeID"], address=node["NodeManagerAddress"]),
            cpus=resources.get("CPU", 0),
            gpus=resources.get("GPU", 0),
        )

    def _probe_all(self) -> None:
        """Refuse a cluster without room, and nodes with other versions than this process."""
        here, found = new_probe()(), self._ask_all(new_probe)
        if not found:
            raise EngineError(
                f"no machine of the cluster has room for a task, which takes {self.share};"
                " see 'ray status', and start nodes with more --num-cpus or --num-gpus"
            )
        for node, there in found:
            if said := differences(here, there):
                raise EngineError(
                    f"node {node.address} of the cluster has {said}; install the same versions on all machines,"
                    " and start their nodes again"
                )

    def _ask_all(self, make: Callable[[], Callable[..., Any]], *arguments: object) -> list[tuple[Node, Any]]:
        """Call a function on every node."""
        return query_all(
            self._ray,
            lambda: [node.node for node in self.nodes],
            lambda node: self._remote(make(), Share(cpus=0), self._pinned(node.id)).remote(*arguments),
        )

    def _pinned(self, node: str) -> object:
        return self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)

    def _remote(self, function: Callable[..., Any], share: Share, strategy: object) -> Any:
        return self._ray.remote(max_retries=0, num_cpus=share.cpus, num_gpus=share.gpus, scheduling_strategy=strategy)(
            function
        )

    def _ready(self, running: Mapping[Any, int]) -> list[Any]:
        """Wait for a moment; return what has ended."""
        refs = list(running)
        if not refs:  # no machine has room at the moment
            time.sleep(_TICK)
            return []
        ready, _ = self._ray.wait(refs, timeout=_TICK)
        if ready:
            ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        return list(ready)

    def _fetch(self, index: int, ref: Any) -> _Answer:
        """Return a task's result, its error, or the loss of its worker."""
        errors = self._ray.exceptions
        try:
            node, value, error = self._ray.get(ref)
        except (
            errors.NodeDiedError,
            errors.ObjectLostError,
            errors.LocalRayletDiedError,
            errors.TaskUnschedulableError,  # the one machine that it may run on has left
        ):
            return _Answer(index, is_lost=True, is_stranded=True)
        except (errors.WorkerCrashedError, errors.OutOfMemoryError):
            return _Answer(index, is_lost=True)
        except errors.RayError as failure:
            return _Answer(index, error=EngineError(f"Ray could not run a task: {_line(failure)}; see 'ray status'"))
        return _Answer(index, node=node, value=value, error=error)

    def _cancel(self, refs: list[Any]) -> None:
        """Kill tasks, and wait until they have ended; their unfinished files were never renamed into place."""
        if not refs or not self._ray.is_initialized():
            return
        with contextlib.suppress(self._ray.exceptions.RayError):
            for ref in refs:
                self._ray.cancel(ref, force=True)
            self._ray.wait(refs, num_returns=len(refs), timeout=_CANCEL)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of a task."""

    index: int
    node: Node | None = None
    value: Any = None
    error: BaseException | None = None
    is_lost: bool = False
    is_stranded: bool = False


class _Window:
    """Number of tasks to hand out, while nodes come and go."""

    def __init__(self, engine: Ray) -> None:
        self._engine = engine
        self._size, self._seen, self._roomy = 0, 0.0, time.monotonic()

    def size(self) -> int:
        """Count the tasks, from a look at the cluster that is some seconds old at most."""
        now = time.monotonic()
        if now - self._seen > _LOOK:
            self._seen, self._size = now, self._look()
            self._roomy = now if self._size else self._roomy
            if now - self._roomy > _ROOM:
                raise no_machine_left()
        return self._size

    def _look(self) -> int:
        workers, asked = self._engine.workers, self._engine.limit
        return workers if asked is not None else _AHEAD * workers


def _import_ray() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when Ray is imported
    os.environ.setdefault("RAY_gcs_server_request_timeout_seconds", str(_REQUEST))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default, which else is announced
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise MissingDependencyError("engine 'ray' needs ray; install 'kit[ray]'") from error
    return ray


def _goes_on(answer: _Answer, lost: Callable[[int], None] | None, stranded: Callable[[int], bool] | None) -> bool:
    """Report a lost task; return whether it is run again."""
    if answer.is_stranded and stranded:
        return stranded(answer.index)
    if lost is None:
        raise killed()
    lost(answer.index)
    return False


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _work(folder: str, function: Callable[[Task], Result], task: Task) -> tuple[Node, Result | None, Exception | None]:
    """Run one task in a worker of the cluster; an error of the function is a result, too."""
    import ray

    with contextlib.suppress(OSError):
        os.chdir(folder)  # where relative paths begin
    node = Node(id=ray.get_runtime_context().get_node_id(), address=ray.util.get_node_ip_address())
    try:
        return node, function(task), None
    except Exception as error:  # noqa: BLE001 (whatever the function raises, for the caller)
        return node, None, _portable(error)


def _portable(error: Exception) -> Exception:
    """Attach the traceback as a note, which travels; replace errors that cannot be pickled by their text."""
    error.add_note(traceback.format_exc())
    try:
        pickle.dumps(error)
        copy.deepcopy(error)  # makes it anew as unpickling does
    except Exception:  # noqa: BLE001 (pickling calls anybody's code)
        return EngineError(f"{type(error).__name__}: {error}")
    return error


def _unseen(token: Path, word: str, files: Sequence[tuple[Path, int]]) -> str:
    """Return the first file that a node does not see as it is; empty for none."""
    with contextlib.suppress(OSError):
        if token.read_text() == word:
            return next((str(path) for path, size in files if not _has(path, size)), "")
    return str(token)


def _has(path: Path, size: int) -> bool:
    with contextlib.suppress(OSError):
        return path.stat().st_size == size
    return False
