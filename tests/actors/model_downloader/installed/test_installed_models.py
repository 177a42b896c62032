"""Installed models over the bus: lent, held, checked and put out of use, and no holder is surprised."""

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
from tests.support.model_lab import ModelLab, model_lab

pytestmark = pytest.mark.anyio
OLD, NEW = b"old content" * 1000, b"new content" * 2000


async def lease(lab: ModelLab, holder: str = "engine", **more: Any) -> Any:
    return await lab.ask(ModelLeaseRequestEvent(model_id="m", holder=holder, **more))


async def until(lab: ModelLab, *states: str, kind: str = "") -> ModelStatus:
    """Wait for the model to be in one of these states, for such a reason."""
    async with lab.client.subscribe(ModelStateChangedEvent) as events, asyncio.timeout(20):
        async for event in events:
            if (
                isinstance(event, ModelStateChangedEvent)
                and event.status.state in states
                and (not kind or event.status.problem_kind == kind)
            ):
                return event.status
    raise AssertionError("the stream of events ended")


async def test_lease_says_where_the_model_lies_and_everybody_sees_who_holds_it(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        await lab.start()
        with pytest.raises(RequestFailed, match="is not installed"):
            await lease(lab)
        await lab.install("m")
        leased = await lease(lab)
        assert (Path(leased.directory) / "a.bin").read_bytes() == OLD
        assert leased.lease.revision == "v1"
        assert (await lab.status("m")).held_by == ["engine"]
        released = await lab.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
        assert released.was_held
        assert (await lab.status("m")).held_by == []
        assert not (
            await lab.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
        ).was_held


@pytest.mark.requirement("S0-10")
async def test_removal_of_a_held_model_is_refused_by_the_name_of_its_holder_or_waits(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        await lab.start()
        await lab.install("m")
        leased = await lease(lab)
        with pytest.raises(RequestFailed, match="held by engine") as caught:
            await lab.ask(ModelRemoveRequestEvent(model_id="m"))
        assert caught.value.kind == "refused"
        assert (Path(leased.directory) / "a.bin").read_bytes() == OLD
        waiting = asyncio.create_task(lab.ask(ModelRemoveRequestEvent(model_id="m", wait_seconds=15)))
        assert (await lab.status("m")).state == "installed"
        await lab.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
        assert (await waiting).status.state == "absent"


@pytest.mark.requirement("S1-26")
async def test_update_waits_for_the_holder_while_the_old_revision_serves_and_then_becomes_active(
    tmp_path: Path,
) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        await lab.start()
        await lab.install("m")
        lab.offer_revision("m", "v2", {"a.bin": NEW})
        await lab.restart_downloader()
        due = await lab.status("m")
        assert (due.state, due.revision, due.wanted_revision, due.former_revision) == (
            "installed",
            "v1",
            "v2",
            "",
        )
        leased = await lease(lab)
        await lab.ask(ModelInstallRequestEvent(model_id="m"))
        waiting = await until(lab, "verifying", kind="held")
        assert "held by engine" in waiting.problem
        assert waiting.revision == "v1"
        with (Path(leased.directory) / "a.bin").open("rb") as opened:
            assert opened.read() == OLD
        async with lab.client.subscribe(ModelInstalledEvent) as events:
            await lab.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
            async with asyncio.timeout(20):
                async for _ in events:
                    break
        done = await lab.status("m")
        assert (done.state, done.revision, done.former_revision) == ("installed", "v2", "v1")
        assert (lab.models / "m" / "a.bin").read_bytes() == NEW


@pytest.mark.requirement("S1-39")
async def test_update_that_was_damaged_while_it_waited_for_a_holder_is_not_activated(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        await lab.start()
        await lab.install("m")
        lab.offer_revision("m", "v2", {"a.bin": NEW})
        await lab.restart_downloader()
        leased = await lease(lab)
        await lab.ask(ModelInstallRequestEvent(model_id="m"))
        await until(lab, "verifying", kind="held")
        (lab.models / "m.partial" / "a.bin").write_bytes(bytes(len(NEW)))
        async with lab.client.subscribe(ModelInstalledEvent) as events:
            await lab.ask(ModelReleaseRequestEvent(model_id="m", lease_id=leased.lease.lease_id))
            async with asyncio.timeout(20):
                async for _ in events:
                    break
        assert (lab.models / "m" / "a.bin").read_bytes() == NEW
        assert len([request for request in lab.origin.requests if request.path == "/m/v2/a.bin"]) >= 2


async def test_lease_of_a_peer_ends_when_it_leaves_the_bus(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        await lab.start()
        await lab.install("m")
        async with lab.bus.connect("engine") as engine:
            await lab.ask(
                ModelLeaseRequestEvent(model_id="m", holder="engine", instance=engine.public_instance), engine
            )
            assert (await lab.status("m")).held_by == ["engine"]
        assert (
            await lab.ask(ModelRemoveRequestEvent(model_id="m", wait_seconds=15))
        ).status.state == "absent"


async def test_leases_survive_a_restart_of_the_downloader(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        await lab.start()
        await lab.install("m")
        leased = await lease(lab)
        await lab.restart_downloader()
        assert (await lab.status("m")).held_by == ["engine"]
        renewed = await lease(lab, lease_id=leased.lease.lease_id)
        assert renewed.lease.lease_id == leased.lease.lease_id
        with pytest.raises(RequestFailed, match="no former revision"):
            await lab.ask(ModelRollbackRequestEvent(model_id="m"))
        with pytest.raises(RequestFailed, match="held by engine"):
            await lab.ask(ModelRemoveRequestEvent(model_id="m"))


@pytest.mark.requirement("S1-12", "S1-39")
async def test_damaged_model_is_out_of_use_with_an_alert_that_says_what_to_do_until_it_is_whole(
    tmp_path: Path,
) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        await lab.start()
        await lab.install("m")
        (lab.models / "m" / "a.bin").write_bytes(bytes(len(OLD)))
        async with lab.client.subscribe(AlertChangedEvent) as alerts:
            verdict = await lab.ask(ModelVerifyRequestEvent(model_id="m"))
            assert (verdict.status.state, verdict.status.revision) == ("damaged", "")
            assert (lab.models / "m.damaged" / "a.bin").exists()
            with pytest.raises(RequestFailed, match="damaged"):
                await lease(lab)
            await lab.install("m")
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
        assert not (lab.models / "m.damaged").exists()


@pytest.mark.requirement("S1-12")
async def test_runtime_that_starts_with_a_damaged_model_says_so_again(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        (lab.models / "m.damaged").mkdir(parents=True)
        async with lab.client.subscribe(AlertChangedEvent) as alerts, asyncio.timeout(20):
            await lab.start()
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
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "v1", {"a.bin": OLD})
        lab.offer_revision("other", "v1", {"a.bin": NEW})
        await lab.start()
        await lab.install("m")
        await lab.install("other")
        (lab.models / "m" / "a.bin").write_bytes(b"short")
        await lab.restart_downloader()
        assert (await until(lab, "damaged")).model_id == "m"
        assert (await lab.status("other")).state == "installed"


async def test_updates_that_wait_for_holders_keep_no_other_install_waiting(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        names = ["a", "b", "c"]
        for name in names:
            lab.offer_revision(name, "v1", {"a.bin": OLD})
        await lab.start()
        for name in names:
            await lab.install(name)
            await lab.ask(ModelLeaseRequestEvent(model_id=name, holder="engine"))
            lab.offer_revision(name, "v2", {"a.bin": NEW})
        lab.offer_revision("d", "v1", {"a.bin": OLD})
        await lab.restart_downloader()
        for name in names:
            await lab.ask(ModelInstallRequestEvent(model_id=name))
        assert (await lab.install("d")).model_id == "d"
        async with asyncio.timeout(20):
            while [(await lab.status(name)).problem_kind for name in names] != ["held"] * 3:
                await asyncio.sleep(0)
        assert [(await lab.status(name)).revision for name in names] == ["v1"] * 3


@pytest.mark.requirement("S1-39")
async def test_model_counts_as_being_verified_and_is_not_lent_until_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the verifier is away nobody can tell whether the files still are what they were."""
    async with model_lab(tmp_path) as lab:
        lab.offer_revision("m", "1", {"model.bin": b"one" * 1000})
        await lab.start()
        await lab.install("m")
        await lab.end("model_verifier")
        await lab.end("model_downloader")
        await lab.start_downloader()
        listed = (await lab.ask(ModelsListRequestEvent())).models[0]
        assert (listed.state, listed.durable_bytes, listed.revision) == ("verifying", 3000, "")
        accepted = await lab.ask(ModelInstallRequestEvent(model_id="m"))
        assert accepted.status.state == "verifying", "it is not fetched once more"
        monkeypatch.setattr("actors.model_downloader.installed.installed_models.CHECK_PATIENCE_SECONDS", 0.01)
        with pytest.raises(RequestFailed, match="cannot be used before it is checked"):
            await lab.ask(ModelLeaseRequestEvent(model_id="m", holder="engine"))
        monkeypatch.setattr("actors.model_downloader.installed.installed_models.CHECK_PATIENCE_SECONDS", 20.0)
        waiting = asyncio.create_task(lab.ask(ModelLeaseRequestEvent(model_id="m", holder="engine")))
        await lab.start_verifier()
        assert (await waiting).lease.holder == "engine"
        assert (await lab.status("m")).state == "installed"
