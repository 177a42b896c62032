"""The keychain is asked when keys are missing, and left alone for a while after it refused."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from actors.shared.keys.key_ring import open_ring
from actors.state_store import key_unlocker
from actors.state_store.key_status import KeyStatus
from actors.state_store.key_unlocker import PAUSE_SECONDS, KeyUnlocker
from bus.telemetry.alert_book import Alerts
from schemas.event import Event
from schemas.keys import KeysStateChangedEvent
from tests.support.state_lab import HeldKeys

pytestmark = pytest.mark.anyio


class Ring(HeldKeys):
    """Counts how often the keychain is asked."""

    asked = 0

    def unlock(self, *, make: bool = False) -> None:
        assert make
        self.asked += 1


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Published(list[Event]):
    async def publish(self, event: Event) -> None:
        self.append(event)

    @property
    def states(self) -> list[str]:
        return [event.report.state for event in self if isinstance(event, KeysStateChangedEvent)]


async def test_after_a_no_the_keychain_is_not_asked_for_a_while() -> None:
    ring, clock, published = Ring(), Clock(), Published()
    ring.is_locked = True
    status = KeyStatus("state_store", ring.report, published.publish, Alerts("s", published.publish))
    async with anyio.create_task_group() as tasks:
        unlocker = KeyUnlocker(ring, status, tasks, clock)
        await unlocker.unlock()
        await unlocker.unlock()
        assert ring.asked == 1
        clock.now += PAUSE_SECONDS
        ring.is_locked = False
        await unlocker.unlock()
        await unlocker.unlock()
        assert ring.asked == 3
        tasks.cancel_scope.cancel()
    assert published.states == ["locked", "unlocked"]


async def test_while_keys_are_locked_the_keychain_is_asked_again_without_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_unlocker, "ASK_AGAIN_SECONDS", 0.0)
    keychain = tmp_path / "keychain"
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{keychain}")
    open_ring(tmp_path / "state").unlock(make=True)
    keychain.rename(tmp_path / "elsewhere")
    ring, published, clock = open_ring(tmp_path / "state"), Published(), Clock()
    status = KeyStatus("state_store", ring.report, published.publish, Alerts("s", published.publish))
    async with anyio.create_task_group() as tasks:
        await KeyUnlocker(ring, status, tasks, clock).unlock()
        assert published.states == ["locked"]
        (tmp_path / "elsewhere").rename(keychain)
        clock.now += PAUSE_SECONDS
        with anyio.fail_after(10):
            while published.states != ["locked", "unlocked"]:
                await anyio.sleep(0.001)
