from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from kit.engines import Finished, Serial, run_with_retries
from kit.errors import EngineError


class _Losing(Serial):
    """An engine whose workers die at the tasks that a function names, by attempt."""

    def __init__(self, dies: Callable[[int, int], bool]) -> None:
        self.dies, self.rounds = dies, 0

    def run(self, function: Any, tasks: Sequence[Any], *, lost: Any = None, **_: Any) -> Iterator[Finished[Any]]:
        self.rounds += 1
        for index, task in enumerate(tasks):
            if self.dies(task, self.rounds):
                lost(index)
            else:
                yield Finished(index, function(task))


def _all(engine: Serial, again: Callable[[list[int]], None] = lambda _: None) -> list[tuple[int, int]]:
    results = run_with_retries(engine, math.factorial, range(6), again=again)
    return sorted((finished.index, finished.value) for finished in results)


WHOLE = [(index, math.factorial(index)) for index in range(6)]


def test_lost_tasks_are_run_again_and_named_before() -> None:
    named: list[list[int]] = []
    engine = _Losing(lambda task, attempt: attempt <= task - 3)  # 4 dies once, 5 twice

    assert WHOLE == _all(engine, named.append)
    assert [[4, 5], [5]] == named


def test_workers_that_die_twice_with_nothing_finished_between_are_an_error() -> None:
    engine = _Losing(lambda task, _: task == 5)
    with pytest.raises(EngineError, match="a worker process was killed"):
        _all(engine)

    assert 2 == engine.rounds


def test_a_task_that_loses_every_worker_is_given_up_though_others_finish() -> None:
    engine = _Losing(lambda task, attempt: task == 0 or attempt < task)
    with pytest.raises(EngineError, match="a worker process was killed"):
        _all(engine)

    assert 5 == engine.rounds


def test_without_losses_there_is_one_round() -> None:
    engine = _Losing(lambda *_: False)

    assert WHOLE == _all(engine)
    assert 1 == engine.rounds
