"""Tables of runs and arms without figures, with the reasons."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from kit.comparison.collect import LeftOut
from kit.reports.split_metrics import arm_lines
from kit.reports.table import NOTHING, Table, exact

_SHOWN = 20  # rows on the terminal; the file has all
_WIDTH = 56  # characters per line of a reason
_WHOLE = "all"


def left_out_tables(left_out: Sequence[LeftOut]) -> list[Table]:
    """Tabulate arms with seeds and reasons, equal reasons of many arms in one row; no table without any."""
    if not left_out:
        return []
    seeds: dict[tuple[str, str], list[str]] = {}
    for one in left_out:
        seeds.setdefault((one.reason, one.arm), []).append(_seed(one))
    arms: dict[tuple[str, str], list[str]] = {}
    for (reason, arm), found in seeds.items():
        arms.setdefault((reason, ", ".join(dict.fromkeys(found))), []).append(arm)
    rows = [(_named(names), which, "\n".join(textwrap.wrap(reason, _WIDTH))) for (reason, which), names in arms.items()]
    more = [(f"… {len(rows) - _SHOWN} more", NOTHING, "see left_out.csv")] if len(rows) > _SHOWN else []
    return [Table("left out", ("arm", "seed", "reason"), (*rows[:_SHOWN], *more))]


def exact_left_out(left_out: Sequence[LeftOut]) -> Table:
    """Build one row per run or arm."""
    rows = tuple(tuple(map(exact, (one.arm, one.seed, one.fold, one.reason))) for one in left_out)
    return Table("", ("arm", "seed", "fold", "reason"), rows)


def _named(arms: Sequence[str]) -> str:
    more = f"\n… and {len(arms) - 1} more" if len(arms) > 1 else ""
    return f"{arm_lines(arms[0])}{more}"


def _seed(one: LeftOut) -> str:
    if one.seed is None:
        return _WHOLE
    return f"{one.seed}" if one.fold is None else f"{one.seed} fold {one.fold}"
