"""The downloader over the bus: installs, resumes, cancels, removes, checks; a dead verifier only delays."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from actors.model_downloader import build as build_downloader
from actors.model_downloader.staging.staging_journal import read_journal
from actors.model_verifier import build as build_verifier
from actors.model_verifier.actor import ModelVerifier
from actors.shared.context import ActorContext
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import find_profile, read_profile
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.errors import RequestFailed
from schemas.leases import ModelLeaseRequestEvent, ModelReleaseRequestEvent
from schemas.models import (
    ModelCancelRequestEvent,
    ModelDownloadProgressedEvent,
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelPauseRequestEvent,
    ModelRemovedEvent,
    ModelRemoveRequestEvent,
    ModelResumeRequestEvent,
    ModelsListRequestEvent,
    ModelStateChangedEvent,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
    ModelVerifyRequestEvent,
    PartialsCollectRequestEvent,
    PartialsListRequestEvent,
)
from tests.support.actor_contexts import context_without_bus
from tests.support.disk_calls import disk_calls_anywhere, disk_calls_on_loop
from tests.support.model_lab import MIB, ask, listening, model_lab, until_state
from tests.support.origin_content import BytesContent, SyntheticContent
from tests.support.origin_faults import Faults

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("C-4", "S0-7", "S0-8", "S0-9", "S1-26", "S1-39")
async def test_install_is_accepted_at_once_fetched_verified_and_made_visible_whole(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        content = SyntheticContent(40 * MIB + 17)
        lab.offer("whisper", content, BytesContent(b"vocabulary"))
        await lab.start()
        async with listening(
            lab,
            ModelStateChangedEvent,
            ModelInstalledEvent,
            ModelVerifiedEvent,
            ModelDownloadProgressedEvent,
        ) as (
            peer,
            next_of,
            heard,
        ):
            accepted = await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            assert accepted.status.state in ("queued", "downloading")
            assert (lab.models / "whisper.partial" / "journal.json").exists() or (
                lab.models / "whisper"
            ).exists()
            installed = await next_of(ModelInstalledEvent)
            assert (installed.size_bytes, installed.fetched_bytes, installed.attempts) == (
                40 * MIB + 27,
                40 * MIB + 27,
                1,
            )
            assert sorted(path.name for path in (lab.models / "whisper").iterdir()) == [
                ".undercroft.json",
                "model.bin",
                "part-1.bin",
            ]
            assert (lab.models / "whisper" / "model.bin").read_bytes() == b"".join(
                bytes(piece) for piece in content.read(0, content.size_bytes)
            )
            assert not (lab.models / "whisper.partial").exists()
            states = [
                event.status.state
                for event in heard
                if isinstance(event, ModelStateChangedEvent) and event.model_id == "whisper"
            ]
            assert list(dict.fromkeys(states)) == [
                "absent",
                "queued",
                "downloading",
                "verifying",
                "installed",
            ]
            assert sum(isinstance(event, ModelVerifiedEvent) for event in heard) == 1
            listed = await peer.request(ModelsListRequestEvent())
            assert [(status.state, status.durable_bytes) for status in listed.models] == [
                ("installed", 40 * MIB + 27)
            ]


@pytest.mark.requirement("S1-9")
async def test_progress_names_the_model_and_grows_within_an_attempt(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(8 * MIB))
        lab.origin.rate_bytes_per_second = 16 * MIB
        await lab.start()
        async with listening(lab, ModelDownloadProgressedEvent, ModelInstalledEvent) as (
            peer,
            next_of,
            heard,
        ):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            told = [event for event in heard if isinstance(event, ModelDownloadProgressedEvent)]
            assert {event.name for event in told} == {"Whisper"}
            assert [event.durable_bytes for event in told] == sorted({event.durable_bytes for event in told})
            assert len(told) <= 12
            assert told[-1].durable_bytes == 8 * MIB


@pytest.mark.requirement("S1-11", "S1-27", "C-4")
async def test_interrupted_download_goes_on_by_itself_at_the_next_start(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(8 * MIB))
        lab.origin.misbehave("/whisper/model.bin", Faults(times=1, stall_after_bytes=5 * MIB))
        await lab.start()
        async with listening(
            lab, ModelStateChangedEvent, ModelDownloadProgressedEvent, ModelInstalledEvent
        ) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < 5 * MIB:
                pass
            await lab.end("model_downloader")
            journal = read_journal(lab.models / "whisper.partial")
            assert journal is not None
            assert journal.wanted
            assert journal.durable_bytes == 5 * MIB
            await lab.start_downloader()
            installed = await next_of(ModelInstalledEvent)
            assert installed.fetched_bytes == 8 * MIB
            assert lab.origin.requests[-1].range_start == 5 * MIB
            assert "if-range" in lab.origin.requests[-1].headers


@pytest.mark.requirement("S1-31")
async def test_cancel_ends_at_once_keeps_the_partial_and_is_not_taken_up_again(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(8 * MIB))
        lab.origin.misbehave("/whisper/model.bin", Faults(times=1, stall_after_bytes=5 * MIB))
        await lab.start()
        async with listening(
            lab, ModelStateChangedEvent, ModelDownloadProgressedEvent, ModelInstalledEvent
        ) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < 5 * MIB:
                pass
            cancelled = await peer.request(ModelCancelRequestEvent(model_id="whisper"))
            assert (cancelled.status.state, cancelled.status.durable_bytes) == ("partial", 5 * MIB)
            await lab.end("model_downloader")
            await lab.start_downloader()
            listed = await ask(peer, ModelsListRequestEvent())
            assert [status.state for status in listed.models] == ["partial"]
            assert len(lab.origin.requests) == 1
            await peer.request(ModelInstallRequestEvent(model_id="whisper"))
            assert (await next_of(ModelInstalledEvent)).fetched_bytes == 8 * MIB


async def test_cancel_with_drop_leaves_nothing(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(8 * MIB))
        lab.origin.misbehave("/whisper/model.bin", Faults(stall_after_bytes=MIB))
        await lab.start()
        async with lab.bus.connect() as peer:
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            cancelled = await peer.request(ModelCancelRequestEvent(model_id="whisper", drop_partial=True))
            assert (cancelled.status.state, cancelled.status.durable_bytes) == ("absent", 0)
            assert not (lab.models / "whisper.partial").exists()
            again = await peer.request(ModelCancelRequestEvent(model_id="whisper"))
            assert again.status.state == "absent"


@pytest.mark.requirement("S0-10")
async def test_removal_takes_the_whole_tree_and_a_dry_run_nothing(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(MIB))
        await lab.start()
        async with listening(lab, ModelInstalledEvent, ModelRemovedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            planned = await peer.request(ModelRemoveRequestEvent(model_id="whisper", dry_run=True))
            record_bytes = (lab.models / "whisper" / ".undercroft.json").stat().st_size
            assert (planned.freed_bytes, planned.status.state, planned.dry_run) == (
                MIB + record_bytes,
                "installed",
                True,
            )
            removed = await peer.request(ModelRemoveRequestEvent(model_id="whisper"))
            assert (removed.freed_bytes, removed.status.state) == (MIB + record_bytes, "absent")
            assert (await next_of(ModelRemovedEvent)).freed_bytes == MIB + record_bytes
            assert {path.name for path in lab.models.iterdir()} <= {
                ".undercroft.lock",
                ".undercroft.holder.json",
            }


async def test_unknown_model_is_refused_by_name(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        await lab.start()
        async with lab.bus.connect() as peer:
            with pytest.raises(RequestFailed, match="no model '../../etc'") as caught:
                await ask(peer, ModelInstallRequestEvent(model_id="../../etc"))
            assert caught.value.kind == "refused"


@pytest.mark.requirement("S1-39")
async def test_damage_of_an_installed_model_is_found_and_takes_it_out_of_use(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(MIB))
        await lab.start()
        async with listening(lab, ModelInstalledEvent, ModelVerificationFailedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            sound = await peer.request(ModelVerifyRequestEvent(model_id="whisper"))
            assert sound.findings == []
            assert sound.status.state == "installed"
            with (lab.models / "whisper" / "model.bin").open("r+b") as file:
                file.seek(1000)
                file.write(b"flipped")
            verdict = await peer.request(ModelVerifyRequestEvent(model_id="whisper"))
            assert [finding.aspect for finding in verdict.findings] == ["sha256"]
            assert verdict.status.state == "damaged"
            assert "models install whisper" in verdict.status.problem
            assert not (lab.models / "whisper").exists()
            assert (lab.models / "whisper.damaged" / "model.bin").exists()
            await next_of(ModelVerificationFailedEvent)
            await peer.request(ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            assert not (lab.models / "whisper.damaged").exists()


@pytest.mark.requirement("S1-1", "S1-39")
async def test_damage_done_while_nobody_ran_is_found_at_the_next_start(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(MIB))
        await lab.start()
        async with listening(lab, ModelInstalledEvent, ModelStateChangedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            await lab.end("model_downloader")
            (lab.models / "whisper" / "model.bin").write_bytes(bytes(MIB))
            await lab.start_downloader()
            status = await until_state(next_of, "whisper", "damaged")
            assert "sha256" in status.problem


async def test_verifier_that_is_away_only_delays_the_install(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(MIB))
        await lab.start_downloader()
        async with listening(lab, ModelInstalledEvent, ModelStateChangedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await until_state(next_of, "whisper", "verifying")
            await lab.start_verifier()
            await next_of(ModelInstalledEvent)


async def test_supervisor_can_build_both_actors_from_the_bundled_profile(tmp_path: Path) -> None:
    locations, profile = locate("test", home=tmp_path), read_profile(find_profile("dictation"))
    context = context_without_bus(name="model_verifier", locations=locations, profile=profile)
    assert isinstance(build_verifier(context), ModelVerifier)
    async with memory_bus() as bus, bus.connect("model_downloader") as peer, bus.connect() as client:
        loop: ActorLoop[Any] = ActorLoop(
            lambda context: build_downloader(
                ActorContext.on(context, "model_downloader", locations, profile)
            ),
            peer,
        )
        task = asyncio.create_task(loop.run())
        listed = await ask(client, ModelsListRequestEvent())
        assert "silero-vad" in {status.model_id for status in listed.models}
        assert {status.state for status in listed.models} == {"absent"}
        assert listed.models_directory == str(tmp_path / "models")
        loop.stop()
        await task


async def test_wish_that_cannot_be_taken_up_does_not_keep_the_others_from_being_served(
    tmp_path: Path,
) -> None:
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(MIB))
        lab.offer("silero", SyntheticContent(MIB, seed=1))
        (lab.models / "whisper.partial" / "journal.json.tmp").mkdir(parents=True)
        await lab.start()
        async with listening(lab, ModelInstalledEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="silero"))
            assert (await next_of(ModelInstalledEvent)).model_id == "silero"
            listed = await peer.request(ModelsListRequestEvent())
            assert [status.state for status in listed.models] == ["partial", "installed"]
            assert "cannot go on" in listed.models[0].problem


@pytest.mark.requirement("S0-6")
async def test_second_app_shows_what_is_installed_is_told_who_owns_it_and_takes_over_when_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.model_downloader.relocation.directory_watch.TAKE_OVER_SECONDS", 0.01)
    async with model_lab(tmp_path) as lab, memory_bus() as other_bus:
        lab.offer("whisper", SyntheticContent(2 * MIB))
        lab.offer("silero", SyntheticContent(MIB, seed=1))
        lab.origin.misbehave("/whisper/model.bin", Faults(times=1, stall_after_bytes=MIB))
        await lab.start()
        async with listening(lab, ModelInstalledEvent, ModelDownloadProgressedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="silero"))
            assert (await next_of(ModelInstalledEvent)).model_id == "silero"
            async with other_bus.connect("model_downloader") as its_peer, other_bus.connect() as guest:
                loop: ActorLoop[Any] = ActorLoop(
                    lambda context: lab.downloader(context, owner="another app"), its_peer
                )
                task = asyncio.create_task(loop.run())
                listed = await ask(guest, ModelsListRequestEvent())
                assert [status.state for status in listed.models] == ["absent", "installed"]
                with pytest.raises(RequestFailed, match=r"in use by model_downloader \(process \d+, since"):
                    await guest.request(ModelInstallRequestEvent(model_id="whisper"))
                await peer.request(ModelInstallRequestEvent(model_id="whisper"))
                while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < MIB:
                    pass
                listed = await guest.request(ModelsListRequestEvent())
                assert (listed.models[0].state, listed.models[0].durable_bytes) == ("partial", MIB)
                await lab.end("model_downloader")
                async with (
                    other_bus.connect() as late,
                    late.subscribe(ModelStateChangedEvent) as events,
                    asyncio.timeout(20),
                ):
                    async for event in events:
                        if (
                            isinstance(event, ModelStateChangedEvent)
                            and event.status.state == "verifying"
                            and event.model_id == "whisper"
                        ):
                            break
                assert lab.origin.requests[-1].range_start == MIB, "it went on where the other left it"
                loop.stop()
                await task


async def test_list_of_many_models_touches_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty models of ten files each, installed, damaged, staged or absent: the registry knows them all."""
    async with model_lab(tmp_path) as lab:
        for number in range(20):
            files = {f"{index}.bin": f"{number}.{index}".encode() for index in range(10)}
            lab.offer_revision(f"m{number}", "v1", dict(files))
            place = lab.models / (f"m{number}" + ("", ".partial", ".damaged")[number % 3])
            if number < 15:
                place.mkdir(parents=True)
                for path, content in files.items():
                    (place / path).write_bytes(content)
        await lab.start()
        async with asyncio.timeout(20):
            while {"verifying", "queued", "downloading"} & set((await lab.states()).values()):
                await asyncio.sleep(0.01)
        before = await lab.ask(ModelsListRequestEvent())
        with disk_calls_anywhere(monkeypatch) as found:
            listed = await lab.client.request(ModelsListRequestEvent())
            assert found == []
            os.stat(tmp_path)
            assert found, "the counting works"
        assert listed == before
        states = [status.state for status in listed.models]
        assert {state: states.count(state) for state in set(states)} == {
            "installed": 10,
            "damaged": 5,
            "absent": 5,
        }


