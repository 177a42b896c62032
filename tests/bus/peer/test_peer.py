"""A peer counts what it does, and refuses what nobody could receive; its promises are in tests/contract."""

from __future__ import annotations

import pytest

from bus.broker.memory_bus import memory_bus
from bus.errors import ProtocolError
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent

pytestmark = pytest.mark.anyio


async def test_what_a_peer_did_is_counted() -> None:
    async with memory_bus() as bus, bus.connect() as peer, peer.subscribe(NumberedEvent) as events:
        await peer.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="me")))
        for n in range(3):
            peer.post(NumberedEvent(n=n))
        await peer.settled()
        heard = [await anext(events) for _ in range(3)]
        assert heard == [NumberedEvent(n=n) for n in range(3)]
        assert (await peer.request(AskEvent(text="?"))).text == "me", "a peer may ask itself"
        found = peer.statistics()
        assert (
            found.published,
            found.accepted,
            found.delivered,
            found.lost,
            found.welcomes,
            found.undecodable,
        ) == (3, 3, 3, 0, 1, 0)
        assert found.ignored == {}


async def test_an_event_that_is_too_large_raises_where_it_is_published() -> None:
    async with memory_bus() as bus, bus.connect() as peer:
        with pytest.raises(ProtocolError, match="oversize"):
            peer.post(NumberedEvent(n=1, filler=bytes(17 * 1024 * 1024)))
        assert peer.statistics().published == 0
