"""The downloader over the bus: it installs, resumes, cancels, removes and checks, and a verifier that dies only delays it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.model_downloader import build as build_downloader
from actors.model_downloader.actor import ModelDownloader
from actors.model_downloader.staging.staging_journal import read_journal
from actors.model_verifier import build as build_verifier
from actors.model_verifier.actor import ModelVerifier
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import find_profile, read_profile
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.errors import RequestFailed
from schemas.manifest import Manifest
from schemas.models import (
    ModelCancelRequestEvent,
    ModelDownloadProgressedEvent,
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelRemovedEvent,
    ModelRemoveRequestEvent,
    ModelsListRequestEvent,
    ModelStateChangedEvent,
    ModelVerificationFailedEvent,
    ModelVerifiedEvent,
    ModelVerifyRequestEvent,
)
from tests.support.actor_contexts import context_without_bus
from tests.support.model_lab import MIB, ask, listening, stage_at, until_state
from tests.support.origin_content import BytesContent, SyntheticContent
from tests.support.origin_faults import Faults

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("C-4", "S0-7", "S0-8", "S0-9", "S1-26", "S1-39")
async def test_install_is_accepted_at_once_fetched_verified_and_made_visible_whole(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        content = SyntheticContent(40 * MIB + 17)
        stage.offer("whisper", content, BytesContent(b"vocabulary"))
        await stage.start_both()
        async with listening(
            stage,
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
            assert (stage.models / "whisper.partial" / "journal.json").exists() or (
                stage.models / "whisper"
            ).exists()
            installed = await next_of(ModelInstalledEvent)
            assert (installed.size_bytes, installed.fetched_bytes, installed.attempts) == (
                40 * MIB + 27,
                40 * MIB + 27,
                1,
            )
            assert sorted(path.name for path in (stage.models / "whisper").iterdir()) == [
                ".undercroft.json",
                "model.bin",
                "part-1.bin",
            ]
            assert (stage.models / "whisper" / "model.bin").read_bytes() == b"".join(
                bytes(piece) for piece in content.read(0, content.size_bytes)
            )
            assert not (stage.models / "whisper.partial").exists()
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
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(8 * MIB))
        stage.origin.rate_bytes_per_second = 16 * MIB
        await stage.start_both()
        async with listening(stage, ModelDownloadProgressedEvent, ModelInstalledEvent) as (
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
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(8 * MIB))
        stage.origin.misbehave("/whisper/model.bin", Faults(times=1, stall_after_bytes=5 * MIB))
        await stage.start_both()
        async with listening(
            stage, ModelStateChangedEvent, ModelDownloadProgressedEvent, ModelInstalledEvent
        ) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < 5 * MIB:
                pass
            await stage.end("model_downloader")
            journal = read_journal(stage.models / "whisper.partial")
            assert journal is not None
            assert journal.wanted
            assert journal.durable_bytes == 5 * MIB
            await stage.start(
                "model_downloader", ModelDownloader(Manifest(format=1, models=stage.entries), stage.models)
            )
            installed = await next_of(ModelInstalledEvent)
            assert installed.fetched_bytes == 8 * MIB
            assert stage.origin.requests[-1].range_start == 5 * MIB
            assert "if-range" in stage.origin.requests[-1].headers


@pytest.mark.requirement("S1-31")
async def test_cancel_ends_at_once_keeps_the_partial_and_is_not_taken_up_again(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(8 * MIB))
        stage.origin.misbehave("/whisper/model.bin", Faults(times=1, stall_after_bytes=5 * MIB))
        await stage.start_both()
        async with listening(
            stage, ModelStateChangedEvent, ModelDownloadProgressedEvent, ModelInstalledEvent
        ) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < 5 * MIB:
                pass
            cancelled = await peer.request(ModelCancelRequestEvent(model_id="whisper"))
            assert (cancelled.status.state, cancelled.status.durable_bytes) == ("partial", 5 * MIB)
            await stage.end("model_downloader")
            await stage.start(
                "model_downloader", ModelDownloader(Manifest(format=1, models=stage.entries), stage.models)
            )
            listed = await ask(peer, ModelsListRequestEvent())
            assert [status.state for status in listed.models] == ["partial"]
            assert len(stage.origin.requests) == 1
            await peer.request(ModelInstallRequestEvent(model_id="whisper"))
            assert (await next_of(ModelInstalledEvent)).fetched_bytes == 8 * MIB


async def test_cancel_with_drop_leaves_nothing(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(8 * MIB))
        stage.origin.misbehave("/whisper/model.bin", Faults(stall_after_bytes=MIB))
        await stage.start_both()
        async with stage.bus.connect() as peer:
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            cancelled = await peer.request(ModelCancelRequestEvent(model_id="whisper", drop_partial=True))
            assert (cancelled.status.state, cancelled.status.durable_bytes) == ("absent", 0)
            assert not (stage.models / "whisper.partial").exists()
            again = await peer.request(ModelCancelRequestEvent(model_id="whisper"))
            assert again.status.state == "absent"


@pytest.mark.requirement("S0-10")
async def test_removal_takes_the_whole_tree_and_a_dry_run_nothing(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(MIB))
        await stage.start_both()
        async with listening(stage, ModelInstalledEvent, ModelRemovedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            planned = await peer.request(ModelRemoveRequestEvent(model_id="whisper", dry_run=True))
            record_bytes = (stage.models / "whisper" / ".undercroft.json").stat().st_size
            assert (planned.freed_bytes, planned.status.state, planned.dry_run) == (
                MIB + record_bytes,
                "installed",
                True,
            )
            removed = await peer.request(ModelRemoveRequestEvent(model_id="whisper"))
            assert (removed.freed_bytes, removed.status.state) == (MIB + record_bytes, "absent")
            assert (await next_of(ModelRemovedEvent)).freed_bytes == MIB + record_bytes
            assert {path.name for path in stage.models.iterdir()} <= {
                ".undercroft.lock",
                ".undercroft.holder.json",
            }


async def test_unknown_model_is_refused_by_name(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        await stage.start_both()
        async with stage.bus.connect() as peer:
            with pytest.raises(RequestFailed, match="no model '../../etc'") as caught:
                await ask(peer, ModelInstallRequestEvent(model_id="../../etc"))
            assert caught.value.kind == "refused"


@pytest.mark.requirement("S1-39")
async def test_damage_of_an_installed_model_is_found_and_takes_it_out_of_use(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(MIB))
        await stage.start_both()
        async with listening(stage, ModelInstalledEvent, ModelVerificationFailedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            sound = await peer.request(ModelVerifyRequestEvent(model_id="whisper"))
            assert sound.findings == []
            assert sound.status.state == "installed"
            with (stage.models / "whisper" / "model.bin").open("r+b") as file:
                file.seek(1000)
                file.write(b"flipped")
            verdict = await peer.request(ModelVerifyRequestEvent(model_id="whisper"))
            assert [finding.aspect for finding in verdict.findings] == ["sha256"]
            assert verdict.status.state == "damaged"
            assert "models install whisper" in verdict.status.problem
            assert not (stage.models / "whisper").exists()
            assert (stage.models / "whisper.damaged" / "model.bin").exists()
            await next_of(ModelVerificationFailedEvent)
            await peer.request(ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            assert not (stage.models / "whisper.damaged").exists()


@pytest.mark.requirement("S1-1", "S1-39")
async def test_damage_done_while_nobody_ran_is_found_at_the_next_start(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(MIB))
        await stage.start_both()
        async with listening(stage, ModelInstalledEvent, ModelStateChangedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await next_of(ModelInstalledEvent)
            await stage.end("model_downloader")
            (stage.models / "whisper" / "model.bin").write_bytes(bytes(MIB))
            await stage.start(
                "model_downloader", ModelDownloader(Manifest(format=1, models=stage.entries), stage.models)
            )
            status = await until_state(next_of, "whisper", "damaged")
            assert "sha256" in status.problem


async def test_verifier_that_is_away_only_delays_the_install(tmp_path: Path) -> None:
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(MIB))
        await stage.start(
            "model_downloader", ModelDownloader(Manifest(format=1, models=stage.entries), stage.models)
        )
        async with listening(stage, ModelInstalledEvent, ModelStateChangedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            await until_state(next_of, "whisper", "verifying")
            await stage.start("model_verifier", ModelVerifier(stage.models, stage.state))
            await next_of(ModelInstalledEvent)


async def test_supervisor_can_build_both_actors_from_the_bundled_profile(tmp_path: Path) -> None:
    surroundings = context_without_bus(
        name="model_downloader",
        locations=locate("test", home=tmp_path),
        profile=read_profile(find_profile("dictation")),
    )
    assert isinstance(build_verifier(surroundings), ModelVerifier)
    downloader = build_downloader(surroundings)
    async with memory_bus() as bus, bus.connect("model_downloader") as peer, bus.connect() as client:
        loop: ActorLoop[Any] = ActorLoop(downloader, peer)
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
    async with stage_at(tmp_path) as stage:
        stage.offer("whisper", SyntheticContent(MIB))
        stage.offer("silero", SyntheticContent(MIB, seed=1))
        (stage.models / "whisper.partial" / "journal.json.tmp").mkdir(parents=True)
        await stage.start_both()
        async with listening(stage, ModelInstalledEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="silero"))
            assert (await next_of(ModelInstalledEvent)).model_id == "silero"
            listed = await peer.request(ModelsListRequestEvent())
            assert [status.state for status in listed.models] == ["partial", "installed"]
            assert "cannot go on" in listed.models[0].problem


@pytest.mark.requirement("S0-6")
async def test_second_app_shows_what_is_installed_is_told_who_owns_it_and_takes_over_when_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.model_downloader.relocation.models_directory.LOOK_SECONDS", 0.01)
    async with stage_at(tmp_path) as stage, memory_bus() as other_bus:
        stage.offer("whisper", SyntheticContent(2 * MIB))
        stage.offer("silero", SyntheticContent(MIB, seed=1))
        stage.origin.misbehave("/whisper/model.bin", Faults(times=1, stall_after_bytes=MIB))
        await stage.start_both()
        second = ModelDownloader(Manifest(format=1, models=stage.entries), stage.models, "another app")
        async with listening(stage, ModelInstalledEvent, ModelDownloadProgressedEvent) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="silero"))
            assert (await next_of(ModelInstalledEvent)).model_id == "silero"
            async with other_bus.connect("model_downloader") as its_peer, other_bus.connect() as guest:
                loop: ActorLoop[Any] = ActorLoop(second, its_peer)
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
                await stage.end("model_downloader")
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
                assert stage.origin.requests[-1].range_start == MIB, "it went on where the other left it"
                loop.stop()
                await task
