"""Processes of this machine."""

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
from typing import Any

from kit.engines.engine import Finished, Result, Task
from kit.errors import EngineError, option

_TICK = 0.5  # seconds between looks at unfinished work


class Local:
    """Fresh processes: nothing of the parent's threads, locks or TensorFlow is copied into them.

    Each is a pool of its own, so that one that dies takes nothing but its own task with it.

    Args:
        workers: Number of processes at a time.
        environments: Environment variables of each worker, such as the GPU that is its own; empty for none.
    """

    def __init__(self, workers: int, environments: Sequence[Mapping[str, str]] = ()) -> None:
        self.workers = workers
        self._environments = environments
        self._pools: list[ProcessPoolExecutor] = []
        self._others: Collection[BaseProcess] = ()
        self._is_prepared = False

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
    ) -> Iterator[Finished[Result]]:
        """Yield results as they finish; see `Engine.run`."""
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
                for future in sorted(done, key=_has_failed):  # a failure must not hide what finished beside it
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
        """End workers that have nothing to do, and give their memory back; the next run starts others."""
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)
        self._pools = []

    def _open(self, workers: int) -> None:
        """Make pools, if there are none; also remember the processes that are none of theirs."""
        if not self._pools:
            self._others = multiprocessing.active_children()
            self._pools = [self._new_pool(worker) for worker in range(workers)]

    def _new_pool(self, worker: int) -> ProcessPoolExecutor:
        environment = dict(self._environments[worker]) if self._environments else {}
        spawn = multiprocessing.get_context("spawn")
        try:
            return ProcessPoolExecutor(1, mp_context=spawn, initializer=_live_with_parent, initargs=(environment,))
        except (OSError, ImportError) as error:  # Python's own check of semaphores, where a system has none
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise EngineError(
                f"processes cannot be started, for their locks need /dev/shm ({why}); give kit audit or kit shard"
                f" {option('workers', 1)}, run kit train instead of kit ablate, or make /dev/shm writable"
            ) from error

    def _replace(self, worker: int) -> None:
        """Put a new worker in the place of one that died."""
        self._pools[worker].shutdown(cancel_futures=True)
        self._pools[worker] = self._new_pool(worker)

    def _stop(self) -> None:
        """End the workers, and none of the `others`; what they had not renamed into place does not exist."""
        for process in multiprocessing.active_children():
            if process not in self._others:
                process.terminate()
        self.close()


def _submit(pool: ProcessPoolExecutor, function: Callable[[Task], Result], task: Task) -> Future[Result]:
    """Give a pool its next task, which starts its process if there is none.

    A process that died while it waited is found out by the task, whose future then fails.
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
        raise EngineError(
            "a worker process was killed (out of memory, or by hand);"
            " run the same command again, with fewer processes at a time if memory was short"
        )
    lost(index)


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep workers from importing the caller's script: they need nothing of it, and it may run all over again."""
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
    """Do nothing: receiving `function` has imported its module."""
    del function


def _live_with_parent(environment: Mapping[str, str]) -> None:
    """Leave Ctrl-C to the parent, and end when it does: an orphan must not write beside its successor."""
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
