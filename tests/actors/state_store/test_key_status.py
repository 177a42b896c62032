"""Locked keys are an alert with reason and advice until they are available; each state is published once."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.keys.key_ring import open_ring
from actors.state_store.key_status import LOCKED, KeyStatus
from bus.telemetry.alert_book import Alerts
from schemas.event import Event
from schemas.keys import KeysReport, KeysStateChangedEvent
from schemas.operations.alerts import AlertChangedEvent

pytestmark = pytest.mark.anyio

UNLOCKED = KeysReport(state="unlocked", keychain="file:/k")
MISSING = KeysReport(
    state="locked",
    reason="entry_missing",
    detail="the keychain has no entry",
    advice="run 'undercroft keys restore'",
)


class Published(list[Event]):
    """What was published, the oldest first."""

    async def publish(self, event: Event) -> None:
        self.append(event)

    @property
    def states(self) -> list[str]:
        return [event.report.state for event in self if isinstance(event, KeysStateChangedEvent)]

    @property
    def alerts(self) -> list[AlertChangedEvent]:
        return [event for event in self if isinstance(event, AlertChangedEvent)]


async def test_locked_keys_are_published_once_with_reason_and_advice_until_they_are_back() -> None:
    reports, published = [UNLOCKED, MISSING, MISSING, UNLOCKED], Published()
    status = KeyStatus(
        "state_store", lambda: reports.pop(0), published.publish, Alerts("state_store", published.publish)
    )
    assert [await status.publish() for _ in range(3)] == [False, True, False]
    assert status.is_locked
    alert = published.alerts[-1].alert
    assert (alert.name, alert.severity, alert.is_active, alert.advice) == (
        LOCKED,
        "error",
        True,
        MISSING.advice,
    )
    assert "entry_missing: the keychain has no entry" in alert.message
    assert not await status.publish()
    assert not status.is_locked
    assert [event.alert.is_active for event in published.alerts] == [True, False]
    assert published.states == ["unlocked", "locked", "unlocked"]


async def test_a_keychain_that_is_gone_shows_in_the_report_of_the_ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keychain = tmp_path / "keychain"
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{keychain}")
    open_ring(tmp_path / "state").unlock(make=True)
    keychain.rename(tmp_path / "elsewhere")
    ring, published = open_ring(tmp_path / "state"), Published()
    status = KeyStatus(
        "state_store", ring.report, published.publish, Alerts("state_store", published.publish)
    )
    ring.unlock()
    assert await status.publish()
    assert published.alerts[0].alert.advice
    (tmp_path / "elsewhere").rename(keychain)
    ring.unlock()
    assert not await status.publish()
    assert published.states == ["locked", "unlocked"]
