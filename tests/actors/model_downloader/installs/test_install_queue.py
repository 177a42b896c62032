"""The queue over the bus: installs rest and go on when a person says so, and licences come first."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from actors.shared.manifest.licence import licence_digest
from bus.errors import RequestFailed
from schemas.config import SettingsChangedEvent
from schemas.manifest import ModelEntry
from schemas.models import (
    ModelCancelRequestEvent,
    ModelDownloadProgressedEvent,
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelPauseRequestEvent,
    ModelResumeRequestEvent,
    ModelsListRequestEvent,
    ModelStateChangedEvent,
    PartialsCollectRequestEvent,
    PartialsListRequestEvent,
)
from schemas.sources import CatalogueEntry, LicenceAcceptance, ModelCatalogueChangedEvent
from tests.support.model_lab import MIB, ModelLab, ask, listening, model_lab, until_state
from tests.support.origin_content import SyntheticContent
from tests.support.origin_faults import Faults

pytestmark = pytest.mark.anyio
DAY_SECONDS = 86_400


async def fetched_by_half(lab: ModelLab) -> None:
    """An origin that stalls after five of eight mebibytes, once."""
    lab.offer("whisper", SyntheticContent(8 * MIB))
    lab.origin.misbehave("/whisper/model.bin", Faults(times=1, stall_after_bytes=5 * MIB))
    await lab.start()


@pytest.mark.requirement("S1-31")
async def test_paused_install_rests_through_a_restart_and_goes_on_where_it_was_once_resumed(
    tmp_path: Path,
) -> None:
    async with model_lab(tmp_path) as lab:
        await fetched_by_half(lab)
        async with listening(
            lab, ModelStateChangedEvent, ModelDownloadProgressedEvent, ModelInstalledEvent
        ) as (peer, next_of, _):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < 5 * MIB:
                pass
            paused = await peer.request(ModelPauseRequestEvent(model_id="whisper"))
            assert (paused.status.state, paused.status.durable_bytes) == ("paused", 5 * MIB)
            assert (await peer.request(ModelPauseRequestEvent(model_id="whisper"))).status.state == "paused"
            await lab.restart_downloader()
            assert (await ask(peer, ModelsListRequestEvent())).models[0].state == "paused"
            assert len(lab.origin.requests) == 1
            resumed = await peer.request(ModelResumeRequestEvent(model_id="whisper"))
            assert resumed.status.state in ("queued", "downloading")
            assert (await next_of(ModelInstalledEvent)).fetched_bytes == 8 * MIB
            assert lab.origin.requests[-1].range_start == 5 * MIB


async def test_nothing_to_pause_or_to_resume_is_said(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        await fetched_by_half(lab)
        async with lab.bus.connect() as peer:
            await ask(peer, ModelsListRequestEvent())
            with pytest.raises(RequestFailed, match="no install is under way"):
                await peer.request(ModelPauseRequestEvent(model_id="whisper"))
            with pytest.raises(RequestFailed, match="nothing is paused"):
                await peer.request(ModelResumeRequestEvent(model_id="whisper"))


async def test_partials_are_listed_with_size_age_and_host_and_go_only_by_a_rule(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        await fetched_by_half(lab)
        async with listening(lab, ModelStateChangedEvent, ModelDownloadProgressedEvent) as (
            peer,
            next_of,
            _,
        ):
            await ask(peer, ModelInstallRequestEvent(model_id="whisper"))
            while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < 5 * MIB:
                pass
            listed = (await peer.request(PartialsListRequestEvent())).partials
            assert [(one.model_id, one.kind, one.state, one.is_wanted) for one in listed] == [
                ("whisper", "partial", "downloading", True)
            ]
            assert (listed[0].durable_bytes, listed[0].promised_bytes, listed[0].url_hosts) == (
                5 * MIB,
                8 * MIB,
                ["127.0.0.1"],
            )
            await peer.request(ModelCancelRequestEvent(model_id="whisper"))
            journal = lab.models / "whisper.partial" / "journal.json"
            old = time.time() - 8 * DAY_SECONDS
            for path in (journal, journal.parent):
                os.utime(path, (old, old))
            kept = await peer.request(PartialsCollectRequestEvent())
            assert (kept.removed, kept.keep_days) == ([], 0)
            planned = await peer.request(PartialsCollectRequestEvent(keep_days=7, dry_run=True))
            assert [one.model_id for one in planned.removed] == ["whisper"]
            assert planned.freed_bytes >= 5 * MIB
            assert journal.exists()
            removed = await peer.request(PartialsCollectRequestEvent(keep_days=7))
            assert removed.freed_bytes == planned.freed_bytes
            assert not journal.parent.exists()
            assert (await peer.request(ModelsListRequestEvent())).models[0].state == "absent"


async def test_rule_of_the_settings_is_heard_while_it_runs(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        await fetched_by_half(lab)
        async with lab.bus.connect() as peer:
            await ask(peer, ModelsListRequestEvent())
            settings = {
                "models": {"partials_keep_days": 30, "max_streams": 2, "rate_limit_kib_per_second": 100}
            }
            await peer.publish(
                SettingsChangedEvent(changed={}, settings=settings, revision=1, reason="update")
            )
            while (await peer.request(PartialsListRequestEvent())).keep_days != 30:
                pass


def catalogue(
    *entries: ModelEntry, accepted: tuple[LicenceAcceptance, ...] = ()
) -> ModelCatalogueChangedEvent:
    models = [CatalogueEntry(entry=entry, source="added", where="a test") for entry in entries]
    return ModelCatalogueChangedEvent(models=models, accepted=list(accepted), revision=1, reason="added")


@pytest.mark.requirement("S1-11")
async def test_install_of_an_added_model_goes_on_once_the_catalogue_names_it_again(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        entry = lab.offer("added", SyntheticContent(2 * MIB))
        lab.origin.misbehave("/added/model.bin", Faults(times=1, stall_after_bytes=MIB))
        lab.entries.clear()
        await lab.start()
        async with listening(
            lab, ModelStateChangedEvent, ModelDownloadProgressedEvent, ModelInstalledEvent
        ) as (peer, next_of, _):
            await ask(peer, ModelsListRequestEvent())
            await peer.publish(catalogue(entry))
            await until_state(next_of, "added", "absent")
            await peer.request(ModelInstallRequestEvent(model_id="added"))
            while (await next_of(ModelDownloadProgressedEvent)).durable_bytes < MIB:
                pass
            await lab.restart_downloader()
            await next_of(ModelInstalledEvent)
            assert lab.entries == {}
            assert (lab.models / "added" / "model.bin").stat().st_size == 2 * MIB


async def test_model_whose_licence_is_due_is_not_fetched_before_it_is_accepted(tmp_path: Path) -> None:
    async with model_lab(tmp_path) as lab:
        import msgspec

        entry = msgspec.structs.replace(
            lab.offer("gated", SyntheticContent(MIB)),
            accept_licence=True,
            licence="Llama",
            licence_url="https://models.example/licence",
        )
        lab.entries["gated"] = entry
        await lab.start()
        async with listening(lab, ModelStateChangedEvent, ModelInstalledEvent) as (peer, next_of, _):
            listed = (await ask(peer, ModelsListRequestEvent())).models[0]
            assert (listed.state, listed.licence_due, listed.problem_kind) == ("absent", True, "licence")
            with pytest.raises(
                RequestFailed,
                match=r"licence \(Llama\) has to be accepted first; read it at https://models.example/licence",
            ):
                await peer.request(ModelInstallRequestEvent(model_id="gated"))
            assert lab.origin.requests == []
            accepted = LicenceAcceptance(
                model_id="gated",
                licence="Llama",
                revision="",
                digest=licence_digest(entry),
                accepted_at=0.0,
                accepted_by="somebody",
            )
            await peer.publish(catalogue(entry, accepted=(accepted,)))
            while (await next_of(ModelStateChangedEvent)).status.licence_due:
                pass
            await peer.request(ModelInstallRequestEvent(model_id="gated"))
            await next_of(ModelInstalledEvent)
