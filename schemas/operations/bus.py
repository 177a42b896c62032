"""The bus about itself: which peers are there, what the broker counted, what a subscriber missed."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.event import Event, Request


class PeerJoinedEvent(Event, frozen=True, kw_only=True, tag="bus.peer_joined"):
    """The broker admitted a peer, or the peer came back on a new connection."""

    peer: str
    instance: str


class PeerLeftEvent(Event, frozen=True, kw_only=True, tag="bus.peer_left"):
    """A peer left: it said BYE, or its connection ended."""

    peer: str
    instance: str
    said_bye: bool


class GapEvent(Event, frozen=True, kw_only=True, tag="bus.gap"):
    """Events of a topic are lost to this subscriber for good. The client makes it; it never travels.

    Attributes:
        lost_topic: topic of the lost events.
        count: how many are lost.
        reason: `ring_exceeded`: the subscriber was too slow, or away too long. `broker_restarted`: they were
            lost with the former broker, and their publisher no longer had them. `unreadable`: they came, and
            are no events that a client can read.
    """

    lost_topic: str
    count: int
    reason: Literal["ring_exceeded", "broker_restarted", "unreadable"]


class PeerStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One peer as the broker sees it. `in_hand`: requests that it has yet to answer."""

    peer: str
    instance: str
    in_hand: int
    serves: list[str]


class BusStatisticsEvent(Event, frozen=True, kw_only=True, tag="bus.statistics_reported"):
    """What the broker counted since its epoch began.

    Attributes:
        refused: reason to count, for messages that were refused or ignored.
        topics: newest number of each topic.
    """

    epoch: str
    sequence: int
    uptime_seconds: float
    messages: int
    duplicates: int
    requests: int
    undeliverable: int
    refused: dict[str, int]
    ring_events: int
    ring_bytes: int
    retained_keys: int
    retained_bytes: int
    pending_requests: int
    peers: list[PeerStatistics]
    topics: dict[str, int]


class BusStatisticsRequestEvent(Request[BusStatisticsEvent], frozen=True, kw_only=True, tag="bus.statistics"):
    """Ask the broker what it counted. The broker itself replies."""
