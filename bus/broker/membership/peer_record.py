"""What the broker knows of one peer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TypeAlias

from bus.broker.membership.peer_rights import PeerRights
from bus.broker.membership.publisher_life import PublisherLife

Route: TypeAlias = bytes
"""Address of a peer's connection: the routing id that the ROUTER socket gave it."""


def public_instance(name: str, instance: str) -> str:
    """What everybody sees in place of the instance, which only the peer and the broker know."""
    return hashlib.sha256(f"{name}\0{instance}".encode()).hexdigest()[:16]


@dataclass(slots=True, eq=False)
class PeerRecord:
    """One peer that the broker admitted.

    Attributes:
        route: its connection.
        name, instance: its name, and the secret random id of its present life.
        rights: what it may do.
        life: which of its messages have their place.
        public_instance: what everybody sees in place of the instance.
        services: topics that it serves.
        in_hand: the broker's ids of the requests that it has yet to answer.
        in_hand_bytes: what these have together.
        asked: its own id of each request that it waits for, to the broker's id.
        unconfirmed_runs: accepted messages that no ACCEPTED has confirmed yet.
        lag_topics: topics that it published lately, and of which subscribers say how far they are.
    """

    route: Route
    name: str
    instance: str
    rights: PeerRights = field(default_factory=PeerRights)
    life: PublisherLife = field(default_factory=PublisherLife)
    public_instance: str = field(init=False)
    services: set[str] = field(default_factory=set)
    in_hand: set[int] = field(default_factory=set)
    in_hand_bytes: int = 0
    asked: dict[int, int] = field(default_factory=dict)
    unconfirmed_runs: int = 0
    lag_topics: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.public_instance = public_instance(self.name, self.instance)
