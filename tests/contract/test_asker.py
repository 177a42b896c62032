"""A handler knows which peer asks. The broker says so: no peer can ask in another's name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from bus import wire
from bus.actor import Actor, BusContext, Later
from bus.actor_loop import ActorLoop
from bus.client import NOBODY, asker
from bus.errors import HelloRefused
from tests.contract.conftest import ContractBus
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("S3-24")]

Inbox = AskEvent | NumberedEvent


class WhoAsks(Actor[Inbox]):
    """Answers with the name of the asking peer; `later` answers beside the inbox."""

    def __init__(self, context: BusContext) -> None:
        super().__init__(context)
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def handle(self, event: Inbox) -> AnswerEvent | Later | None:
        if isinstance(event, NumberedEvent):
            self.heard.put_nowait(asker.get())
            return None
        return Later(self.work) if event.text == "later" else AnswerEvent(text=asker.get())

    async def work(self) -> AnswerEvent:
        await asyncio.sleep(0)
        return AnswerEvent(text=asker.get())


@contextlib.asynccontextmanager
async def running(bus: ContractBus) -> AsyncIterator[WhoAsks]:
    built: list[WhoAsks] = []

    def build(context: BusContext) -> WhoAsks:
        built.append(WhoAsks(context))
        return built[0]

    async with bus.connect("who_asks") as own:
        loop = ActorLoop(build, own)
        task = asyncio.ensure_future(loop.run())
        await loop.wait_until_ready()
        yield built[0]
        loop.stop()
        await task


async def test_a_handler_and_its_later_work_know_who_asks(bus: ContractBus) -> None:
    async with running(bus), bus.connect("alice") as alice, bus.connect("bob") as bob:
        asking = [peer.request(AskEvent(text=text)) for text in ("later", "now") * 5 for peer in (alice, bob)]
        answers = await asyncio.gather(*asking)
        assert [answer.text for answer in answers] == ["alice", "bob"] * 10


async def test_an_event_is_asked_by_nobody(bus: ContractBus) -> None:
    async with running(bus) as actor, bus.connect("alice") as alice:
        await alice.request(AskEvent(text="now"))
        await alice.publish(NumberedEvent(n=1))
        assert await actor.heard.get() == NOBODY


async def test_a_source_that_the_asker_claims_is_not_believed(bus: ContractBus) -> None:
    async with running(bus), bus.raw() as raw:
        await raw.hello("mallory")
        raw.send(wire.RequestHeader(1, "app.ask", 5000, None, "alice"), wire.encode(AskEvent(text="now")))
        _, body = await raw.next(wire.RepliedHeader)
        assert msgspec.msgpack.decode(body[0], type=AnswerEvent).text == "mallory"


async def test_a_name_that_is_present_cannot_be_taken(bus: ContractBus) -> None:
    async with bus.connect("alice"):
        with pytest.raises(HelloRefused):
            async with bus.connect("alice"):
                pass
