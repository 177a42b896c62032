"""An actor serves and hears what it declares. tests/contract/test_actors.py proves how it lives on a bus."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Any, Generic, Optional, TypeVar, Union

import pytest

from bus.actor import Actor, BusContext, ContextMissing, InboxError
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.lifeline import Lifeline, LifelineMessage, LineDecoder, StopMessage, encode
from schemas.event import Event
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent, StateEvent

Inbox = AskEvent | NumberedEvent
InboxT = TypeVar("InboxT", bound=Event)


class Quiet(Actor[Inbox]):
    async def handle(self, event: Inbox) -> Event | None:
        return AnswerEvent(text="yes") if isinstance(event, AskEvent) else None


class Single(Actor[StateEvent]):
    pass


class Old(Actor[Union[AskEvent, NumberedEvent]]):  # noqa: UP007  # the older spelling works too
    pass


class Template(Actor[InboxT], Generic[InboxT]):
    pass


def test_the_declared_union_is_the_inbox() -> None:
    assert Quiet.inbox == Old.inbox == (AskEvent, NumberedEvent)
    assert Single.inbox == (StateEvent,)
    assert Template.inbox == ()


@pytest.mark.parametrize("declared", [int, AskEvent | int, Optional[AskEvent]])  # noqa: UP045
def test_an_inbox_of_anything_but_events_is_refused_when_it_is_declared(declared: Any) -> None:
    with pytest.raises(InboxError, match="Strange: the inbox is"):
        type("Strange", (Actor,), {"__orig_bases__": (Actor[declared],)})


@pytest.fixture
def pipes() -> Iterator[tuple[Lifeline, socket.socket]]:
    near, far = socket.socketpair()
    yield Lifeline(near.fileno(), near.fileno()), far
    near.close()
    far.close()


@pytest.mark.anyio
@pytest.mark.skipif(os.name == "nt", reason="there a lifeline is pumped")
async def test_its_own_loop_says_ready_answers_pings_and_stops(pipes: tuple[Lifeline, socket.socket]) -> None:
    lifeline, far = pipes
    far.setblocking(False)
    loop = asyncio.get_running_loop()
    decoder = LineDecoder()
    async with memory_bus() as bus, bus.connect("quiet") as peer:
        task = asyncio.ensure_future(ActorLoop(Quiet, peer).run(lifeline))

        async def said() -> LifelineMessage:
            while not (messages := decoder.feed(await loop.sock_recv(far, 1000))):
                pass
            return messages[0]

        assert (await said()).ready == {}
        async with bus.connect() as asker:
            assert (await asker.request(AskEvent(text="?"))).text == "yes"
        await loop.sock_sendall(far, encode(LifelineMessage(ping=7)))
        assert (await said()).pong == 7
        await loop.sock_sendall(far, encode(LifelineMessage(stop=StopMessage(returning=False))))
        await task


class Careless(Quiet):
    def __init__(self, context: BusContext) -> None:
        """Forget the context."""


@pytest.mark.anyio
async def test_an_actor_that_does_not_hand_its_context_on_says_what_to_do() -> None:
    async with memory_bus() as bus, bus.connect() as peer:
        with pytest.raises(ContextMissing, match=r"Careless: .* super\(\).__init__\(context\)"):
            await ActorLoop(Careless, peer).run()


@pytest.mark.anyio
async def test_an_actor_that_does_not_say_what_it_does_fails_loudly() -> None:
    async with memory_bus() as bus, bus.connect() as peer, bus.connect() as publisher:
        task = asyncio.ensure_future(ActorLoop(Single, peer).run())
        await publisher.publish(StateEvent(key="k", value=1))
        with pytest.raises(ExceptionGroup) as caught:
            await task
        assert caught.group_contains(NotImplementedError, depth=1)
