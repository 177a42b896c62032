"""`undercroft trace`."""

from __future__ import annotations

from typing import Any

import pytest

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


def _records(running: Any) -> list[Any]:
    """What the log ring holds, asked for until the newest records have reached it."""
    import asyncio

    from bus.client import connect
    from schemas.operations.logs import LogRingRequestEvent

    async def read() -> list[Any]:
        async with connect(home=running.home) as peer:
            while True:
                found = (await peer.request(LogRingRequestEvent(actor="config_store", limit=10_000))).records
                if any(record.message == "answered config.request" for record in found):
                    return [
                        {"message": record.message, "correlation": record.correlation} for record in found
                    ]

    return asyncio.run(read())
