"""Everybody is asked at once, and nobody is waited for."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest

from actors.diagnostics.evidence.inquiry import (
    DEADLINE_SECONDS,
    alerts,
    gather,
    in_threads,
    keys,
    metrics,
    to_bus,
)
from actors.diagnostics.report_facts import PART_NAMES
from bus.broker.memory_bus import memory_bus
from bus.errors import RequestFailed
from schemas.keys import KeysReport, KeysStateChangedEvent
from schemas.operations.alerts import Alert, AlertChangedEvent

pytestmark = pytest.mark.anyio


def alert(name: str, at: float) -> AlertChangedEvent:
    found = Alert(
        name=name,
        subject="",
        source="s",
        severity="error",
        is_active=True,
        since=at,
        last_at=at,
        count=1,
        message="m",
        advice="a",
    )
    return AlertChangedEvent(key=f"s/{name}/", alert=found)


@pytest.mark.requirement("S0-16")
async def test_each_part_is_found_or_has_a_reason() -> None:
    async def well() -> int:
        return 1

    async def silent() -> None:
        await asyncio.Event().wait()

    async def refused() -> None:
        raise RequestFailed("no_responder", "nobody serves it", "a.b")

    async def broken() -> None:
        raise ZeroDivisionError("oh")

    found, missing = await gather({"a": well, "b": silent, "c": refused, "d": broken}, deadline_seconds=0.05)
    assert found == {"a": 1}
    assert missing == {
        "b": "no answer within 0.05 s",
        "c": "no_responder: nobody serves it",
        "d": "oh",
    }


async def test_a_look_that_hangs_is_left_behind() -> None:
    hanging = threading.Event()
    try:
        found, missing = await gather(
            in_threads({"disk": hanging.wait, "other": lambda: 2}), deadline_seconds=1.5
        )
        assert (found, list(missing)) == ({"other": 2}, ["disk"])
    finally:
        hanging.set()


async def test_every_question_to_the_bus_is_a_part_of_the_report_and_none_waits_where_nobody_is() -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        questions = to_bus(app, 10)
        assert questions.keys() <= PART_NAMES.keys()
        found, missing = await gather(questions)
        assert found.keys() >= {"alerts", "keys"}
        assert {reason.partition(":")[0] for reason in missing.values()} == {"no_responder"}


async def test_alerts_and_keys_are_those_that_the_broker_retains() -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        await app.publish(alert("old", 1.0))
        await app.publish(alert("new", 2.0))
        await app.publish(msgspec.structs.replace(alert("forged", 3.0), key="other/forged/"))
        await app.publish(KeysStateChangedEvent(source="state_store", report=KeysReport(state="absent")))
        await app.settled()
        assert [one.name for one in await alerts(app)] == ["new", "old"]
        assert (await keys(app))["state_store"].state == "absent"


async def test_metrics_need_somebody_who_says_who_there_is() -> None:
    async with memory_bus() as bus, bus.connect("app") as app:
        with pytest.raises(RequestFailed):
            await metrics(app)


def test_a_report_waits_for_nobody_longer_than_a_person_waits_for_it() -> None:
    assert DEADLINE_SECONDS < 2
