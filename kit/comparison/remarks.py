"""What a reader of a comparison should know besides its tables, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from kit.comparison.arm_summary import ArmSummary
from kit.comparison.base_rate import base_rate_words
from kit.comparison.contrasts import beats_base_rate
from kit.comparison.pairing import Key, Shared, Side
from kit.comparison.trajectory import smaller_is_better
from kit.errors import first_three


def left_out_remarks(arms: Sequence[ArmSummary]) -> list[str]:
    """Say which runs have no partner, of each pair of arms once."""
    shared = [*(arm.shared for arm in arms), *(arm.step.shared for arm in arms if arm.step)]
    return list(dict.fromkeys(said for one in shared if one and (said := describe_left_out(one))))


def base_rate_remarks(arms: Sequence[ArmSummary], metric: str) -> list[str]:
    """Say what the base rate is, and which arms have learned nothing that it does not have."""
    rates = {arm.name: arm.base_rate for arm in arms if arm.base_rate is not None}
    if not rates:
        return []
    said = f"base rate, {base_rate_words(metric)}: "
    few = sorted({f"{rate:.4f}" for rate in rates.values()})
    said += few[0] if len(few) == 1 else first_three((f"{arm} {rate:.4f}" for arm, rate in rates.items()), len(rates))
    none = [
        arm.name
        for arm in arms
        if arm.last
        and arm.base_rate is not None
        and not beats_base_rate(arm.last.mean, arm.base_rate, smaller_is_better=smaller_is_better(metric))
    ]
    if not none:
        return [said]
    return [said, f"warning: no better than the base rate: {first_three(none, len(none))}"]


def describe_left_out(shared: Shared) -> str:
    """Say in a line which runs have no partner; empty where all have."""
    if shared.is_whole:
        return ""
    arm, reference = shared.arm, shared.reference
    out = " and ".join(f"{_listed(side.left_out)} of {side.arm}" for side in (arm, reference) if side.left_out)
    pairs = f"{arm.arm} against {reference.arm}: {shared.n} of {shared.of} pairs"
    return f"{pairs}, without {out}; there {_mean(arm)} and {_mean(reference)}"


def _mean(side: Side) -> str:
    return f"{side.arm} has {side.last.mean:.4f}" if side.last else side.arm


def _listed(keys: Sequence[Key]) -> str:
    """List runs as people do: "seed 3", "seeds 3, 4", "seed 0, fold 1".

    >>> _listed([(3, None), (4, None)])
    'seeds 3, 4'
    """
    if any(fold is not None for _, fold in keys):
        return "; ".join(f"seed {seed}, fold {fold}" for seed, fold in keys)
    return f"seed{'s' if len(keys) > 1 else ''} {', '.join(str(seed) for seed, _ in keys)}"
