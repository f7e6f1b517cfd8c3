"""Scheduler of one call: runs the trials of a plan in rounds and records their outcomes."""

from __future__ import annotations

import contextlib
import math
import secrets
import shutil
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from kit.ablation.ablation import Ablation
from kit.ablation.halving import best_so_far, plan_rungs, rank
from kit.ablation.packing import Packing
from kit.ablation.plan import Plan, RunKey
from kit.ablation.search import Search
from kit.ablation.status import AblationStatus, StatusReader
from kit.ablation.trial import Outcome, Trial, run_trial
from kit.engines import Engine, Part
from kit.errors import BusyError, RunError
from kit.locks import locked, wait_until_free
from kit.metrics.direction import smaller_is_better
from kit.progress import Progress
from kit.runs import Pruned, RunDirectory
from kit.runs.stored import keep_state
from kit.storage import fetch_note, keep_note
from kit.training.checkpoint_owner import owned_history
from kit.training.early_stopping import Limit, has_stopped
from kit.training.lost_machines import KILLED_TWICE, MOVED, PATIENCE, Moves

DECODED = ".decoded"  # beginning of the names of subfolders for decoded images

_SHARE = 0.5  # share of memory that the decoded images of all trials may fill together


def decoded_folder(part: Part | None) -> str:
    """Name the subfolder of an ablation for decoded images shared by the trials of one command."""
    return f"{DECODED}-{secrets.token_hex(8)}" if part else DECODED


class _OutOfTimeError(Exception):
    """Raised when the time is up while trials run: they stop at the checkpoint of their last epoch."""


