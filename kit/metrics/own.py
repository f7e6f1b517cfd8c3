"""Metrics of one's own: a function, or one in a file."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError, option, require, unknown
from kit.metrics.declaration import EVERY_TARGET, Declaration, declaration
from kit.metrics.score import Direction, Judges, Metric

_IN_FILE = re.compile(r"(?P<file>.+\.py):(?P<function>\w+)(?P<words>(?::\w+)*)")
_LOSS = re.compile(r".*_(loss|error|deviance)")  # what scikit-learn's names of functions to minimise end with
_PLAIN = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_WEIGHTS = ("weights", "sample_weight")  # arguments; the second is scikit-learn's


def is_in_file(text: str) -> bool:
    """Whether a metric's name means a file of one's own."""
    return ".py:" in text or text.endswith(".py")


def read_own_metric(text: str) -> Metric:
    """Load the file that a text such as "score.py:cost:min:probabilities" names, and make a metric of its function.

    Loading executes the file.

    Raises:
        SpecError: The file or the function is missing or cannot be loaded, or a word is unknown.
    """
    found = _IN_FILE.fullmatch(text)
    if found is None:
        raise SpecError(f"metric '{text}': write FILE.py:FUNCTION, with words after it such as :min:probabilities")
    path = Path(found["file"]).expanduser()
    module = _loaded(path)
    function = getattr(module, found["function"], None)
    if not callable(function):
        functions = [name for name, value in vars(module).items() if inspect.isfunction(value)]
        raise SpecError(f"metric '{text}': {unknown('function', found['function'], functions)}")
    return own_metric(function, text, tuple(found["words"].split(":")[1:]))


def own_metric(function: Callable[..., Any], name: str = "", words: tuple[str, ...] = ()) -> Metric:
    """Make a metric of a function of (truth, prediction) or (truth, prediction, weights).

    What it says of itself stands in `kit.metric`, in attributes of the function of the same names, or in words. Else it
    judges decisions, and higher is better unless its name ends with _loss, _error or _deviance.

    Args:
        function: Function; scikit-learn's do, too.
        name: Name of the metric; the function's otherwise.
        words: Words that come before what the function says: a direction, a kind of predictions, or both.

    Raises:
        SpecError: It is not a function of that many arguments, or a word is unknown.
    """
    require(callable(function), f"a metric is a name, a function or a kit.Metric, got {function!r}")
    own_name = getattr(function, "__name__", type(function).__name__)
    name = name or own_name
    said = _said(function, own_name)
    for word in words:
        known = (*get_args(Direction), *get_args(Judges))
        require(word in known, f"metric '{name}': {unknown('word', word, known)}")
    directions = [word for word in words if word in get_args(Direction)]
    kinds = [word for word in words if word in get_args(Judges)]
    require(len(directions) < 2 and len(kinds) < 2, f"metric '{name}': give one word of a kind, not {':'.join(words)}")  # noqa: PLR2004
    return Metric(
        name=name,
        function=_Guarded(function, name),
        direction=directions[0] if directions else said.direction,  # type: ignore[arg-type]  # a word that was checked
        targets=said.targets,
        judges=kinds[0] if kinds else said.judges,  # type: ignore[arg-type]
    )


def own_function(metric: Metric) -> Callable[..., Any]:
    """Return the function that a metric of one's own was made of."""
    return metric.function.own if isinstance(metric.function, _Guarded) else metric.function


class _Guarded:
    """Function of one's own that fails in one line, naming itself.

    Args:
        function: Function of one's own.
        name: Name of the metric.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.own = function
        self._name = name
        self._weights = _weights_argument(function, name)
        self.__doc__ = inspect.getdoc(function)

    def __call__(self, truth: NDArray[Any], prediction: NDArray[Any], weights: NDArray[Any] | None = None) -> Any:
        """Call it, with the weights if it takes any."""
        named = {} if self._weights is None else {self._weights: weights}
        require(
            weights is None or bool(named),
            f"metric '{self._name}' takes no weights; give it a third argument, weights, float [n] or None",
        )
        try:
            result = self.own(truth.copy(), prediction.copy(), **named)  # it may change what it is given
        except (Exception, SystemExit) as error:
            raise SpecError(f"metric '{self._name}' failed: {_told(error, _file_of(self.own))}") from error
        return self._numbers(result)

    def _numbers(self, result: Any) -> NDArray[np.float64]:
        """Turn what was returned into numbers; NaN is one that says that there is no value.

        Raises:
            SpecError: It is no number, nothing, or infinite.
        """
        try:
            values = np.asarray(result, np.float64)
        except (TypeError, ValueError):
            values = np.array([])
        if result is None or values.ndim > 1 or not values.size or np.isinf(values).any():
            raise SpecError(
                f"metric '{self._name}' returned {' '.join(repr(result).split())[:100]}, which is no finite number"
                " and no NaN, which stands for no value"
            )
        return values


def _said(function: Callable[..., Any], name: str) -> Declaration:
    """Read what a function says of itself by its decorator, by attributes, or by its name."""
    if (said := declaration(function)) is not None:
        return said
    targets: Any = getattr(function, "targets", EVERY_TARGET)
    several: Any = [targets] if isinstance(targets, str) else targets
    return Declaration(
        direction=getattr(function, "direction", "min" if _LOSS.fullmatch(name) else "max"),
        judges=getattr(function, "judges", "decisions"),
        targets=frozenset(several),
    )


def _weights_argument(function: Callable[..., Any], name: str) -> str | None:
    """Name the argument that takes weights, if one does.

    Raises:
        SpecError: The function cannot be called with truth and prediction, and perhaps weights.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, and silent about its arguments
        return None
    required = [other for other, one in signature.parameters.items() if one.default is one.empty and one.kind in _PLAIN]
    third = required[2:] if len(required) == 3 else []  # noqa: PLR2004 (truth, prediction and weights by another name)
    named = next((other for other in (*_WEIGHTS, *third) if other in signature.parameters), None)
    try:
        signature.bind(None, None, **({named: None} if named else {}))
    except TypeError:
        raise SpecError(
            f"metric '{name}' is called with (truth, prediction) or (truth, prediction, weights), but takes {signature}"
        ) from None
    return named


def _file_of(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_filename if code else ""


def _loaded(path: Path) -> ModuleType:
    require(path.is_file(), f"metric file {path} is missing; put it back, or give its new path with {option('metric')}")
    name = f"kit_metric_{abs(hash(path.resolve())):x}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SpecError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # scripts leave
        del sys.modules[name]
        raise SpecError(f"metric file {path} cannot be loaded: {_told(error, str(path))}") from error
    return module


def _told(error: BaseException, file: str) -> str:
    """Tell an error in one line: its kind, its message, and where in a file of one's own, if it came through there."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({Path(error.filename or file).name}, line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    where = f" ({Path(file).name}, line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"
