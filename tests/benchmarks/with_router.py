"""The naive fan-out: one ROUTER in a Python loop that sends each event to each subscriber."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection

import zmq

from tests.benchmarks.sample import Handler, SpokenEvent, decode_spoken, encode


def _socket(kind: int, endpoint: str, *, binds: bool = False) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    socket.set_hwm(0)
    socket.linger = 0
    if binds:
        socket.bind(endpoint)
    else:
        socket.connect(endpoint)
    return socket


def distribute(pipe: Connection, endpoint: str) -> None:
    """Whoever sends an empty message subscribes; what else comes goes to all who did."""
    socket = _socket(zmq.ROUTER, endpoint, binds=True)
    routes: list[bytes] = []
    while True:
        route, body = socket.recv_multipart()
        if body:
            for subscriber in routes:
                socket.send_multipart([subscriber, body])
        else:
            routes.append(route)
            socket.send_multipart([route, b""])


def publish_many(pipe: Connection, endpoint: str, count: int) -> None:
    """Publish as fast as may be; says when it began."""
    socket = _socket(zmq.DEALER, endpoint)
    pipe.send("ready")
    pipe.recv()
    pipe.send(time.monotonic())
    for n in range(count):
        socket.send(encode(SpokenEvent(n=n)))
    pipe.recv()


def hear_many(pipe: Connection, endpoint: str, count: int) -> None:
    """Handle so many events in an async handler; says when it had the last."""
    asyncio.run(_hear_many(pipe, endpoint, count))


async def _hear_many(pipe: Connection, endpoint: str, count: int) -> None:
    handler = Handler()
    socket = _socket(zmq.DEALER, endpoint)
    socket.send(b"")
    socket.recv()
    pipe.send("ready")
    while handler.count < count:
        await handler.handle(decode_spoken(socket.recv()))
    pipe.send(time.monotonic())
    assert handler.total == count * (count - 1) // 2
