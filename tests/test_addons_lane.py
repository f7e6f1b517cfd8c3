"""The environment of kit[addons]: what it holds, and that kit starts in it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
MODULES = {  # by package, where the name is another
    "google-crc32c": "google_crc32c",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
}
REQUIRED = sorted(Requirement(line).name for line in PROJECT["dependencies"])
HELD = [Requirement(line) for line in PROJECT["optional-dependencies"]["addons"]]


@pytest.mark.addons
@pytest.mark.parametrize("held", HELD, ids=lambda held: held.name)
def test_lane_holds_the_versions_of_the_extra(held: Requirement) -> None:
    assert version(held.name) in held.specifier


@pytest.mark.addons
def test_every_package_that_kit_requires_can_be_imported_beside_the_others() -> None:
    """pyarrow 26 is installed beside NumPy 1, as it names no bound, and stops at its import."""
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    call = [sys.executable, "-W", "ignore", "-c", code, *(MODULES.get(name, name) for name in REQUIRED)]
    done = subprocess.run(call, check=False, capture_output=True, text=True)

    assert (0, "") == (done.returncode, done.stderr if done.returncode else "")


def test_each_line_of_the_extra_is_for_the_python_that_tensorflow_addons_works_with() -> None:
    assert {'python_version < "3.12"'} == {str(held.marker) for held in HELD}


def test_default_lane_is_bound_by_nothing_that_the_extra_holds() -> None:
    """The extra's upper bounds stand in the extra alone, so that users of the default lane get the newest versions."""
    lines = {Requirement(line).name: Requirement(line) for line in PROJECT["dependencies"]}

    for held in HELD:
        bounds = lines[held.name].specifier if held.name in lines else []
        assert not any(bound.operator in {"<", "<=", "==", "~="} for bound in bounds)
