"""pyzmq in the benchmarks: a C proxy in the middle, high-water marks off, msgspec at both ends."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection

import zmq
import zmq.asyncio

from tests.benchmarks.bell import AsyncBell, await_ring, ring
from tests.benchmarks.sample import (
    TOPIC,
    WARM_UP,
    AnswerEvent,
    AskEvent,
    Handler,
    SpokenEvent,
    decode_answer,
    decode_ask,
    decode_spoken,
    encode,
)


def _socket(kind: int, endpoint: str, *, binds: bool = False) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    socket.set_hwm(0)
    socket.linger = 0
    if kind == zmq.SUB:
        socket.subscribe(TOPIC)
    if binds:
        socket.bind(endpoint)
    else:
        socket.connect(endpoint)
    return socket


def forward(pipe: Connection, front: str, back: str) -> None:
    """XSUB to XPUB, in C."""
    zmq.proxy(_socket(zmq.XSUB, front, binds=True), _socket(zmq.XPUB, back, binds=True))


def broker_requests(pipe: Connection, front: str, back: str) -> None:
    """ROUTER to DEALER, in C."""
    zmq.proxy(_socket(zmq.ROUTER, front, binds=True), _socket(zmq.DEALER, back, binds=True))


def _frame(event: SpokenEvent) -> bytes:
    """Topic and event in one frame, since two frames cost pyzmq a third of its throughput."""
    return TOPIC + encode(event)


def _warm_up(pipe: Connection, socket: zmq.Socket[bytes]) -> None:
    """A new PUB loses its first events: send until told that they arrive."""
    while not pipe.poll(0.005):
        socket.send(_frame(SpokenEvent(n=WARM_UP)))
    pipe.recv()


def _await_warmth(pipe: Connection, socket: zmq.Socket[bytes]) -> None:
    socket.recv()
    pipe.send("warm")


def publish_many(pipe: Connection, front: str, count: int) -> None:
    """Publish as fast as may be; says when it began."""
    socket = _socket(zmq.PUB, front)
    _warm_up(pipe, socket)
    pipe.send(time.monotonic())
    for n in range(count):
        socket.send(_frame(SpokenEvent(n=n)))
    pipe.recv()


def hear_many(pipe: Connection, back: str, count: int) -> None:
    """Handle so many events in an async handler; says when it had the last.

    It waits in a blocking call on the loop, which is faster than zmq.asyncio, and generous: nothing else
    could run there.
    """
    asyncio.run(_hear_many(pipe, back, count))


async def _hear_many(pipe: Connection, back: str, count: int) -> None:
    handler = Handler()
    socket = _socket(zmq.SUB, back)
    _await_warmth(pipe, socket)
    while handler.count < count:
        event = decode_spoken(socket.recv()[len(TOPIC) :])
        if event.n != WARM_UP:
            await handler.handle(event)
    pipe.send(time.monotonic())
    assert handler.total == count * (count - 1) // 2


def publish_many_multipart(pipe: Connection, front: str, count: int) -> None:
    """As publish_many, in two frames."""
    socket = _socket(zmq.PUB, front)
    _warm_up(pipe, socket)
    pipe.send(time.monotonic())
    for n in range(count):
        socket.send_multipart([TOPIC, encode(SpokenEvent(n=n))])
    pipe.recv()


def hear_many_multipart(pipe: Connection, back: str, count: int) -> None:
    """As hear_many, in two frames."""
    asyncio.run(_hear_many_multipart(pipe, back, count))


async def _hear_many_multipart(pipe: Connection, back: str, count: int) -> None:
    handler = Handler()
    socket = _socket(zmq.SUB, back)
    _await_warmth(pipe, socket)
    while handler.count < count:
        _, *body = socket.recv_multipart()
        if body:
            await handler.handle(decode_spoken(body[0]))
    pipe.send(time.monotonic())
    assert handler.total == count * (count - 1) // 2


def publish_singly(pipe: Connection, front: str, bell: Connection, count: int) -> None:
    """Publish one event after the other, each once the former was handled; blocking code."""
    socket = _socket(zmq.PUB, front)
    _warm_up(pipe, socket)
    for n in range(count):
        socket.send(_frame(SpokenEvent(n=n, sent_ns=time.monotonic_ns())))
        await_ring(bell)


def hear_singly(pipe: Connection, back: str, bell: Connection, count: int) -> None:
    """Handle events one by one; says how long each took; blocking code, but for the handler."""
    asyncio.run(_hear_singly(pipe, back, bell, count))


async def _hear_singly(pipe: Connection, back: str, bell: Connection, count: int) -> None:
    handler = Handler()
    socket = _socket(zmq.SUB, back)
    _await_warmth(pipe, socket)
    while len(handler.latencies_ns) < count:
        event = decode_spoken(socket.recv()[len(TOPIC) :])
        if event.n != WARM_UP:
            await handler.time(event)
            ring(bell)
    pipe.send(handler.latencies_ns)


def publish_singly_async(pipe: Connection, front: str, bell: Connection, count: int) -> None:
    """Publish one event after the other through zmq.asyncio."""
    asyncio.run(_publish_singly_async(pipe, front, bell, count))


async def _publish_singly_async(pipe: Connection, front: str, bell: Connection, count: int) -> None:
    blocking = _socket(zmq.PUB, front)
    _warm_up(pipe, blocking)
    socket = zmq.asyncio.Socket(shadow=blocking)
    handled = AsyncBell(bell)
    for n in range(count):
        await socket.send(_frame(SpokenEvent(n=n, sent_ns=time.monotonic_ns())))
        await handled.rung()
    handled.close()


def hear_singly_async(pipe: Connection, back: str, bell: Connection, count: int) -> None:
    """Handle events one by one through zmq.asyncio; says how long each took."""
    asyncio.run(_hear_singly_async(pipe, back, bell, count))


async def _hear_singly_async(pipe: Connection, back: str, bell: Connection, count: int) -> None:
    handler = Handler()
    blocking = _socket(zmq.SUB, back)
    _await_warmth(pipe, blocking)
    socket = zmq.asyncio.Socket(shadow=blocking)
    while len(handler.latencies_ns) < count:
        event = decode_spoken((await socket.recv())[len(TOPIC) :])
        if event.n != WARM_UP:
            await handler.time(event)
            ring(bell)
    pipe.send(handler.latencies_ns)


def answer(pipe: Connection, back: str) -> None:
    """Answer questions until killed; blocking code."""
    socket = _socket(zmq.REP, back)
    while True:
        socket.send(encode(AnswerEvent(n=decode_ask(socket.recv()).n)))


def ask(pipe: Connection, front: str, count: int) -> None:
    """Ask one question after the other; says how long each answer took; blocking code."""
    socket = _socket(zmq.REQ, front)
    answers_ns: list[int] = []
    for n in range(count):
        began = time.monotonic_ns()
        socket.send(encode(AskEvent(n=n)))
        reply = decode_answer(socket.recv())
        answers_ns.append(time.monotonic_ns() - began)
        assert reply.n == n
    pipe.send((answers_ns, []))


def answer_async(pipe: Connection, back: str) -> None:
    """Answer questions through zmq.asyncio until killed."""
    asyncio.run(_answer_async(back))


async def _answer_async(back: str) -> None:
    socket = zmq.asyncio.Socket(shadow=_socket(zmq.REP, back))
    while True:
        await socket.send(encode(AnswerEvent(n=decode_ask(await socket.recv()).n)))


def ask_async(pipe: Connection, front: str, count: int) -> None:
    """Ask one question after the other through zmq.asyncio; says how long each answer took."""
    asyncio.run(_ask_async(pipe, front, count))


async def _ask_async(pipe: Connection, front: str, count: int) -> None:
    socket = zmq.asyncio.Socket(shadow=_socket(zmq.REQ, front))
    answers_ns: list[int] = []
    for n in range(count):
        began = time.monotonic_ns()
        await socket.send(encode(AskEvent(n=n)))
        reply = decode_answer(await socket.recv())
        answers_ns.append(time.monotonic_ns() - began)
        assert reply.n == n
    pipe.send((answers_ns, []))
