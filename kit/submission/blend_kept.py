"""Blends of the predictions kept beside submissions, written into cells as kit predict writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from kit.datasets import Dataset
from kit.datasets.find import dataset_if_there
from kit.errors import SubmissionError, first_three, option, require
from kit.evaluation.chosen_rule import fitted_rule
from kit.evaluation.decisions import Decide
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predictions import Predictions
from kit.metrics import Metric, find_metric
from kit.sources.image_table import read_table
from kit.submission.blend_weights import LOSS, By, alike, combine, scaled
from kit.submission.cells import Cells
from kit.submission.form import Sample, choose_cells, named_metric, read_sample, refuse_decisions
from kit.submission.kept_predictions import KeptPredictions, find_kept
from kit.submission.origin import KEPT, Origin
from kit.submission.rule import Scored, fewest_tags, refuse_first, score_cells
from kit.submission.votes import tally, votes
from kit.targets import NO_DECISION, Decision, Target
from kit.targets.common_columns import align
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Blended:
    """Blend in cells.

    Attributes:
        table: Table of the CSV.
        cells: Cells with their rule.
        scores: Blended predictions, or shares of votes.
        scored: Score on out-of-fold predictions.
    """

    table: pd.DataFrame
    cells: Cells
    scores: Predictions
    scored: Scored


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptInputs:
    """Submissions with the predictions kept beside them.

    Attributes:
        kept: Files, in the order given.
        scores: Predictions of each, of the same images in the same order.
        dataset: Dataset whose sample submission is filled.
        sample: Sample submission; None where the predictions are of another split.
    """

    kept: tuple[KeptPredictions, ...]
    scores: tuple[Predictions, ...]
    dataset: Dataset
    sample: Sample | None

    @property
    def target(self) -> Target:
        """Target of the predictions."""
        return self.dataset.manifest.target

    @property
    def metric(self) -> Metric | None:
        """Metric that the dataset was given; None for its target's default."""
        return named_metric(self.dataset)

    @property
    def rules(self) -> list[Decision]:
        """Rules by which the files' decisions were made."""
        return [one.origin.rule for one in self.kept]

    @property
    def positive(self) -> str:
        """Name of the one of two classes that the only column of the sample submission is about; empty for others."""
        form = self.sample.form if self.sample else None
        return "" if form is None or form.has_each else self.target.positive(form.columns)

    @property
    def have_decisions(self) -> bool:
        """Whether every submission holds decisions."""
        return all(one.origin.holds == "decisions" for one in self.kept)

    @classmethod
    def of(cls, paths: Sequence[Path], workspace: Workspace) -> KeptInputs:
        """Read the predictions kept beside files, or given themselves.

        Raises:
            SubmissionError: A file has none, its dataset is gone, or ids differ.
            RunError: Kept predictions are missing, or were changed.
        """
        kept = [_kept(path) for path in paths]
        dataset = known_dataset([one.origin for one in kept], workspace)
        if dataset is None:
            raise SubmissionError(
                f"{kept[0].submission} is of dataset {kept[0].origin.dataset}, which is not in {workspace.datasets} as"
                f" it was: its labels and sample submission say how a blend is written; give {option('root')}"
            )
        scores = [one.read(dataset.manifest.target) for one in kept]
        _refuse_others(kept, scores)
        ordered = tuple(one.ordered(scores[0].keys) for one in scores)
        return cls(kept=tuple(kept), scores=ordered, dataset=dataset, sample=_sample(dataset, scores[0]))

    def blend(
        self,
        shares: Sequence[float],
        average: By,
        decide: Decide,
        held_out: OutOfFold | None,
        metric: str | None,
    ) -> Blended:
        """Average the predictions, and write them into cells.

        Args:
            shares: Weights that sum to 1.
            average: Quantity to average.
            decide: Way to decide.
            held_out: Out-of-fold blend with weights fitted without each fold; None without.
            metric: Metric that the weights were fitted to; None for the dataset's.

        Raises:
            SpecError: Cells cannot hold what was asked for.
        """
        form = self.sample.form if self.sample else None
        is_vote = average == "vote" and not (form and form.holds == "ranks")
        if is_vote or decide.way != "none":
            refuse_decisions(form, self.target, option("average", "vote") if is_vote else "")
        is_decided = is_vote or decide.way != "none" or self.have_decisions
        cells = choose_cells(self.target, self.sample, self.metric, is_decided=is_decided)
        require(
            average != "rank" or cells.form.holds in {"probabilities", "numbers"},
            f"cells hold {cells.form.holds}, which no ranks make; give {option('average', 'probability')} or vote",
        )
        least = fewest_tags(cells, self.sample, held_out)
        goal = find_metric("log_loss" if metric == LOSS else metric) if metric else self.metric
        rule, crossed = decide.rule(self.target) if not decide.is_fitted else NO_DECISION, None
        if decide.is_fitted and held_out is not None:
            refuse_first(cells)
            fitted = fitted_rule(held_out, self.metric or find_metric(self.target.default_metric), least)
            rule, crossed = fitted.rule, fitted.crossed
        cells = replace(cells, decision=rule.at_least(least))
        blended = self._average(shares, average)
        scored = score_cells(cells, held_out, goal if not decide.is_fitted else self.metric) if held_out else Scored()
        if crossed is not None:
            scored = replace(scored, score=crossed, is_crossed=True)
        return Blended(cells.table(blended, self.sample.ids if self.sample else None), cells, blended, scored)

    def _average(self, shares: Sequence[float], average: By) -> Predictions:
        first, outputs = self.scores[0], [one.outputs for one in self.scores]
        stacked = align(alike(outputs, self.target))
        if average == "vote":
            values = tally(votes(outputs, self.target, stacked, self.rules), shares)
            return replace(first, outputs=stacked.predictions(values))  # float64, as ties are decided by small parts
        return replace(first, outputs=stacked.outputs(combine(scaled(stacked.values, average), shares)))


