"""What a function says of itself to be a metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from kit.arguments import checked_arguments
from kit.errors import SpecError, unknown
from kit.metrics.score import Direction, Judges, TargetName

Function = TypeVar("Function", bound=Callable[..., Any])

EVERY_TARGET: frozenset[TargetName] = frozenset(get_args(TargetName))
LABELS: frozenset[TargetName] = frozenset({"classes", "grades"})  # whose truth is one index an example

_ATTRIBUTE = "__kit_metric__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a metric's function says of itself.

    Attributes:
        direction: "max" if higher is better, else "min".
        judges: Kind of predictions that it takes.
        targets: Targets that it is for.
        names: Names that it goes by, the plain ones.
        form: Way its other names are written, such as "map@K"; empty if it has no others.
        pattern: Regular expression of those names; its groups become arguments of the function.
        reads: Function that reads each group's text, by the group's name.
        takes_columns: Whether the function takes the columns' names as `columns`.
        form_of_weights: Form in which many weightings are computed at once, see `kit.metrics.forms`; None if the
            function is called for each.
    """

    direction: Direction = "max"
    judges: Judges = "decisions"
    targets: frozenset[TargetName] = EVERY_TARGET
    names: tuple[str, ...] = ()
    form: str = ""
    pattern: str = ""
    reads: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    takes_columns: bool = False
    form_of_weights: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        """Refuse words that are none of the known ones."""
        for kind, known, given in (
            ("direction", get_args(Direction), [self.direction]),
            ("judges", get_args(Judges), [self.judges]),
            ("target", get_args(TargetName), self.targets),
        ):
            for word in given:
                if word not in known:
                    raise SpecError(unknown(f"{kind} of a metric", str(word), known))


@checked_arguments
def metric(
    *, direction: Direction = "max", judges: Judges = "decisions", targets: Iterable[TargetName] = EVERY_TARGET
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function of one's own, of (truth, prediction) or (truth, prediction, weights), as a metric.

    `kit.Metric` says of which shapes and types the arrays are.

    Args:
        direction: "max" if higher is better, else "min".
        judges: Kind of predictions that it takes: "probabilities", "decisions", "ranks" or "numbers".
        targets: Targets that it is for; all of "classes", "tags", "grades" and "values" unless said otherwise.

    Returns:
        Decorator that leaves the function as it is.

    Raises:
        SpecError: A word is none of these.
    """
    return _declared(Declaration(direction=direction, judges=judges, targets=frozenset(targets)))


def registered(*names: str, **rest: Any) -> Callable[[Function], Function]:
    """Declare a function of this package as a metric of the registry; see `Declaration` for what else is said."""
    return _declared(Declaration(names=names, **rest))


def declaration(function: Callable[..., Any]) -> Declaration | None:
    """Return what a function's decorator said; None for a function that has none."""
    found: Declaration | None = getattr(function, _ATTRIBUTE, None)
    return found


def _declared(said: Declaration) -> Callable[[Function], Function]:
    def declare(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, said)
        return function

    return declare
