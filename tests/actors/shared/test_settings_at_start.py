"""What asks servers knows the settings before its first request, however the actors of a runtime start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors import model_sources
from actors.shared import settings_at_start as module
from actors.shared.sdk.running_actor import run_actor
from actors.shared.settings_at_start import settings_at_start
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from schemas.config import SettingsChangedEvent
from schemas.models import ModelInstallRequestEvent, ModelPauseRequestEvent
from schemas.sources import ManifestRefreshRequestEvent
from tests.support.http_servers import Site, public_key_text, running_site
from tests.support.model_lab import model_lab
from tests.support.origin_content import BytesContent
from tests.support.profiles import bundled, write_profile
from tests.support.signed_manifests import KEY

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
OFFLINE = SettingsChangedEvent(changed={}, settings={"models": {"offline": True}}, revision=1, reason="start")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running_site() as found:
        yield found


def profile_of(directory: Path, site: Site) -> Path:
    manifest = f'[manifest]\nurl = "{site.url}/models.json"\nkeys = ["{public_key_text(KEY)}"]\n'
    return write_profile(directory, bundled("config_store"), bundled("model_sources"), tables=manifest)


async def test_settings_that_were_published_are_there_at_once() -> None:
    async with memory_bus() as bus, bus.connect("config_store") as store, bus.connect("a") as peer:
        assert await settings_at_start(peer, awaited=False) is None
        await store.publish(OFFLINE)
        for awaited in (False, True):
            assert await settings_at_start(peer, awaited=awaited) == OFFLINE.settings


async def test_settings_that_nobody_publishes_are_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SETTINGS_SECONDS", 0.0)
    async with memory_bus() as bus, bus.connect("a") as peer:
        assert await settings_at_start(peer, awaited=True) is None


async def publish_as(published: str, bus: MemoryBus, name: str, store: Peer) -> None:
    """Publish the settings as a config store would that starts beside this actor, or never does."""
    if published != "during the start":
        return
    while not any(peer.peer == name for peer in bus.core.statistics(0.0).peers):
        await asyncio.sleep(0)
    await store.publish(OFFLINE)


PUBLISHED = pytest.mark.parametrize("published", ["before the start", "during the start", "never"])


@PUBLISHED
async def test_the_model_sources_ask_no_server_if_the_settings_forbid_it(
    published: str, tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    if published == "never":
        monkeypatch.setattr(module, "SETTINGS_SECONDS", 0.0)
    profile = profile_of(tmp_path / "profile", site)
    async with memory_bus() as bus, bus.connect("config_store") as store:
        if published == "before the start":
            await store.publish(OFFLINE)
        publishing = asyncio.create_task(publish_as(published, bus, "model_sources", store))
        async with run_actor(
            model_sources.build, tmp_path / "home", profile=profile, name="model_sources", bus=bus
        ) as running:
            refreshed = await running.request(ManifestRefreshRequestEvent())
            assert refreshed.outcome == "kept"
        await publishing
    assert site.requests == []


@PUBLISHED
async def test_an_install_that_was_interrupted_asks_no_server_if_the_settings_forbid_it(
    published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if published == "never":
        monkeypatch.setattr(module, "SETTINGS_SECONDS", 0.0)
    async with model_lab(tmp_path / "home") as lab, lab.bus.connect("config_store") as store:
        lab.offer("m", BytesContent(b"weights" * 1000))
        await lab.start()
        await lab.ask(ModelInstallRequestEvent(model_id="m"))
        await lab.ask(ModelPauseRequestEvent(model_id="m"))
        await lab.end("model_downloader")
        (journal,) = (tmp_path / "home").rglob("journal.json")
        journal.write_text(json.dumps({**json.loads(journal.read_bytes()), "paused": False}))
        lab.origin.forget()
        if published == "before the start":
            await store.publish(OFFLINE)
        publishing = asyncio.create_task(publish_as(published, lab.bus, "model_downloader", store))
        await lab.start_actor("model_downloader", lambda bus: lab.downloader(bus, keeps_settings=True))
        async with asyncio.timeout(30):
            while (found := await lab.status("m")).state == "downloading":
                await asyncio.sleep(0)
        await publishing
        assert (found.state, lab.origin.requests) == ("failed", [])
