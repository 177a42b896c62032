"""A broker core under hostile frames, while a well-behaved pair goes on asking and answering."""

from __future__ import annotations

from collections import Counter

from bus import wire
from bus.broker.broker_core import BrokerCore
from bus.broker.log.event_log import EventLog
from tests.support.frame_mutations import GOOD_EVENT, FrameMutator
from tests.support.rosters import credential_of, strict_roster

ATTACKERS = 6
WITNESS_EVERY = 500
SERVER, ASKER = b"server", b"asker"


class FuzzedCore:
    """Feeds a core, and checks its promises.

    Attributes:
        core: what is attacked.
        sent: messages so far.
        replies: how often the witness was answered.
        refused: what the broker said to messages that it refused.
    """

    def __init__(self, seed: int) -> None:
        self.core = BrokerCore(
            EventLog("epoch", ring_limit_events=4096, ring_limit_bytes=8 * 2**20),
            "token",
            strict_roster("server", "config_store"),
            lambda route: route not in self._gone,
            0.0,
        )
        self.sent = self.replies = 0
        self._gone: set[bytes] = set()
        self._mutator = FrameMutator(seed)
        self._now = 0.0
        self._pings: list[tuple[bytes, bytes]] = []
        self._outcomes: Counter[int] = Counter()
        self._asked = 0
        self._join()

    @property
    def kinds(self) -> dict[str, int]:
        """How many messages of each kind were sent."""
        return self._mutator.kinds

    @property
    def refused(self) -> Counter[str]:
        return self.core.refused

    def run(self, messages: int) -> None:
        """Send so many messages, and let the witness ask in between."""
        for _ in range(messages):
            number = self.sent % ATTACKERS
            self.sent += 1
            self._now += 0.0002
            route = b"rude-%d" % number
            self._receive(route, self._mutator.message(number))
            if self.sent % 40 < ATTACKERS:
                hello = self._mutator.hello(f"rude-{number}", f"instance-{number}-{self.sent // 700}")
                self._receive(route, hello)
            if self.sent % 100 == 0:
                self._tend(route)
            if self.sent % WITNESS_EVERY == 0:
                self._ask()

    def check(self) -> None:
        """Every request of the witness has exactly one outcome, and it is a reply."""
        self._now += 2.0
        self.core.tick(self._now, 0)
        self._carry_out()
        assert self._outcomes == dict.fromkeys(range(1, self._asked + 1), 1)
        assert self.replies == self._asked

    def _join(self) -> None:
        for route, credential in ((SERVER, credential_of("server")), (ASKER, "token")):
            name = route.decode()
            hello = wire.HelloHeader(wire.PROTOCOL_VERSION, name, f"instance-of-{name}", credential)
            self._receive(route, wire.lane_frames(hello))
        self._receive(SERVER, wire.lane_frames(wire.ServeHeader(["app.served"])))

    def _ask(self) -> None:
        self._asked += 1
        request = wire.RequestHeader(self._asked, "app.served", 86_400_000)
        self._receive(ASKER, wire.lane_frames(request, GOOD_EVENT))

    def _tend(self, route: bytes) -> None:
        self.core.tick(self._now, int(self._now * 1e9))
        self._carry_out()
        pings, self._pings = self._pings, []
        for asker, header in pings:
            self._receive(asker, [b"PONG", header])
        if self.sent % 300 == 0:
            route = b"rude-%d" % (self.sent // 300 % ATTACKERS)
            self._gone.add(route)
            self.core.unreachable(route, self._now, 0)
            self._gone.discard(route)
        if self.sent % 700 == 0:
            full = wire.FailedHeader(1, "busy", "no")
            self.core.congested(route, wire.lane_frames(full), self._now, 0)

    def _receive(self, route: bytes, frames: list[bytes] | list[bytes | bytearray]) -> None:
        self.core.receive(route, frames, self._now, int(self._now * 1e9))  # type: ignore[arg-type]
        self._carry_out()

    def _carry_out(self) -> None:
        out = self.core.out
        while out:
            out.take_for_feed()
            for route, frames in out.take_for_peers():
                verb = frames[0]
                if verb == b"PING":
                    self._pings.append((route, bytes(frames[1])))
                elif route == SERVER and verb == b"REQUEST":
                    self._answer(bytes(frames[1]))
                elif route == ASKER and verb in (b"REPLY", b"FAILED"):
                    outcome = wire.read_from_broker([bytes(frame) for frame in frames[:2]])
                    self.replies += isinstance(outcome, wire.RepliedHeader)
                    self._outcomes[outcome.id] += 1  # type: ignore[union-attr]
            out.take_cut()

    def _answer(self, header: bytes) -> None:
        request = wire.read_from_broker([b"REQUEST", header])
        assert isinstance(request, wire.RequestHeader)
        if request.topic == "app.served" and request.source == "asker":
            reply = wire.lane_frames(wire.ReplyHeader(request.id), GOOD_EVENT)
            self.core.receive(SERVER, [bytes(frame) for frame in reply], self._now, 0)
