"""Alerts and metrics by their names, and health in one answer."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from actors.state_store.engine.files import state_layout
from actors.state_store.engine.operations import Incident, Save
from actors.state_store.engine.store import StateStore
from actors.state_store.health import HealthReporter
from bus.telemetry.alert_book import Alerts
from bus.telemetry.instruments import Metrics
from schemas.event import Event
from schemas.operations.alerts import AlertChangedEvent
from tests.support.state_lab import AuditInMemory

pytestmark = pytest.mark.anyio


def refuse(descriptor: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


class Published:
    def __init__(self, root: Path) -> None:
        self.store = StateStore(root).start()
        self.events: list[AlertChangedEvent] = []
        self.metrics = Metrics()
        self.alerts = Alerts("state_store", self.publish, lambda: 5.0)
        self.audit = AuditInMemory()
        self.health = HealthReporter(self.store, self.alerts, self.metrics, self.audit, lambda: 5.0)

    async def publish(self, event: Event) -> None:
        assert isinstance(event, AlertChangedEvent)
        self.events.append(event)


@pytest.mark.requirement("S3-21")
async def test_each_kind_of_incident_has_its_alert(tmp_path: Path) -> None:
    published = Published(tmp_path)
    published.store.incidents.extend(
        [
            Incident("corruption", "n.a", "a digest", "/x/n.a.corrupt", "backup 3"),
            Incident("disk", "journal", "EIO"),
        ]
    )
    await published.health.report_incidents()
    assert [event.alert.name for event in published.events] == [
        "state_persistence.corruption_detected",
        "state_persistence.disk_failed",
    ]
    assert "repaired from backup 3; the evidence is /x/n.a.corrupt" in published.events[0].alert.message
    assert published.health.health().corrupted == 1
    published.store.close()


@pytest.mark.requirement("S3-21")
async def test_an_alert_is_over_once_a_damaged_document_is_written_again_and_the_disk_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Published(tmp_path)
    published.store.incidents.append(Incident("corruption", "config.a", "a digest", "/x", ""))
    published.store.commit([[Save("config.z", 1)]])
    with monkeypatch.context() as patch:
        patch.setattr(state_layout, "sync_file", refuse)
        published.store.checkpoint()
    await published.health.report_incidents()
    published.health.succeeded("me", "load", "config.a", 0.001)
    published.health.succeeded("me", "save", "config.b", 0.001)
    await published.health.report_incidents()
    assert len(published.alerts.active()) == 2, "neither a read nor another key mends it"
    published.health.succeeded("me", "save", "config.a", 0.001)
    await published.health.report_incidents()
    assert [alert.subject for alert in published.alerts.active()] == ["journal"]
    published.store.checkpoint()
    await published.health.report_incidents()
    assert not published.alerts.active()
    published.store.incidents.append(Incident("corruption", "config.a", "a digest", "/x", ""))
    published.health.succeeded("me", "save", "config.a", 0.001)
    await published.health.report_incidents()
    assert published.alerts.active(), "damage that was found after the write is news"
    published.store.close()


@pytest.mark.requirement("S3-21")
async def test_a_quota_alert_is_over_once_quota_sufficed_in_the_same_namespace(tmp_path: Path) -> None:
    published = Published(tmp_path)
    await published.health.quota_exceeded("config", "full")
    await published.health.quota_sufficed("layout")
    assert published.alerts.active()
    await published.health.quota_sufficed("config")
    assert not published.alerts.active()
    published.store.close()


@pytest.mark.requirement("S3-20", "S3-22")
async def test_health_counts_means_and_remembers_the_newest_faults(tmp_path: Path) -> None:
    published = Published(tmp_path)
    published.store.commit([[Save("config.a", 1)]])
    published.health.succeeded("me", "save", "config.a", 0.002)
    published.health.succeeded("me", "delete", "config.b", 0.004)
    published.health.succeeded("me", "load", "config.a", 0.001)
    for n in range(60):
        published.health.was_refused("me", "save", f"config.{n}", "no")
    published.health.measure()
    health = published.health.health()
    assert (health.saves, health.loads, health.refused, health.save_mean_ms, health.load_mean_ms) == (
        2,
        1,
        60,
        3.0,
        1.0,
    )
    assert (len(health.faults), health.faults[0].key, health.faults[0].at) == (50, "config.59", 5.0)
    assert {one.name: one.keys for one in health.namespaces}["config"] == 1
    names = {sample.name for sample in published.metrics.samples()}
    assert names == {
        "state_persistence.save.duration_ms",
        "state_persistence.load.duration_ms",
        "state_persistence.storage.size_bytes",
    }
    published.store.close()
