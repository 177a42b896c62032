"""The latest of actors and models is recorded as it comes over a bus."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from actors.cli.demo.event_recorder import EventRecorder
from bus.broker.memory_bus import memory_bus
from schemas.models import ModelDownloadProgressedEvent, ModelInstalledEvent, ModelVerifiedEvent
from schemas.operations.supervision import ActorStateChangedEvent, ActorStatus
from schemas.readiness import ReadinessChangedEvent
from tests.support.readiness_lab import facts_of, snapshot_of, status

pytestmark = pytest.mark.anyio


def progressed(durable_bytes: int) -> ModelDownloadProgressedEvent:
    return ModelDownloadProgressedEvent(
        model_id="m",
        name="M",
        attempt=1,
        durable_bytes=durable_bytes,
        size_bytes=10,
        rate_bytes_per_second=0.0,
        seconds_left=None,
        staging_directory="",
        files=[],
    )


async def test_what_is_published_is_recorded_and_can_be_waited_for() -> None:
    shown: list[int] = []
    recorder = EventRecorder(lambda event: shown.append(event.durable_bytes))
    async with memory_bus() as bus, bus.connect("source") as source, bus.connect("tour") as tour:
        began = asyncio.Event()
        following = asyncio.ensure_future(recorder.follow(tour, began))
        await began.wait()
        await source.publish(
            ActorStateChangedEvent(actor="a", status=ActorStatus(actor="a", state="ready", pid=7))
        )
        await source.publish(progressed(4))
        await source.publish(ModelVerifiedEvent(model_id="m", size_bytes=10))
        for facts in (
            facts_of(status("base", "absent")),
            facts_of(status("base", "absent")),
            facts_of(status("base", "downloading")),
        ):
            await source.publish(ReadinessChangedEvent(snapshot=snapshot_of(facts), changed=[]))
        await source.publish(
            ModelInstalledEvent(
                model_id="m", name="M", directory="/m", size_bytes=10, fetched_bytes=10, attempts=1
            )
        )
        async with asyncio.timeout(5):
            await recorder.until(lambda: "m" in recorder.installed)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
    assert shown == [4]
    assert recorder.durable_bytes == {"m": 4}
    assert recorder.verified == {"m"}
    assert recorder.readiness == ["setup_required", "downloading"], "each change once"
    assert recorder.is_ready("a")
    assert recorder.is_ready("a", not_pid=8)
    assert not recorder.is_ready("a", not_pid=7)
    assert not recorder.is_ready("b")
