"""Nodes: machines of a cluster, as results and manifests name them."""

from __future__ import annotations

import msgspec


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A machine of a cluster.

    Attributes:
        id: Name that the cluster gave it, unique among all machines and restarts.
        address: Network address.
    """

    id: str
    address: str
