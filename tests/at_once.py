"""Commands of kit started at once: real processes that have imported everything before they begin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# Imports what commands need, which takes seconds, and forks a process for each; TensorFlow itself has not begun then.
_PARENT = """
import json, os, sys, threading, time
import kit.cli.app, kit.cli.console, kit.cli.live_table, kit.compat
import kit.comparison, kit.exports.formats, kit.exports.inference_model
import kit.kaggle.remote_files, kit.kaggle.fetched_files
import kit.pipeline, kit.reports.comparison, kit.evaluation.evaluate, kit.submission, kit.training.fit

def become(command):
    os.chdir(command["folder"])
    os.environ.update(command["environment"])
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(command["said"] + "." + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    sys.argv = ["kit", *command["arguments"]]
    status = 1
    try:
        time.sleep(max(0, command["at"] - time.time()))
        kit.cli.app.main()
        status = 0
    except SystemExit as leaving:
        status = leaving.code or 0
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        for process in __import__("multiprocessing").active_children():
            process.join()
        sys.stdout.flush(), sys.stderr.flush()
        with open(command["said"] + ".end", "w") as file:
            file.write(repr(time.time()))
        os._exit(status)

for line in sys.stdin:
    commands, children = json.loads(line), []
    for command in commands:
        child = os.fork()
        if not child:
            become(command)
        children.append(child)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]), flush=True)
"""
_READY = 0.05  # seconds that a fork may take
_PASSED = ("HOME", "http_proxy", "https_proxy", "KAGGLE_API_ENVIRONMENT", "KAGGLE_USERNAME", "KAGGLE_KEY")


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended.

    Attributes:
        status: Exit status.
        said: Text on stderr.
        seconds: Time that it took.
    """

    status: int
    said: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """A command to start.

    Attributes:
        folder: Current folder of the command, in which its workspace lies.
        arguments: Arguments of kit.
        delay: Seconds that it begins later than others.
    """

    folder: Path
    arguments: Sequence[str]
    delay: float = 0.0


class Starter:
    """Starts commands, each in a process of its own, at the moments that are asked for."""

    def __enter__(self) -> Self:
        environment = {**os.environ, "TF_NUM_INTEROP_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._parent.communicate()

    def run(self, *jobs: Job) -> list[Ended]:
        """Run commands at once."""
        now = time.time() + _READY
        files = [job.folder.parent / f"{job.folder.name}.said-{number}" for number, job in enumerate(jobs)]
        asked: list[dict[str, Any]] = [
            {
                "folder": str(job.folder),
                "arguments": list(job.arguments),
                "environment": {name: os.environ[name] for name in _PASSED if name in os.environ},
                "said": str(file),
                "at": now + job.delay,
            }
            for job, file in zip(jobs, files, strict=True)
        ]
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        statuses = json.loads(self._parent.stdout.readline())
        return [
            Ended(
                status,
                file.with_name(f"{file.name}.stderr").read_text(),
                float(file.with_name(f"{file.name}.end").read_text()) - now - job.delay,
            )
            for status, file, job in zip(statuses, files, jobs, strict=True)
        ]
