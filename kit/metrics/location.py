"""Where a metric is found again by a later process: by its name, or by a file and its function."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

from kit.errors import SpecError
from kit.metrics.declaration import declaration
from kit.metrics.own import own_function, own_metric, read_own_metric
from kit.metrics.registry import AskedMetric, is_registered
from kit.metrics.score import Metric

_WHY = "later commands are processes of their own, which load it from there"


def located(metric: AskedMetric) -> str:
    """Write a metric as the text by which a later process finds it: a name, or `file.py:function` with its words.

    Args:
        metric: Name, which is returned as it is; a function at the top level of a file; or a metric of either.

    Returns:
        The text; the path in it is absolute. Words follow where the file itself says something else.

    Raises:
        SpecError: The function is in no file, has no name there, or its file cannot be loaded alone.
    """
    if isinstance(metric, str):
        return metric
    if isinstance(metric, Metric) and is_registered(metric):
        return metric.name
    wanted = metric if isinstance(metric, Metric) else own_metric(metric)
    function = own_function(wanted)
    if (said := declaration(function)) and said.names:
        return said.names[0]
    text = f"{_file_of(function)}:{function.__name__}"
    return f"{text}{_words(wanted, text)}"


def _file_of(function: Any) -> Path:
    """Find the file that has a function at its top level.

    Raises:
        SpecError: It was typed in, is nested in something, or has no name.
    """
    qualified = getattr(function, "__qualname__", "")
    name = getattr(function, "__name__", type(function).__name__)
    if not qualified.isidentifier():
        kind = "a lambda" if name == "<lambda>" else f"'{name}', which has no place at the top level of a file"
        raise SpecError(f"metric is {kind}: write it as a function at the top level of a file, as {_WHY}")
    try:
        file = Path(inspect.getsourcefile(inspect.unwrap(function)) or "")
    except TypeError:  # written in C
        file = Path()
    if not file.is_file():
        raise SpecError(f"metric '{name}' is in no file: put the function into one, as {_WHY}")
    if function.__module__ == "__main__" and not _is_guarded(file):
        raise SpecError(
            f"metric '{name}' is in {file}, which would run as a whole wherever it is loaded: put the function into a"
            " file of its own, or the rest of this one below if __name__ == '__main__'"
        )
    return file.resolve()


def _is_guarded(script: Path) -> bool:
    """Whether a script tells running it from loading it."""
    tests = [ast.unparse(node.test) for node in ast.parse(script.read_text()).body if isinstance(node, ast.If)]
    return any("__name__" in test for test in tests)


def _words(wanted: Metric, text: str) -> str:
    """Write the words by which the file's function becomes the metric.

    Raises:
        SpecError: The file cannot be loaded alone, or has no such function.
    """
    try:
        found = read_own_metric(text)
    except SpecError as error:
        raise SpecError(f"{error}; put the function into a file that loads without its package, as {_WHY}") from error
    pairs = ((wanted.direction, found.direction), (wanted.judges, found.judges))
    return "".join(f":{ours}" for ours, theirs in pairs if ours != theirs)
