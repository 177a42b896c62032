"""A client that knows the page of the protocol and nothing else: raw frames, as fast as Python sends them.

It speaks whichever version `runtime.json` names, so that one benchmark can load two builds of the broker.
"""

from __future__ import annotations

import json
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import zmq

encode = msgspec.msgpack.encode
decode = msgspec.msgpack.decode

HIGH_WATER_MARK = 4096
ACCEPT_EVERY_MESSAGES = 256
"""The publisher looks for ACCEPTED after so many messages, and keeps no more than this under way."""

NUMBER, COUNT = 2, 3
"""Places in the header of a feed message."""


class RawClient:
    """Lane and feed of one peer."""

    def __init__(self, home: str, name: str) -> None:
        runtime = json.loads((Path(home) / "state" / "runtime.json").read_text(encoding="utf-8"))
        self._context = zmq.Context()
        self.lane = self._connect(zmq.DEALER, runtime, "lane")
        self.feed = self._connect(zmq.SUB, runtime, "feed")
        self.send(b"HELLO", [runtime["protocol"], name, os.urandom(16).hex(), runtime["token"]])
        welcome = self.lane.recv_multipart()
        assert welcome[0] == b"WELCOME", welcome
        self.epoch = decode(welcome[1])[1]

    def _connect(self, kind: int, runtime: dict[str, Any], endpoint: str) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
        socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
        socket.setsockopt(zmq.LINGER, 0)
        if curve := runtime["curve"]:
            socket.setsockopt(zmq.CURVE_SERVERKEY, curve["server_public"].encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, curve["client_public"].encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve["client_secret"].encode())
        socket.connect(runtime[endpoint])
        return socket

    def send(self, verb: bytes, header: list[Any], *body: bytes) -> None:
        """Send one lane message."""
        self.lane.send_multipart([verb, encode(header), *body])

    def subscribe(self, topic: str) -> None:
        """Hear a topic; returns once the broker has the subscription."""
        self.feed.setsockopt(zmq.SUBSCRIBE, topic.encode())
        self.feed.setsockopt(zmq.SUBSCRIBE, b"!welcome")
        assert self.feed.recv_multipart()[0] == b"!welcome"
        self.send(b"SNAPSHOT", [1, [topic], True])
        self.next(b"SNAPSHOT")

    def next(self, verb: bytes) -> list[bytes]:
        """The next lane message of this verb; PINGs are answered, others skipped."""
        while True:
            frames = self.lane.recv_multipart()
            if frames[0] == b"PING":
                self.lane.send_multipart([b"PONG", frames[1]])
            if frames[0] == verb:
                return frames


def publish_runs(pipe: Connection, home: str, topic: str, total: int, size: int) -> None:
    """Publish `total` events in runs of `size`; says when it began and when all were accepted."""
    client = RawClient(home, f"publisher-{os.getpid()}")
    event = encode({"type": topic, "text": "a sentence of some length", "n": 12345})
    body = b"\xdd" + size.to_bytes(4, "big") + event * size
    pipe.send("ready")
    pipe.recv()
    began, accepted, runs = time.monotonic(), 0, total // size
    for serial in range(1, runs + 1):
        client.send(b"PUBLISH", [serial, topic, size, (serial - 1) * size + 1, None, None], body)
        while serial - accepted >= ACCEPT_EVERY_MESSAGES:
            accepted = decode(client.next(b"ACCEPTED")[1])[0]
    while accepted < runs:
        accepted = decode(client.next(b"ACCEPTED")[1])[0]
    pipe.send((began, time.monotonic()))
    pipe.recv()


def hear_runs(pipe: Connection, home: str, topic: str, total: int) -> None:
    """Hear `total` events, fetching what the feed dropped; says when it was done, and how many were lost."""
    client = RawClient(home, f"subscriber-{os.getpid()}")
    client.subscribe(topic)
    client.feed.setsockopt(zmq.SUBSCRIBE, b"!heartbeat")
    poller = zmq.Poller()
    poller.register(client.feed, zmq.POLLIN)
    poller.register(client.lane, zmq.POLLIN)
    pipe.send("ready")
    counter = _Counter(client, topic)
    while counter.due <= total:
        for socket, _ in poller.poll(1000):
            for _ in range(256):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                if socket is client.feed:
                    counter.feed(frames)
                else:
                    counter.lane(frames)
    pipe.send((time.monotonic(), counter.lost))


class _Counter:
    """Counts what was heard of one topic, by number."""

    def __init__(self, client: RawClient, topic: str) -> None:
        self.due, self.lost = 1, 0
        self._client, self._topic = client, topic
        self._held: list[tuple[int, int]] = []
        self._fetching = False
        self._head = 0

    def feed(self, frames: list[bytes]) -> None:
        """A feed message."""
        if frames[0] == b"!heartbeat":
            self._head = max(self._head, decode(frames[2]).get(self._topic, 0))
            self._fetch()
            return
        if len(frames) != 3:
            return
        header = decode(frames[1])
        number, count = header[NUMBER], header[COUNT]
        if number > self.due:
            self._head = max(self._head, number + count - 1)
            self._fetch()
        else:
            self.due = max(self.due, number + count)

    def lane(self, frames: list[bytes]) -> None:
        """A lane message: a PING, or the answer to a REPLAY."""
        if frames[0] == b"PING":
            self._client.lane.send_multipart([b"PONG", frames[1]])
        elif frames[0] == b"REPLAY":
            _, _, lost, following, *_ = decode(frames[1])
            self.lost += lost
            self.due = max(self.due, following)
            self._fetching = False
            self._fetch()

    def _fetch(self) -> None:
        if not self._fetching and self.due <= self._head:
            self._fetching = True
            self._client.send(b"REPLAY", [7, self._topic, self.due, self._head])


def answer(pipe: Connection, home: str, topic: str) -> None:
    """Serve a topic: the reply is the request."""
    client = RawClient(home, f"server-{os.getpid()}")
    client.send(b"SERVE", [[topic]])
    client.next(b"SERVE")
    pipe.send("ready")
    while True:
        _, header, body = client.next(b"REQUEST")
        client.send(b"REPLY", [decode(header)[0]], body)


def ask(pipe: Connection, home: str, request: dict[str, Any], count: int, in_flight: int) -> None:
    """Ask `count` times with so many under way; says the seconds it took, and the latencies in ns."""
    client = RawClient(home, f"asker-{os.getpid()}")
    body, topic = encode(request), request["type"]
    sent_at: dict[int, int] = {}
    taken_ns: list[int] = []
    began, asked = time.monotonic(), 0
    while len(taken_ns) < count:
        while asked < count and len(sent_at) < in_flight:
            asked += 1
            sent_at[asked] = time.monotonic_ns()
            client.send(b"REQUEST", [asked, topic, 60_000, None], body)
        header = decode(client.next(b"REPLY")[1])
        taken_ns.append(time.monotonic_ns() - sent_at.pop(header[0]))
    pipe.send((time.monotonic() - began, taken_ns))
