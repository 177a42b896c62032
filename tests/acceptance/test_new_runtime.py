"""A connected client finds a runtime that was started anew, with its subscriptions and what it serves."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from bus.broker.broker_process import BrokerOptions
from bus.broker.roster import generous_roster
from bus.client import connect
from bus.discovery import Runtime, runtime_path
from bus.errors import RequestFailed
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent, SettingsChangedEvent
from schemas.operations.bus import GapEvent
from tests.support.broker_processes import GUARD_SECONDS, BrokerProcess

pytestmark = pytest.mark.anyio


def announce(home: Path, broker: BrokerProcess) -> None:
    """Write runtime.json as a supervisor does."""
    path = runtime_path(home=home)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = broker.options
    runtime = Runtime(
        app="undercroft",
        pid=os.getpid(),
        started_at=0.0,
        lane=options.lane,
        feed=options.feed,
        token=options.token,
    )
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(runtime))


def settings(revision: int) -> SettingsChangedEvent:
    return SettingsChangedEvent(changed={}, settings={}, revision=revision, reason="update")


@pytest.mark.requirement("C-6")
async def test_a_client_follows_runtime_json_to_a_broker_with_other_sockets_and_another_token(
    tmp_path: Path,
) -> None:
    first = BrokerProcess(
        BrokerOptions(
            lane=f"ipc://{tmp_path}/a/lane",
            feed=f"ipc://{tmp_path}/a/feed",
            token="first",
            roster=generous_roster(),
        )
    )
    second = BrokerProcess(
        BrokerOptions(
            lane=f"ipc://{tmp_path}/b/lane",
            feed=f"ipc://{tmp_path}/b/feed",
            token="second",
            roster=generous_roster(),
        )
    )
    try:
        first.start()
        announce(tmp_path, first)
        async with asyncio.timeout(GUARD_SECONDS), connect("old", home=tmp_path) as old:
            await old.serve(
                [RuntimeConfigRequestEvent],
                lambda request: request.reply(
                    RuntimeConfigResponseEvent(success=True, message="", settings={})
                ),
            )
            async with old.subscribe(SettingsChangedEvent) as events:
                await old.publish(settings(1))
                assert await anext(events) == settings(1)
                first.kill()
                second.start()
                announce(tmp_path, second)
                async with connect("new", home=tmp_path) as new:
                    await new.publish(settings(2))
                    heard = await anext(events)
                    assert not isinstance(heard, GapEvent)
                    assert heard.revision == 2
                    while True:
                        try:
                            assert (
                                await new.request(RuntimeConfigRequestEvent(operation="get_effective"))
                            ).success
                            break
                        except RequestFailed as failed:
                            assert failed.kind in ("no_responder", "restarting")
                            await asyncio.sleep(0)
            assert old.welcomes == 2
    finally:
        first.kill()
        second.kill()
