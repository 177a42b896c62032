"""A peer that only publishes now and then never waits for a late acceptance."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bus.client import GapEvent, connect
from bus.peer.lane.outbox import WINDOW_RUNS
from schemas.config import SettingsChangedEvent
from tests.support.broker_processes import GUARD_SECONDS, broker_options, broker_process

pytestmark = pytest.mark.anyio


async def test_more_single_events_than_may_be_under_way_are_all_heard_each_before_the_next(
    tmp_path: Path,
) -> None:
    """Only unasked ACCEPTED messages free the window: the peer never settles, requests or subscribes."""
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        async with (
            asyncio.timeout(GUARD_SECONDS),
            connect("listener", runtime=broker.runtime()) as listener,
            connect("publisher", runtime=broker.runtime()) as publisher,
            listener.subscribe(SettingsChangedEvent) as events,
        ):
            for revision in range(4 * WINDOW_RUNS):
                publisher.post(
                    SettingsChangedEvent(changed={}, settings={}, revision=revision, reason="update")
                )
                event = await anext(events)
                assert not isinstance(event, GapEvent)
                assert event.revision == revision
            await publisher.settled()
            assert publisher.statistics().accepted == 4 * WINDOW_RUNS
            assert publisher.statistics().resent_runs == 0
