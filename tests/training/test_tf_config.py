"""Machines of a training are those that TF_CONFIG names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kit.errors import SpecError
from kit.training.tf_config import Cluster, meeting_timeout, read_cluster

TWO = ["a:1", "b:2"]


def given(monkeypatch: pytest.MonkeyPatch, cluster: Any, job: Any = "worker", index: Any = 0) -> None:
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": job, "index": index}}))


@pytest.mark.parametrize(("index", "role"), [(0, "the chief (a:1)"), (1, "worker 1 (b:2)")])
def test_the_first_worker_is_the_chief_where_none_is_named(
    index: int, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, {"worker": TWO}, index=index)
    cluster = read_cluster()

    assert Cluster(addresses=("a:1", "b:2"), index=index) == cluster
    assert role == cluster.named(cluster.index)
    assert (index == 0) == cluster.is_chief


@pytest.mark.parametrize(("job", "index", "expected"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_workers_count_after_a_chief_that_is_named(
    job: str, index: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, {"worker": TWO, "chief": ["c:3"]}, job, index)

    assert Cluster(addresses=("c:3", "a:1", "b:2"), index=expected) == read_cluster()


@pytest.mark.parametrize(
    ("cluster", "job", "index", "message"),
    [
        ({"worker": ["a:1"]}, "worker", 0, "TF_CONFIG names one worker; leave out distribute='multiworker'"),
        ({}, "worker", 0, "TF_CONFIG names one worker"),
        ({"worker": TWO, "ps": ["c:3"]}, "worker", 0, "TF_CONFIG names the job ps; distribute='multiworker' takes"),
        ({"worker": TWO}, "evaluator", 0, "TF_CONFIG names the job evaluator"),
        ({"worker": TWO, "chief": TWO}, "chief", 0, "TF_CONFIG names 2 chiefs; name one"),
        ({"worker": ["a:1", "a:1"]}, "worker", 0, "TF_CONFIG names an address twice: a:1, a:1"),
        ({"worker": TWO}, "worker", 2, "TF_CONFIG says that this is worker 2, and names 2 of them"),
        ({"worker": TWO}, "worker", -1, "TF_CONFIG says that this is worker -1"),
        ({"worker": ["a:1", "b"]}, "worker", 0, "TF_CONFIG: an address is HOST:PORT, got 'b'"),
        ({"worker": ["a:1", "b:70000"]}, "worker", 0, "TF_CONFIG: an address is HOST:PORT, got 'b:70000'"),
        ({"worker": ["http://a:1", "b:2"]}, "worker", 0, "TF_CONFIG: an address is HOST:PORT, got 'http://a:1'"),
        ({"worker": ["::1:2222", "b:2"]}, "worker", 0, "TF_CONFIG: an address is HOST:PORT, got '::1:2222'"),
        ({"worker": ["a:\N{FULLWIDTH DIGIT ONE}", "b:2"]}, "worker", 0, "TF_CONFIG: an address is HOST:PORT, got 'a:"),
        ({"worker": ["a b:1", "b:2"]}, "worker", 0, "TF_CONFIG: an address is HOST:PORT, got 'a b:1'"),
        ({"worker": ["a\n:1", "b:2"]}, "worker", 0, r"TF_CONFIG: an address is HOST:PORT, got 'a\n:1'"),
        ({"worker": "a:1,b:2"}, "worker", 0, "TF_CONFIG: worker is a list of addresses, got 'a:1,b:2'"),
        (
            {"worker": {"0": "a:1", "1": "b:2"}},
            "worker",
            0,
            "TF_CONFIG: worker is a list of addresses, got {'0': 'a:1'",
        ),
        ({"worker": 3}, "worker", 0, "TF_CONFIG: worker is a list of addresses, got 3"),
        ({"worker": None}, "worker", 0, "TF_CONFIG: worker is a list of addresses, got None"),
        ({"worker": [None, "b:2"]}, "worker", 0, "TF_CONFIG is not as in"),
        ({"worker": TWO}, "worker", 0.7, "TF_CONFIG is not as in"),
        ({"worker": TWO}, "worker", True, "TF_CONFIG is not as in"),
        ({"worker": TWO}, "worker", "x", "TF_CONFIG is not as in"),
        ([], "worker", 0, "TF_CONFIG is not as in"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_a_line(
    cluster: Any, job: str, index: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, cluster, job, index)
    with pytest.raises(SpecError) as refused:
        read_cluster()

    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "{\n\n", "[]", "3", '{"cluster": {"worker": ["a:1", "b:2"]}}'])
def test_malformed_text_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(SpecError, match="TF_CONFIG is not as in") as refused:
        read_cluster()

    assert "\n" not in str(refused.value)


def test_addresses_of_the_newer_internet_and_an_index_as_text_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {"worker": ["[::1]:1", "[fe80::2]:2"]}, index="1")

    assert Cluster(addresses=("[::1]:1", "[fe80::2]:2"), index=1) == read_cluster()


def test_a_missing_variable_is_shown_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(SpecError, match=r'needs TF_CONFIG .* as in \{"cluster": \{"worker": \["host1:2222"'):
        read_cluster()


def test_the_time_to_wait_is_a_number_of_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_WORKERS_TIMEOUT", raising=False)
    assert 300 == meeting_timeout()
    monkeypatch.setenv("KIT_WORKERS_TIMEOUT", "7.5")
    assert 7.5 == meeting_timeout()
    for text in ("soon", "0", "-1", "nan", "inf"):
        monkeypatch.setenv("KIT_WORKERS_TIMEOUT", text)
        with pytest.raises(SpecError, match=f"must be a number of seconds above 0, got '{text}'"):
            meeting_timeout()
