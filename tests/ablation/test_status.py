from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from kit.ablation.status import AblationStatus, ArmStatus, RunStatus, StatusReader, Watched
from kit.cli.live_table import LiveAblation, describe_status, draw_status
from kit.runs import RunDirectory, RunResult
from kit.runs.directory import Pruned
from kit.specs import RunSpec, TrainSpec

EPOCHS = 5
RESULT = RunResult(
    epochs=EPOCHS,
    best_epoch=1,
    final={"accuracy": 1.0},
    best={"accuracy": 1.0},
    parameters=1,
    trainable_parameters=1,
    seconds_per_epoch=2.0,
)


def place(folder: Path, arm: str, seed: int = 0, fold: int | None = None) -> Watched:
    """Begin a run that has no epoch yet."""
    spec = RunSpec(dataset="d", fingerprint="f", arm=arm, seed=seed, fold=fold, train=TrainSpec(epochs=EPOCHS))
    directory = RunDirectory(folder / arm / f"seed-{seed}")
    directory.claim(spec)
    return arm, seed, fold, directory, spec


def train(at: Watched, epochs: int, seconds: float = 2.0) -> None:
    """Add epochs to a run's history."""
    history = at[3].history()
    for _ in range(epochs):
        epoch = len(history.rows) + 1
        history.append({"epoch": epoch, "accuracy": 0.5, "loss": 1 / epoch, "val_accuracy": 0.4, "seconds": seconds})


def test_every_run_is_in_the_state_that_its_directory_says(tmp_path: Path) -> None:
    places = [place(tmp_path, arm) for arm in ("finished", "running", "again", "failed", "pruned", "begun", "new")]
    finished, running, again, failed, pruned, begun, _ = places
    for at in (finished, running, pruned, begun):
        train(at, 2)
    finished[3].finish(RESULT)
    again[3].fail("out of memory")
    failed[3].fail("out of memory")
    pruned[3].prune(Pruned(epochs=2, rank=3, arms=4))
    standing = StatusReader().read(places, [running[3], again[3]], jobs=2)

    assert ["finished", "running", "running", "failed", "pruned", "waiting", "waiting"] == [
        run.state for run in standing.runs
    ]
    assert [2, 2, 0, 0, 2, 2, 0] == [run.epoch for run in standing.runs]
    assert EPOCHS + 2 + 0 + 0 + 2 + 2 + 0 == standing.epochs_done
    assert EPOCHS + EPOCHS + EPOCHS + 0 + 2 + EPOCHS + EPOCHS == standing.epochs
    assert {"epoch": 2, "accuracy": 0.5, "loss": 0.5, "val_accuracy": 0.4, "seconds": 2} == standing.runs[1].last
    assert "1 of 7 runs finished, 2 running, 1 failed, 1 pruned, 2 waiting" == describe_status(standing)
    going_on = StatusReader(halves=False).read(places, [running[3], again[3]], jobs=2)
    assert 3 == going_on.count("waiting")
    assert going_on.epochs > standing.epochs


def test_a_line_that_is_being_written_is_not_yet_an_epoch(tmp_path: Path) -> None:
    at, lookout = place(tmp_path, "a"), StatusReader()
    train(at, 2)
    with at[3].history_file.open("a") as file:
        file.write("3,0.5,0.3")
    before = lookout.read([at], [at[3]], jobs=1).runs[0]
    with at[3].history_file.open("a") as file:
        file.write("3,0.75,2.0\n")
    after = lookout.read([at], [at[3]], jobs=1).runs[0]

    assert (2, 0.5) == (before.epoch, before.last["loss"])
    assert (3, 0.33, 0.75) == (after.epoch, after.last["loss"], after.last["val_accuracy"])


def test_a_damaged_history_disturbs_no_one(tmp_path: Path) -> None:
    at = place(tmp_path, "a")
    at[3].history_file.write_text("epoch,loss\n1,nonsense\n")

    assert 0 == StatusReader().read([at], [at[3]], jobs=1).runs[0].epoch


def test_a_finished_run_is_not_read_again(tmp_path: Path) -> None:
    at, lookout = place(tmp_path, "a"), StatusReader()
    train(at, 3)
    at[3].finish(RESULT)
    before = lookout.read([at], [], jobs=1)
    at[3].history_file.unlink()

    assert before == lookout.read([at], [], jobs=1)