async def test_whole_life_of_a_model_touches_no_disk_on_the_event_loop(tmp_path: Path) -> None:
    """Neither that of the downloader nor that of the verifier, which share it here."""
    async with model_lab(tmp_path) as lab:
        lab.offer("whisper", SyntheticContent(2 * MIB), BytesContent(b"vocabulary"))
        lab.offer("silero", SyntheticContent(MIB, seed=1))
        lab.origin.misbehave("/silero/model.bin", Faults(stall_after_bytes=1000))
        with disk_calls_on_loop() as found:
            await lab.start()
            await lab.install("whisper")
            await lab.ask(ModelVerifyRequestEvent(model_id="whisper"))
            leased = await lab.ask(ModelLeaseRequestEvent(model_id="whisper", holder="engine"))
            released = ModelReleaseRequestEvent(model_id="whisper", lease_id=leased.lease.lease_id)
            await lab.ask(released)
            await lab.ask(ModelInstallRequestEvent(model_id="silero"))
            await lab.ask(ModelPauseRequestEvent(model_id="silero"))
            await lab.ask(ModelResumeRequestEvent(model_id="silero"))
            await lab.ask(ModelCancelRequestEvent(model_id="silero"))
            await lab.ask(PartialsListRequestEvent())
            await lab.ask(PartialsCollectRequestEvent(keep_days=1))
            await lab.ask(ModelRemoveRequestEvent(model_id="whisper"))
            await lab.restart_downloader()
            assert await lab.states() == {"whisper": "absent", "silero": "partial"}
        assert found == []
