"""A broker core without sockets, with a clock that tests move."""

from __future__ import annotations

from typing import Any

from bus import wire
from bus.broker.broker_core import BrokerCore
from bus.broker.log.event_log import EventLog
from bus.broker.roster import Roster, generous_roster

TOKEN = "token"  # noqa: S105  # of no runtime


class CoreUnderTest:
    """A broker core, the time, and what each connection was sent.

    Attributes:
        now: the time; `tick` moves it.
        reachable: connections that are there.
        inbox: what each connection was sent: header and body frames.
        feed: what was announced: feed header and body.
    """

    def __init__(self, roster: Roster | None = None, *, succession: bool = False) -> None:
        self.now = 0.0
        self.reachable: set[bytes] = set()
        self.core = BrokerCore(
            EventLog("epoch"),
            TOKEN,
            generous_roster() if roster is None else roster,
            lambda route: route in self.reachable,
            0.0,
            succession=succession,
        )
        self.inbox: dict[bytes, list[tuple[Any, list[bytes]]]] = {}
        self.feed: list[tuple[wire.Run, bytes]] = []

    def send(self, route: bytes, header: wire.LaneHeader, *body: bytes) -> None:
        self.raw(route, [bytes(frame) for frame in wire.lane_frames(header, *body)])

    def raw(self, route: bytes, frames: list[bytes]) -> None:
        self.reachable.add(route)
        self.core.receive(route, frames, self.now, self.time_ns)
        self.carry_out()

    @property
    def time_ns(self) -> int:
        return int(self.now * 1e9)

    def carry_out(self) -> None:
        out = self.core.out
        while out:
            for _, header, body in out.take_for_feed():
                self.feed.append((wire.read_run(bytes(header)), bytes(body)))
            for route, frames in out.take_for_peers():
                if route in self.reachable:
                    plain = [bytes(frame) for frame in frames]
                    self.inbox.setdefault(route, []).append((wire.read_from_broker(plain), plain[2:]))
                else:
                    self.core.unreachable(route, self.now, self.time_ns)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.core.tick(self.now, self.time_ns)
        self.carry_out()

    def run(self, seconds: float) -> None:
        """Let time pass as the broker process does: it looks whenever something is due."""
        end = self.now + seconds
        while (due := self.core.next_due()) < end:
            self.now = max(self.now, due)  # a sum of the difference could fall short of it
            self.tick(0.0)
        self.now = end
        self.tick(0.0)

    def vanish(self, route: bytes) -> None:
        self.reachable.discard(route)
        self.core.unreachable(route, self.now, self.time_ns)
        self.carry_out()

    def hello(
        self, route: bytes, name: str | None = None, instance: str = "", credential: str = TOKEN
    ) -> Any:
        self.send(
            route,
            wire.HelloHeader(
                wire.PROTOCOL_VERSION,
                name or route.decode(),
                instance or f"instance-{route.decode()}",
                credential,
            ),
        )
        return self.inbox[route][-1][0] if self.inbox.get(route) else None

    def last(self, route: bytes) -> Any:
        return self.inbox[route][-1][0]

    def take(self, route: bytes, kind: type[Any]) -> list[Any]:
        """Headers of this kind that came to this connection."""
        return [header for header, _ in self.inbox.get(route, []) if isinstance(header, kind)]

    def peer_names(self) -> set[str]:
        """The names of those that are admitted."""
        return {peer.peer for peer in self.core.statistics(self.now).peers}
