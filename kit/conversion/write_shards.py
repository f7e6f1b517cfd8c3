"""Writes shards in parallel, keeping those finished by an earlier, stopped command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from kit.conversion.write_shard import ShardTask, WrittenShard, kept_shard, settle_shard, summary_path, write_shard
from kit.engines import Engine
from kit.errors import EngineError
from kit.progress import Progress

_SETTLERS = 4  # threads that wait for the disk
_LOSSES = 2  # worker processes lost in succession without a finished shard between: no accident


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
        EngineError: Worker processes were killed twice without a finished shard between.
    """
    progress.start("shard", sum(len(task.plan.records) for task in tasks))
    written: dict[str, WrittenShard] = {}
    for task in tasks:
        if kept := kept_shard(task):
            written[task.plan.name] = kept
            progress.advance(len(task.plan.records))
    if not keep_others:
        _remove_others(tasks, written)
    losses = 0
    with ThreadPoolExecutor(_SETTLERS) as settlers:
        settling = []
        while remaining := [task for task in tasks if task.plan.name not in written]:
            before = len(written)
            try:
                for finished in engine.run(write_shard, remaining):
                    task = remaining[finished.index]
                    written[task.plan.name] = finished.value
                    settling.append(settlers.submit(settle_shard, task, finished.value))
                    progress.advance(len(task.plan.records))
            except EngineError:
                losses = losses + 1 if len(written) == before else 1
                if losses == _LOSSES:
                    raise
                progress.advance(0, "a worker process was killed; the shards it had begun are written again")
        for settled in settling:
            settled.result()
    progress.finish()
    return [written[task.plan.name] for task in tasks]


def _remove_others(tasks: Sequence[ShardTask], kept: Iterable[str]) -> None:
    """Remove shards of an earlier plan."""
    names = set(kept)
    for folder in {task.folder for task in tasks}:
        for path in folder.glob("*.tfrecord"):
            if path.name not in names:
                path.unlink()
                summary_path(path).unlink(missing_ok=True)
