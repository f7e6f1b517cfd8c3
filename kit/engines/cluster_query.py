"""Queries that every node of a Ray cluster answers, while nodes come and go."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kit.engines.node import Node
from kit.errors import EngineError

_ANSWER = 120.0  # seconds for a node to start its first worker and answer
_LEAVING = 60.0  # seconds in which the head strikes off a dead node; by Ray's defaults after 5 checks, 3 s apart
_TICK = 0.5  # seconds between looks at the list


def query_all(ray: Any, nodes: Callable[[], Sequence[Node]], send: Callable[[Node], Any]) -> list[tuple[Node, Any]]:
    """Ask every node of a cluster.

    The head lists a dead node for some seconds. One that does not answer and is then struck off the list is left out;
    one that joins meanwhile is asked, too.

    Args:
        ray: Ray's module.
        nodes: Function that lists the nodes.
        send: Function that sends a node the query and returns Ray's reference of the answer.

    Raises:
        EngineError: A node of the cluster does not answer.
    """
    answers: dict[Node, Any] = {}
    deadline = math.inf
    while unasked := [node for node in nodes() if node not in answers]:
        answered, silent = _ask(ray, {send(node): node for node in unasked})
        answers |= answered
        if silent:
            deadline = min(deadline, time.monotonic() + _LEAVING)
            if time.monotonic() > deadline:
                raise _unanswered(silent[0])
            time.sleep(_TICK)
    return [(node, answers[node]) for node in nodes() if node in answers]


def _ask(ray: Any, asked: Mapping[Any, Node]) -> tuple[dict[Node, Any], list[Node]]:
    """Wait for answers; return them, and the nodes that Ray could not reach.

    Raises:
        EngineError: A node took too long, or failed at the query.
    """
    answers: dict[Node, Any] = {}
    silent: list[Node] = []
    ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER)
    if late:
        raise _unanswered(asked[late[0]])
    for ref in ready:
        try:
            answers[asked[ref]] = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            why = str(error).strip().splitlines()[-1]
            raise EngineError(f"node {asked[ref].address} of the cluster cannot run kit: {why}") from error
        except ray.exceptions.RayError:
            silent.append(asked[ref])
    return answers, silent


def _unanswered(node: Node) -> EngineError:
    return EngineError(
        f"node {node.address} of the cluster does not answer; see 'ray status', and start it again or take it out of"
        " the cluster"
    )
