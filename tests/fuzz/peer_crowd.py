"""Many peers at once, in one thread: guests and named ones, that ask, cancel, greet anew and vanish."""

from __future__ import annotations

import collections
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import zmq

from tests.fuzz.findings import Finding, RequestStep, readable
from tests.fuzz.request_cases import LYING_TOPICS, TIMEOUT_MS, CaseMaker, RequestCase, misfits
from tests.fuzz.spared_things import WITNESS
from tests.support.frame_mutations import FrameMutator

encode, decode = msgspec.msgpack.encode, msgspec.msgpack.decode

PENDING_LIMIT: Final = 12
"""Requests that one peer has under way at most."""

FIRST_ID: Final = 1_000_000
"""Below it are the ids of mutated frames."""

GRACE_SECONDS: Final = 10.0
"""How long after its deadline an outcome may come."""

REQUESTS_PER_SECOND: Final = 1000
"""At most, so that what is stored does not depend on how fast the machine is."""

GREET_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 2.0
POLL_MS: Final = 20
VANISH_SHARE: Final = 0.003
FRAME_SHARE: Final = 0.06
WORDS_LIMIT: Final = 60
HARVESTED: Final = frozenset(
    {
        "id",
        "ids",
        "model_id",
        "key",
        "lease_id",
        "fingerprint",
        "before",
        "after",
        "next_after",
        "next_before",
    }
    | {"revision", "path", "type_name", "conversation_id", "actor", "instance", "holder"}
)
ALSO_AS: Final = {
    "id": ("ids", "id"),
    "key": ("key", "keys", "prefix", "after"),
    "path": ("path", "section", "updates key", "resets"),
    "revision": ("expected_revision",),
    "fingerprint": ("expected_fingerprint",),
}


@dataclass
class CrowdNumbers:
    """What the crowd did and heard.

    Attributes:
        verdicts: by topic, then by outcome.
        ways: how many requests were made in each way.
        seconds: from request to outcome, summed up by topic.
        frames: mutated messages of other verbs.
        vanished: connections that ended without a word.
        greetings: HELLOs.
    """

    verdicts: dict[str, collections.Counter[str]] = field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    ways: collections.Counter[str] = field(default_factory=collections.Counter)
    seconds: collections.Counter[str] = field(default_factory=collections.Counter)
    frames: int = 0
    vanished: int = 0
    greetings: int = 0

    @property
    def asked(self) -> int:
        """All requests."""
        return self.ways.total()


