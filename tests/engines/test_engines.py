from __future__ import annotations

import importlib.util
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from cluster import HEAD, OTHER, Cluster
from waiting import TIMEOUT, is_running

from kit.engines import Engine, Finished, Local, Ray, Serial, cluster_query, core_count
from kit.errors import EngineError

FOREVER = 600  # seconds; longer than any test may take, so that waiting for it is a failure
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")


class EngineContract:
    """Contract of every engine; a subclass makes the engine."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.mark.parametrize("count", [1, 2, 17])
    def test_every_task_is_finished_once_with_its_result(self, engine: Engine, count: int) -> None:
        finished = list(engine.run(math.factorial, range(count)))

        assert [(index, math.factorial(index)) for index in range(count)] == sorted(_pairs(finished))

    def test_a_prepared_engine_gives_the_same_results_every_time_and_leaves_nobody(self, engine: Engine) -> None:
        before = multiprocessing.active_children()
        with engine.prepare(math.factorial):
            first = {finished.value for finished in engine.run(math.factorial, range(2, 7))}
            second = {finished.value for finished in engine.run(math.factorial, range(2, 7))}

        assert {2, 6, 24, 120, 720} == first == second
        assert before == multiprocessing.active_children()

    def test_preparing_for_nothing_leaves_nobody(self, engine: Engine) -> None:
        before = multiprocessing.active_children()
        with pytest.raises(InterruptedError), engine.prepare(math.factorial):
            raise InterruptedError

        assert before == multiprocessing.active_children()

    def test_no_tasks_give_no_results(self, engine: Engine) -> None:
        assert not list(engine.run(math.factorial, []))

    def test_equal_tasks_keep_their_own_results(self, engine: Engine) -> None:
        finished = list(engine.run(math.factorial, [3, 3, 3]))

        assert {(index, 6) for index in range(3)} == set(_pairs(finished))

    def test_exception_of_the_function_is_raised(self, engine: Engine) -> None:
        with pytest.raises(ValueError, match=r"invalid literal .* 'three'"):
            list(engine.run(int, ["3", "three"]))

    def test_task_that_fails_drops_those_not_begun(self, engine: Engine) -> None:
        with pytest.raises(ValueError, match="non-negative"):
            list(engine.run(time.sleep, [-1, *[FOREVER] * 8]))

    def test_results_before_a_failure_are_yielded(self, engine: Engine) -> None:
        results = engine.run(math.factorial, [4, 4, 4, -1])  # the last begins when two at most are left

        assert 24 == next(results).value
        with pytest.raises(ValueError, match="negative"):
            list(results)

    def test_tick_is_called_while_tasks_run(self, engine: Engine) -> None:
        ticks: list[float] = []
        list(engine.run(time.sleep, [0.01, 0.01], tick=lambda: ticks.append(0)))

        assert ticks

    def test_exception_of_tick_stops_the_run(self, engine: Engine) -> None:
        with pytest.raises(KeyboardInterrupt):
            list(engine.run(time.sleep, [0.01, *[FOREVER] * 4], tick=_press_ctrl_c))

    def test_engine_runs_again_after_a_failure(self, engine: Engine) -> None:
        with pytest.raises(ValueError, match="negative"):
            list(engine.run(math.factorial, [-1]))

        assert [(0, 120)] == _pairs(engine.run(math.factorial, [5]))

    def test_results_left_unread_leave_no_process(self, engine: Engine) -> None:
        results = engine.run(math.factorial, range(8))
        next(results)
        results.close()

        assert not multiprocessing.active_children()


def _pairs(results: Iterable[Finished[int]]) -> list[tuple[int, int]]:
    return [(finished.index, finished.value) for finished in results]


def _press_ctrl_c() -> None:
    raise KeyboardInterrupt


class TestSerial(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return Serial()

    def test_results_come_in_the_order_of_the_tasks(self, engine: Engine) -> None:
        assert [finished.index for finished in engine.run(math.factorial, [9, 1, 5])] == [0, 1, 2]


class TestLocal(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return Local(2)

    @NEEDS_PROC
    def test_tasks_run_in_other_processes(self, engine: Engine) -> None:
        pids = {int(finished.value) for finished in engine.run(os.readlink, ["/proc/self"] * 4)}

        assert pids
        assert os.getpid() not in pids

    def test_no_more_processes_are_started_than_there_are_tasks(self) -> None:
        seen: list[int] = []
        list(Local(8).run(time.sleep, [0.01], tick=lambda: seen.append(len(multiprocessing.active_children()))))

        assert max(seen) == 1

    def test_worker_that_ends_itself_is_an_error_that_names_the_next_step(self, engine: Engine) -> None:
        with pytest.raises(EngineError, match=r"a worker process was killed .*run the same command again"):
            list(engine.run(os._exit, [9]))

    def test_killed_worker_is_an_error_though_others_still_work(self, engine: Engine) -> None:
        killed: list[int] = []

        def kill_one() -> None:
            if not killed:
                killed.append(_kill_a_worker())

        with pytest.raises(EngineError, match="a worker process was killed"):
            list(engine.run(time.sleep, [FOREVER] * 4, tick=kill_one))

        assert not multiprocessing.active_children()

    def test_worker_that_dies_takes_its_own_task_only(self, engine: Engine) -> None:
        killed: list[int] = []
        lost: list[int] = []

        def kill_one() -> None:
            if not killed:  # its loss may be noticed some ticks later
                killed.append(_kill_a_worker())

        finished = [result.index for result in engine.run(time.sleep, [1.5] * 4, tick=kill_one, lost=lost.append)]

        assert len(lost) == 1
        assert sorted([*lost, *finished]) == [0, 1, 2, 3]

    def test_tasks_that_end_their_workers_are_all_lost_and_the_engine_lives(self, engine: Engine) -> None:
        lost: list[int] = []
        with engine.prepare(os._exit):
            assert not list(engine.run(os._exit, [9, 9, 9], lost=lost.append))
            assert [0, 1, 2] == sorted(lost)
            assert [Finished(0, 24)] == list(engine.run(math.factorial, [4]))

    def test_prepared_workers_serve_every_run(self, engine: Engine) -> None:
        with engine.prepare(os.readlink):
            first, second = (
                {finished.value for finished in engine.run(os.readlink, ["/proc/self"] * 6)} for _ in range(2)
            )

        assert 1 <= len(first | second) <= 2

    def test_workers_have_their_own_environment(self) -> None:
        engine = Local(2, [{"KIT_PLACE": "one"}, {"KIT_PLACE": "two"}])
        found = {finished.value for finished in engine.run(os.getenv, ["KIT_PLACE"] * 12)}

        assert found <= {"one", "two"}
        assert found

    def test_failure_ends_workers_that_still_work(self, engine: Engine) -> None:
        with pytest.raises(ValueError, match="non-negative"):
            list(engine.run(time.sleep, [FOREVER, -1]))

        assert not multiprocessing.active_children()

    def test_failure_leaves_processes_of_others_alone(self, engine: Engine) -> None:
        other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(FOREVER,))
        other.start()
        with pytest.raises(ValueError, match="non-negative"):
            list(engine.run(time.sleep, [FOREVER, -1]))
        left = multiprocessing.active_children()
        other.kill()
        other.join()

        assert [other] == left
        assert -signal.SIGKILL == other.exitcode

    @NEEDS_PROC
    def test_workers_end_when_their_parent_is_killed(self) -> None:
        code = f"""
