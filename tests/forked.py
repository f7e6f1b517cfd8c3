"""Command lines of kit, each in a process of its own that is forked where the imports have been done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PARENT = """
import importlib.util, json, os, sys, traceback
from kit.cli import main

asked = json.load(sys.stdin)
for name in asked["imports"]:
    if importlib.util.find_spec(name):
        __import__(name)

def run(arguments):
    answers = os.dup(1)
    os.dup2(2, 1)
    sys.argv, status = ["kit", *arguments], None
    try:
        main()
    except SystemExit as left:
        status = left.code or 0
    except Exception:
        traceback.print_exc()
    finally:
        loaded = [name for name in asked["unwanted"] if name in sys.modules]
        sys.stdout.flush()
        os.write(answers, (json.dumps([status, loaded]) + chr(10)).encode())
        os._exit(0)

for arguments in asked["commands"]:
    child = os.fork()
    if not child:
        run(arguments)
    os.waitpid(child, 0)
"""


def run_forked(
    commands: Sequence[Sequence[str]],
    *,
    unwanted: Sequence[str],
    imports: Sequence[str] = (),
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> dict[str, tuple[int | None, list[str]]]:
    """Run command lines one after the other, none of which knows what another has imported.

    Args:
        commands: Arguments of each command line.
        unwanted: Modules that a command line should not load.
        imports: Modules that are imported once, before the first command line; those of other versions of a package
            are left out.
        folder: Current folder.
        environment: Environment variables besides those of this process.

    Returns:
        Exit status, null where a command line ended by an error, and the unwanted modules that it loaded, by command
        line.
    """
    asked = {"commands": [list(command) for command in commands], "unwanted": unwanted, "imports": imports}
    done = subprocess.run(
        [sys.executable, "-c", _PARENT],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    named = zip(commands, answers, strict=True)
    return {" ".join(command): (status, loaded) for command, (status, loaded) in named}
