"""Measures of predicted grades beside the true ones."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.class_measures import ClassMeasures
from kit.evaluation.cut_off_curves import CutOffs, measure_cut_offs
from kit.evaluation.grade_errors import Distances, ExpectedGrade, expected_grades, grade_distances
from kit.evaluation.mistakes import farthest_mistakes
from kit.metrics import Metric, find_metric
from kit.metrics.registry import metric_names


@dataclass(frozen=True, kw_only=True)
class GradeMeasures(ClassMeasures):
    """Measures of predictions of grades; see `ClassMeasures`."""

    kind: ClassVar[str] = "grades"

    @functools.cached_property
    def distances(self) -> Distances:
        """Images by distance between the true and the decided grade; without those whose outputs are no numbers."""
        return grade_distances(self.confusion)

    @functools.cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Expected grade of each image, float64 [n]; NaN where the output is not a number."""
        return self.scores.target.numbers(self.scores.outputs)

    @functools.cached_property
    def expected(self) -> list[ExpectedGrade]:
        """Expected grades of the images of each true grade."""
        return expected_grades(self.scores.labels, self.numbers, len(self.classes))

    @property
    def judge(self) -> Metric:
        """Metric that cut-offs are judged by: the first of `metrics` that kit has and that judges decisions, or qwk."""
        known = set(metric_names())
        names = (one.name for one in self.metrics if one.judges == "decisions" and one.name in known)
        return find_metric(next(names, self.scores.target.default_metric))

    @functools.cached_property
    def cut_offs(self) -> CutOffs | None:
        """The metric against cut-offs; None of more than ten grades, and of hardly any image."""
        return measure_cut_offs(self.scores, self.judge, self.folds)

    @functools.cached_property
    def mistakes(self) -> list[int]:
        """Indices of the images of another grade than the true one, the farthest first."""
        return farthest_mistakes(self.scores)

    def figures(self) -> dict[str, Any]:
        """All but the images; NaN becomes null in evaluation.json."""
        return {
            **super().figures(),
            "distances": {"images": self.distances.images.tolist(), "mean": self.distances.mean},
            "expected_grades": [
                {**dataclasses.asdict(one), "grade": self.classes[one.grade], "bias": one.bias} for one in self.expected
            ],
            **({"cut_offs": self._figures_of_cut_offs(self.cut_offs)} if self.cut_offs else {}),
        }

    def _figures_of_cut_offs(self, cut_offs: CutOffs) -> dict[str, Any]:
        return {"metric": cut_offs.metric.name, "rules": cut_offs.rules}
