"""The state store over a bus: durable when it is answered, only for those who may, told to everybody without its value."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import KeyUnavailable
from actors.shared.keys.key_source import KeySource
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.actor import StateStoreActor
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import kinds_of
from actors.state_store.engine.store import StateStore
from actors.state_store.namespaces import Namespaces
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.documents import (
    DocumentCacheRequestEvent,
    DocumentChangedEvent,
    DocumentReadRequestEvent,
    DocumentTypesRequestEvent,
    DocumentWriteRequestEvent,
)
from schemas.keys import KeysReport, KeysStateChangedEvent
from schemas.operations.alerts import AlertChangedEvent
from schemas.operations.metrics import MetricsReportedEvent, MetricsWantedEvent
from schemas.state import (
    VALUE_LIMIT_BYTES,
    BatchOperation,
    StateChangedEvent,
    StateDeleteRequestEvent,
    StateExistsRequestEvent,
    StateHealthRequestEvent,
    StateListRequestEvent,
    StateLoadBatchRequestEvent,
    StateLoadRequestEvent,
    StateSaveBatchRequestEvent,
    StateSaveRequestEvent,
)

pytestmark = pytest.mark.anyio

LAYOUT: dict[str, Any] = {
    "version": "1.0.0",
    "timestamp": 1759708800000,
    "layout": {"clock": {"x": 0, "y": 0, "w": 4.5, "h": 2, "locked": True}},
    "instances": {"clock": {"type": "clock", "state": {"zone": "UTC", "größe": [1, 2.5, None]}}},
    "metadata": {"name": "Default", "description": "the first", "tags": ["home"]},
}
TABLES = [
    NamespaceTable(name="notes", owner="notebook", readers=["alice"], quota_mib=1),
    NamespaceTable(name="vault", encrypt=True),
]


class Marks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    labels: tuple[str, ...] = ()


class HeldKeys:
    """Keys that can be locked."""

    def __init__(self) -> None:
        self.is_locked = False

    def current(self) -> DataKey:
        return self.data_key("k1")

    def data_key(self, key_id: str) -> DataKey:
        if self.is_locked:
            raise KeyUnavailable(key_id, "keychain_locked: the keychain wants a password")
        return DataKey(key_id, hashlib.sha256(key_id.encode()).digest())


class Noted:
    """An audit log in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str, str]] = []
        self.problems: deque[str] = deque()
        self.is_closed = False

    def open(self) -> None:
        """All is well."""

    async def settle(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        self.is_closed = True

    def record(self, who: str, verb: str, key: str, outcome: str) -> None:
        self.lines.append((who, verb, key, outcome))


class World:
    """A running store on a bus."""

    def __init__(self, bus: MemoryBus, app: Peer, root: Path, audit: Noted) -> None:
        self.bus = bus
        self.app = app
        self.root = root
        self.audit = audit

    async def save(self, key: str, value: Any, **options: Any) -> int:
        return (await self.app.request(StateSaveRequestEvent(key=key, value=value, **options))).revision

    async def load(self, key: str) -> Any:
        return (await self.app.request(StateLoadRequestEvent(key=key))).value


@contextlib.asynccontextmanager
async def running(
    root: Path,
    keys: KeySource | None = None,
    unlock: Callable[[], bool] | None = None,
    quota_bytes: int = 0,
    report: Callable[[], KeysReport] | None = None,
) -> AsyncIterator[World]:
    audit = Noted()
    store = StateStore(root, Namespaces(TABLES), keys=keys or HeldKeys(), quota_bytes=quota_bytes)
    actor = StateStoreActor(store, DocumentStore(store, kinds_of([Marks])), unlock, audit, report)
    async with memory_bus() as bus, bus.connect("state_store") as own, bus.connect("app") as app:
        loop = ActorLoop(actor, own)
        task = asyncio.ensure_future(loop.run())
        while not any("state.save" in peer.serves for peer in bus.core.statistics(0.0).peers):
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
        yield World(bus, app, root, audit)
        loop.stop()
        await task


async def refusal(asking: Any) -> str:
    with pytest.raises(RequestFailed) as caught:
        await asking
    assert caught.value.kind == "refused"
    return caught.value.message


@pytest.mark.requirement("S3-3", "S3-26", "S3-14", "S3-25")
async def test_a_layout_comes_back_exactly_also_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        await world.save("layout.default", LAYOUT)
        assert await world.load("layout.default") == LAYOUT
    async with running(tmp_path) as world:
        assert await world.load("layout.default") == LAYOUT
        assert (tmp_path / "layouts" / "default.json").is_file()


@pytest.mark.requirement("S3-3")
async def test_what_is_missing_is_null_and_what_is_deleted_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        missing = await world.app.request(StateLoadRequestEvent(key="config.app"))
        assert (missing.found, missing.value, missing.revision) == (False, None, 0)
        await world.save("config.app", None)
        found = await world.app.request(StateLoadRequestEvent(key="config.app"))
        assert (found.found, found.value) == (True, None)
        assert (await world.app.request(StateExistsRequestEvent(key="config.app"))).exists
        assert (await world.app.request(StateDeleteRequestEvent(key="config.app"))).existed
        assert not (await world.app.request(StateDeleteRequestEvent(key="config.app"))).existed
        assert not (await world.app.request(StateExistsRequestEvent(key="config.app"))).exists
        assert await world.load("config.app") is None


@pytest.mark.requirement("S3-4")
async def test_a_batch_is_taken_whole_or_not_at_all_and_loaded_as_a_map(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        await world.save("config.old", 1)
        operations = [
            BatchOperation(type="save", key="config.a", value=[1]),
            BatchOperation(type="save", key="config.b", value=2),
            BatchOperation(type="delete", key="config.old"),
        ]
        done = await world.app.request(StateSaveBatchRequestEvent(operations=operations))
        assert set(done.revisions) == {"config.a", "config.b", "config.old"}
        found = await world.app.request(
            StateLoadBatchRequestEvent(keys=["config.a", "config.b", "config.old"])
        )
        assert found.values == {"config.a": [1], "config.b": 2, "config.old": None}
        assert found.revisions["config.old"] == 0
        bad = [
            BatchOperation(type="save", key="config.a", value=9),
            BatchOperation(type="save", key="layout.x", value={"version": 1}),
        ]
        assert "validation failed for layout.x" in await refusal(
            world.app.request(StateSaveBatchRequestEvent(operations=bad))
        )
        assert await world.load("config.a") == [1]


@pytest.mark.requirement("S3-13", "S3-8", "S3-18")
async def test_errors_name_the_key(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        assert "validation failed for layout.x" in await refusal(world.save("layout.x", {"version": "1"}))
        assert "validation failed for config.x" in await refusal(world.save("config.x", b"bytes"))
        assert "validation failed for config.x" in await refusal(world.save("config.x", float("nan")))
        assert "is no key" in await refusal(world.save("nonsense", 1))
        assert "there is no namespace 'other'" in await refusal(world.save("other.x", 1))
        await world.save("config.x", 1)
        (tmp_path / "config" / "x.json").chmod(0o600)
        assert "failed to save config.x: expected revision 99, found" in await refusal(
            world.save("config.x", 2, expected_revision=99)
        )


@pytest.mark.requirement("S3-24", "S3-23")
async def test_who_may_touch_a_namespace_is_enforced_on_the_bus_and_every_access_is_audited(
    tmp_path: Path,
) -> None:
    async with (
        running(tmp_path) as world,
        world.bus.connect("notebook") as owner,
        world.bus.connect("alice") as alice,
        world.bus.connect("eve") as eve,
    ):
        await owner.request(StateSaveRequestEvent(key="notes.one", value="dear diary"))
        assert (await alice.request(StateLoadRequestEvent(key="notes.one"))).value == "dear diary"
        assert "'alice' may not write" in await refusal(
            alice.request(StateSaveRequestEvent(key="notes.one", value="x"))
        )
        for request in (
            StateLoadRequestEvent(key="notes.one"),
            StateExistsRequestEvent(key="notes.one"),
            StateLoadBatchRequestEvent(keys=["config.x", "notes.one"]),
        ):
            assert "'eve' may not read" in await refusal(eve.request(request))
        for write in (
            StateDeleteRequestEvent(key="notes.one"),
            StateSaveBatchRequestEvent(operations=[BatchOperation(type="delete", key="notes.one")]),
        ):
            assert "'eve' may not write" in await refusal(eve.request(write))
        assert (await eve.request(StateListRequestEvent())).total == 0
        assert [one.key for one in (await alice.request(StateListRequestEvent())).keys] == ["notes.one"]
        assert (await owner.request(StateLoadRequestEvent(key="notes.one"))).value == "dear diary"
        assert ("notebook", "save", "notes.one", "ok") in world.audit.lines
        assert ("alice", "load", "notes.one", "ok") in world.audit.lines
        assert ("eve", "load", "notes.one", "refused") in world.audit.lines
        assert not any("diary" in "".join(line) for line in world.audit.lines)


@pytest.mark.requirement("S3-23")
async def test_what_is_wrong_with_the_audit_log_is_an_alert_and_it_is_closed_at_the_end(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as world, world.app.subscribe(AlertChangedEvent) as alerts:
        world.audit.problems.append("somebody cut a line off")
        await world.save("config.x", 1)
        raised = await anext(alerts)
        assert isinstance(raised, AlertChangedEvent)
        assert (raised.alert.name, raised.alert.message) == (
            "state_persistence.audit_log",
            "somebody cut a line off",
        )
    assert world.audit.is_closed


async def test_everybody_hears_of_a_change_and_nobody_of_its_value(tmp_path: Path) -> None:
    async with running(tmp_path) as world, world.app.subscribe(StateChangedEvent) as events:
        revision = await world.save("vault.pin", "1234")
        assert await anext(events) == StateChangedEvent(key="vault.pin", revision=revision, source="app")
        await world.app.request(StateDeleteRequestEvent(key="vault.pin"))
        assert await anext(events) == StateChangedEvent(
            key="vault.pin", revision=revision + 1, deleted=True, source="app"
        )


async def test_a_writer_that_has_not_seen_the_newest_revision_is_refused_with_both(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        first = await world.save("config.x", 1, expected_revision=0)
        second = await world.save("config.x", 2, expected_revision=first)
        assert f"expected revision {first}, found {second}" in await refusal(
            world.save("config.x", 3, expected_revision=first)
        )
        assert f"expected revision 0, found {second}" in await refusal(
            world.save("config.x", 3, expected_revision=0)
        )
        await world.app.request(StateDeleteRequestEvent(key="config.x", expected_revision=second))
        again = await world.save("config.x", 4)
        assert again > second, "a key that was deleted never has an earlier revision again"


async def test_of_many_who_expect_the_same_revision_one_wins(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        first = await world.save("config.x", 0)
        outcomes = await asyncio.gather(
            *(world.save("config.x", n, expected_revision=first) for n in range(50)), return_exceptions=True
        )
        winners = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Exception)]
        assert len(winners) == 1
        assert await world.load("config.x") == winners[0]


async def test_many_writes_at_once_keep_their_order_for_each_key(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        await asyncio.gather(*(world.save(f"config.k{n % 7}", n) for n in range(300)))
        for key in range(7):
            assert await world.load(f"config.k{key}") == max(n for n in range(300) if n % 7 == key)


@pytest.mark.requirement("S3-23")
async def test_an_encrypted_namespace_is_never_written_in_plain_and_a_locked_keychain_refuses(
    tmp_path: Path,
) -> None:
    keys = HeldKeys()
    unlocks = iter([False, True])

    def unlock() -> bool:
        keys.is_locked = not next(unlocks)
        return not keys.is_locked

    async with running(tmp_path, keys, unlock) as world:
        await world.save("vault.a", "secret words", encrypt=False)
        content = (tmp_path / "vault" / "a.json").read_bytes()
        assert b"secret words" not in content
        keys.is_locked = True
        message = await refusal(world.save("vault.a", "others"))
        assert "failed to save vault.a: locked" in message
        assert "keychain_locked: the keychain wants a password" in message, (
            "what the keychain said when it was asked"
        )
        assert (tmp_path / "vault" / "a.json").read_bytes() == content, "nothing is overwritten"
        assert await world.load("vault.a") == "secret words", "the keychain was asked again, and says yes now"


@pytest.mark.requirement("S3-23")
async def test_locked_keys_are_told_with_their_reason_and_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.state_store.actor.ASK_AGAIN_SECONDS", 0.0)
    keys, asked = HeldKeys(), 0

    def unlock() -> bool:
        nonlocal asked
        asked += 1
        keys.is_locked = asked < 4
        return not keys.is_locked

    def report() -> KeysReport:
        return (
            KeysReport(state="locked", reason="keychain_locked")
            if keys.is_locked
            else KeysReport(state="unlocked")
        )

    async with (
        running(tmp_path, keys, unlock, report=report) as world,
        world.app.subscribe(KeysStateChangedEvent) as events,
    ):
        keys.is_locked = True
        await refusal(world.save("vault.a", 1))
        told = [await anext(events) for _ in range(2)]
        assert [event.report.state for event in told if isinstance(event, KeysStateChangedEvent)] == [
            "locked",
            "unlocked",
        ]
        assert asked == 4, "nobody had to ask"


@pytest.mark.requirement("S3-21")
async def test_a_quota_that_is_exceeded_is_refused_and_an_alert_until_there_is_room(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as world,
        world.bus.connect("notebook") as owner,
        world.app.subscribe(AlertChangedEvent) as alerts,
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
    async with running(tmp_path) as world, world.app.subscribe(AlertChangedEvent) as alerts:
        await world.save("config.x", {"n": 1})
        path = tmp_path / "config" / "x.json"
        path.write_bytes(path.read_bytes().replace(b'"n": 1', b'"n": 2'))
        found = await world.app.request(StateLoadRequestEvent(key="config.x"))
        assert (found.found, found.value, found.evidence) == (False, None, str(path) + ".corrupt")
        raised = await anext(alerts)
        assert isinstance(raised, AlertChangedEvent)
        assert (raised.alert.name, raised.alert.subject) == (
            "state_persistence.corruption_detected",
            "config.x",
        )
        assert str(path) + ".corrupt" in raised.alert.message
        health = await world.app.request(StateHealthRequestEvent())
        assert (health.corrupted, health.alerts) == (1, ["state_persistence.corruption_detected/config.x"])
        assert health.faults[0].key == "config.x"


@pytest.mark.requirement("S3-20", "S3-22")
async def test_metrics_and_health_tell_how_the_store_fares(tmp_path: Path) -> None:
    async with running(tmp_path) as world, world.app.subscribe(MetricsReportedEvent) as reports:
        await world.save("config.x", "v" * 1000)
        await world.load("config.x")
        await refusal(world.save("nonsense", 1))
        await world.app.publish(MetricsWantedEvent(reading="r"))
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
        health = await world.app.request(StateHealthRequestEvent())
        assert (health.keys, health.saves, health.loads, health.refused) == (1, 1, 1, 1)
        assert health.size_bytes == sizes["config"]
        assert {one.name: one.encrypt for one in health.namespaces}["vault"]


async def test_keys_are_listed_by_prefix_in_pages(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        names = sorted(f"config.k{n}" for n in range(25))
        await world.app.request(
            StateSaveBatchRequestEvent(
                operations=[BatchOperation(type="save", key=name, value=1) for name in names]
            )
        )
        found, after = [], ""
        while True:
            page = await world.app.request(StateListRequestEvent(prefix="config.", after=after, limit=10))
            assert page.total == 25
            found += [one.key for one in page.keys]
            after = page.next_after
            if not after:
                break
        assert found == names


async def test_a_value_of_nearly_16_mib_goes_there_and_back_and_a_larger_one_is_refused(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as world:
        value = "v" * (VALUE_LIMIT_BYTES - 5)
        await world.app.request(StateSaveRequestEvent(key="config.big", value=value), 30.0)
        assert (await world.app.request(StateLoadRequestEvent(key="config.big"), 30.0)).value == value
        assert "expected at most" in await refusal(
            world.app.request(StateSaveRequestEvent(key="config.big", value=value + "v"), 30.0)
        )
        batch = await world.app.request(StateLoadBatchRequestEvent(keys=["config.big", "config.none"]), 30.0)
        assert batch.values["config.big"] == value
        await world.save("config.other", "v" * 100_000)
        batch = await world.app.request(StateLoadBatchRequestEvent(keys=["config.other", "config.big"]), 30.0)
        assert batch.left_out == ["config.big"]


@pytest.mark.requirement("S2-2", "S2-7", "S2-8", "S2-18")
async def test_documents_are_read_written_told_of_and_cached(tmp_path: Path) -> None:
    async with running(tmp_path) as world, world.app.subscribe(DocumentChangedEvent) as events:
        first = await world.app.request(DocumentReadRequestEvent(type_name="Marks"))
        assert (first.value, first.revision) == ({"labels": []}, 0)
        written = await world.app.request(
            DocumentWriteRequestEvent(type_name="Marks", value={"labels": ["a"]}, expected_revision=0)
        )
        assert await anext(events) == DocumentChangedEvent(
            type_name="Marks", revision=written.revision, source="app"
        )
        second = await world.app.request(DocumentReadRequestEvent(type_name="Marks"))
        assert (second.value, second.revision) == ({"labels": ["a"]}, written.revision)
        cache = await world.app.request(DocumentCacheRequestEvent())
        assert (cache.ttl_seconds, [(one.type_name, one.hits, one.misses) for one in cache.types]) == (
            300.0,
            [("Marks", 1, 1)],
        )
        cleared = await world.app.request(DocumentCacheRequestEvent(clear=True, type_name="Marks"))
        assert not cleared.types[0].is_fresh
        (kind,) = (await world.app.request(DocumentTypesRequestEvent())).types
        assert (kind.type_name, kind.version, kind.schema["title"]) == ("Marks", 1, "Marks")


async def test_a_document_of_an_unknown_type_or_that_does_not_fit_or_is_stale_is_refused(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as world:
        assert "there is no document type 'Nope'" in await refusal(
            world.app.request(DocumentReadRequestEvent(type_name="Nope"))
        )
        assert "there is no document type '../x'" in await refusal(
            world.app.request(DocumentWriteRequestEvent(type_name="../x", value={}))
        )
        assert "there is no document type" in await refusal(
            world.app.request(DocumentCacheRequestEvent(clear=True, type_name="Nope"))
        )
        message = await refusal(
            world.app.request(DocumentWriteRequestEvent(type_name="Marks", value={"labels": "a"}))
        )
        assert "validation failed for document.Marks: it does not fit Marks: labels" in message
        await world.app.request(DocumentWriteRequestEvent(type_name="Marks", value={}))
        assert "expected revision 0, found" in await refusal(
            world.app.request(DocumentWriteRequestEvent(type_name="Marks", value={}, expected_revision=0))
        )
        assert "by their type" in await refusal(world.save("document.Marks", {}))


async def test_stopping_answers_what_was_asked_before(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        asking = [asyncio.ensure_future(world.save(f"config.k{n}", n)) for n in range(100)]
        await world.load("config.k0")
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(outcome, int) for outcome in outcomes)
    async with running(tmp_path) as world:
        for n in range(100):
            assert await world.load(f"config.k{n}") == n
