"""Remarks on a comparison besides its tables, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from kit.comparison import Comparison
from kit.comparison.arm_summary import ArmSummary
from kit.comparison.caveats import Caveats
from kit.comparison.contrasts import beats_base_rate
from kit.comparison.pairing import Key, Shared, Side
from kit.comparison.trajectory import Trajectory
from kit.errors import first_three
from kit.evaluation.split_metrics import Measured
from kit.metrics.direction import smaller_is_better

_PAIRING = {
    "seeds, folds averaged": "with folds: each seed's folds are averaged, and seeds are paired",
    "folds": "with folds, and fewer than three seeds in common: pairs are of one seed and fold, and the t test is"
    " corrected for the images that their trainings share (Nadeau & Bengio 2003)",
}


def comparison_remarks(comparison: Comparison) -> list[str]:
    """Describe the limits of a comparison: its data and runs, the pairing, and the base rate."""
    arms, caveats = comparison.arms, comparison.caveats
    return [
        *_of_runs(caveats),
        *(_measuring(comparison.trajectories, comparison.split) if comparison.split else []),
        *_of_published(caveats),
        *_unmeasured(arms, comparison.split),
        *_stand_in(caveats.missing_baseline, comparison.baseline),
        *_pairing(arms),
        *_left_out(arms),
        *_base_rate(arms, comparison),
        *_by_image(caveats),
    ]


def _of_runs(caveats: Caveats) -> list[str]:
    said = []
    if caveats.datasets:
        named = ", ".join(f"{name} ({fingerprint})" for name, fingerprint in caveats.datasets)
        said.append(f"warning: runs of different datasets, {named}: differences may be the data's and not the arms'")
    if twice := caveats.repeated:
        named = first_three(map(_run_name, twice), len(twice))
        said.append(f"found twice, equal in settings and seed, and counted once: {named}")
    return [*said, *(f"equal settings, so one arm: {', '.join(names)}" for names in caveats.merged)]


def _run_name(run: Trajectory) -> str:
    return run.arm + _numbered("seed", run.seed) + _numbered("fold", run.fold)


def _numbered(name: str, number: int | None) -> str:
    return "" if number is None else f", {name} {number}"


def _of_published(caveats: Caveats) -> list[str]:
    others = ", ".join(caveats.published_settings.values())
    said = [f"without published figures: {error}" for error in caveats.unreadable_recipes]
    return [*said, *([f"published with other settings than ours: {others}"] if others else [])]


def _unmeasured(arms: Sequence[ArmSummary], split: str) -> list[str]:
    """Name the published figures that a measured split could be compared with."""
    names = sorted({name for arm in arms for name in arm.published if name.startswith("test_")})
    return (
        [f"the recipe publishes {', '.join(names)}; compare on split test to measure ours"]
        if names and split != "test"
        else []
    )


def _stand_in(missing: str, baseline: str) -> list[str]:
    """Report a planned baseline without a finished run."""
    return [f"{missing} was planned as the baseline and has no finished run; {baseline} stands in for it"] * bool(
        missing
    )


def _by_image(caveats: Caveats) -> list[str]:
    refused, most = caveats.not_by_image, caveats.by_image
    said = [f"not compared image by image: {first_three(refused, len(refused))}"] if refused else []
    best = f"compared image by image: the {most} best of {caveats.comparable_by_image} arms"
    return [*said, *([best] if most else [])]


def _pairing(arms: Sequence[ArmSummary]) -> list[str]:
    methods = {arm.difference.method for arm in arms if arm.difference}
    return [said for method, said in _PAIRING.items() if method in methods]


def _measuring(trajectories: Sequence[Trajectory], split: str) -> list[str]:
    measured = [(f"{run.arm}, seed {run.seed}", run.measured) for run in trajectories if run.measured]
    loaded = sum(run.loaded for _, run in measured)
    results = f"{loaded} results loaded from before, {2 * len(measured) - loaded} computed"
    said = f"measured {len(measured)} runs on train and {split}: {results}"
    return [said, *(_diverged(name, run, split) for name, run in measured if run.split.not_numbers)]


def _diverged(name: str, run: Measured, split: str) -> str:
    outputs = f"{run.split.not_numbers:,} of {run.split.images:,} outputs on {split} are not numbers"
    return f"warning: {name}: {outputs}: the training diverged; they count as misclassified"


def _left_out(arms: Sequence[ArmSummary]) -> list[str]:
    """Name the unpaired runs, once for each pair of arms."""
    shared = [*(arm.shared for arm in arms), *(arm.step.shared for arm in arms if arm.step)]
    return list(dict.fromkeys(said for one in shared if one and (said := describe_left_out(one))))


def _base_rate(arms: Sequence[ArmSummary], comparison: Comparison) -> list[str]:
    """Describe the base rate, and name the arms that do not beat it."""
    rates = {arm.name: arm.base_rate for arm in arms if arm.base_rate is not None}
    if not rates:
        return []
    words = dict.fromkeys(run.base_words for run in comparison.trajectories if run.base_words)
    said = f"base rate, {' or '.join(words)}: "
    few = sorted({f"{rate:.4f}" for rate in rates.values()})
    said += few[0] if len(few) == 1 else first_three((f"{arm} {rate:.4f}" for arm, rate in rates.items()), len(rates))
    none = [
        arm.name
        for arm in arms
        if arm.last
        and arm.base_rate is not None
        and not beats_base_rate(arm.last.mean, arm.base_rate, smaller_is_better=smaller_is_better(comparison.metric))
    ]
    if not none:
        return [said]
    return [said, f"warning: no better than the base rate: {first_three(none, len(none))}"]


def describe_left_out(shared: Shared) -> str:
    """Name the unpaired runs in one line; empty if all are paired."""
    if shared.is_whole:
        return ""
    arm, reference = shared.arm, shared.reference
    out = " and ".join(f"{_listed(side.left_out)} of {side.arm}" for side in (arm, reference) if side.left_out)
    pairs = f"{arm.arm} against {reference.arm}: {shared.n} of {shared.of} pairs"
    return f"{pairs}, without {out}; there {_mean(arm)} and {_mean(reference)}"


def _mean(side: Side) -> str:
    return f"{side.arm} has {side.last.mean:.4f}" if side.last else side.arm


def _listed(keys: Sequence[Key]) -> str:
    """List runs for people: "seed 3", "seeds 3, 4", "seed 0, fold 1".

    >>> _listed([(3, None), (4, None)])
    'seeds 3, 4'
    """
    if any(fold is not None for _, fold in keys):
        return "; ".join(f"seed {seed}, fold {fold}" for seed, fold in keys)
    return f"seed{'s' if len(keys) > 1 else ''} {', '.join(str(seed) for seed, _ in keys)}"
