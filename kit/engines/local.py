"""The engine of local processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from kit.engines.attempts import killed
from kit.engines.engine import Finished, Result, Task
from kit.errors import EngineError, option

_TICK = 0.5  # seconds between checks of unfinished work


class Local:
    """Local processes, spawned, so that the parent's threads, locks and TensorFlow are not copied into them.

    Each is a pool of its own, so that a process that dies takes only its own task with it.

    Args:
        workers: Number of processes at a time.
        environments: Environment variables of each worker, such as that of its GPU; empty for none.
    """

    is_remote = False

    def __init__(self, workers: int, environments: Sequence[Mapping[str, str]] = ()) -> None:
        self.workers = workers
        self._environments = environments
        self._pools: list[ProcessPoolExecutor] = []
        self._others: Collection[BaseProcess] = ()
        self._is_prepared = False

    def alone(self) -> Local:
        """Make an engine of one process; idle ones of this engine are stopped, as they hold memory."""
        self.close()
        return Local(1)

    def reach(self, folder: Path, files: Sequence[Path] = ()) -> None:
        """Do nothing: its processes see what this one sees."""

    @contextlib.contextmanager
    def prepare(self, function: Callable[[Task], Result]) -> Iterator[None]:
        """Start all workers; see `Engine.prepare`."""
        self._open(self.workers)
        self._is_prepared = True
        try:
            for pool in self._pools:
                _submit(pool, _know, function)
            yield
        except BaseException:
            self._stop()
            raise
        finally:
            self._is_prepared = False
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
        del stranded  # this machine would be lost itself
        self._open(self.workers if self._is_prepared else min(self.workers, max(1, len(tasks))))
        waiting = deque(enumerate(tasks))
        running: dict[Future[Result], tuple[int, int]] = {}

        def begin(worker: int) -> None:
            if waiting:
                index, task = waiting.popleft()
                running[_submit(self._pools[worker], function, task)] = (worker, index)

        try:
            for worker in range(len(self._pools)):
                begin(worker)
            while running:
                done, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=_has_failed):  # results are yielded before a failure is raised
                    worker, index = running.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        self._replace(worker)
                        _lose(index, lost)
                        begin(worker)
                        continue
                    value = future.result()
                    begin(worker)
                    yield Finished(index, value)
                if tick:
                    tick()
        except BaseException:
            self._stop()
            raise
        finally:
            if not self._is_prepared:
                self.close()

    def close(self) -> None:
        """Stop idle workers and release their memory; the next run starts new ones."""
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)
        self._pools = []

    def _open(self, workers: int) -> None:
        """Make pools, if there are none, and record the other child processes."""
        if not self._pools:
            self._others = multiprocessing.active_children()
            self._pools = [self._new_pool(worker) for worker in range(workers)]

    def _new_pool(self, worker: int) -> ProcessPoolExecutor:
        environment = dict(self._environments[worker]) if self._environments else {}
        spawn = multiprocessing.get_context("spawn")
        try:
            return ProcessPoolExecutor(1, mp_context=spawn, initializer=_live_with_parent, initargs=(environment,))
        except (OSError, ImportError) as error:  # raised by Python's check on a system without semaphores
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise EngineError(
                f"processes cannot be started, because their locks need /dev/shm ({why}); give kit audit or kit shard"
                f" {option('workers', 1)}, run kit train instead of kit ablate, or make /dev/shm writable"
            ) from error

    def _replace(self, worker: int) -> None:
        """Replace a worker that died."""
        self._pools[worker].shutdown(cancel_futures=True)
        self._pools[worker] = self._new_pool(worker)

    def _stop(self) -> None:
        """Kill the workers, but not other child processes; their unfinished files were never renamed into place."""
        for process in multiprocessing.active_children():
            if process not in self._others:
                process.terminate()
        self.close()


def _submit(pool: ProcessPoolExecutor, function: Callable[[Task], Result], task: Task) -> Future[Result]:
    """Submit a task to a pool, which starts its process if there is none.

    If the process died while idle, the task's future fails.
    """
    with _main_hidden():
        try:
            return pool.submit(function, task)
        except BrokenProcessPool as error:
            failed: Future[Result] = Future()
            failed.set_exception(error)
            return failed


def _lose(index: int, lost: Callable[[int], None] | None) -> None:
    if lost is None:
        raise killed()
    lost(index)


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep workers from importing the caller's script, which they do not need and which might run again."""
    names = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: names[name] for name in ("__file__", "__spec__") if name in names}
    names.pop("__file__", None)
    names["__spec__"] = None
    try:
        yield
    finally:
        names.update(hidden)


def _has_failed(future: Future[Result]) -> bool:
    return future.exception() is not None


def _know(function: Callable[..., object]) -> None:
    """Do nothing: unpickling `function` has imported its module."""
    del function


def _live_with_parent(environment: Mapping[str, str]) -> None:
    """Leave Ctrl-C to the parent, and end with it: an orphan must not write beside its successor."""
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
