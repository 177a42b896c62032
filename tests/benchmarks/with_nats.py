"""The parts that nats-server with nats-py plays in the benchmarks, msgspec at both ends."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection
from typing import Any

import nats

from tests.benchmarks.bell import AsyncBell, ring
from tests.benchmarks.sample import (
    AnswerEvent,
    AskEvent,
    Handler,
    SpokenEvent,
    decode_answer,
    decode_ask,
    decode_spoken,
    encode,
)

SUBJECT = "app.spoken"
QUESTION = "app.ask"
PENDING_LIMIT = 2**31
"""nats-py drops what waits beyond this; the default would lose most of a throughput run."""


def publish_many(pipe: Connection, url: str, count: int) -> None:
    """Publish as fast as may be; says when it began."""
    asyncio.run(_publish_many(pipe, url, count))


async def _publish_many(pipe: Connection, url: str, count: int) -> None:
    client = await nats.connect(url)
    pipe.send("ready")
    await asyncio.to_thread(pipe.recv)
    pipe.send(time.monotonic())
    for n in range(count):
        await client.publish(SUBJECT, encode(SpokenEvent(n=n)))
    await client.flush()
    await asyncio.to_thread(pipe.recv)


def hear_many(pipe: Connection, url: str, count: int) -> None:
    """Handle so many events; says when it had the last."""
    asyncio.run(_hear_many(pipe, url, count))


async def _hear_many(pipe: Connection, url: str, count: int) -> None:
    handler = Handler()
    client = await nats.connect(url)
    finished = asyncio.Event()

    async def on_message(message: Any) -> None:
        await handler.handle(decode_spoken(message.data))
        if handler.count == count:
            finished.set()

    await client.subscribe(
        SUBJECT, cb=on_message, pending_msgs_limit=PENDING_LIMIT, pending_bytes_limit=PENDING_LIMIT
    )
    await client.flush()
    pipe.send("ready")
    await finished.wait()
    pipe.send(time.monotonic())
    assert handler.total == count * (count - 1) // 2


def publish_singly(pipe: Connection, url: str, bell: Connection, count: int) -> None:
    """Publish one event after the other, each once the former was handled."""
    asyncio.run(_publish_singly(pipe, url, bell, count))


async def _publish_singly(pipe: Connection, url: str, bell: Connection, count: int) -> None:
    client = await nats.connect(url)
    pipe.send("ready")
    await asyncio.to_thread(pipe.recv)
    handled = AsyncBell(bell)
    for n in range(count):
        await client.publish(SUBJECT, encode(SpokenEvent(n=n, sent_ns=time.monotonic_ns())))
        await handled.rung()
    handled.close()


def hear_singly(pipe: Connection, url: str, bell: Connection, count: int) -> None:
    """Handle events one by one; says how long each took."""
    asyncio.run(_hear_singly(pipe, url, bell, count))


async def _hear_singly(pipe: Connection, url: str, bell: Connection, count: int) -> None:
    handler = Handler()
    client = await nats.connect(url)
    finished = asyncio.Event()

    async def on_message(message: Any) -> None:
        await handler.time(decode_spoken(message.data))
        ring(bell)
        if len(handler.latencies_ns) == count:
            finished.set()

    await client.subscribe(SUBJECT, cb=on_message)
    await client.flush()
    pipe.send("ready")
    await finished.wait()
    pipe.send(handler.latencies_ns)


def answer(pipe: Connection, url: str) -> None:
    """Answer questions until killed."""
    asyncio.run(_answer(pipe, url))


async def _answer(pipe: Connection, url: str) -> None:
    client = await nats.connect(url)

    async def on_question(message: Any) -> None:
        await message.respond(encode(AnswerEvent(n=decode_ask(message.data).n)))

    await client.subscribe(QUESTION, cb=on_question)
    await client.flush()
    pipe.send("ready")
    await asyncio.Event().wait()


def ask(pipe: Connection, url: str, count: int) -> None:
    """Ask one question after the other; measures each answer, and each failure for want of a server."""
    asyncio.run(_ask(pipe, url, count))


async def _ask(pipe: Connection, url: str, count: int) -> None:
    from nats.errors import NoRespondersError

    client = await nats.connect(url)
    answers_ns: list[int] = []
    failures_ns: list[int] = []
    for n in range(count):
        began = time.monotonic_ns()
        reply = decode_answer((await client.request(QUESTION, encode(AskEvent(n=n)))).data)
        answers_ns.append(time.monotonic_ns() - began)
        assert reply.n == n
    for n in range(count // 4):
        began = time.monotonic_ns()
        try:
            await client.request("app.unanswered", encode(AskEvent(n=n)))
        except NoRespondersError:
            failures_ns.append(time.monotonic_ns() - began)
    pipe.send((answers_ns, failures_ns))
