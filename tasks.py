"""Tasks for developers: `invoke --list`."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.tasks import task
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent
LOWEST = ROOT / ".ci" / "lowest"
# pyproject.toml says by what
LOWEST_HELD_UP = {"keras", "numpy", "opencv-python-headless", "tensorboard", "tensorflow"}
# Some machines forbid Python to keep what it compiled; every process of the tests would compile all of kit anew.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
# Where other packages do the work: reading images and tables, training, exporting, statistics, pictures, Kaggle.
LOWEST_TESTS = (
    "ablation/test_ablation ablation/test_designs audits cli comparison/test_comparison comparison/test_verdicts "
    "conversion/test_conversion conversion/test_near_duplicates datasets/test_shards engines evaluation exports "
    "images/test_images images/test_jpeg images/test_tiff kaggle/test_check kaggle/test_fetch kaggle/test_ledger "
    "kaggle/test_submit metrics models reports/test_reports sources/test_sources sources/test_targets specs/test_specs "
    "storage submission/test_cells submission/test_submission targets training/test_full_disk training/test_training "
    "test_seals"
)

ADDONS = ROOT / ".ci" / "addons"
# Where OpenCV 4.11, imagecodecs 2026.1 and NumPy 1 do the work: the bytes that are stored.
ADDONS_TESTS = "images/test_jpeg images/test_lanes"


@task
def test(ctx: Context, slow: bool = False, thorough: bool = False) -> None:
    """Run the fast tests, in two processes; --slow runs the others instead, --thorough all examples of Hypothesis."""
    which = "slow" if slow else "hypothesis" if thorough else "not slow"
    environment = {**BYTECODE, "HYPOTHESIS_PROFILE": "thorough" if slow or thorough else "brief"}
    pytest = f'{sys.executable} -m pytest -m "{which} and not cluster" --numprocesses 2 --dist loadfile'
    ctx.run(pytest, env=environment, pty=sys.stdout.isatty())


@task
def cluster(ctx: Context) -> None:
    """Run the tests that start several nodes on this machine: Ray's, in a network of their own, and two workers."""
    ctx.run(f'{sys.executable} -m pytest -m "cluster"', pty=sys.stdout.isatty())


@task
def lowest(ctx: Context) -> None:
    """Run the fast tests of what other packages do with the lowest versions of pyproject.toml, on Python 3.11."""
    python = LOWEST / "bin" / "python"
    uv = f"{sys.executable} -m uv"
    ctx.run(f"{uv} venv --quiet --clear --no-python-downloads --python 3.11 {LOWEST}")
    options = f"--resolution lowest-direct --constraints {ROOT / '.ci' / 'lowest.txt'}"
    ctx.run(f"{uv} pip install --quiet --python {python} {options} --editable '{ROOT}[dev]'")
    listed: Any = ctx.run(f"{uv} pip list --python {python} --format json", hide=True)
    if guesses := _guesses(listed.stdout):
        sys.exit(
            f"pyproject.toml: the lowest version that can be installed is not the lower bound: {', '.join(guesses)}"
        )
    # Old versions warn of what has changed in Python and NumPy since, which their newer versions have done.
    pytest = f'{python} -m pytest -W default -m "not slow and not cluster" --numprocesses 2 --dist loadfile'
    ctx.run(f"{pytest} {_files(LOWEST_TESTS)}", env=BYTECODE, pty=sys.stdout.isatty())


@task
def addons(ctx: Context) -> None:
    """Run what is marked `addons`, and tests of what is otherwise there, with TensorFlow Addons, on Python 3.11."""
    python = ADDONS / "bin" / "python"
    uv = f"{sys.executable} -m uv"
    ctx.run(f"{uv} venv --quiet --clear --no-python-downloads --python 3.11 {ADDONS}")
    ctx.run(f"{uv} pip install --quiet --python {python} --editable '{ROOT}[addons,test]'")
    # TensorFlow 2.15 and Addons warn of what has changed since, and of their own end.
    pytest = f"{python} -m pytest -W default --numprocesses 2 --dist loadfile"
    ctx.run(f"{pytest} -m addons {_marked('addons')}", env=BYTECODE, pty=sys.stdout.isatty())
    ctx.run(f"{pytest} {_files(ADDONS_TESTS)}", env=BYTECODE, pty=sys.stdout.isatty())


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


def _marked(mark: str) -> str:
    """List the test files with a mark: collecting all others would take longer than some of the tests."""
    marked = f"pytest.mark.{mark}"
    return " ".join(str(path) for path in sorted(Path("tests").rglob("test_*.py")) if marked in path.read_text())


def _files(names: str) -> str:
    """Spell the paths of test files, and of folders of them."""
    return " ".join(f"tests/{name}.py" if "test_" in name else f"tests/{name}" for name in names.split())


def _guesses(listing: str) -> list[str]:
    """Name the requirements of which another version is installed than the lower bound."""
    installed = {package["name"]: Version(package["version"]) for package in json.loads(listing)}
    found = [(line, installed[canonicalize_name(line.name)]) for line in _required() if line.name not in LOWEST_HELD_UP]
    return [f"{line} ({version})" for line, version in found if not _is_lowest(line, version)]


def _required() -> list[Requirement]:
    """Read the requirements that pyproject.toml declares for users, each extra and developers, kit itself excepted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = ("search", "ray", "s3", "gs", "onnx", "docs", "test", "dev")
    lines = [*project["dependencies"], *(line for name in names for line in extras[name])]
    return [line for line in map(Requirement, lines) if line.name != "kit"]


def _is_lowest(requirement: Requirement, installed: Version) -> bool:
    """Tell whether a version is the lower bound, or has parts after those that the bound names (2.4 and 2.4.0)."""
    lowest = [bound.version for bound in requirement.specifier if bound.operator == ">="]
    return any(installed.release[: len(Version(bound).release)] == Version(bound).release for bound in lowest)