def test_the_time_left_is_that_of_the_epochs_measured_since_the_first_look(tmp_path: Path) -> None:
    slow, fast, later = (place(tmp_path, arm) for arm in ("slow", "fast", "later"))
    train(slow, 1, seconds=1000)  # of an earlier session, on another machine
    places, lookout = [slow, fast, later], StatusReader()
    running = [slow[3], fast[3]]

    assert lookout.read(places, running, jobs=2).seconds_left is None
    train(slow, 2, seconds=10)
    train(fast, 2, seconds=2)
    left = lookout.read(places, running, jobs=1).seconds_left

    assert 2 * 10 + 3 * 2 + 5 * 6 == left  # the arm that has not begun takes the mean
    assert 5 * 6 == lookout.read(places, running, jobs=2).seconds_left  # as long as the longest run
    for at in places:
        at[3].finish(RESULT)

    assert 0 == lookout.read(places, [], jobs=2).seconds_left


def test_arms_that_come_later_are_seen(tmp_path: Path) -> None:
    first, lookout = place(tmp_path, "a"), StatusReader()
    lookout.read([first], [], jobs=1)
    second = place(tmp_path, "b", fold=3)

    assert [("a", None), ("b", 3)] == [
        (arm.name, arm.runs[0].fold) for arm in lookout.read([first, second], [], jobs=1).arms
    ]


RUNS = st.builds(
    RunStatus,
    state=st.sampled_from(["finished", "running", "failed", "pruned", "waiting"]),
    seed=st.integers(0, 99),
    fold=st.none() | st.integers(0, 9),
    epoch=st.integers(0, 200),
    epochs=st.integers(1, 200),
    last=st.dictionaries(
        st.sampled_from(["loss", "accuracy", "val_accuracy"]), st.floats(0, 1) | st.just(float("nan"))
    ),
)
STANDINGS = st.builds(
    AblationStatus,
    arms=st.lists(
        st.builds(
            ArmStatus,
            name=st.text("abcdef=,", min_size=1, max_size=150),
            runs=st.lists(RUNS, min_size=1, max_size=4).map(tuple),
        ),
        max_size=40,
    ).map(tuple),
    seconds_left=st.none() | st.floats(0, 1e6),
)


def drawn(standing: AblationStatus, width: int, height: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, height=height).print(draw_status(standing, width, height))
    return file.getvalue().splitlines()


@given(STANDINGS, st.integers(70, 200), st.integers(5, 60))
def test_a_standing_fits_every_screen_and_leaves_no_arm_out(standing: AblationStatus, width: int, height: int) -> None:
    lines = drawn(standing, width, height)
    hidden = sum(int(count) for line in lines if line.startswith("…") for count in re.findall(r"\d+", line))
    shown = sum(not line.startswith((" ", "…")) for line in lines[:-2])

    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    assert len(standing.arms) == hidden + shown


@given(STANDINGS)
def test_arms_that_run_come_before_all_others(standing: AblationStatus) -> None:
    lines = drawn(standing, 200, 400)
    running = [arm for arm in standing.arms if arm.running]
    seeds = [line for line in lines if line.startswith("  seed ")]
    names = [line for line in lines[: -2 or None] if not line.startswith(" ")]

    assert sum(len(arm.running) for arm in running) == len(seeds)
    assert all(line.startswith(arm.name) for line, arm in zip(names, running, strict=False))


def test_what_a_screen_shows_reads_well() -> None:
    figures = {"loss": 0.34125, "accuracy": 0.85, "val_accuracy": 0.7983}
    run = RunStatus(state="running", seed=1, fold=None, epoch=12, epochs=20, last=figures)
    waiting = RunStatus(state="waiting", seed=2, fold=None, epoch=0, epochs=20, last={})
    folds = [RunStatus(state="running", seed=0, fold=fold, epoch=0, epochs=20, last={}) for fold in (0, 1)]
    arms = [
        ArmStatus("later", (waiting, waiting)),
        ArmStatus("first", (run, waiting)),
        ArmStatus("folds", (*folds,)),
    ]
    arms += [ArmStatus(f"other{number}", (waiting,)) for number in range(9)]

    assert [
        "                     epoch     loss  accuracy  val accuracy",
        "first  0 of 2 finished, 1 waiting",
        "  seed 1             12/20   0.3412    0.8500        0.7983",
        "folds  0 of 2 finished",
        "  seed 0, fold 0      0/20        —         —             —",
        "  seed 0, fold 1      0/20        —         —             —",
        "later  waiting",
        "… 9 arms waiting",
        "0 of 15 runs finished, 3 running, 12 waiting",
    ] == [line.rstrip() for line in drawn(AblationStatus(tuple(arms), 754.0), 80, 11)[:-1]]
    assert "12/300 epochs about 12 min 34 s left" in drawn(AblationStatus(tuple(arms), 754.0), 80, 11)[-1]


