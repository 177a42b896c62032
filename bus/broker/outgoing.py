"""What the broker is to send, until the transport takes it. Pure."""

from __future__ import annotations

from bus import wire
from bus.broker.log.logged_run import FeedMessage
from bus.broker.membership.peer_record import Route
from bus.wire import Frame


class Outgoing:
    """Messages in the order in which they leave.

    Attributes:
        to_peers: messages to single peers.
        on_feed: messages that are to be published on the feed; they leave first.
        cut: connections that are to be ended, since their peers take nothing.
    """

    def __init__(self) -> None:
        self.to_peers: list[tuple[Route, list[Frame]]] = []
        self.on_feed: list[FeedMessage] = []
        self.cut: list[Route] = []

    def __bool__(self) -> bool:
        return bool(self.on_feed or self.to_peers)

    def send(self, route: Route, header: wire.LaneHeader, *body: Frame) -> None:
        """Queue a message to one peer."""
        self.to_peers.append((route, wire.lane_frames(header, *body)))

    def take_for_feed(self) -> list[FeedMessage]:
        """Take out what is to be published."""
        taken, self.on_feed = self.on_feed, []
        return taken

    def take_for_peers(self) -> list[tuple[Route, list[Frame]]]:
        """Take out what is to be sent to single peers."""
        taken, self.to_peers = self.to_peers, []
        return taken

    def take_cut(self) -> list[Route]:
        """Take out the connections that are to be ended."""
        taken, self.cut = self.cut, []
        return taken
