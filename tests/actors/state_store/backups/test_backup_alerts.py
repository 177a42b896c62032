"""Each alert about backups says what is wrong and what to do, until it no longer applies."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.state_store.backups.backup_alerts import FAILED, SILENT, STALE, UNSOUND, BackupAlerts
from actors.state_store.backups.integrity_check import CheckReport
from bus.telemetry.alert_book import Alerts
from schemas.event import Event

pytestmark = pytest.mark.anyio


async def publish(event: Event) -> None:
    """Nobody listens."""


@pytest.fixture
def alerts() -> Alerts:
    return Alerts("state_store", publish)


async def test_a_failure_and_a_missed_schedule_are_over_once_a_backup_was_made(alerts: Alerts) -> None:
    backups = BackupAlerts(alerts, Path("/home/backups"))
    await backups.backup_failed(OSError("no space left"))
    await backups.backup_stale(None, 24.0)
    await backups.backup_stale(50 * 3600.0, 24.0)
    found = {alert.name: alert.message for alert in alerts.active()}
    assert found == {
        FAILED: "no space left",
        STALE: "recent changes are in no backup: the newest one is 50 hours old, expected one every 24 hours",
    }
    await backups.backup_made()
    assert alerts.active() == []


async def test_a_schedule_that_was_caught_up_is_no_longer_stale(alerts: Alerts) -> None:
    backups = BackupAlerts(alerts, Path("/home/backups"))
    await backups.backup_stale(None, 24.0)
    assert "there is none" in alerts.active()[0].message
    await backups.backup_current()
    assert alerts.active() == []


async def test_a_silent_disk_is_named_until_it_answers(alerts: Alerts) -> None:
    backups = BackupAlerts(alerts, Path("/home/backups"))
    await backups.disk_silent()
    (alert,) = alerts.active()
    assert (alert.name, alert.message) == (SILENT, "/home/backups: the disk of the backups does not answer")
    await backups.disk_answers()
    assert alerts.active() == []


async def test_findings_are_an_alert_until_a_check_finds_none(alerts: Alerts) -> None:
    backups = BackupAlerts(alerts, Path("/home/backups"))
    report = CheckReport()
    report.add("damaged", "notes/a.json", "cut short")
    await backups.checked(report)
    (alert,) = alerts.active()
    assert (alert.name, alert.message) == (UNSOUND, "1 findings, the first of them: notes/a.json: cut short")
    await backups.checked(CheckReport())
    assert alerts.active() == []
    await backups.check_failed(OSError("EIO"))
    assert alerts.active()[0].message == "not checked: EIO"
