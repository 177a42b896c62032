"""The model sources over a bus: the catalogue is told whole, and what was answered is on disk."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.model_sources import build
from actors.model_sources.actor import ModelSources
from actors.model_sources.dependencies import DIRECTORY, Desk
from actors.shared.context import ActorContext
from actors.shared.locations.locations import locate
from actors.shared.manifest import is_licence_due
from actors.shared.profile.profile import read_profile
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.config import SettingsChangedEvent
from schemas.manifest import Manifest
from schemas.operations.alerts import AlertChangedEvent
from schemas.sources import (
    LicenceAcceptRequestEvent,
    ManifestRefreshRequestEvent,
    ModelAddRequestEvent,
    ModelCatalogueChangedEvent,
    ModelNameResolveRequestEvent,
    ModelWithdrawRequestEvent,
)
from tests.support.actor_contexts import context_without_bus
from tests.support.http_servers import Site, add_repository, public_key_text, running_site, sha256
from tests.support.signed_manifests import ENTRY, KEY, NOW, signed

pytestmark = pytest.mark.anyio
SECRET = "hf_secret"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as found:
        yield found


class World:
    """A profile with one gated model, and a home."""

    def __init__(self, directory: Path, site: Site) -> None:
        self.directory = directory
        self.environment = {"HF_ENDPOINT": site.url, "HF_TOKEN": SECRET}
        gated = msgspec.structs.replace(ENTRY, id="gated", accept_licence=True, revision="1")
        (directory / "models.json").write_bytes(
            msgspec.json.encode(Manifest(format=1, models=[ENTRY, gated]))
        )
        self.text = 'name = "probe"\nmodels = ["models.json"]\n'
        self.state = directory / "home" / "state" / DIRECTORY

    def surroundings(self) -> ActorContext:
        (self.directory / "profile.toml").write_text(self.text)
        return context_without_bus(
            name="model_sources",
            locations=locate("probe", self.directory / "home"),
            profile=read_profile(self.directory),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Peer, Any]]:
        """An app's peer, and what it hears of the catalogue, from the first one on."""
        desk = with_clock(
            Desk.of(self.surroundings(), self.environment), now=lambda: NOW, account=lambda: "me"
        )
        async with memory_bus() as bus, bus.connect("model_sources") as own, bus.connect("app") as app:
            loop = ActorLoop(ModelSources(desk), own)
            async with app.subscribe(ModelCatalogueChangedEvent) as catalogues:
                living = asyncio.create_task(loop.run())
                while not any("models.resolve" in peer.serves for peer in bus.core.statistics(0.0).peers):
                    await asyncio.sleep(0)
                yield app, catalogues
            loop.stop()
            await living


def with_clock(desk: Desk, **changes: Any) -> Desk:
    changes["remote"] = desk.remote
    desk.remote._now = changes["now"]
    return dataclasses.replace(desk, **changes)


@pytest.fixture
def world(tmp_path: Path, site: Site) -> World:
    return World(tmp_path, site)


def ids(event: ModelCatalogueChangedEvent) -> list[str]:
    return [known.entry.id for known in event.models]


@pytest.mark.requirement("S1-34", "S1-38")
async def test_the_catalogue_is_told_at_the_start(world: World) -> None:
    async with world.running() as (_, catalogues):
        first = await anext(catalogues)
        assert (first.reason, ids(first), first.accepted, first.problems) == ("start", ["a", "gated"], [], [])
        assert {known.source for known in first.models} == {"bundled"}


@pytest.mark.requirement("S1-38")
async def test_what_was_added_is_on_disk_when_it_is_answered_and_there_after_a_restart(
    world: World, site: Site
) -> None:
    add_repository(site, "org/m", {"m.onnx": b"weights"}, large=("m.onnx",))
    async with world.running() as (app, catalogues):
        await anext(catalogues)
        answer = await app.request(ModelAddRequestEvent(name="hf:org/m"))
        assert answer.is_new
        stored = json.loads((world.state / "added.json").read_bytes())["items"]
        assert [item["entry"]["id"] for item in stored] == ["m"]
        told = await anext(catalogues)
        assert (told.reason, ids(told), told.models[-1].source, told.models[-1].where) == (
            "added",
            ["a", "gated", "m"],
            "added",
            answer.pinned,
        )
        assert not (await app.request(ModelAddRequestEvent(name="hf:org/m"))).is_new
    assert site.requests[0].authorization == f"Bearer {SECRET}"
    assert SECRET not in (world.state / "added.json").read_text() + str(told)
    async with world.running() as (app, catalogues):
        assert ids(await anext(catalogues)) == ["a", "gated", "m"]
        await app.request(ModelWithdrawRequestEvent(model_id="m"))
        assert ids(await anext(catalogues)) == ["a", "gated"]
        with pytest.raises(RequestFailed, match="nobody added it"):
            await app.request(ModelWithdrawRequestEvent(model_id="a"))


