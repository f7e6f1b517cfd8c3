"""Tasks for developers: `invoke --list`."""

from __future__ import annotations

import sys
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

ROOT = Path(__file__).parent


@task
def test(ctx: Context, slow: bool = False) -> None:
    """Run the fast tests, in two processes; --slow runs the others instead."""
    which = '-m "slow"' if slow else '-m "not slow" --numprocesses 2 --dist loadfile'
    ctx.run(f"{sys.executable} -m pytest {which}", pty=sys.stdout.isatty())


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
    """Write what is generated in docs/ and build the site; --check fails on stale pages and on any warning."""
    ctx.run(f"{sys.executable} docs/generate.py{' --check' if check else ''}")
    ctx.run(f"{sys.executable} -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build")


@task
def demo(ctx: Context) -> None:
    """Run kit demo."""
    ctx.run(f"{sys.executable} -m kit demo", pty=sys.stdout.isatty())
