"""Reads and writes over the bus: in order, announced without the value, repeated after an unlock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.state_store import key_unlocker
from schemas.keys import KeysStateChangedEvent
from schemas.operations.alerts import AlertChangedEvent
from schemas.state import (
    StateChangedEvent,
    StateDeleteRequestEvent,
    StateHealthRequestEvent,
    StateLoadRequestEvent,
    StateSaveRequestEvent,
)
from tests.support.state_lab import HeldKeys, refusal, running_without_copies

pytestmark = pytest.mark.anyio


async def test_everybody_hears_of_a_change_and_nobody_of_its_value(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab, lab.app.subscribe(StateChangedEvent) as events:
        revision = await lab.save("vault.pin", "1234")
        assert await anext(events) == StateChangedEvent(key="vault.pin", revision=revision, source="app")
        await lab.app.request(StateDeleteRequestEvent(key="vault.pin"))
        assert await anext(events) == StateChangedEvent(
            key="vault.pin", revision=revision + 1, deleted=True, source="app"
        )


async def test_of_many_who_expect_the_same_revision_one_wins(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        first = await lab.save("config.x", 0)
        outcomes = await asyncio.gather(
            *(lab.save("config.x", n, expected_revision=first) for n in range(50)), return_exceptions=True
        )
        winners = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Exception)]
        assert len(winners) == 1
        assert await lab.load("config.x") == winners[0]


async def test_many_writes_at_once_keep_their_order_for_each_key(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab:
        await asyncio.gather(*(lab.save(f"config.k{n % 7}", n) for n in range(300)))
        for key in range(7):
            assert await lab.load(f"config.k{key}") == max(n for n in range(300) if n % 7 == key)


@pytest.mark.requirement("S3-23")
async def test_an_encrypted_namespace_is_never_written_in_plain_and_a_locked_keychain_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keychain(HeldKeys):
        """Says no, then yes."""

        answers = iter([False, True])

        def unlock(self, *, make: bool = False) -> None:
            self.is_locked = not next(self.answers)

    keys = Keychain(reason="keychain_locked: the keychain wants a password")
    monkeypatch.setattr(key_unlocker, "PAUSE_SECONDS", 0.0)
    async with running_without_copies(tmp_path, keys) as lab:
        await lab.save("vault.a", "secret words", encrypt=False)
        content = (tmp_path / "vault" / "a.json").read_bytes()
        assert b"secret words" not in content
        keys.is_locked = True
        message = await refusal(lab.save("vault.a", "others"))
        assert "failed to save vault.a: locked" in message
        assert "keychain_locked: the keychain wants a password" in message, (
            "what the keychain said when it was asked"
        )
        assert (tmp_path / "vault" / "a.json").read_bytes() == content, "nothing is overwritten"
        assert await lab.load("vault.a") == "secret words", "the keychain was asked again, and says yes now"


@pytest.mark.requirement("S3-23")
async def test_locked_keys_are_published_and_the_keychain_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keychain(HeldKeys):
        """Says yes once a person allowed it."""

        asked = 0
        is_allowed = False

        def unlock(self, *, make: bool = False) -> None:
            self.asked += 1
            self.is_locked = not self.is_allowed

    monkeypatch.setattr(key_unlocker, "ASK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(key_unlocker, "PAUSE_SECONDS", 0.0)
    keys = Keychain()
    async with (
        running_without_copies(tmp_path, keys) as lab,
        lab.app.subscribe(KeysStateChangedEvent) as events,
    ):
        keys.is_locked = True
        await refusal(lab.save("vault.a", 1))
        asked, keys.is_allowed = keys.asked, True
        published = [await anext(events) for _ in range(2)]
        assert [event.report.state for event in published if isinstance(event, KeysStateChangedEvent)] == [
            "locked",
            "unlocked",
        ]
        assert keys.asked > asked, "nobody had to ask"


@pytest.mark.requirement("S3-21")
async def test_a_quota_that_is_exceeded_is_refused_and_an_alert_until_there_is_room(tmp_path: Path) -> None:
    async with (
        running_without_copies(tmp_path) as lab,
        lab.bus.connect("notebook") as owner,
        lab.app.subscribe(AlertChangedEvent) as alerts,
    ):
        await owner.request(StateSaveRequestEvent(key="notes.big", value="x" * 700_000))
        message = await refusal(owner.request(StateSaveRequestEvent(key="notes.more", value="x" * 700_000)))
        assert "namespace 'notes' would take" in message
        raised = await anext(alerts)
        assert isinstance(raised, AlertChangedEvent)
        assert (raised.alert.name, raised.alert.subject, raised.alert.is_active) == (
            "state_persistence.quota_exceeded",
            "notes",
            True,
        )
        await owner.request(StateDeleteRequestEvent(key="notes.big"))
        cleared = await anext(alerts)
        assert isinstance(cleared, AlertChangedEvent)
        assert not cleared.alert.is_active


@pytest.mark.requirement("S3-21", "S3-18", "S3-22")
async def test_a_damaged_document_is_put_aside_and_an_alert_says_where(tmp_path: Path) -> None:
    async with running_without_copies(tmp_path) as lab, lab.app.subscribe(AlertChangedEvent) as alerts:
        await lab.save("config.x", {"n": 1})
        path = tmp_path / "config" / "x.json"
        path.write_bytes(path.read_bytes().replace(b'"n": 1', b'"n": 2'))
        found = await lab.app.request(StateLoadRequestEvent(key="config.x"))
        assert (found.found, found.value, found.evidence) == (False, None, str(path) + ".corrupt")
        raised = await anext(alerts)
        assert isinstance(raised, AlertChangedEvent)
        assert (raised.alert.name, raised.alert.subject) == (
            "state_persistence.corruption_detected",
            "config.x",
        )
        assert str(path) + ".corrupt" in raised.alert.message
        health = await lab.app.request(StateHealthRequestEvent())
        assert (health.corrupted, health.alerts) == (1, ["state_persistence.corruption_detected/config.x"])
        assert health.faults[0].key == "config.x"
