"""How soon `kit --help` answers, against an interpreter that only imports typer."""

from __future__ import annotations

import subprocess
import sys

from timing import interleave, report

ROUNDS = 15


def main() -> None:
    commands = {
        "python -c 'import typer'": [sys.executable, "-c", "import typer"],
        "kit --help": [sys.executable, "-m", "kit", "--help"],
        "kit shard --help": [sys.executable, "-m", "kit", "shard", "--help"],
    }
    contestants = {
        name: lambda command=command: subprocess.run(command, check=True, capture_output=True)
        for name, command in commands.items()
    }
    report("kit --help", interleave(contestants, ROUNDS))


if __name__ == "__main__":
    main()
