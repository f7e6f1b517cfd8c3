"""A kind of target that kit does not have: its class alone brings it from the sample to the checked file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from kit.errors import SpecError, SubmissionError
from kit.evaluation.decisions import fit_decision
from kit.evaluation.metric_scores import score_metrics, usual_metrics
from kit.evaluation.registry import measures_of
from kit.inference.predictions import Predictions
from kit.kaggle.check_submission import check_table
from kit.kaggle.find_sample import Answer
from kit.metrics import find_metric
from kit.metrics.own import own_metric
from kit.metrics.score import TargetName
from kit.submission.form import choose_cells, refuse_decisions, sample_of
from kit.targets import NO_DECISION, Decision, Target, Truth
from kit.targets.cells.held import Held
from kit.targets.cells.odd import OddCells
from kit.targets.cells.spelling import Spelling
from kit.targets.label import Stores

SPAN = re.compile(r"(\d+)-(\d+)")


class Spans(Target, frozen=True, kw_only=True):
    """First and last slice of a volume that show a finding, written 12-40.

    Attributes:
        names: Names of the two numbers.
        slices: Slices of a volume.
    """

    noun: ClassVar[str] = "span"
    is_named: ClassVar[bool] = False
    is_partition: ClassVar[bool] = False
    default_metric: ClassVar[str] = "mae"
    usual_metrics: ClassVar[tuple[str, ...]] = ("mae",)
    heads: ClassVar[tuple[str, ...]] = ("value",)
    losses: ClassVar[Mapping[str, tuple[str, ...]]] = {"value": ("mae",)}
    stores: ClassVar[Stores] = "numbers"
    judged_as: ClassVar[TargetName] = "values"

    slices: int

    def encode(self, labels: Sequence[str | None]) -> Truth:
        """Read both ends: int32 [n, 2]; -1 where there are none."""
        rows = [(-1, -1) if label is None else self._ends(label) for label in labels]
        return np.asarray(rows, np.int32).reshape(len(labels), 2)

    @staticmethod
    def _ends(text: str) -> tuple[int, int]:
        if (found := SPAN.fullmatch(text)) is None:
            raise ValueError(text)
        return int(found[1]), int(found[2])

    def text(self, truth: Any) -> str | None:
        """Join both ends."""
        return None if truth[0] < 0 else f"{truth[0]}-{truth[1]}"

    def decide(self, predictions: NDArray[Any], decision: Decision = NO_DECISION) -> NDArray[Any]:
        """Round to slices."""
        del decision
        return np.asarray(np.rint(predictions), np.int32)

    def numbers(self, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """Take both ends as they are predicted."""
        return np.asarray(predictions, np.float64)

    def hold_all(self, cells: Sequence[str]) -> Held:
        """Take spans only."""
        return Held("decisions", strangers=tuple(cell for cell in cells if not SPAN.fullmatch(cell)))

    def describe_cell(self, cell: str) -> str:
        """Describe what is no span."""
        return f"no span, which has '-' between two slices{'' if '-' in cell else ' and this has none'}"

    def _describe_one(self, column: str) -> str:
        return f"the {column}, as 0-{self.slices - 1}"

    def odd_cells(self, cells: Sequence[str], spelling: Spelling, sampled: Collection[str]) -> Iterator[OddCells]:
        """Find spans that end before they begin, or beyond the volume."""
        del spelling, sampled
        ends = [self._ends(cell) if SPAN.fullmatch(cell) else (1, 0) for cell in cells]
        odd = np.asarray([not 0 <= first <= last < self.slices for first, last in ends], bool)
        if odd.any():
            yield OddCells(f"spans outside 0-{self.slices - 1}", odd)


TARGET = Spans(names=("first", "last"), slices=64)
PREDICTED = np.float32([[3.2, 40.0], [0.0, 7.6], [12.0, 12.4]])
IDS = ["a", "b", "c"]


def table_of(*cells: str) -> pd.DataFrame:
    return pd.DataFrame({"volume": IDS, "slices": cells}, dtype=str)


def test_a_new_kind_of_target_fills_and_reads_the_sample() -> None:
    sample = sample_of(Path("sample.csv"), table_of("0-1", "0-1", "0-1"), TARGET)
    cells = choose_cells(TARGET, sample, None)
    table = cells.table(Predictions(IDS[::-1], TARGET.encode([None] * 3), PREDICTED[::-1], TARGET), sample.ids)

    assert ("decisions", ("slices",)) == (cells.form.holds, cells.form.columns)
    assert ["3-40", "0-8", "12-12"] == table["slices"].tolist()
    assert np.array_equal(TARGET.decide(PREDICTED), cells.read(table))
    assert [] == check_table(table, sample.table, Answer(target=TARGET))


def test_what_it_cannot_fill_is_refused_in_its_own_words() -> None:
    with pytest.raises(
        SubmissionError,
        match=r"sample\.csv, line 3: '12' in column slices is no span, .* none; kit would write the slices, as 0-63: l",
    ):
        sample_of(Path("sample.csv"), table_of("0-1", "12", "0-1"), TARGET)


def test_its_faulty_cells_are_found_before_they_are_sent() -> None:
    problems = check_table(table_of("3-40", "8-0", "12"), table_of("0-1", "0-1", "0-1"), Answer(target=TARGET))

    assert ["spans outside 0-63, of b, c (2)"] == [problem.what for problem in problems]


def test_without_a_sample_it_has_one_column_and_a_rule_is_refused() -> None:
    table = choose_cells(TARGET, None, None).table(Predictions(IDS, TARGET.encode([None] * 3), PREDICTED, TARGET))

    assert ["id", "label"] == list(table.columns)
    with pytest.raises(SpecError, match="spans are numbers, about which nothing is decided; leave out decide="):
        refuse_decisions(None, TARGET)


def test_metrics_of_the_target_that_it_resembles_judge_it() -> None:
    truth, mae = TARGET.encode(["3-42", "1-7", "12-12"]), find_metric("mae")
    scores = Predictions(IDS, truth, PREDICTED, TARGET)
    metrics = score_metrics(scores, usual_metrics(TARGET, mae, are_probabilities=False))
    figures = measures_of(TARGET)(scores=scores, metrics=metrics).figures()

    assert pytest.approx(np.abs(PREDICTED - truth).mean()) == figures["metrics"][0].value
    assert NO_DECISION == fit_decision(TARGET, own_metric(share_of_hits), truth, PREDICTED)
    with pytest.raises(SpecError, match="qwk does not fit: it judges classes, grades; this dataset's target is spans"):
        scores.judge(find_metric("qwk"))


def share_of_hits(truth: NDArray[Any], decided: NDArray[Any]) -> float:
    return float((truth == decided).all(axis=1).mean())
