"""What a peer counts about itself, for people and for metrics."""

from __future__ import annotations

from dataclasses import dataclass

from bus.peer.peer_link import PeerLink


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a peer counted since it was made.

    Attributes:
        published, accepted: events that were published, and those of them that the broker has accepted.
        resent_runs: messages that were sent again after a reconnect.
        delivered, skipped, lost: events handed on, recognised as duplicates, lost beyond recovery.
        replays: how often missing events were fetched.
        asked: requests, snapshots and replays.
        welcomes: how often a broker admitted this peer; one more than it reconnected.
        undecodable: events that did not fit their type.
        ignored: reason to count, for messages that made no sense.
    """

    published: int
    accepted: int
    resent_runs: int
    delivered: int
    skipped: int
    lost: int
    replays: int
    asked: int
    welcomes: int
    undecodable: int
    ignored: dict[str, int]


def statistics_of(link: PeerLink) -> Statistics:
    """What a peer counted since it was made."""
    ordering, outbox = link.subscriber.ordering, link.publisher.outbox
    return Statistics(
        published=outbox.published,
        accepted=outbox.accepted_events,
        resent_runs=outbox.resent_runs,
        delivered=ordering.delivered,
        skipped=ordering.skipped,
        lost=ordering.lost,
        replays=ordering.fetches,
        asked=link.requester.asked,
        welcomes=link.admission.welcomes,
        undecodable=link.subscriber.undecodable,
        ignored=dict(link.ignored + link.subscriber.ignored),
    )