class Session:
    """Work of one call on a plan."""

    def __init__(
        self,
        plan: Plan,
        packing: Packing,
        deadline: float,
        progress: Progress,
        watch: Callable[[AblationStatus], None] | None,
        *,
        part: Part | None = None,
    ) -> None:
        self._plan = plan
        self._part = part
        self._own = plan.share(part) if part else None
        self._decoded = plan.folder / decoded_folder(part)
        self._packing = packing
        self._deadline = deadline
        self._progress = progress
        self._watch = watch
        self._failed: dict[RunKey, str] = {}
        self._pruned: set[RunKey] = set()
        self._elsewhere: set[RunKey] = set()
        self._jobs = packing.jobs
        self._running: list[RunDirectory] = []
        self._reader = StatusReader()
        self._is_over = False
        self._epochs = 0
        self._moves = Moves()
        self._patience = 0.0

    def run(self, engine: Engine, *, halving: bool) -> None:
        """Train all runs, or with `halving` those of arms that are not pruned."""
        share = self._share()
        total = len(share) if self._part else self._plan.possible * self._plan.runs_per_arm
        self._reader = StatusReader(halves=halving)
        self._jobs = engine.workers
        self._patience = PATIENCE if engine.is_remote else 0.0
        named = f"part {self._part}, " if self._part else ""
        epochs = sum(self._plan.specs[key].train.epochs for key in share)
        self._progress.start(f"ablate, {named}{total} runs", epochs)
        self._say_refused(self._plan.refused)
        before = sum(self._plan.directory(key).is_finished for key in share)
        if before:
            self._progress.advance(0, f"{before} of {len(share)} runs were finished before")
        self._look()
        try:
            if halving:
                self._halve(engine)
            elif self._plan.search:
                self._search(engine, self._plan.search)
            else:
                self._train(engine, share)
        except _OutOfTimeError:
            self._is_over = True
            self._progress.advance(0, "out of time: run the same command again, and it goes on from here")
        self._progress.finish()
        if self._failed and len(self._failed) == len(self._share()):
            raise RunError(f"every run failed; the first one: {next(iter(self._failed.values()))}")

    def ran(self) -> Ablation:
        """Summarize the call as a trained ablation."""
        waits = [
            key
            for key in self._share()
            if not (self._plan.directory(key).is_finished or key in {*self._failed, *self._pruned, *self._elsewhere})
        ]
        to_come = self._plan.runs_to_come if self._is_over else 0  # a search may end early if few arms are possible
        return Ablation(self._plan, len(waits) + to_come, self._failed, len(self._pruned), len(self._elsewhere))

    def close(self) -> None:
        """Remove the decoded images, and those of killed parts if none is at work."""
        for folder in [self._decoded] if self._part else self._plan.folder.glob(f"{DECODED}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def keep_stopped(self) -> None:
        """Upload the states of runs whose workers were stopped, if the workspace is in a store."""
        for run in self._running:
            keep_state(run)

    def _share(self) -> list[RunKey]:
        """List the runs that this call trains: all, or those of its part."""
        return list(self._plan.specs) if self._own is None else self._own

    def _halve(self, engine: Engine) -> None:
        alive = list(self._plan.arms)
        epochs = max(spec.train.epochs for spec in self._plan.specs.values())
        rungs = plan_rungs(len(alive), epochs)
        for rung, following in zip(rungs, [*rungs[1:], None], strict=True):
            self._train(engine, self._keys(alive), None if following is None else rung.epochs)
            if following is not None:
                alive = self._cut(alive, rung.epochs, following.arms)

    def _cut(self, alive: Sequence[str], epochs: int, kept: int) -> list[str]:
        """Keep the best arms and the baseline; prune the others."""
        ranked = rank({arm: self._score(arm, epochs) for arm in alive})
        baseline = next(iter(self._plan.arms))
        going_on = {*ranked[:kept], baseline}
        for number, arm in enumerate(ranked, start=1):
            if arm not in going_on:
                self._prune(arm, Pruned(epochs=epochs, rank=number, arms=len(alive)))
        self._progress.advance(
            0, f"after {epochs} epochs {len(going_on)} of {len(alive)} arms go on: {ranked[0]} leads"
        )
        return [arm for arm in alive if arm in going_on]

    def _prune(self, arm: str, pruned: Pruned) -> None:
        for key in self._plan.keys(arm):
            run = self._plan.directory(key)
            if not run.is_finished and key not in self._failed:
                run.prune(pruned)
                keep_state(run)
                self._pruned.add(key)

    def _score(self, arm: str, epochs: int) -> float:
        """Mean over an arm's runs of the best value so far; failed runs are left out."""
        values = []
        for key in self._plan.keys(arm):
            if key not in self._failed:
                spec = self._plan.specs[key].train
                column = owned_history(self._plan.directory(key)).column(spec.monitor)
                start = min(spec.early_stopping.start_epoch, epochs - 1)  # no earlier epoch is the best
                smaller = smaller_is_better(spec.monitor)
                values.append(best_so_far(column[start:], epochs - start, smaller_is_better=smaller))
        return statistics.fmean(values) if values else math.nan

    def _search(self, engine: Engine, search: Search) -> None:
        """Train the arms that a search proposes, generation by generation; results of earlier runs are read."""
        while arms := search.next_arms(self._values()):
            new = [arm for arm in arms if arm.name not in self._plan.changes]
            if new:
                before = set(self._plan.refused)
                self._plan = self._plan.with_arms(new)
                tag = fetch_note(self._plan.file)
                self._plan.write(self._packing)
                keep_note(self._plan.file, tag)
                self._say_refused({arm: why for arm, why in self._plan.refused.items() if arm not in before})
            self._train(engine, self._keys([arm.name for arm in arms]))

    def _values(self) -> dict[str, float]:
        """Mean of the best validation values of each finished arm; NaN for arms that failed."""
        values = dict.fromkeys(self._plan.refused, math.nan)
        for arm, spec in self._plan.arms.items():
            keys = self._plan.keys(arm)
            if all(key in self._failed or self._plan.directory(key).is_finished for key in keys):
                score = self._score(arm, spec.train.epochs)
                values[arm] = -score if smaller_is_better(spec.train.monitor) else score
        return values

    def _keys(self, arms: Sequence[str]) -> list[RunKey]:
        return [key for key in self._plan.specs if key.arm in arms]

    def _train(self, engine: Engine, keys: Sequence[RunKey], until: int | None = None) -> None:
        """Train runs seed by seed, so that all arms progress alike; retry those that ran out of memory, alone."""
        ordered = sorted(keys, key=lambda key: (key.seed, -1 if key.fold is None else key.fold))
        again = self._attempt(engine, ordered, until)
        if again:
            self._progress.advance(0, f"{len(again)} runs are retried, one at a time")
            for key in self._attempt(engine.alone(), again, until):
                self._fail(key, f"its process {KILLED_TWICE}")

    def _attempt(self, engine: Engine, keys: Sequence[RunKey], until: int | None) -> list[RunKey]:
        """Train runs; return those that ran out of memory, or whose worker died."""
        waiting = [key for key in keys if key not in self._failed and self._is_waiting(key, until)]
        trials = [self._trial(key, until) for key in waiting]
        short: list[RunKey] = []
        begun = deque(self._plan.directory(key) for key in waiting)
        self._running = [begun.popleft() for _ in range(min(engine.workers, len(begun)))]

        def end(key: RunKey) -> None:
            self._running.remove(self._plan.directory(key))
            self._running += [begun.popleft()] if begun else []

        def lose(index: int) -> None:
            end(waiting[index])
            short.append(waiting[index])

        def strand(index: int) -> bool:
            """Have a trial whose machine was lost go on elsewhere, unless that happened too often."""
            goes_on = self._moves.goes_on(waiting[index])
            if goes_on:
                self._look(f"{waiting[index]}: {MOVED}")
            else:
                lose(index)
            return goes_on

        for finished in engine.run(run_trial, trials, tick=self._tick, lost=lose, stranded=strand):
            key, outcome = waiting[finished.index], finished.value
            end(key)
            if outcome.state == "out of memory" and engine.workers > 1:
                short.append(key)
            else:
                self._note(key, outcome)
        return short

    def _is_waiting(self, key: RunKey, until: int | None) -> bool:
        run, spec = self._plan.directory(key), self._plan.specs[key]
        if run.is_finished or until is None:
            return not run.is_finished
        history = owned_history(run)
        return len(history.rows) < until or has_stopped(history, spec) or until >= spec.train.epochs

    def _trial(self, key: RunKey, until: int | None) -> Trial:
        return Trial(
            spec=self._plan.specs[key],
            directory=self._plan.directory(key).path,
            dataset=self._plan.dataset,
            memory_share=_SHARE / self._packing.jobs,
            shared=self._decoded,
            limit=Limit(until, self._deadline),
            patience=self._patience,
        )

    def _note(self, key: RunKey, outcome: Outcome) -> None:
        if outcome.state == "busy":
            self._elsewhere |= {key} if self._part else set()
            self._look(f"{key}: left to another command, which is training it")
        elif outcome.state in {"failed", "out of memory"}:
            self._failed[key] = outcome.text
            self._look(f"{key}: failed: {outcome.text}")
        else:
            self._look(f"{key}: {outcome.text}" if outcome.state == "finished" else "")

    def _fail(self, key: RunKey, reason: str) -> None:
        run = self._plan.directory(key)
        wait_until_free(run.path, self._patience)
        with contextlib.suppress(BusyError), locked(run.path):  # unless another command has begun to train it
            run.claim(self._plan.specs[key])
            run.fail(reason)
            keep_state(run)
        self._note(key, Outcome("failed", reason))

    def _say_refused(self, refused: Mapping[str, str]) -> None:
        for arm, reason in refused.items():
            self._progress.advance(0, f"{arm} is left out: {reason}")

    def _look(self, note: str = "") -> None:
        """Count the epochs on disk, and report the progress of all runs."""
        status = self._reader.read(self._plan.watched(self._own), self._running, jobs=self._jobs)
        self._progress.advance(status.epochs_done - self._epochs, note)
        self._epochs = status.epochs_done
        if self._watch:
            self._watch(status)

    def _tick(self) -> None:
        self._look()
        if time.time() > self._deadline:
            raise _OutOfTimeError
