"""The bus about itself: which peers are there, what the broker counted, what a subscriber missed."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.bounds import Count, Identifier, Many, Named, Seconds, Word
from schemas.event import Event, Request


class PeerJoinedEvent(Event, frozen=True, kw_only=True, tag="bus.peer_joined"):
    """The broker admitted a peer, or the peer came back on a new connection."""

    peer: Word
    instance: Identifier


class PeerLeftEvent(Event, frozen=True, kw_only=True, tag="bus.peer_left"):
    """A peer left: it said BYE, or its connection ended."""

    peer: Word
    instance: Identifier
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

    lost_topic: Word
    count: Count
    reason: Literal["ring_exceeded", "broker_restarted", "unreadable"]


class PeerStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One peer as the broker sees it.

    Attributes:
        instance: what everybody sees of the present life of the peer.
        in_hand: requests that it has yet to answer.
        role: `named` if it joined with a credential of its own, else `guest`.
        retained_keys, retained_bytes: the events that are retained for it.
        topics: topics that it began and that are still in use, besides those of the contract.
    """

    peer: Word
    instance: Identifier
    in_hand: Count
    serves: Many[Word]
    role: Word = "guest"
    retained_keys: Count = 0
    retained_bytes: Count = 0
    topics: Count = 0


class BusStatisticsEvent(Event, frozen=True, kw_only=True, tag="bus.statistics_reported"):
    """What the broker counted since its epoch began.

    Attributes:
        refused: reason to count, for messages that were refused or ignored.
        topics: newest number of each topic.
    """

    epoch: Identifier
    sequence: Count
    uptime_seconds: Seconds
    messages: Count
    duplicates: Count
    requests: Count
    undeliverable: Count
    refused: Named[Count]
    ring_events: Count
    ring_bytes: Count
    retained_keys: Count
    retained_bytes: Count
    pending_requests: Count
    peers: Many[PeerStatistics]
    topics: Named[Count]


class BusStatisticsRequestEvent(Request[BusStatisticsEvent], frozen=True, kw_only=True, tag="bus.statistics"):
    """Ask the broker what it counted. The broker itself replies."""
