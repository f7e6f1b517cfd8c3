"""Names of TensorFlow Addons' metrics with their arguments, as in "addons/FBetaScore:beta=2:average=micro"."""

from __future__ import annotations

import functools
import math
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from kit.errors import SpecError, require, unknown
from kit.metrics.declaration import registered
from kit.names import ADDONS_PREFIX

PREFIX = ADDONS_PREFIX

Arguments = TypeVar("Arguments", bound=msgspec.Struct)
Function = TypeVar("Function", bound=Callable[..., Any])

REASONS = {
    "GeometricMean": "it averages one series of numbers, and compares nothing with a truth",
    "hamming_loss_fn": "it is the function behind HammingLoss",
    "HarmonicMean": "it averages one series of numbers, and compares nothing with a truth",
    "MeanMetricWrapper": "it wraps a function of Python; kit takes one of its own as file.py:function",
    "MultiLabelConfusionMatrix": "its value is a matrix for each tag, not a number",
}
"""Reasons for which kit takes the other names of `tensorflow_addons.metrics` for no metrics."""

_LARGEST_BETA = 1e100  # whose square is still a number
_MOST_CUTPOINTS = 10_000  # of whose squares there are counts, 800 MB


class Averaged(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of F1Score.

    Attributes:
        average: "macro" is the mean over the columns, "micro" of all columns together, "weighted" the mean by the
            columns' images; "none" gives each column.
        threshold: Probability above which a column is decided for; None takes the highest of each image.
    """

    average: Literal["none", "micro", "macro", "weighted"] = "none"
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Refuse a threshold that Addons refuses."""
        value = self.threshold
        require(value is None or 0 < value <= 1, f"threshold must be above 0 and at most 1, got {value}")


class BetaAveraged(Averaged, frozen=True, kw_only=True):
    """Arguments of FBetaScore.

    Attributes:
        beta: Weight of recall.
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a weight that Addons refuses."""
        super().__post_init__()
        require(self.beta > 0, f"beta must be above 0, got {self.beta}")
        require(self.beta <= _LARGEST_BETA, f"beta must be at most {_LARGEST_BETA}, got {self.beta}")


class Weightage(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of CohenKappa.

    Attributes:
        weightage: Weight of a wrong decision by its distance: "linear" or "quadratic"; "none" counts all the same.
    """

    weightage: Literal["none", "linear", "quadratic"] = "none"


class Mode(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of HammingLoss.

    Attributes:
        mode: "multiclass" for classes and grades, "multilabel" for tags.
        threshold: Probability above which a column is decided for; None takes the highest of each image.
    """

    mode: Literal["multiclass", "multilabel"]
    threshold: float | None = None


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of RSquare.

    Attributes:
        multioutput: "uniform_average" is the mean over the columns, "variance_weighted" the mean by their variance;
            "raw_values" gives each column.
        num_regressors: Number of explaining variables, for the adjusted score; 0 adjusts nothing.
    """

    multioutput: Literal["raw_values", "uniform_average", "variance_weighted"] = "uniform_average"
    num_regressors: int = 0

    def __post_init__(self) -> None:
        """Refuse a number that Addons refuses."""
        require(self.num_regressors >= 0, f"num_regressors must be 0 or more, got {self.num_regressors}")


class Cuts(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of the correlations: ranges that are cut into intervals of equal width.

    Attributes:
        actual_min: Lower end of the truth.
        actual_max: Upper end of the truth.
        preds_min: Lower end of the predictions.
        preds_max: Upper end of the predictions.
        actual_cutpoints: Number of cuts through the truth, ends included.
        preds_cutpoints: Number of cuts through the predictions, ends included.
    """

    actual_min: float = 0.0
    actual_max: float = 1.0
    preds_min: float = 0.0
    preds_max: float = 1.0
    actual_cutpoints: int = 100
    preds_cutpoints: int = 100

    def __post_init__(self) -> None:
        """Refuse ranges without an inside, and cuts that make no interval."""
        for of in ("actual", "preds"):
            low, high, cuts = (getattr(self, f"{of}_{end}") for end in ("min", "max", "cutpoints"))
            require(low < high, f"{of}_min must be below {of}_max, got {low} and {high}")
            require(1 < cuts <= _MOST_CUTPOINTS, f"{of}_cutpoints must be in 2 to {_MOST_CUTPOINTS:,}, got {cuts}")


def addon(
    name: str, arguments: type[msgspec.Struct], *, names: tuple[str, ...] = (), **rest: Any
) -> Callable[[Function], Function]:
    """Declare a function as the metric that Addons has under a name; it takes what is given as `given`.

    Args:
        name: Name in `tensorflow_addons.metrics`.
        arguments: Struct of its arguments.
        names: Names in full, if the plain one is not enough.
        rest: Other attributes of `Declaration`.
    """
    plain = f"{PREFIX}{name}"
    reads = {"given": functools.partial(read_arguments, arguments=arguments, plain=plain)}
    written = {"form": f"{plain}:ARGUMENT=VALUE:…", "pattern": rf"{plain}(?P<given>(?::[^:]*)+)"}
    return registered(*names or (plain,), **{**written, "reads": reads, **rest})


def read_arguments(text: str, *, arguments: type[Arguments], plain: str) -> Arguments:
    """Read arguments such as ":beta=2:average=micro".

    Args:
        text: Text that follows the plain name.
        arguments: Struct of the arguments.
        plain: Name of the metric.

    Raises:
        SpecError: An argument is unknown, twice there or has a value that is not allowed.
    """
    given: dict[str, Any] = {}
    kinds = typing.get_type_hints(arguments)
    for part in text[1:].split(":"):
        name, equals, value = part.partition("=")
        require(bool(equals and name), f"{plain} takes ARGUMENT=VALUE between colons, got '{part}'")
        if name not in kinds:
            raise SpecError(unknown(f"argument of {plain}", name, kinds))
        require(name not in given, f"{plain} names {name} twice")
        given[name] = _value(kinds[name], value, f"{plain}: {name}")
    try:
        return arguments(**given)
    except SpecError as error:
        raise SpecError(f"{plain}: {error.marked}") from error


def _value(kind: Any, text: str, where: str) -> object:
    """Read a value: one of several words, a whole number, or a number."""
    if get_origin(kind) is Literal:
        words = get_args(kind)
        require(text in words, f"{where} must be one of {', '.join(words)}, got '{text}'")
        return text
    number, said = (int, "a whole number") if kind is int else (float, "a number")
    try:
        value = number(text)
    except ValueError:
        value = math.nan
    require(math.isfinite(value), f"{where} must be {said}, got '{text}'")
    return value
