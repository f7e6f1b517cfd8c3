"""Live table of an ablation's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kit.ablation.status import AblationStatus, ArmStatus, RunStatus, State
from kit.cli.console import ConsoleProgress, hide_live, screen_text, show_live
from kit.cli.status_line import WAITING
from kit.reports.forecast import duration
from kit.reports.table import NOTHING

_LOSS = 9  # characters of its column
_APART = 2  # characters between columns
_EPOCH = 10  # characters of 100/100, and between columns
_FOOT = 2  # lines below the runs
_BAR = 40  # characters
_STATES: Sequence[State] = ("finished", "running", "failed", "pruned", "waiting")


class LiveAblation(ConsoleProgress):
    """Live table on a terminal, occasional plain lines elsewhere; always on stderr."""

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None
        self._status: AblationStatus | None = None

    def watch(self, status: AblationStatus) -> None:
        """Show the progress of the runs."""
        self._status = status
        self._done, self._total = status.epochs_done, status.epochs
        if not self._console.is_terminal:
            if self._is_due:
                self._say("")
        elif not self._is_early:
            self._show(status)

    def finish(self) -> None:
        """Remove the table."""
        super().finish()
        self._status = None
        if self._live is not None:
            hide_live(self._live)
            self._live = None

    def _show(self, status: AblationStatus) -> None:
        if self._live is None:
            super().finish()  # an earlier bar
            self._live = Live(console=self._console, transient=True, auto_refresh=False, vertical_overflow="crop")
            show_live(self._live)
        width, height = self._console.size
        self._live.update(draw_status(status, width, height), refresh=True)

    def _draw(self, note: str) -> None:
        if self._live is None:
            super()._draw(note)
        elif note:
            WAITING.end()
            self._console.print(screen_text(note, style="dim"), soft_wrap=True)

    def _say(self, note: str) -> None:
        super()._say(note or (describe_status(self._status) if self._status else ""))


def draw_status(status: AblationStatus, width: int, height: int) -> RenderableType:
    """Draw as many arms as fit on a screen, running ones first, and a summary of all below.

    Args:
        status: Status of the ablation.
        width: Width of the screen, characters.
        height: Height of the screen, lines; the last one is for the cursor.
    """
    shown, hidden = _choose(status.arms, height - _FOOT - 2)
    runs = [run for arm in shown for run in arm.running]
    label = max((len(_label(run)) for run in runs), default=0)
    columns = _columns(runs[0].metric) if runs else {}
    lines = [_head(label, columns)] if runs else []
    for arm in shown:
        lines += [_arm_line(arm, width), *(_run_line(run, label, columns) for run in arm.running)]
    if hidden:
        lines.append(screen_text(_describe_hidden(hidden), style="dim"))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines, *_foot(status))


def describe_status(status: AblationStatus) -> str:
    """Describe the progress of the runs in one line: "2 of 6 runs finished, 2 running, 2 waiting, about 5 min left"."""
    left = "" if status.seconds_left is None else f", about {duration(status.seconds_left)} left"
    return f"{_describe_runs(status)}{left}"


def _choose(arms: Sequence[ArmStatus], room: int) -> tuple[list[ArmStatus], list[ArmStatus]]:
    """Split arms into those that fit into `room` lines besides the headings, and the others."""
    ordered = sorted(arms, key=lambda arm: not arm.running)
    if sum(map(_lines, ordered)) <= room:
        return ordered, []
    left = room - 1  # one line summarizes the hidden arms
    for index, arm in enumerate(ordered):
        left -= _lines(arm)
        if left < 0:
            return ordered[:index], ordered[index:]
    return ordered, []


def _lines(arm: ArmStatus) -> int:
    return 1 + len(arm.running)


def _columns(metric: str) -> dict[str, int]:
    """Choose the figures of a run and the width of each, characters."""
    return {"loss": _LOSS, **{name: len(name) + _APART for name in (metric, f"val_{metric}")}}


def _head(label: int, columns: Mapping[str, int]) -> Text:
    names = "".join(f"{name.replace('_', ' '):>{width}}" for name, width in columns.items())
    return screen_text(f"{'':<{label}}{'epoch':>{_EPOCH}}{names}", style="dim")


def _arm_line(arm: ArmStatus, width: int) -> Text:
    state = _describe_arm(arm)
    room = max(8, width - len(state) - 2)
    name = screen_text(arm.name if len(arm.name) <= room else _values_of(arm.name))
    name.no_wrap = True
    name.truncate(room, overflow="ellipsis")
    return name.append("  ").append(state, style="red" if arm.count("failed") else "dim")


def _values_of(arm: str) -> str:
    """Remove the names of settings.

    >>> _values_of("bn_momentum=0.99,optimizer=adam")
    '0.99,adam'
    """
    return ",".join(part.rpartition("=")[2] for part in arm.split(","))


def _describe_arm(arm: ArmStatus) -> str:
    """Summarize an arm's runs, except those with lines of their own."""
    for state in ("finished", "waiting"):
        if arm.count(state) == len(arm.runs):
            return state
    counts = [f"{arm.count(state)} {state}" for state in ("failed", "pruned", "waiting") if arm.count(state)]
    return ", ".join([f"{arm.count('finished')} of {len(arm.runs)} finished", *counts])


def _run_line(run: RunStatus, label: int, columns: Mapping[str, int]) -> Text:
    figures = "".join(f"{_figure(run.last, name):>{width}}" for name, width in columns.items())
    return screen_text(f"{_label(run):<{label}}{f'{run.epoch}/{run.epochs}':>{_EPOCH}}{figures}")


def _label(run: RunStatus) -> str:
    return f"  seed {run.seed}" + ("" if run.fold is None else f", fold {run.fold}")


def _figure(metrics: Mapping[str, float], name: str) -> str:
    return f"{metrics[name]:.4f}" if name in metrics else NOTHING


def _describe_hidden(arms: Sequence[ArmStatus]) -> str:
    groups: dict[str, int] = {}
    for arm in arms:
        states = {run.state for run in arm.runs}
        name = "running" if "running" in states else states.pop() if len(states) == 1 else "partly done"
        groups[name] = groups.get(name, 0) + 1
    (first, count), *others = groups.items()
    return f"… {count:,} {'arm' if count == 1 else 'arms'} {first}" + "".join(
        f", {count:,} {name}" for name, count in others
    )


def _describe_runs(status: AblationStatus) -> str:
    finished, *others = ((state, status.count(state)) for state in _STATES)
    rest = "".join(f", {count:,} {state}" for state, count in others if count)
    return f"{finished[1]:,} of {len(status.runs):,} runs finished{rest}"


def _foot(status: AblationStatus) -> list[RenderableType]:
    done, total, left = status.epochs_done, status.epochs, status.seconds_left
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=total, completed=done, width=_BAR),
        f"{done:,}/{total:,} epochs",
        screen_text("" if left is None else f"about {duration(left)} left", style="dim"),
    )
    counts = screen_text(_describe_runs(status))
    counts.no_wrap, counts.overflow = True, "ellipsis"
    return [counts, bar]
