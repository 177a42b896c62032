"""The parts that our own bus plays in the benchmarks."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection

from bus.actor import Actor
from bus.actor_loop import ActorLoop
from bus.client import connect
from bus.discovery import Runtime
from bus.errors import RequestFailed
from tests.benchmarks.bell import AsyncBell, ring
from tests.benchmarks.sample import AnswerEvent, AskEvent, Handler, SpokenEvent, UnansweredEvent


def publish_many(pipe: Connection, runtime: Runtime, count: int) -> None:
    """Publish as fast as may be; says when it began."""
    asyncio.run(_publish_many(pipe, runtime, count))


async def _publish_many(pipe: Connection, runtime: Runtime, count: int) -> None:
    async with connect("publisher", runtime=runtime) as peer:
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        pipe.send(time.monotonic())
        for n in range(count):
            await peer.publish(SpokenEvent(n=n))
        await peer.settled()
        await asyncio.to_thread(pipe.recv)


def hear_many(pipe: Connection, runtime: Runtime, count: int) -> None:
    """Handle so many events; says when it had the last."""
    asyncio.run(_hear_many(pipe, runtime, count))


async def _hear_many(pipe: Connection, runtime: Runtime, count: int) -> None:
    handler = Handler()
    async with connect(runtime=runtime) as peer, peer.subscribe(SpokenEvent) as events:
        pipe.send("ready")
        async for event in events:
            assert isinstance(event, SpokenEvent), event
            await handler.handle(event)
            if handler.count == count:
                break
        pipe.send(time.monotonic())
        assert handler.total == count * (count - 1) // 2


def publish_singly(pipe: Connection, runtime: Runtime, bell: Connection, count: int) -> None:
    """Publish one event after the other, each once the former was handled."""
    asyncio.run(_publish_singly(pipe, runtime, bell, count))


async def _publish_singly(pipe: Connection, runtime: Runtime, bell: Connection, count: int) -> None:
    async with connect("publisher", runtime=runtime) as peer:
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        handled = AsyncBell(bell)
        for n in range(count):
            await peer.publish(SpokenEvent(n=n, sent_ns=time.monotonic_ns()))
            await handled.rung()
        handled.close()


def hear_singly(pipe: Connection, runtime: Runtime, bell: Connection, count: int) -> None:
    """Handle events one by one; says how long each took."""
    asyncio.run(_hear_singly(pipe, runtime, bell, count))


async def _hear_singly(pipe: Connection, runtime: Runtime, bell: Connection, count: int) -> None:
    handler = Handler()
    async with connect("subscriber", runtime=runtime) as peer, peer.subscribe(SpokenEvent) as events:
        pipe.send("ready")
        async for event in events:
            assert isinstance(event, SpokenEvent), event
            await handler.time(event)
            ring(bell)
            if len(handler.latencies_ns) == count:
                break
    pipe.send(handler.latencies_ns)


class Oracle(Actor[AskEvent]):
    """Answers every question at once."""

    async def handle(self, event: AskEvent) -> AnswerEvent:
        return AnswerEvent(n=event.n)


def answer(pipe: Connection, runtime: Runtime) -> None:
    """Be an actor that answers until killed."""
    asyncio.run(_answer(pipe, runtime))


async def _answer(pipe: Connection, runtime: Runtime) -> None:
    async with connect("oracle", runtime=runtime) as peer:
        await ActorLoop(Oracle, peer).run()


def ask(pipe: Connection, runtime: Runtime, count: int) -> None:
    """Ask one question after the other; measures each answer, and each failure for want of a server."""
    asyncio.run(_ask(pipe, runtime, count))


async def _ask(pipe: Connection, runtime: Runtime, count: int) -> None:
    answers_ns: list[int] = []
    failures_ns: list[int] = []
    async with connect("asker", runtime=runtime) as peer:
        await _wait_for_server(runtime)
        for n in range(count):
            began = time.monotonic_ns()
            reply = await peer.request(AskEvent(n=n))
            answers_ns.append(time.monotonic_ns() - began)
            assert reply.n == n
        for n in range(count // 4):
            began = time.monotonic_ns()
            try:
                await peer.request(UnansweredEvent(n=n))
            except RequestFailed as failure:
                if failure.kind != "no_responder":
                    raise
            failures_ns.append(time.monotonic_ns() - began)
    pipe.send((answers_ns, failures_ns))


async def _wait_for_server(runtime: Runtime) -> None:
    """Another connection looks, so that the one that is measured has asked nothing yet."""
    async with connect("lookout", runtime=runtime) as peer:
        while True:
            try:
                await peer.request(AskEvent(n=0))
            except RequestFailed:
                await asyncio.sleep(0.01)
            else:
                return
