"""Search: arms proposed by the results of earlier ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kit.ablation.axis import Axis
from kit.ablation.design import Design, refuse_axes
from kit.ablation.space import Arm, Space
from kit.errors import MissingDependencyError
from kit.specs import Setting
from kit.specs.named_arguments import LEFT_OUT

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

_SEED = 0  # seed of the estimator: the same results always give the same arms
_STARTUP = 8  # arms before the first proposal: the baseline and random draws
_GENERATION = 4  # arms proposed at a time, regardless of the number of jobs: arms must not depend on that
_FEWEST = 4  # first arms with a result before the estimator is used; it draws at random until then
_REPEATS = 16  # consecutive proposals of known arms before a new one is drawn at random


class Search:
    """Arms proposed by Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), in generations of fixed size.

    Nothing is kept between two calls: each replays the search from its beginning. So a killed search
    resumes as if it had not been interrupted, and a search for more arms starts with those of a smaller one.

    Args:
        axes: Settings to vary, of values and ranges.
        base: Settings for the arms to change; unchanged they are the first arm.
        count: Number of arms, including the first.
        smaller_is_better: Whether smaller results are better.

    Raises:
        SpecError: Unknown setting, a refused value, no axes, or fewer than two arms.
        MissingDependencyError: Optuna is not installed.
    """

    def __init__(self, axes: Sequence[Axis], base: Setting, count: int, *, smaller_is_better: bool) -> None:
        refuse_axes(axes, Design("search", count))
        self._optuna = _import_optuna()
        self._space = Space(axes, base)
        self._count = count
        self._direction = "minimize" if smaller_is_better else "maximize"
        self._distributions = {axis.path: self._distribution(axis) for axis in self._space.axes}

    def next_arms(self, values: Mapping[str, float]) -> list[Arm]:
        """Propose the next generation, or what is left of the last one.

        Args:
            values: Result of each arm by its name, such as its mean over seeds; NaN where it failed.

        Returns:
            Arms without a value yet: at first the baseline and arms drawn at random, as by design "random", later a
            few at a time; none once there are enough, or when the axes have no others.
        """
        for generation in self._generations(values):
            if missing := [arm for arm in generation if arm.name not in values]:
                return missing
        return []

    def _generations(self, values: Mapping[str, float]) -> Iterator[list[Arm]]:
        """Yield generations one by one; values of earlier ones must be known before the next is requested."""
        sampler = self._optuna.samplers.TPESampler(seed=_SEED, n_startup_trials=_FEWEST)
        study = self._optuna.create_study(direction=self._direction, sampler=sampler)
        drawn = self._space.draw()
        generation: dict[Arm, list[Trial]] = {arm: [] for arm in itertools.islice(drawn, min(_STARTUP, self._count))}
        known: set[Arm] = set()
        while generation:
            yield list(generation)
            for arm, trials in generation.items():
                self._learn(study, arm, trials, values[arm.name])
            known.update(generation)
            generation = self._propose(study, drawn, {arm: values[arm.name] for arm in known})

    def _propose(self, study: Study, drawn: Iterator[Arm], known: Mapping[Arm, float]) -> dict[Arm, list[Trial]]:
        """Ask for a generation of arms, with the trials that proposed each; known arms cost nothing."""
        proposed: dict[Arm, list[Trial]] = {}
        repeats = 0
        while len(proposed) < min(_GENERATION, self._count - len(known)):
            trial = study.ask(self._distributions)
            arm = self._space.arm([self._text(axis, trial.params[axis.path]) for axis in self._space.axes])
            repeats = repeats + 1 if arm is None or arm in known or arm in proposed else 0
            if arm is None or arm in known:
                self._tell(study, trial, known[arm] if arm else math.nan)
            else:
                proposed.setdefault(arm, []).append(trial)
            if repeats == _REPEATS:
                unseen = next((arm for arm in drawn if arm not in known and arm not in proposed), None)
                if unseen is None:
                    break
                proposed[unseen] = []
                repeats = 0
        return proposed

    def _learn(self, study: Study, arm: Arm, trials: Sequence[Trial], value: float) -> None:
        """Tell the estimator the result of an arm, even one it did not propose, if it could have."""
        for trial in trials:
            self._tell(study, trial, value)
        params = {path: self._value(path, text) for path, text in arm.settings}
        if not trials and math.isfinite(value) and all(self._holds(path, params[path]) for path in params):
            made = self._optuna.trial.create_trial(params=params, distributions=self._distributions, value=value)
            study.add_trial(made)

    def _tell(self, study: Study, trial: Trial, value: float) -> None:
        if math.isfinite(value):
            study.tell(trial, value)
        else:
            study.tell(trial, state=self._optuna.trial.TrialState.FAIL)

    def _distribution(self, axis: Axis) -> BaseDistribution:
        kinds = self._optuna.distributions
        if axis.range is None:
            choices: BaseDistribution = kinds.CategoricalDistribution(axis.values)
            return choices
        low, high = axis.range.numbers
        kind = kinds.IntDistribution if self._space.is_whole(axis) else kinds.FloatDistribution
        numbers: BaseDistribution = kind(low, high, log=axis.range.is_log)
        return numbers

    def _text(self, axis: Axis, value: Any) -> str:
        return axis.range.text(value, whole=self._space.is_whole(axis)) if axis.range else value

    def _value(self, path: str, text: str) -> Any:
        is_choice = isinstance(self._distributions[path], self._optuna.distributions.CategoricalDistribution)
        return text if is_choice or text == LEFT_OUT else float(text)

    def _holds(self, path: str, value: Any) -> bool:
        """Whether the estimator could have proposed a value: the recipe's own may lie outside the axis."""
        distribution: Any = self._distributions[path]
        if isinstance(value, str):
            return value in getattr(distribution, "choices", ())
        return bool(distribution.low <= value <= distribution.high)


def _import_optuna() -> ModuleType:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingDependencyError("design 'search' needs optuna; install 'kit[search]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # Optuna would log every trial
    return optuna