async def test_resolving_changes_nothing(world: World, site: Site) -> None:
    file = world.directory / "tiny.gguf"
    file.write_bytes(b"x")
    async with world.running() as (app, _):
        answer = await app.request(ModelNameResolveRequestEvent(name=f"file:{file}"))
        assert answer.entry.files[0].sha256 == sha256(b"x")
        with pytest.raises(RequestFailed, match="expected a name such as hf:"):
            await app.request(ModelNameResolveRequestEvent(name="whisper"))
        with pytest.raises(RequestFailed, match="404"):
            await app.request(ModelNameResolveRequestEvent(name="hf:org/gone"))
    assert not world.state.exists()


async def test_models_that_are_added_at_the_same_time_are_all_kept(world: World) -> None:
    for name in "pqrst":
        (world.directory / f"{name}.bin").write_bytes(name.encode())
    async with world.running() as (app, _):
        questions = [ModelAddRequestEvent(name=f"file:{world.directory}/{name}.bin") for name in "pqrst"]
        answers = await asyncio.gather(*(app.request(question) for question in questions))
        assert all(answer.is_new for answer in answers)
    async with world.running() as (_, catalogues):
        assert set(ids(await anext(catalogues))) == {"a", "gated", *"pqrst"}


async def test_an_acceptance_is_recorded_with_who_and_when(world: World) -> None:
    async with world.running() as (app, catalogues):
        gated = (await anext(catalogues)).models[1].entry
        assert is_licence_due(gated, [])
        accepted = (await app.request(LicenceAcceptRequestEvent(model_id="gated"))).acceptance
        assert (accepted.accepted_by, accepted.accepted_at, accepted.revision) == ("me", NOW, "1")
        assert (await anext(catalogues)).accepted == [accepted]
        assert (await app.request(LicenceAcceptRequestEvent(model_id="gated"))).acceptance == accepted, (
            "the first one counts"
        )
        for model_id, words in (("a", "need not be accepted"), ("gone", "there is no model")):
            with pytest.raises(RequestFailed, match=words):
                await app.request(LicenceAcceptRequestEvent(model_id=model_id))
    async with world.running() as (_, catalogues):
        assert not is_licence_due(gated, (await anext(catalogues)).accepted)


async def test_a_disk_that_is_full_takes_nothing_and_nothing_is_told(world: World) -> None:
    world.state.parent.mkdir(parents=True)
    world.state.write_text("a file where the directory should be")
    world.state.unlink()
    async with world.running() as (app, catalogues):
        await anext(catalogues)
        world.state.write_text("a file where the directory should be")
        with pytest.raises(RequestFailed, match="refused"):
            await app.request(LicenceAcceptRequestEvent(model_id="gated"))
        world.state.unlink()
        await app.request(LicenceAcceptRequestEvent(model_id="gated"))
        assert (await anext(catalogues)).revision == 2


async def test_a_bad_bundled_manifest_and_a_damaged_list_are_told_and_alerted(world: World) -> None:
    (world.directory / "models.json").write_bytes(b"{")
    world.state.mkdir(parents=True)
    (world.state / "added.json").write_bytes(b"{")
    async with world.running() as (app, catalogues):
        first = await anext(catalogues)
        assert (ids(first), len(first.problems)) == ([], 2)
        async with app.subscribe(AlertChangedEvent) as alerts:
            assert {(await anext(alerts)).alert.name for _ in range(2)} == {
                "manifest.unusable",
                "model_sources.unreadable",
            }


async def test_a_signed_manifest_renews_the_catalogue_and_a_bad_one_raises_an_alert(
    world: World, site: Site
) -> None:
    world.text += f'[manifest]\nurl = "{site.url}/models.json"\nkeys = ["{public_key_text(KEY)}"]\n'
    site.put("/models.json", signed(5))
    async with world.running() as (app, catalogues), app.subscribe(AlertChangedEvent) as alerts:
        await anext(catalogues)
        told = await anext(catalogues)
        assert (
            told.reason,
            told.manifest_version,
            {known.entry.id: known.source for known in told.models},
        ) == (
            "refreshed",
            5,
            {"a": "remote", "gated": "bundled"},
        )
        assert (await app.request(ManifestRefreshRequestEvent())).outcome == "unchanged"
        site.put("/models.json", signed(4))
        answer = await app.request(ManifestRefreshRequestEvent())
        assert (answer.outcome, answer.version) == ("kept", 5)
        raised = (await anext(alerts)).alert
        assert (raised.name, raised.is_active) == ("manifest.refused", True)
        assert "older than 5" in raised.message
        site.put("/models.json", signed(6))
        assert (await app.request(ManifestRefreshRequestEvent())).outcome == "taken"
        assert not (await anext(alerts)).alert.is_active


async def test_a_setting_switches_the_network_off(world: World, site: Site) -> None:
    async with world.running() as (app, _):
        await app.publish(
            SettingsChangedEvent(
                changed={}, settings={"models": {"offline": True}}, revision=1, reason="update"
            )
        )
        await app.settled()
        while True:
            with pytest.raises(RequestFailed) as caught:
                await app.request(ModelNameResolveRequestEvent(name="hf:org/gone"))
            if "offline" in str(caught.value):
                return


def test_the_supervisor_builds_it_by_its_entry(world: World) -> None:
    assert isinstance(build(world.surroundings()), ModelSources)
