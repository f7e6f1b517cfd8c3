"""What an engine costs: the same small tasks, by this machine's processes and by a Ray cluster of two nodes on it.

The nodes are process trees of one core each, in a network of their own. Two nodes on two cores cannot be faster than
two processes; what is shown is the time that a task costs beside its work, and how it grows with the number of tasks.
Tasks without work show how many an engine can hand out in a second.

    python tests/benchmarks/bench_engines.py [TASKS...]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cluster import running_cluster

from kit.engines import Engine, Local, Ray

TASKS = (10, 100, 1_000, 10_000)
ROUNDS = 3
WORK = range(300_000)  # numbers to add up in a task: some milliseconds, as for one image
NONE = range(0)


def run(counts: Sequence[int] = TASKS) -> None:
    with running_cluster() as cluster:
        local, ray = Local(2), Ray(cluster.address)
        with local.prepare(sum), ray.prepare(sum):
            for engine in (local, ray):
                _seconds(engine, WORK, 4)  # workers start
            print(f"\none task alone: {1e3 * _alone():.2f} ms of work; medians of {ROUNDS} interleaved rounds")
            _compare(local, ray, WORK, counts)
            print("tasks without work")
            _compare(local, ray, NONE, counts)


def _compare(local: Engine, ray: Engine, work: range, counts: Sequence[int]) -> None:
    for count in counts:
        rounds = [(_seconds(local, work, count), _seconds(ray, work, count)) for _ in range(ROUNDS)]
        here, there = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
        more = statistics.median((second - first) / count for first, second in rounds)
        print(
            f"  {count:6,} tasks   local {here:8.2f} s   ray {there:8.2f} s   {there / here:5.2f} x"
            f"   {1e3 * more:+7.2f} ms a task",
            flush=True,
        )


def _alone() -> float:
    began = time.perf_counter()
    for _ in range(20):
        sum(WORK)
    return (time.perf_counter() - began) / 20


def _seconds(engine: Engine, work: range, count: int) -> float:
    began = time.perf_counter()
    assert count == len(list(engine.run(sum, [work] * count)))
    return time.perf_counter() - began


if __name__ == "__main__":
    run([int(count) for count in sys.argv[1:]] or TASKS)
