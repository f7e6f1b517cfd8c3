"""Measures that an evaluation is asked for, refused where they do not fit its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.datasets import Dataset
from kit.errors import SpecError, option, require, unknown
from kit.evaluation.chosen_rule import ChosenRule, given_rule
from kit.evaluation.decisions import Decide, refuse_undecided
from kit.evaluation.measures import Focus, Measures
from kit.evaluation.metric_scores import refuse_unfitting, score_metrics, usual_metrics
from kit.evaluation.registry import measures_of
from kit.evaluation.sampled_predictions import SampledPredictions
from kit.evaluation.subgroup_columns import Divide
from kit.evaluation.subgroups import Subgroups, compare_subgroups
from kit.inference.dataset_metric import dataset_metric
from kit.inference.ensemble import Ensemble
from kit.inference.predictions import Predictions
from kit.metrics import Metric
from kit.progress import Progress
from kit.targets import Target
from kit.targets.top_classes import KEPT, MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """Measures that are asked of predictions.

    Attributes:
        focus: Class or grade that is looked at alone.
        metrics: Metrics that were named; none for the usual ones.
        decide: Way to decide.
        by: Column of subgroups; empty for none.
        divide: Function that divides the images by it; None for none.
    """

    focus: Focus
    metrics: tuple[Metric, ...]
    decide: Decide
    by: str
    divide: Divide | None

    def goal(self, dataset: Dataset) -> Metric:
        """Choose the metric that rules are fitted to: the first named, else the dataset's."""
        return self.metrics[0] if self.metrics else dataset_metric(dataset)

    def refuse(self, ensemble: Ensemble) -> None:
        """Refuse metrics and rules that do not fit the target, before anything is predicted."""
        target = ensemble.dataset.manifest.target
        for metric in self.metrics:
            refuse_unfitting(target, metric, are_probabilities=ensemble.predicts_probabilities)
        given_rule(self.decide, target)
        if self.decide.is_fitted:
            refuse_undecided(target, self.goal(ensemble.dataset))

    def measures(
        self, drawn: SampledPredictions, dataset: Dataset, decided: ChosenRule | None, progress: Progress
    ) -> Measures:
        """Measure predictions as their target allows."""
        scores = drawn.scores
        metrics = score_metrics(
            scores, self.shown(scores, dataset), units=drawn.units, learned=drawn.learned, progress=progress
        )
        return measures_of(scores.target)(scores=scores, metrics=metrics, decided=decided, focus=self.focus)

    def shown(self, scores: Predictions, dataset: Dataset) -> Sequence[Metric]:
        """Choose the metrics to compute: those that were named, else the dataset's and the usual ones of its target."""
        own = dataset_metric(dataset)
        return self.metrics or usual_metrics(scores.target, own, are_probabilities=scores.are_probabilities)

    def subgroups(self, drawn: SampledPredictions, dataset: Dataset, progress: Progress) -> Subgroups | None:
        """Compare subgroups by the first metric, if any were asked for."""
        if self.divide is None:
            return None
        division = self.divide(drawn.scores, drawn.groups)
        return compare_subgroups(
            self.by, division, drawn.scores, self.goal(dataset), units=drawn.units, progress=progress
        )


def find_focus(ensemble: Ensemble, positive: str | None, recall: float | None) -> Focus:
    """Find the class or grade that is looked at alone, and the recall that it is to reach.

    Args:
        ensemble: Runs that predict.
        positive: Name of the class; None for the second of two.
        recall: Recall to find a threshold for; None for none.

    Raises:
        SpecError: A recall that cannot be, no such class, or predictions without the probability of each class.
    """
    return Focus(_positive_index(ensemble, positive, recall), recall)


def _positive_index(ensemble: Ensemble, positive: str | None, recall: float | None) -> int | None:
    target = ensemble.dataset.manifest.target
    require(recall is None or 0 < recall <= 1, f"recall must be above 0 and at most 1, got {recall}")
    if not (target.is_partition and ensemble.predicts_probabilities):
        require(
            positive is None and recall is None,
            f"{option('recall')} and {option('positive')} need probabilities of classes or grades; this dataset's"
            f" target is {target.kind()}" + (", and the run predicts a number" if target.is_partition else ""),
        )
        return None
    require(
        not target.keeps_best or (positive is None and recall is None),
        f"{option('recall')} and {option('positive')} need the probability of every class; above {MOST:,} classes the"
        f" {KEPT} best of each image are kept",
    )
    return None if target.keeps_best else _positive_place(target, positive, recall)


def _positive_place(target: Target, positive: str | None, recall: float | None) -> int | None:
    if positive is not None:
        if positive not in target.names:
            raise SpecError(unknown(target.noun, positive, target.names))
        return target.names.index(positive)
    if len(target.names) == 2:  # noqa: PLR2004 (the second of two)
        return 1
    named = ", ".join(target.names)
    require(
        recall is None,
        f"{option('recall')} needs {option('positive', typed='CLASS')} where there are more than two: one of {named}",
    )
    return None
