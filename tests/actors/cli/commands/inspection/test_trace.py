"""`undercroft trace`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus.client import connect, correlation
from schemas.config import RuntimeConfigRequestEvent
from schemas.event import Event
from schemas.operations.logs import LogRingRequestEvent
from tests.support.runtime_process import within

pytestmark = pytest.mark.slow


def test_a_matter_is_followed_through_the_actors(running: Any) -> None:
    assert running("logs", "--set-level", "debug").code == 0
    running("config", "get", "vad.sensitivity")
    found = next(
        record for record in _records(running) if record["message"].startswith("asked config.request")
    )
    ended = running("trace", found["correlation"])
    assert ended.code == 0
    assert "config_store: debug bus.actor_loop: asked config.request by" in ended.out
    assert "config_store: debug bus.actor_loop: answered config.request" in ended.out
    assert running("logs", "--set-level", "default").code == 0


def test_a_matter_that_nobody_noted_is_said_to_be_unknown(running: Any) -> None:
    ended = running("trace", "nobody:1")
    assert (ended.code, ended.out) == (1, "")
    assert "nothing about 'nobody:1'" in ended.err


class NoteAddedEvent(Event, frozen=True, kw_only=True, tag="app.note_added"):
    """What an app of ours publishes."""

    text: str


def has_logged(running: Any, correlation: str, *, ask: bool = False) -> bool:
    """Whether config_store has logged a request of this matter, or of any; `ask`: after one more."""
    if ask:
        assert running("config", "get", "vad.sensitivity").code == 0
    lines = running("logs", "config_store", "--json").documents
    return any(
        correlation in (line["correlation"] or "") and "asked config.request" in line["text"]
        for line in lines
    )


def test_the_flow_of_an_app_is_followed_from_event_to_event(running: Any) -> None:
    """The app sets the id once; the actor that handles its request carries it on by itself."""

    async def play() -> None:
        correlation.set("note-2041")
        async with connect(home=running.home) as app:
            await app.publish(NoteAddedEvent(text="water the plants"))
            await app.settled()
            change = RuntimeConfigRequestEvent(operation="update", updates={"vad.sensitivity": 0.41})
            await app.request(change)

    assert running("logs", "--set-level", "debug").code == 0
    assert within(20.0, lambda: has_logged(running, "", ask=True)), "the level reaches the actor"
    asyncio.run(play())
    ended = running("trace", "note-2041", "--json")
    assert ended.code == 0
    topics = [found["topic"] for found in ended.documents if found["kind"] == "event"]
    assert topics[:2] == ["app.note_added", "config.settings_changed"]
    assert ended.documents[0]["event"]["text"] == "water the plants"
    assert 'event app.note_added {"text":"water the plants"}' in running("trace", "note-2041").out
    assert within(20.0, lambda: has_logged(running, "note-2041"))
    assert running("logs", "--set-level", "default").code == 0


def _records(running: Any) -> list[Any]:
    """What the log ring holds, asked for until the newest records have reached it."""

    async def read() -> list[Any]:
        async with connect(home=running.home) as peer:
            while True:
                found = (await peer.request(LogRingRequestEvent(actor="config_store", limit=10_000))).records
                if any(record.message == "answered config.request" for record in found):
                    return [
                        {"message": record.message, "correlation": record.correlation} for record in found
                    ]

    return asyncio.run(read())
