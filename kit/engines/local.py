"""Processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from typing import Any

from kit.engines.engine import Finished, Result, Task
from kit.errors import EngineError

_TICK = 0.5  # seconds between looks at unfinished work


class Local:
    """A pool of fresh processes: nothing of the parent's threads, locks or TensorFlow is copied into them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._prepared: tuple[ProcessPoolExecutor, Collection[BaseProcess]] | None = None

    @contextlib.contextmanager
    def prepare(self, function: Callable[[Task], Result]) -> Iterator[None]:
        """Start all workers; see `Engine.prepare`."""
        pool, others = self._new_pool(self.workers)
        self._prepared = pool, others
        try:
            with _main_hidden():
                for _ in range(self.workers):
                    pool.submit(_know, function)
            yield
        finally:
            if self._prepared is not None:  # no task came to use it
                self._prepared = None
                _stop(others)
                pool.shutdown(cancel_futures=True)

    def _new_pool(self, workers: int) -> tuple[ProcessPoolExecutor, Collection[BaseProcess]]:
        """Make a pool; also name the processes that are none of its."""
        others = multiprocessing.active_children()
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, mp_context=spawn, initializer=_live_with_parent), others

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        tick: Callable[[], None] | None = None,
    ) -> Iterator[Finished[Result]]:
        """Yield results as they finish; see `Engine.run`."""
        pool, others = self._prepared or self._new_pool(min(self.workers, max(1, len(tasks))))
        self._prepared = None
        try:
            with _main_hidden():
                pending = {pool.submit(function, task): index for index, task in enumerate(tasks)}
            yield from _collect(pending, tick)
        except BrokenProcessPool as error:
            raise EngineError(
                "a worker process was killed (out of memory, or by hand);"
                " run the same command again, with fewer processes at a time if memory was short"
            ) from error
        except BaseException:
            _stop(others)
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def _collect(pending: dict[Future[Result], int], tick: Callable[[], None] | None) -> Iterator[Finished[Result]]:
    while pending:
        done, _ = wait(pending, timeout=_TICK, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=_has_failed):  # a failure must not hide what finished beside it
            yield Finished(pending.pop(future), future.result())
        if tick:
            tick()


def _has_failed(future: Future[Result]) -> bool:
    return future.exception() is not None


def _stop(others: Collection[BaseProcess]) -> None:
    """End the workers, and none of the `others`; what they had not renamed into place does not exist."""
    for process in multiprocessing.active_children():
        if process not in others:
            process.terminate()


def _know(function: Callable[..., object]) -> None:
    """Do nothing: receiving `function` has imported its module."""
    del function


def _live_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it does: an orphan must not write beside its successor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
