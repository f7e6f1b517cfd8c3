"""Parts of a command's work: how they are written, what array jobs say of them, and their shares."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.engines import Part
from kit.errors import SpecError

COSTS = st.lists(st.integers(0, 1000), max_size=60)


def slurm(task: int, *, first: int = 1, count: int = 4, step: int = 1) -> dict[str, str]:
    names = {"ID": task, "MIN": first, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in names.items()}


def shares(costs: list[int], count: int) -> list[list[int]]:
    return [Part(index, count).share(range(len(costs)), costs.__getitem__) for index in range(1, count + 1)]


@given(COSTS, st.integers(1, 12))
def test_shares_are_disjoint_complete_and_next_to_each_other(costs: list[int], count: int) -> None:
    assert list(range(len(costs))) == [item for share in shares(costs, count) for item in share]


@given(COSTS, st.integers(1, 12))
def test_no_share_costs_the_largest_item_more_or_less_than_an_equal_one(costs: list[int], count: int) -> None:
    equal = sum(costs) / count
    sums = [sum(costs[item] for item in share) for share in shares(costs, count)]

    assert all(abs(found - equal) <= max(costs, default=0) + 1e-9 for found in sums)


@given(st.integers(0, 100), st.integers(1, 12), st.sampled_from([0, 1, 7]))
def test_shares_of_equal_items_differ_by_one_at_most(items: int, count: int, cost: int) -> None:
    sizes = [len(share) for share in shares([cost] * items, count)]

    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 500), st.integers(1, 500))
def test_a_part_is_read_as_it_is_written(index: int, count: int) -> None:
    if index <= count:
        assert Part.parse(f"{index}/{count}", {}) == Part(index, count)
        assert f"{index}/{count}" == str(Part(index, count))
    else:
        with pytest.raises(SpecError, match="counts from 1"):
            Part.parse(f"{index}/{count}", {})


@pytest.mark.parametrize(
    "text",
    ["", "2", "0/4", "5/4", "1/0", "-1/4", "1/4/4", "a/4", "1 / 4", "auto/", "auto/x", "auto/0", "1/" + "9" * 5000],
)
def test_what_is_no_part_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SpecError) as refused:
        Part.parse(text, {})

    assert re.match(
        r"(part must be I/N, such as 2/4|--part \S+ .*; give|--part \S+ .*: give)", refused.value.as_options()
    )


@pytest.mark.parametrize(
    ("text", "environment", "part"),
    [
        ("auto", slurm(1), Part(1, 4)),
        ("auto", slurm(4), Part(4, 4)),
        ("auto", slurm(0, first=0), Part(1, 4)),
        ("auto", slurm(6, first=0, step=2), Part(4, 4)),
        ("auto", slurm(7, first=7, count=1), Part(1, 1)),
        ("auto/4", slurm(3, first=3, count=1), Part(3, 4)),
        ("auto/4", {"JOB_COMPLETION_INDEX": "0"}, Part(1, 4)),
        ("auto/4", {"JOB_COMPLETION_INDEX": "3"}, Part(4, 4)),
    ],
)
def test_array_jobs_say_which_part_they_run(text: str, environment: dict[str, str], part: Part) -> None:
    assert part == Part.parse(text, environment)


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("auto", {}, "needs SLURM_ARRAY_TASK_ID .* or JOB_COMPLETION_INDEX .* neither is set; give --part 1/4"),
        ("auto/4", {}, "neither is set"),
        ("auto", {"JOB_COMPLETION_INDEX": "1"}, "does not say how many .* as in --part auto/4"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "4"}, "JOB_COMPLETION_INDEX=4 is not below 4"),
        ("auto/0", {"JOB_COMPLETION_INDEX": "0"}, "--part auto/0 has no parts; give auto/N"),
        ("auto/0", slurm(1), "--part auto/0 has no parts; give auto/N"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "9" * 5000}, "which is no whole number"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "x"}, "JOB_COMPLETION_INDEX is 'x', which is no whole number"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "1", **slurm(1)}, "are both set; give --part 1/4"),
        ("auto", {"SLURM_ARRAY_TASK_ID": "1"}, "SLURM_ARRAY_TASK_MIN is not set"),
        ("auto", slurm(7, count=4), "SLURM_ARRAY_TASK_ID=7 is not one of 4 indices from 1 in steps of 1"),
        ("auto", slurm(2, step=2), "is not one of 4 indices from 1 in steps of 2; .*--array=1-4"),
        ("auto/4", slurm(0, first=0), "SLURM_ARRAY_TASK_ID=0 is not in 1 to 4; submit with --array=1-4"),
    ],
)
def test_variables_that_do_not_fit_are_refused_in_one_line(
    text: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(SpecError) as refused:
        Part.parse(text, environment)

    assert re.search(message, refused.value.as_options())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "command",
    [
        lambda root: kit.shard(root / "nowhere", part="2/4", engine="ray", root=root),
        lambda root: kit.ablate("nowhere", [], part="2/4", engine="ray", root=root),
        lambda root: kit.train_folds("nowhere", part="2/4", engine="ray", root=root),
    ],
)
def test_an_engine_that_shares_the_work_out_takes_no_part(command: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        command(tmp_path)

    assert "--engine ray shares the work among machines by itself; leave --part 2/4 out" == refused.value.as_options()
