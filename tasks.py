"""Tasks for developers: `invoke --list`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

ROOT = Path(__file__).parent
README = ROOT / "README.md"
REFERENCE = re.compile(r"(<!-- reference: made by invoke docs -->\n).*?(<!-- end of reference -->)", re.DOTALL)


@task
def test(ctx: Context, slow: bool = False) -> None:
    """Run the tests; --slow adds those that take more than ten seconds each."""
    ctx.run(f"{sys.executable} -m pytest" + ("" if slow else ' -m "not slow"'), pty=sys.stdout.isatty())


@task
def check(ctx: Context) -> None:
    """Run every static check: format, lint, types, imports, generated docs."""
    for command in (
        "ruff format --check .",
        "ruff check .",
        "mypy",
        "lint-imports",
    ):
        ctx.run(f"{sys.executable} -m {command}" if not command.startswith("lint") else command)
    docs(ctx, check=True)


@task
def bench(ctx: Context, only: str = "") -> None:
    """Run the benchmarks and print their figures; --only=shard runs one."""
    for script in sorted((ROOT / "tests" / "benchmarks").glob(f"bench_{only or '*'}.py")):
        ctx.run(f"{sys.executable} {script}")


@task
def docs(ctx: Context, check: bool = False) -> None:
    """Write the README's command reference; --check fails if it is stale."""
    del ctx
    made = REFERENCE.sub(lambda found: found[1] + _reference() + found[2], README.read_text())
    if made == README.read_text():
        return
    if check:
        sys.exit("README.md: the command reference is stale; run invoke docs")
    README.write_text(made)


@task
def demo(ctx: Context) -> None:
    """Run kit demo."""
    ctx.run(f"{sys.executable} -m kit demo", pty=sys.stdout.isatty())


def _reference() -> str:
    """Write each command's help as a block of text, 100 columns wide."""
    from typer.main import get_command

    from kit.cli.app import app

    names = sorted(getattr(get_command(app), "commands"))  # noqa: B009 (a group's, which the type does not promise)
    return "".join(f"\n#### kit {name}\n\n```text\n{_help(name)}\n```\n" for name in names) + "\n"


def _help(name: str) -> str:
    environment = {
        "TERMINAL_WIDTH": "100",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "PATH": "",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "kit", name, "--help"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
