"""Trial: one run of an ablation, in a worker."""

from __future__ import annotations

import contextlib
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.datasets import Dataset
from kit.errors import BusyError, KitError, StoreError
from kit.locks import locked, wait_until_free
from kit.runs import RunDirectory
from kit.runs.stored import fetch_run, keep_state
from kit.specs import RunSpec
from kit.training.early_stopping import Limit

_NODE = re.compile(r"^\{\{.*?\}\}\s*")

State = Literal["finished", "waiting", "failed", "out of memory", "busy"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of an ablation, as a worker receives it.

    Attributes:
        spec: Settings of the run.
        directory: Directory of the run.
        dataset: Dataset, its manifest and folder.
        memory_share: Share of the machine's memory available to decoded images.
        shared: Folder of decoded images shared by all trials.
        limit: Limit at which to stop for now.
        patience: Seconds to wait for the lock of a lost machine.
    """

    spec: RunSpec
    directory: Path
    dataset: Dataset
    memory_share: float
    shared: Path
    limit: Limit
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a trial.

    Attributes:
        state: State of the run; "waiting" means stopped at its limit, to be resumed; "busy" means left to another
            process that is training it.
        text: Metrics of the last epoch, or the reason of a failure.
    """

    state: State
    text: str = ""


def run_trial(trial: Trial) -> Outcome:
    """Train one trial; a failed trial leaves its reason and lets the others go on.

    A full or unwritable disk stops all of them, as the reason of a failure could not be written either.
    """
    from kit.compat import tf  # noqa: PLC0415 (TensorFlow, in the workers only)
    from kit.training.fit import train_run  # noqa: PLC0415

    directory = RunDirectory(trial.directory)
    wait_until_free(trial.directory, trial.patience)
    try:
        fetch_run(directory)
        result = train_run(
            trial.dataset,
            trial.spec,
            directory,
            memory_share=trial.memory_share,
            shared=trial.shared,
            limit=trial.limit,
        )
    except StoreError as error:
        if not directory.is_finished:
            return _failed(trial, "failed", str(error))
        result = directory.result()  # uploaded when the ablation ends
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        return _failed(trial, "out of memory", f"out of memory: {_line(error)}")
    except Exception as error:  # any error: the other trials can go on
        if isinstance(error, BusyError) and error.path == directory.path:
            return Outcome("busy")
        if (
            isinstance(error, OSError) and error.errno is not None
        ):  # h5py's own errors have no errno: a damaged file, not a full disk
            raise
        named = str(error) if isinstance(error, KitError) else f"{type(error).__name__}: {_line(error)}"
        return _failed(trial, "failed", named)
    if result is None:
        return Outcome("waiting")
    figures = (f"{name} {'nan' if value is None else f'{value:.4f}'}" for name, value in result.final.items())
    return Outcome("finished", ", ".join(figures))


def _failed(trial: Trial, state: State, reason: str) -> Outcome:
    directory = RunDirectory(trial.directory)
    with contextlib.suppress(BusyError), locked(directory.path):  # unless another command has begun to train it
        directory.claim(trial.spec)
        directory.fail(reason, traceback.format_exc())
        keep_state(directory)
    return Outcome(state, reason)


def _line(error: BaseException) -> str:
    """First line of a message, without the node of TensorFlow's graph that it came from."""
    return _NODE.sub("", next(iter(str(error).strip().splitlines()), ""))
