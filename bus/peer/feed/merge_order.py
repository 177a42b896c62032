"""What a reply already contains of the events beside it, and when it has to be requested again. Pure.

Replies come over the lane, events over the feed, and the two have no order between them. The broker stamps a
reply with the place as of which it holds. Of the events of the server, those up to there are in the reply;
everything else comes after it.
"""

from __future__ import annotations

import msgspec

from bus.peer.feed.epoch_succession import EpochSuccession


class Place(msgspec.Struct, frozen=True):
    """A place in the one order of events.

    Attributes:
        epoch: the life of the broker that gave it.
        sequence: number of the newest event that is before it, or of the event that is there.
        source: the server that replied, or the peer that published.
    """

    epoch: str
    sequence: int
    source: str


class MergeOrder:
    """Judges what comes over the feed by the last reply, for a follower that reads nothing while it asks.

    Attributes:
        is_due: the request has to be sent, for the first time or again.
        server: the peer that replied last; empty before the first reply.
    """

    def __init__(self, epochs: EpochSuccession) -> None:
        self.is_due = True
        self._epochs = epochs
        self._reply = Place("", 0, "")
        self._gaps_read = 0
        self._gaps_before_request = 0

    @property
    def server(self) -> str:
        """The peer that replied last; empty before the first reply."""
        return self._reply.source

    def ask(self, gaps_queued: int) -> None:
        """The request leaves now.

        Args:
            gaps_queued: how many losses were queued for the follower so far, handed on or not. All that they
                lost was published before the request, so the reply makes up for it.
        """
        self.is_due = False
        self._gaps_before_request = gaps_queued

    def replied(self, place: Place) -> None:
        """The reply is there, and replaces everything before it."""
        self._reply = place

    def is_news(self, place: Place) -> bool:
        """Whether an event comes after the reply. Otherwise the reply contains it."""
        return place.source != self._reply.source or not self._is_covered(place)

    def lost(self) -> None:
        """Events are lost for good. Ask again, unless the reply is from after that."""
        self._gaps_read += 1
        if self._gaps_read > self._gaps_before_request:
            self.is_due = True

    def unread(self, place: Place) -> None:
        """An event cannot be read. Ask again, if it may be one that changes what the server says."""
        if self.is_news(place):
            self.is_due = True

    def moved(self, peer: str, place: Place) -> None:
        """A peer joined or left. If it is the server, the next reply may be that of another life."""
        if peer == self._reply.source and not self._is_covered(place):
            self.is_due = True

    def _is_covered(self, place: Place) -> bool:
        reply = self._reply
        if place.epoch == reply.epoch:
            return place.sequence <= reply.sequence
        return self._epochs.is_before(place.epoch, reply.epoch)
