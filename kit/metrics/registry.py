"""Finds metrics by name: those of this package's modules, and one's own."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from kit.arguments import checked_arguments
from kit.errors import SpecError, unknown
from kit.metrics.addons_arguments import PREFIX, REASONS
from kit.metrics.declaration import Declaration, declaration
from kit.metrics.own import is_in_file, own_metric, read_own_metric
from kit.metrics.score import Metric

AskedMetric: TypeAlias = str | Callable[..., Any] | Metric


@checked_arguments
def find_metric(metric: AskedMetric) -> Metric:
    """Find a metric by its name, in a file, or make one of a function.

    Args:
        metric: Name, such as "qwk", "map@5" or "samples_f2"; `file.py:function`, with words for a direction and for
            what it judges after it, as in "score.py:cost:min:probabilities"; a function of (truth, prediction) or
            (truth, prediction, weights), see `kit.metric`; or a metric, which is returned as it is. A file is
            executed to be read: name only files that you trust.

    Raises:
        SpecError: There is no such metric, with the nearest and the known ones; or a file or a function is no metric.
    """
    if isinstance(metric, Metric):
        return metric
    if not isinstance(metric, str):
        return own_metric(metric)
    return read_own_metric(metric) if is_in_file(metric) else _by_name(metric)


@checked_arguments
def metric_names() -> list[str]:
    """Names of the metrics that kit has, sorted; some stand for many, as map@5 does for every number of guesses."""
    return sorted(name for said in declarations().values() for name in said.names)


@functools.cache
def declarations() -> dict[Callable[..., Any], Declaration]:
    """Find all functions of this package's modules that are declared as metrics."""
    package = importlib.import_module("kit.metrics")
    modules = [importlib.import_module(f"kit.metrics.{found.name}") for found in pkgutil.iter_modules(package.__path__)]
    functions = [function for module in modules for function in vars(module).values() if callable(function)]
    found = {function: declaration(function) for function in functions}
    return {function: said for function, said in found.items() if said is not None}


def is_registered(metric: Metric) -> bool:
    """Whether a metric is one of kit's, not one's own."""
    function = metric.function.func if isinstance(metric.function, partial) else metric.function
    return function in declarations()


@functools.cache
def _by_name(name: str) -> Metric:
    for function, said in declarations().items():
        match = re.fullmatch(said.pattern, name) if said.pattern else None
        if match or name in said.names:
            given = match.groupdict() if match else {}
            return _made(name, function, said, {key: said.reads[key](text) for key, text in given.items()})
    raise SpecError(_refusal(name))


def _refusal(name: str) -> str:
    """Describe why a name is no metric."""
    plain = name.removeprefix(PREFIX).partition(":")[0]
    if name.startswith(PREFIX) and plain in REASONS:
        return f"{PREFIX}{plain} is no metric: {REASONS[plain]}"
    return unknown("metric", name, listed_beside(name))


def listed_beside(name: str) -> list[str]:
    """List the metrics to name where one is unknown: those of Addons, whose names are long, beside those of Addons.

    Args:
        name: Unknown name.
    """
    is_addon = name.startswith(PREFIX)
    return [one for one in metric_names() if one.startswith(PREFIX) == is_addon or one == f"{PREFIX}{name}"]


def _made(name: str, function: Callable[..., Any], said: Declaration, given: dict[str, Any]) -> Metric:
    return Metric(
        name=name,
        function=partial(function, **given) if given else function,
        direction=said.direction,
        targets=said.targets,
        judges=said.judges,
        guesses=given.get("guesses", 0),
        takes_columns=said.takes_columns,
    )
