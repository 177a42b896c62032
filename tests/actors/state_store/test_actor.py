"""The state store as a process: durable when it answers, audited, measured, and finished when it stops."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from schemas.operations.alerts import AlertChangedEvent
from schemas.operations.metrics import MetricsReportedEvent, MetricsWantedEvent
from schemas.state import (
    StateHealthRequestEvent,
)
from tests.support.state_lab import refusal, running_without_copies

pytestmark = pytest.mark.anyio

LAYOUT: dict[str, Any] = {
    "version": "1.0.0",
    "timestamp": 1759708800000,
    "layout": {"clock": {"x": 0, "y": 0, "w": 4.5, "h": 2, "locked": True}},
    "instances": {"clock": {"type": "clock", "state": {"zone": "UTC", "größe": [1, 2.5, None]}}},
    "metadata": {"name": "Default", "description": "the first", "tags": ["home"]},
}


@pytest.mark.requirement("S3-3", "S3-26", "S3-14", "S3-25")
async def test_a_layout_comes_back_exactly_also_after_a_restart(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        await lab.save("layout.default", LAYOUT)
        assert await lab.load("layout.default") == LAYOUT
    async with running_without_copies(tmp_path) as lab:
        assert await lab.load("layout.default") == LAYOUT
        assert (tmp_path / "layouts" / "default.json").is_file()


@pytest.mark.requirement("S3-23")
async def test_what_is_wrong_with_the_audit_log_is_an_alert_and_it_is_closed_at_the_end(
    tmp_path: Path,
) -> None:
    async with running_without_copies(tmp_path) as lab, lab.app.subscribe(AlertChangedEvent) as alerts:
        lab.audit.problems.append("somebody cut a line off")
        await lab.save("config.x", 1)
        raised = await anext(alerts)
        assert isinstance(raised, AlertChangedEvent)
        assert (raised.alert.name, raised.alert.message) == (
            "state_persistence.audit_log",
            "somebody cut a line off",
        )
    assert lab.audit.is_closed


@pytest.mark.requirement("S3-20", "S3-22")
async def test_metrics_and_health_show_how_the_store_is(tmp_path: Path) -> None:
    async with (
        running_without_copies(tmp_path) as lab,
        lab.app.subscribe(MetricsReportedEvent) as reports,
    ):
        await lab.save("config.x", "v" * 1000)
        await lab.load("config.x")
        await refusal(lab.save("nonsense", 1))
        await lab.app.publish(MetricsWantedEvent(reading="r"))
        report = await anext(reports)
        assert isinstance(report, MetricsReportedEvent)
        counts = {sample.name: sample.count for sample in report.samples}
        assert (
            counts["state_persistence.save.duration_ms"],
            counts["state_persistence.load.duration_ms"],
        ) == (1, 1)
        sizes = {
            sample.labels["namespace"]: sample.value
            for sample in report.samples
            if sample.name == "state_persistence.storage.size_bytes"
        }
        assert sizes["config"] == (tmp_path / "config" / "x.json").stat().st_size
        health = await lab.app.request(StateHealthRequestEvent())
        assert (health.keys, health.saves, health.loads, health.refused) == (1, 1, 1, 1)
        assert health.size_bytes == sizes["config"]
        assert {one.name: one.encrypt for one in health.namespaces}["vault"]


async def test_stopping_answers_what_was_asked_before(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        asking = [asyncio.ensure_future(lab.save(f"config.k{n}", n)) for n in range(100)]
        await lab.load("config.k0")
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(outcome, int) for outcome in outcomes)
    async with running_without_copies(tmp_path) as lab:
        for n in range(100):
            assert await lab.load(f"config.k{n}") == n