def needs_kept(paths: Sequence[Path], origins: Sequence[Origin | None], average: By, decide: Decide) -> bool:
    """Return whether files are blended by the predictions kept beside them instead of by their cells."""
    are_decided = any(one is not None and one.has_decisions and bool(one.predictions) for one in origins)
    are_kept = any(path.name.endswith(KEPT) and origin is None for path, origin in zip(paths, origins, strict=True))
    return bool(paths) and (are_decided or are_kept or average == "vote" or decide.way != "none")


def known_dataset(origins: Sequence[Origin | None], workspace: Workspace) -> Dataset | None:
    """Find the dataset of the first file that has one in the workspace, unless it was made anew since."""
    for origin in origins:
        dataset = dataset_if_there(origin.dataset, workspace) if origin and origin.dataset else None
        if origin and dataset and dataset.manifest.fingerprint == origin.fingerprint:
            return dataset
    return None


def _kept(path: Path) -> KeptPredictions:
    if not path.is_file():
        read_table(path)  # says why it cannot be read
    if found := find_kept(path):
        return found
    raise SubmissionError(
        f"{path} has no predictions beside it, which kit predict keeps; predict it again, or leave out"
        " files that others made"
    )


def _sample(dataset: Dataset, scores: Predictions) -> Sample | None:
    """Read the dataset's sample submission if the predictions are of its images."""
    if not dataset.manifest.sample_submission:
        return None
    sample, keys = read_sample(dataset), set(scores.keys)
    return sample if set(sample.form.images(sample.ids, dataset.manifest.target)) <= keys else None


def _refuse_others(kept: Sequence[KeptPredictions], scores: Sequence[Predictions]) -> None:
    """Refuse predictions of other images."""
    for one, found in zip(kept[1:], scores[1:], strict=True):
        if others := sorted(set(found.keys) ^ set(scores[0].keys)):
            named = first_three(others, len(others))
            raise SubmissionError(
                f"{one.path} and {kept[0].path} do not have the same ids: only one of them has {named}"
            )
