"""What the broker knows of one peer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Route: TypeAlias = bytes
"""Address of a peer's connection: the routing id that the ROUTER socket gave it."""


@dataclass(slots=True, eq=False)
class PeerRecord:
    """One peer that the broker admitted.

    Attributes:
        route: its connection.
        name, instance: its name, and the random id of its present life.
        services: topics that it serves.
        in_hand: the broker's ids of the requests that it has yet to answer.
        asked: its own id of each request that it waits for, to the broker's id.
        unconfirmed_runs: accepted messages that no ACCEPTED has confirmed yet.
    """

    route: Route
    name: str
    instance: str
    services: set[str] = field(default_factory=set)
    in_hand: set[int] = field(default_factory=set)
    asked: dict[int, int] = field(default_factory=dict)
    unconfirmed_runs: int = 0