def test_a_name_without_room_keeps_what_tells_it_from_others() -> None:
    waiting = RunStatus(state="waiting", seed=0, fold=None, epoch=0, epochs=9, last={})
    names = [f"bn_momentum=0.99,optimizer=adam,learning_rate=0.001,kernel={side}" for side in (2, 3)]
    screen = drawn(AblationStatus(tuple(ArmStatus(name, (waiting,)) for name in names), None), 40, 11)

    assert ["0.99,adam,0.001,2  waiting", "0.99,adam,0.001,3  waiting"] == [line.rstrip() for line in screen[:2]]


def test_outside_a_terminal_notes_are_lines_and_looks_are_few(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    at = place(tmp_path, "a")
    train(at, 2)
    standing = StatusReader().read([at], [at[3]], jobs=1)
    live = LiveAblation()
    live.start("ablate, 1 run", EPOCHS)
    for _ in range(20):
        live.watch(standing)
    live.advance(0, "a, seed 0: accuracy 0.5")
    live.finish()

    assert "ablate, 1 run: 2/5  a, seed 0: accuracy 0.5\n" == capsys.readouterr().err


WAITED = """
import sys
from kit.cli.console import print_line
from kit.cli.status_line import WAITING
from kit.stderr import held_stderr

WAITING.begin("kit train: starting …", after=0)
with held_stderr():
    while not WAITING._is_drawn:
        pass
print_line("an answer")
"""


def test_a_line_stands_on_the_terminal_while_tensorflow_loads_and_goes_before_the_answer() -> None:
    written = on_terminal(WAITED)

    assert "\rkit train: starting …\r\x1b[Kan answer\r\n" == written


def test_a_bar_that_stands_still_is_not_drawn_again() -> None:
    script = """
import time
from kit.cli.console import ConsoleProgress

progress = ConsoleProgress()
progress.start("time a few steps", 2)
time.sleep(2.1)
progress.advance()
time.sleep(1)
progress.finish()
"""

    assert on_terminal(script).count("time a few steps") <= 3


SCRIPT = """
import sys, time
from pathlib import Path
from kit.ablation.status import StatusReader
from kit.cli.console import hide_all
from kit.cli.live_table import LiveAblation
from kit.runs import RunDirectory

run = RunDirectory(Path(sys.argv[1]))
live = LiveAblation()
live.start("ablate, 1 run", 5)
time.sleep(2.1)  # what is done sooner needs no table
live.watch(StatusReader().read([("an arm", 0, None, run, run.spec())], [run], jobs=1))
live.advance(0, "a note")
hide_all()
print("kit: an error", file=sys.stderr)
"""


def on_terminal(script: str, *arguments: object) -> str:
    """Run a script on a terminal of 80 columns; return what it wrote there."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment, "TERM": "xterm"},
        check=True,
    )
    os.close(slave)
    written = b""
    with contextlib.suppress(OSError):  # EIO at the end; what was written arrives in several pieces
        while piece := os.read(master, 100_000):
            written += piece
    os.close(master)
    return written.decode()


def test_on_a_terminal_a_table_stands_below_the_notes_and_goes_before_an_error(tmp_path: Path) -> None:
    at = place(tmp_path, "a")
    train(at, 2)
    written = on_terminal(SCRIPT, at[3].path)
    table, note, error = (written.index(text) for text in ("an arm", "a note", "kit: an error"))
    again = written.index("an arm", note)

    assert table < note < again < error
    assert re.search(r"seed 0\s+2/5\s+0\.5000\s+0\.5000\s+0\.4000", written)
    assert "\x1b[2K" in written[again:error]
    assert "\x1b[?25h" in written[again:error]
