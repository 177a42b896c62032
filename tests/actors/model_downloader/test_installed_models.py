"""The shelf over the bus: models are lent, held, checked and taken out of use, and nobody in the middle of using one is surprised."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bus.errors import RequestFailed
from schemas.leases import ModelLeaseRequestEvent, ModelReleaseRequestEvent, ModelRollbackRequestEvent
from schemas.models import (
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelRemoveRequestEvent,
    ModelsListRequestEvent,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerifyRequestEvent,
)
from schemas.operations.alerts import AlertChangedEvent
from tests.support.downloader_lab import House, house_at

pytestmark = pytest.mark.anyio
OLD, NEW = b"old content" * 1000, b"new content" * 2000


async def lease(house: House, holder: str = "engine", **more: Any) -> Any:
    return await house.ask(ModelLeaseRequestEvent(model_id="m", holder=holder, **more))


async def until(house: House, *states: str, kind: str = "") -> ModelStatus:
    """Wait for the model to be in one of these states, for such a reason."""
    async with house.client.subscribe(ModelStateChangedEvent) as events, asyncio.timeout(20):
        async for event in events:
            if (
                isinstance(event, ModelStateChangedEvent)
                and event.status.state in states
                and (not kind or event.status.problem_kind == kind)
            ):
                return event.status
    raise AssertionError("the stream of events ended")


async def test_lease_says_where_the_model_lies_and_everybody_sees_who_holds_it(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        await house.start()
        with pytest.raises(RequestFailed, match="is not installed"):
            await lease(house)
        await house.install("m")
        leased = await lease(house)
        assert (Path(leased.directory) / "a.bin").read_bytes() == OLD
        assert leased.lease.revision == "v1"
        assert (await house.status("m")).held_by == ["engine"]
        released = await house.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
        assert released.was_held
        assert (await house.status("m")).held_by == []
        assert not (
            await house.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
        ).was_held


@pytest.mark.requirement("S0-10")
async def test_removal_of_a_held_model_is_refused_by_the_name_of_its_holder_or_waits(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        await house.start()
        await house.install("m")
        leased = await lease(house)
        with pytest.raises(RequestFailed, match="held by engine") as caught:
            await house.ask(ModelRemoveRequestEvent(model_id="m"))
        assert caught.value.kind == "refused"
        assert (Path(leased.directory) / "a.bin").read_bytes() == OLD
        waiting = asyncio.create_task(house.ask(ModelRemoveRequestEvent(model_id="m", wait_seconds=15)))
        assert (await house.status("m")).state == "installed"
        await house.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
        assert (await waiting).status.state == "absent"


@pytest.mark.requirement("S1-26")
async def test_update_waits_for_the_holder_while_the_old_revision_serves_and_then_becomes_active(
    tmp_path: Path,
) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        await house.start()
        await house.install("m")
        house.offer("m", "v2", {"a.bin": NEW})
        await house.restart()
        due = await house.status("m")
        assert (due.state, due.revision, due.wanted_revision, due.former_revision) == (
            "installed",
            "v1",
            "v2",
            "",
        )
        leased = await lease(house)
        await house.ask(ModelInstallRequestEvent(model_id="m"))
        waiting = await until(house, "verifying", kind="held")
        assert "held by engine" in waiting.problem
        assert waiting.revision == "v1"
        with (Path(leased.directory) / "a.bin").open("rb") as opened:
            assert opened.read() == OLD
        async with house.client.subscribe(ModelInstalledEvent) as events:
            await house.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
            async with asyncio.timeout(20):
                async for _ in events:
                    break
        done = await house.status("m")
        assert (done.state, done.revision, done.former_revision) == ("installed", "v2", "v1")
        assert (house.models / "m" / "a.bin").read_bytes() == NEW


@pytest.mark.requirement("S1-39")
async def test_update_that_was_damaged_while_it_waited_for_a_holder_is_not_activated(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        await house.start()
        await house.install("m")
        house.offer("m", "v2", {"a.bin": NEW})
        await house.restart()
        leased = await lease(house)
        await house.ask(ModelInstallRequestEvent(model_id="m"))
        await until(house, "verifying", kind="held")
        (house.models / "m.partial" / "a.bin").write_bytes(bytes(len(NEW)))
        async with house.client.subscribe(ModelInstalledEvent) as events:
            await house.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
            async with asyncio.timeout(20):
                async for _ in events:
                    break
        assert (house.models / "m" / "a.bin").read_bytes() == NEW
        assert len([request for request in house.origin.requests if request.path == "/m/v2/a.bin"]) >= 2


async def test_lease_of_a_peer_ends_when_it_leaves_the_bus(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        await house.start()
        await house.install("m")
        async with house.bus.connect("engine") as engine:
            await house.ask(
                ModelLeaseRequestEvent(model_id="m", holder="engine", instance=engine.instance), engine
            )
            assert (await house.status("m")).held_by == ["engine"]
        assert (
            await house.ask(ModelRemoveRequestEvent(model_id="m", wait_seconds=15))
        ).status.state == "absent"


async def test_leases_survive_a_restart_of_the_downloader(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        await house.start()
        await house.install("m")
        leased = await lease(house)
        await house.restart()
        assert (await house.status("m")).held_by == ["engine"]
        renewed = await lease(house, lease_id=leased.lease.lease_id)
        assert renewed.lease.lease_id == leased.lease.lease_id
        with pytest.raises(RequestFailed, match="no former revision"):
            await house.ask(ModelRollbackRequestEvent(model_id="m"))
        with pytest.raises(RequestFailed, match="held by engine"):
            await house.ask(ModelRemoveRequestEvent(model_id="m"))


@pytest.mark.requirement("S1-12", "S1-39")
async def test_damaged_model_is_out_of_use_with_an_alert_that_says_what_to_do_until_it_is_whole(
    tmp_path: Path,
) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        await house.start()
        await house.install("m")
        (house.models / "m" / "a.bin").write_bytes(bytes(len(OLD)))
        async with house.client.subscribe(AlertChangedEvent) as alerts:
            verdict = await house.ask(ModelVerifyRequestEvent(model_id="m"))
            assert (verdict.status.state, verdict.status.revision) == ("damaged", "")
            assert (house.models / "m.damaged" / "a.bin").exists()
            with pytest.raises(RequestFailed, match="damaged"):
                await lease(house)
            await house.install("m")
            told: list[AlertChangedEvent] = []
            async with asyncio.timeout(20):
                async for event in alerts:
                    assert isinstance(event, AlertChangedEvent)
                    told.append(event)
                    if not event.alert.is_active:
                        break
        assert [(event.alert.name, event.alert.subject, event.alert.is_active) for event in told] == [
            ("models.damaged", "m", True),
            ("models.damaged", "m", False),
        ]
        assert "models repair m" in told[0].alert.advice
        assert not (house.models / "m.damaged").exists()


@pytest.mark.requirement("S1-12")
async def test_runtime_that_starts_with_a_damaged_model_says_so_again(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        (house.models / "m.damaged").mkdir(parents=True)
        async with house.client.subscribe(AlertChangedEvent) as alerts, asyncio.timeout(20):
            await house.start()
            async for event in alerts:
                assert isinstance(event, AlertChangedEvent)
                assert (event.alert.name, event.alert.subject, event.alert.is_active) == (
                    "models.damaged",
                    "m",
                    True,
                )
                break


@pytest.mark.requirement("S1-17")
async def test_damage_of_one_model_leaves_the_others_installed(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        house.offer("m", "v1", {"a.bin": OLD})
        house.offer("other", "v1", {"a.bin": NEW})
        await house.start()
        await house.install("m")
        await house.install("other")
        (house.models / "m" / "a.bin").write_bytes(b"short")
        await house.restart()
        assert (await until(house, "damaged")).model_id == "m"
        assert (await house.status("other")).state == "installed"


async def test_updates_that_wait_for_holders_keep_no_other_install_waiting(tmp_path: Path) -> None:
    async with house_at(tmp_path) as house:
        names = ["a", "b", "c"]
        for name in names:
            house.offer(name, "v1", {"a.bin": OLD})
        await house.start()
        for name in names:
            await house.install(name)
            await house.ask(ModelLeaseRequestEvent(model_id=name, holder="engine"))
            house.offer(name, "v2", {"a.bin": NEW})
        house.offer("d", "v1", {"a.bin": OLD})
        await house.restart()
        for name in names:
            await house.ask(ModelInstallRequestEvent(model_id=name))
        assert (await house.install("d")).model_id == "d"
        async with asyncio.timeout(20):
            while [(await house.status(name)).problem_kind for name in names] != ["held"] * 3:
                await asyncio.sleep(0)
        assert [(await house.status(name)).revision for name in names] == ["v1"] * 3


@pytest.mark.requirement("S1-39")
async def test_model_counts_as_being_verified_and_is_not_lent_until_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the verifier is away nobody can tell whether the files still are what they were."""
    async with house_at(tmp_path) as house:
        house.offer("m", "1", {"model.bin": b"one" * 1000})
        await house.start()
        await house.install("m")
        await house.end("model_verifier")
        await house.end("model_downloader")
        await house.start_downloader()
        listed = (await house.ask(ModelsListRequestEvent())).models[0]
        assert (listed.state, listed.durable_bytes, listed.revision) == ("verifying", 3000, "")
        accepted = await house.ask(ModelInstallRequestEvent(model_id="m"))
        assert accepted.status.state == "verifying", "it is not fetched once more"
        monkeypatch.setattr("actors.model_downloader.installed_models.CHECK_PATIENCE_SECONDS", 0.01)
        with pytest.raises(RequestFailed, match="cannot be used before it is checked"):
            await house.ask(ModelLeaseRequestEvent(model_id="m", holder="engine"))
        monkeypatch.setattr("actors.model_downloader.installed_models.CHECK_PATIENCE_SECONDS", 20.0)
        waiting = asyncio.create_task(house.ask(ModelLeaseRequestEvent(model_id="m", holder="engine")))
        await house.start_verifier()
        assert (await waiting).lease.holder == "engine"
        assert (await house.status("m")).state == "installed"
