"""Writes shards in parallel, keeping those finished by an earlier, stopped command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from kit.conversion.write_shard import (
    ShardTask,
    WrittenShard,
    kept_shard,
    settle_shard,
    summary_path,
    write_shard,
    write_shard_durably,
)
from kit.engines import Engine, Node, run_with_retries
from kit.files import sweep_file
from kit.progress import Progress

_SETTLERS = 4  # threads that wait for the disk


def write_shards(
    tasks: Sequence[ShardTask], engine: Engine, progress: Progress, *, keep_others: bool = False
) -> list[WrittenShard]:
    """Write the missing shards, and remove those of other plans.

    Args:
        tasks: Shards to write.
        engine: Engine that runs the tasks.
        progress: Receiver of every finished shard.
        keep_others: Whether other shards stay in the folder, because other parts write them.

    Returns:
        Written shards, in the order of the tasks.

    Raises:
        EngineError: Worker processes were killed too often.
    """
    progress.start("shard", sum(len(task.plan.records) for task in tasks))
    written: dict[str, WrittenShard] = {}
    for task in tasks:
        if kept := kept_shard(task):
            written[task.plan.name] = kept
            progress.advance(len(task.plan.records))
    if not keep_others:
        _remove_others(tasks, written)
    remaining = [task for task in tasks if task.plan.name not in written]
    write = write_shard_durably if engine.is_remote else write_shard
    nodes = _Nodes(progress)

    def again(indices: Sequence[int]) -> None:
        for index in [] if keep_others else indices:  # other commands may be writing the shards of a part
            sweep_file(remaining[index].path)
        progress.advance(0, "a worker process was killed; the shards it had begun are written again")

    with ThreadPoolExecutor(_SETTLERS) as settlers:
        settling = []
        for finished in run_with_retries(engine, write, remaining, again=again):
            task, shard = remaining[finished.index], finished.value
            if finished.node:
                shard = msgspec.structs.replace(shard, node=finished.node)
            written[task.plan.name] = shard
            settling.append(settlers.submit(settle_shard, task, shard))
            progress.advance(len(task.plan.records), nodes.note(finished.node))
        for settled in settling:
            settled.result()
    nodes.report()
    progress.finish()
    return [written[task.plan.name] for task in tasks]


class _Nodes:
    """Reporter of the machines of a cluster that write shards."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shards = Counter[str]()

    def note(self, node: Node | None) -> str:
        """Count a shard; write a note on the first of each machine."""
        if node is None:
            return ""
        self._shards[node.address] += 1
        return f"node {node.address} has written its first shard" if self._shards[node.address] == 1 else ""

    def report(self) -> None:
        """Report how many shards each machine has written."""
        if self._shards:
            counts = (f"{address} {count:,}" for address, count in sorted(self._shards.items()))
            self._progress.advance(0, f"shards by node: {', '.join(counts)}")


def _remove_others(tasks: Sequence[ShardTask], kept: Iterable[str]) -> None:
    """Remove shards of an earlier plan."""
    names = set(kept)
    for folder in {task.folder for task in tasks}:
        for path in folder.glob("*.tfrecord"):
            if path.name not in names:
                path.unlink()
                summary_path(path).unlink(missing_ok=True)