import multiprocessing, time
from kit.engines import Local

def tell():
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)

list(Local(2).run(time.sleep, [{FOREVER}] * 2, tick=tell))
"""
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            pids = [int(pid) for pid in process.stdout.readline().split()]
            alive = [pid for pid in pids if is_running(pid)]
            process.kill()
            process.communicate(timeout=TIMEOUT)  # ends once nobody, the workers included, holds its output open

        assert len(pids) == 2
        assert pids == alive
        while any(map(is_running, pids)):  # what ends closes its output first; until the test's own time is over
            time.sleep(0.01)


@pytest.mark.cluster
class TestRay(EngineContract):
    @pytest.fixture
    def engine(self, both_nodes: Cluster) -> Engine:
        return Ray(both_nodes.address)

    def test_tasks_run_on_both_nodes_at_a_time_and_results_name_them(self, engine: Engine) -> None:
        with engine.prepare(time.sleep):
            nodes = {finished.node.address for finished in engine.run(time.sleep, [1.0] * 6) if finished.node}
            assert 2 == engine.workers

        assert {HEAD, OTHER} == nodes

    def test_worker_that_ends_itself_is_lost_once_and_never_tried_again_by_ray(self, engine: Engine) -> None:
        lost: list[int] = []
        with engine.prepare(os._exit):
            assert not list(engine.run(os._exit, [9, 9, 9], lost=lost.append))
            assert [0, 1, 2] == sorted(lost)
            assert [(0, 24)] == _pairs(engine.run(math.factorial, [4]))
            with pytest.raises(EngineError, match="a worker process was killed"):
                list(engine.run(os._exit, [9]))

    def test_limit_of_workers_holds_for_the_whole_cluster(self, both_nodes: Cluster) -> None:
        one = Ray(both_nodes.address, workers=1)
        began = time.perf_counter()
        with one.prepare(time.sleep):
            assert 1 == one.workers
            list(one.run(time.sleep, [0.5] * 4))

        assert time.perf_counter() - began >= 2

    @pytest.mark.parametrize("is_back", [False, True])
    def test_a_node_that_has_just_died_is_left_out_and_one_in_its_place_is_not(
        self, both_nodes: Cluster, is_back: bool
    ) -> None:
        both_nodes.kill(OTHER)
        if is_back:
            both_nodes.start(OTHER)
        engine = Ray(both_nodes.address)
        with engine.prepare(math.factorial):
            assert ([HEAD, OTHER] if is_back else [HEAD]) == sorted(node.node.address for node in engine.nodes)
            assert [(0, 24)] == _pairs(engine.run(math.factorial, [4]))

    def test_a_node_that_lives_and_does_not_answer_is_named(
        self, other_node: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        began = time.perf_counter()
        Ray(other_node.address).close()
        usual = time.perf_counter() - began  # of the node that does answer, on a machine as busy as this one
        mute = tmp_path / "worker.py"
        mute.write_text(f"import time\ntime.sleep({FOREVER})\n")
        worker = importlib.util.find_spec("ray._private.workers.default_worker")
        assert worker
        other_node.start(OTHER, mount=f"--bind {mute} {worker.origin}")
        monkeypatch.setattr(cluster_query, "_ANSWER", max(5.0, 5 * usual))

        with pytest.raises(EngineError, match=f"node {OTHER} of the cluster does not answer; see 'ray status', and "):
            Ray(other_node.address)


def _kill_a_worker() -> int:
    pid = multiprocessing.active_children()[0].pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    return pid


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="binds a process to a core")
def test_core_count_is_what_this_process_may_use() -> None:
    bind = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    code = f"{bind}; from kit.engines import core_count; print(core_count())"

    assert core_count() == len(os.sched_getaffinity(0))
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("mount", "why"),
    [
        ("-o ro tmpfs /dev/shm", "Read-only file system"),
        ("-o size=4k,nr_inodes=1 tmpfs /dev/shm", "No space left on"),
        ("tmpfs /dev", "No such file or directory"),
    ],
)
def test_processes_that_cannot_be_started_are_refused_with_the_way_out(tmp_path: Path, mount: str, why: str) -> None:
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("only root may have mounts of its own")
    for number in range(4):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8), 9 * number, np.uint8))
    shard = [sys.executable, "-m", "kit", "shard", str(tmp_path / "images"), "--name", "x", "--root", str(tmp_path)]
    script = 'mount -t tmpfs $0 && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", script, mount, *shard]
    refused, *done = (
        subprocess.run([*command, "--workers", workers], capture_output=True, text=True, check=False)
        for workers in (("2", "1") if "ro" in mount else ("2",))
    )

    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"kit: processes cannot be started, because their locks need /dev/shm ({why}")
    assert "--workers 1" in line
    assert [1] + [0] * len(done) == [answer.returncode for answer in (refused, *done)]