class SharedWords:
    """Values that mean something, by the name of a field; it learns from what actors answer."""

    def __init__(self, known: dict[str, list[Any]]) -> None:
        self.known = known

    def learn(self, value: Any, depth: int = 0) -> None:
        """Take in the words of an answer."""
        if isinstance(value, dict):
            for name, part in value.items():
                if name in HARVESTED and isinstance(part, str | int) and not isinstance(part, bool):
                    self._add(name, part)
                elif depth < 4:
                    self.learn(part, depth + 1)
        elif isinstance(value, list) and depth < 4:
            for part in value[:5]:
                self.learn(part, depth + 1)

    def _add(self, name: str, value: Any) -> None:
        if isinstance(value, str) and (WITNESS in value or not value or len(value) > 200):
            return
        for place in ALSO_AS.get(name, (name,)):
            words = self.known.setdefault(place, [])
            if value not in words:
                words.append(value)
                if len(words) > WORDS_LIMIT:
                    del words[WORDS_LIMIT // 2]


class CrowdPeer:
    """One of them."""

    def __init__(self, crowd: PeerCrowd, number: int, name: str, credential: str | None, seed: int) -> None:
        self._crowd = crowd
        self.chance = random.Random(f"{seed}/{number}")
        self._cases = CaseMaker(self.chance, crowd.words.known)
        self._mutator = FrameMutator(seed * 1000 + number, crowd.runtime["token"])
        self._number = number
        self._name = name
        self._credential = credential
        self.is_named = credential is not None
        self._id = FIRST_ID
        self._lives = 0
        self.pending: dict[int, tuple[RequestCase, float]] = {}
        self.is_in = False
        self._greeted_at = 0.0
        self.lane = self._connect()

    def act(self) -> None:
        """Send the next thing."""
        roll = self.chance.random()
        if not self.is_in or len(self.pending) >= PENDING_LIMIT:
            return
        if roll < VANISH_SHARE:
            self._crowd.numbers.vanished += 1
            self.close()
            self.lane = self._connect()
        elif roll < VANISH_SHARE + FRAME_SHARE:
            self._crowd.numbers.frames += 1
            frames = self._mutator.message(self._number) or [b""]
            if frames[0] in (b"BYE", b"HELLO", b"CANCEL"):
                self.pending.clear()
            self.send(frames)
        else:
            case = self._cases.next()
            if case.topic in LYING_TOPICS and any(
                pending.topic in LYING_TOPICS for pending, _ in self.pending.values()
            ):
                return  # a server that is slow keeps one request of each peer at most
            self._ask(case)

    def send(self, frames: list[bytes]) -> None:
        """Send, unless the broker takes nothing at the moment."""
        try:
            self.lane.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return

    def close(self) -> None:
        """Vanish without a word."""
        self._crowd.poller.unregister(self.lane)
        self.lane.close(0)
        self.pending.clear()
        self.is_in = False

    def take(self, frames: list[bytes]) -> None:
        """Take in a message of the broker."""
        verb, header = frames[0], decode(frames[1])
        if verb == b"PING":
            self.send([b"PONG", encode([header[0]])])
        elif verb == b"WELCOME":
            self.is_in = True
        elif verb == b"REPLY":
            self._conclude(header[0], "reply", frames[2])
        elif verb == b"FAILED":
            id, kind, message, of = (*header, "REQUEST")[:4]
            if of == "REQUEST":
                self._conclude(id, kind, message)
            if message.startswith("unknown_peer") and self.is_in:
                self.is_in = False
                self.pending.clear()
                self._greet()
            elif of == "HELLO" and message.startswith("displaced"):
                self.close()
                self.lane = self._connect()

    def look(self, now: float) -> None:
        """Report requests that never had an outcome. Ask whether the broker still knows the connection.

        Where it cut that, what was asked has no outcome, and the refusal of the PING says so.
        """
        if not self.is_in and now - self._greeted_at > GREET_SECONDS:
            self._greet()  # the name was still taken by the connection that vanished, or nobody answered
        if any(now - sent > QUIET_SECONDS for _, sent in self.pending.values()):
            self.send([b"PING", encode([1])])
        for id, (case, sent) in list(self.pending.items()):
            limit = TIMEOUT_MS / 1000 + GRACE_SECONDS
            if now - sent > limit:
                del self.pending[id]
                self._crowd.find(Finding("no outcome", case.topic, f"none within {limit:.0f} s"))

    def _connect(self) -> zmq.Socket[bytes]:
        lane = self._crowd.socket()
        self._crowd.poller.register(lane, zmq.POLLIN)
        self.lane = lane
        self._lives += 1
        self._greet()
        return lane

    def _greet(self) -> None:
        self._crowd.numbers.greetings += 1
        self._greeted_at = time.monotonic()
        instance = f"{self._crowd.salt}-{self._number}-{self._lives}-{self._crowd.numbers.greetings}"
        secret = self._credential or self._crowd.runtime["token"]
        self.send([b"HELLO", encode([2, self._name, instance, secret])])

    def _ask(self, case: RequestCase) -> None:
        numbers = self._crowd.numbers
        numbers.ways[case.way] += 1
        self._id += 1
        header = [self._id if place == 0 and part == 0 else part for place, part in enumerate(case.header)]
        frames = [b"REQUEST", encode(header), case.body]
        self._crowd.remember(
            RequestStep(case.topic, case.way, self.is_named, frames, readable(case.body[:5000]))
        )
        if header and header[0] == self._id and case.way != "header":
            self.pending[self._id] = (case, time.monotonic())
        self.send(frames)
        if case.way == "again":
            self.send(frames)
        elif case.way == "cancelled":
            self.pending.pop(self._id, None)
            self.send([b"CANCEL", encode([self._id])])

    def _conclude(self, id: int, outcome: str, matter: Any) -> None:
        case, sent = self.pending.pop(id, (None, 0.0))
        if case is None:
            return
        reason = matter.partition(":")[0] if isinstance(matter, str) and case.way == "again" else ""
        self._crowd.numbers.verdicts[case.topic][outcome] += 1
        self._crowd.numbers.seconds[case.topic] += time.monotonic() - sent  # type: ignore[assignment]
        if outcome == "reply":
            self._judge_reply(case, matter)
        elif outcome == "died":
            self._crowd.suspect(case.topic, str(matter))
        elif outcome == "invalid" and case.way == "valid" and not case.is_unfit and not reason:
            self._crowd.odd_refusals[f"{case.topic}: {matter[:160]}"] += 1

    def _judge_reply(self, case: RequestCase, body: bytes) -> None:
        found = misfits(case.topic, case.body, body)
        for finding in found:
            self._crowd.find(finding)
        if not found:
            self._crowd.words.learn(decode(body))


class PeerCrowd:
    """All of them, with the thread that they share.

    Args:
        runtime: what `runtime.json` says.
        credentials: of the named ones, by name.
        count: how many there are.
        seed: decides what they do.
        words: values that mean something.
        find: takes what is found.
        remember: takes each step before it is made.
    """

    def __init__(
        self,
        runtime: dict[str, Any],
        credentials: dict[str, str],
        count: int,
        seed: int,
        words: SharedWords,
        find: Callable[[Finding], object],
        remember: Callable[[RequestStep], None],
    ) -> None:
        self.runtime, self.words, self.find, self.remember = runtime, words, find, remember
        self.numbers = CrowdNumbers()
        self.deaths: list[str] = []
        self.odd_refusals: collections.Counter[str] = collections.Counter()
        self.poller = zmq.Poller()
        self.salt = f"{seed}-{time.time_ns()}"
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, 4096)
        self._stopping = threading.Event()
        self._failed: BaseException | None = None
        named = list(credentials.items())
        self._peers = [
            CrowdPeer(
                self, number, *(named[number] if number < len(named) else (f"rude-{number}", None)), seed
            )
            for number in range(count)
        ]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def socket(self) -> zmq.Socket[bytes]:
        """A new connection of a lane."""
        found = self._context.socket(zmq.DEALER)
        found.setsockopt(zmq.LINGER, 0)
        found.setsockopt(zmq.SNDHWM, 4096)
        if keys := self.runtime["curve"]:
            found.setsockopt(zmq.CURVE_SERVERKEY, keys["server_public"].encode())
            found.setsockopt(zmq.CURVE_PUBLICKEY, keys["client_public"].encode())
            found.setsockopt(zmq.CURVE_SECRETKEY, keys["client_secret"].encode())
        found.connect(self.runtime["lane"])
        return found

    def waiting(self) -> str:
        """What most requests wait for, for people."""
        topics = collections.Counter(
            case.topic for peer in self._peers for case, _ in list(peer.pending.values())
        )
        return ", ".join(f"{count} {topic}" for topic, count in topics.most_common(3))

    def suspect(self, topic: str, message: str) -> None:
        """A server died over a request, says the broker."""
        self.deaths.append(f"{topic}: {message}")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, all at once.

        Raises:
            RuntimeError: the thread failed.
        """
        self._stopping.set()
        self._thread.join(30)
        for peer in self._peers:
            peer.close()
        self._context.destroy(linger=0)
        if self._failed is not None:
            raise RuntimeError("the crowd failed") from self._failed

    def _run(self) -> None:
        try:
            turn, began = 0, time.monotonic()
            while not self._stopping.is_set():
                turn += 1
                for peer in self._peers:
                    if self.numbers.asked <= (time.monotonic() - began) * REQUESTS_PER_SECOND:
                        peer.act()
                by_lane = {peer.lane: peer for peer in self._peers}
                for lane, _ in self.poller.poll(POLL_MS):
                    self._drain(by_lane[lane])
                if turn % 25 == 0:
                    now = time.monotonic()
                    for peer in self._peers:
                        peer.look(now)
        except BaseException as error:
            self._failed = error

    def _drain(self, peer: CrowdPeer) -> None:
        for _ in range(50):
            try:
                frames = peer.lane.recv_multipart(zmq.NOBLOCK)
            except zmq.ZMQError:
                return
            peer.take(frames)
