"""A peer without manners: it knows the page of the protocol, sends what it likes, and keeps no promise."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import zmq

encode = msgspec.msgpack.encode
decode = msgspec.msgpack.decode

LIMIT_SECONDS: Final = 60.0
"""No test waits for time; this ends one that would hang."""

Answer = tuple[str, list[Any], list[bytes]]
"""Verb, header and body frames."""


class Silence(AssertionError):
    """The broker did not say what it has to say."""


class HostilePeer:
    """Lane and feed of one connection.

    Attributes:
        instance: the secret of this life, unless it was given another.
        serial: of the last PUBLISH.
        numbers: the last number of each topic.
        role: as WELCOME says.
        answers_pings: whether it answers the broker.
        limit_seconds: how long it waits for an answer.
    """

    def __init__(self, runtime: dict[str, Any], *, instance: str | None = None) -> None:
        self.runtime = runtime
        self.instance = instance or os.urandom(16).hex()
        self.serial = 0
        self.numbers: dict[str, int] = {}
        self.role = ""
        self.answers_pings = True
        self.limit_seconds = LIMIT_SECONDS
        self._ids = 0
        self._kept: list[Answer] = []
        self._context = zmq.Context()
        self.lane = self._socket(zmq.DEALER, "lane")
        self.feed = self._socket(zmq.SUB, "feed")

    def _socket(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.RCVHWM, 100_000)
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        if curve := self.runtime["curve"]:
            socket.setsockopt(zmq.CURVE_SERVERKEY, curve["server_public"].encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, curve["client_public"].encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve["client_secret"].encode())
        socket.connect(self.runtime[endpoint])
        return socket

    def close(self) -> None:
        """Vanish without a word."""
        self._context.destroy(linger=0)

    # -- frames

    def send(self, verb: str, header: list[Any], *body: bytes) -> None:
        """Send one lane message."""
        self.lane.send_multipart([verb.encode(), encode(header), *body])

    def hear_lane(self, seconds: float = LIMIT_SECONDS) -> Answer | None:
        """The next message of the broker; None: none came in time."""
        if not self.lane.poll(int(seconds * 1000)):
            return None
        verb, header, *body = self.lane.recv_multipart()
        found = (verb.decode(), decode(header), body)
        if found[0] == "PING" and self.answers_pings:
            self.send("PONG", [found[1][0]])
        return found

    def until(self, *verbs: str, id: int | None = None) -> Answer:
        """The next message with one of these verbs, and this id; others are passed over."""
        ends = time.monotonic() + self.limit_seconds
        while (left := ends - time.monotonic()) > 0:
            found = self.hear_lane(left)
            if found is not None and found[0] in verbs and (id is None or found[1][0] == id):
                return found
        raise Silence(f"no {' or '.join(verbs)} within {self.limit_seconds} s")

    # -- what the page of the protocol has

    def hello(self, name: str, credential: str | None = None, protocol: int = 2) -> str:
        """Say HELLO; returns the reason of a refusal, or nothing for WELCOME."""
        secret = self.runtime["token"] if credential is None else credential
        self.send("HELLO", [protocol, name, self.instance, secret])
        verb, header, _ = self.until("WELCOME", "FAILED")
        if verb == "FAILED":
            return str(header[2])
        self.role = header[5]
        return ""

    def publish(self, topic: str, event: Any = None, *, key: str | None = None, **rude: Any) -> str:
        """Publish one event; returns the reason of a refusal, or nothing.

        Args:
            topic: of the event.
            event: its fields; None: none.
            key: what it is retained under.
            rude: `serial`, `first`, `again` or `count` in place of the right ones.
        """
        self.serial = rude.get("serial", self.serial + 1)
        count = rude.get("count", 1)
        first = rude.get("first", self.numbers.get(topic, 0) + 1)
        body = encode([{"type": topic, **(event or {})}] * count)
        self.send("PUBLISH", [self.serial, topic, count, first, key, None, rude.get("again", False)], body)
        self._ids += 1
        self.send("PING", [self._ids])
        refused = ""
        while True:
            verb, header, _ = self.until("PONG", "FAILED")
            if verb == "FAILED" and header[3] == "PUBLISH":
                refused = refused or str(header[2])
            elif verb == "PONG" and header[0] == self._ids:
                break
        if not refused.startswith(("leap", "miscounted", "malformed")) and count:
            self.numbers[topic] = first + count - 1
        return refused

    def retain_many(self, topic: str, keys: list[str]) -> list[str]:
        """Retain an event under each key, without waiting in between; returns the reasons of refusals."""
        for key in keys:
            self.serial += 1
            number = self.numbers[topic] = self.numbers.get(topic, 0) + 1
            self.send("PUBLISH", [self.serial, topic, 1, number, key], encode([{"type": topic}]))
        self._ids += 1
        self.send("PING", [self._ids])
        refused: list[str] = []
        while True:
            verb, header, _ = self.until("PONG", "FAILED")
            if verb == "FAILED":
                refused.append(header[2])
            elif header[0] == self._ids:
                return refused

    def withdraw(self, topic: str, key: str) -> str:
        """Withdraw what is retained; returns the reason of a refusal, or nothing."""
        return self.publish(topic, key=key, count=0)

    def serve(self, *topics: str) -> str:
        """Serve topics; returns the reason of a refusal, or nothing."""
        self.send("SERVE", [list(topics)])
        while True:
            verb, header, _ = self.until("SERVE", "FAILED")
            if verb == "SERVE":
                return ""
            if header[3] == "SERVE":
                return str(header[2])

    def ask(self, topic: str, event: Any = None, *, timeout_ms: int = 10_000) -> tuple[str, Any]:
        """Ask; returns REPLY and the event, or the kind of the failure and its message."""
        self._ids += 1
        id = self._ids
        self.send("REQUEST", [id, topic, timeout_ms, None], encode({"type": topic, **(event or {})}))
        while True:
            verb, header, body = self.until("REPLY", "FAILED", id=id)
            if verb == "REPLY":
                return "REPLY", decode(body[0])
            if header[3] == "REQUEST":
                return header[1], header[2]

    def retained(self, *patterns: str) -> dict[tuple[str, str], tuple[str, Any]]:
        """What is retained: topic and key, to source and event."""
        return {(topic, run[8]): (run[5], events[-1]) for topic, run, events in self.snapshot(*patterns)}

    def instances_of(self, name: str) -> set[str]:
        """What everybody sees of the lives of a peer."""
        return {run[6] for _, run, _ in self.snapshot("*") if run[5] == name}

    def snapshot(self, *patterns: str) -> list[tuple[str, list[Any], list[Any]]]:
        """All pages: topic, header and events of each run."""
        found: list[tuple[str, list[Any], list[Any]]] = []
        after = 0
        while True:
            self._ids += 1
            self.send("SNAPSHOT", [self._ids, list(patterns), False, after])
            _, header, body = self.until("SNAPSHOT", id=self._ids)
            runs = (body[at : at + 3] for at in range(0, len(body), 3))
            found += [(topic.decode(), decode(run), decode(events)) for topic, run, events in runs]
            after = header[4]
            if not after:
                return found

    def listen(self) -> None:
        """Return once the broker sends this peer everything that happens."""
        next(found for found in self.heard() if found[0] == "!welcome")

    def heard(self) -> Iterator[tuple[str, list[Any], list[Any]]]:
        """What the feed brings: topic, header and events."""
        while self.feed.poll(int(LIMIT_SECONDS * 1000)):
            topic, *frames = self.feed.recv_multipart()
            header, events = (decode(frame) for frame in frames) if frames else ([], [])
            yield topic.decode(), header, events
        raise Silence(f"the feed was silent for {LIMIT_SECONDS} s")

    def next_event(self, topic: str) -> tuple[list[Any], Any]:
        """The next event of a topic, with its header."""
        header, events = next((header, events) for found, header, events in self.heard() if found == topic)
        return header, events[0]


def public_instance(name: str, instance: str) -> str:
    """What everybody sees of an instance."""
    return hashlib.sha256(f"{name}\0{instance}".encode()).hexdigest()[:16]


@contextlib.contextmanager
def hostile(runtime: dict[str, Any], *, instance: str | None = None) -> Iterator[HostilePeer]:
    """A connection that vanishes at the end of the block."""
    peer = HostilePeer(runtime, instance=instance)
    try:
        yield peer
    finally:
        peer.close()
