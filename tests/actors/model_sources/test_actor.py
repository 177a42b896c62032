"""Over a bus, the catalogue is published whole, and what was answered is on disk."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from actors.model_sources import build
from actors.model_sources.actor import DIRECTORY, ModelSources
from actors.model_sources.sources.resolver import Resolver
from actors.shared.context import ActorContext
from actors.shared.credentials.source_endpoints import SourceEndpointRefused
from actors.shared.locations.locations import locate
from actors.shared.manifest import is_licence_due
from actors.shared.manifest.manifest_signature import PinnedKeyRefused
from actors.shared.profile.profile import read_profile
from bus.actor import BusContext
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
    ModelCatalogueRequestEvent,
    ModelNameResolveRequestEvent,
    ModelWithdrawRequestEvent,
)
from tests.support.actor_contexts import bus_context
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


class SourcesLab:
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

    def context(self, bus: BusContext) -> ActorContext:
        (self.directory / "profile.toml").write_text(self.text)
        locations = locate("probe", self.directory / "home")
        return ActorContext.on(bus, "model_sources", locations, read_profile(self.directory))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Peer, Any]]:
        """An app's peer, and what it hears of the catalogue, from the first one on."""

        def build_here(context: BusContext) -> ModelSources:
            return ModelSources(self.context(context), self.environment, lambda: NOW, lambda: "me")

        async with memory_bus() as bus, bus.connect("model_sources") as own, bus.connect("app") as app:
            loop = ActorLoop(build_here, own)
            async with app.subscribe(ModelCatalogueChangedEvent) as catalogues:
                living = asyncio.create_task(loop.run())
                while not any("models.resolve" in peer.serves for peer in bus.core.statistics(0.0).peers):
                    await asyncio.sleep(0)
                yield app, catalogues
            loop.stop()
            await living


@pytest.fixture
def lab(tmp_path: Path, site: Site) -> SourcesLab:
    return SourcesLab(tmp_path, site)


def ids(event: ModelCatalogueChangedEvent) -> list[str]:
    return [known.entry.id for known in event.models]


@pytest.mark.requirement("S1-34", "S1-38")
async def test_the_catalogue_is_told_at_the_start(lab: SourcesLab) -> None:
    async with lab.running() as (_, catalogues):
        first = await anext(catalogues)
        assert (first.reason, ids(first), first.accepted, first.problems) == ("start", ["a", "gated"], [], [])
        assert {known.source for known in first.models} == {"bundled"}


@pytest.mark.requirement("S1-38")
async def test_what_was_added_is_on_disk_when_it_is_answered_and_there_after_a_restart(
    lab: SourcesLab, site: Site
) -> None:
    add_repository(site, "org/m", {"m.onnx": b"weights"}, large=("m.onnx",))
    async with lab.running() as (app, catalogues):
        await anext(catalogues)
        answer = await app.request(ModelAddRequestEvent(name="hf:org/m"))
        assert answer.is_new
        stored = json.loads((lab.state / "added.json").read_bytes())["items"]
        assert [item["entry"]["id"] for item in stored] == ["m"]
        published = await anext(catalogues)
        assert (
            published.reason,
            ids(published),
            published.models[-1].source,
            published.models[-1].where,
        ) == (
            "added",
            ["a", "gated", "m"],
            "added",
            answer.pinned,
        )
        assert not (await app.request(ModelAddRequestEvent(name="hf:org/m"))).is_new
    assert site.requests[0].authorization == f"Bearer {SECRET}"
    assert SECRET not in (lab.state / "added.json").read_text() + str(published)
    async with lab.running() as (app, catalogues):
        assert ids(await anext(catalogues)) == ["a", "gated", "m"]
        await app.request(ModelWithdrawRequestEvent(model_id="m"))
        assert ids(await anext(catalogues)) == ["a", "gated"]
        with pytest.raises(RequestFailed, match="nobody added it"):
            await app.request(ModelWithdrawRequestEvent(model_id="a"))


async def test_resolving_changes_nothing(lab: SourcesLab, site: Site) -> None:
    file = lab.directory / "tiny.gguf"
    file.write_bytes(b"x")
    async with lab.running() as (app, _):
        answer = await app.request(ModelNameResolveRequestEvent(name=f"file:{file}"))
        assert answer.entry.files[0].sha256 == sha256(b"x")
        with pytest.raises(RequestFailed, match="expected a name such as hf:"):
            await app.request(ModelNameResolveRequestEvent(name="whisper"))
        with pytest.raises(RequestFailed, match="404"):
            await app.request(ModelNameResolveRequestEvent(name="hf:org/gone"))
    assert not lab.state.exists()


async def test_models_that_are_added_at_the_same_time_are_all_kept(lab: SourcesLab) -> None:
    for name in "pqrst":
        (lab.directory / f"{name}.bin").write_bytes(name.encode())
    async with lab.running() as (app, _):
        requests = [ModelAddRequestEvent(name=f"file:{lab.directory}/{name}.bin") for name in "pqrst"]
        answers = await asyncio.gather(*(app.request(request) for request in requests))
        assert all(answer.is_new for answer in answers)
    async with lab.running() as (_, catalogues):
        assert set(ids(await anext(catalogues))) == {"a", "gated", *"pqrst"}


async def test_an_acceptance_is_recorded_with_who_and_when(lab: SourcesLab) -> None:
    async with lab.running() as (app, catalogues):
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
    async with lab.running() as (_, catalogues):
        assert not is_licence_due(gated, (await anext(catalogues)).accepted)


async def test_a_disk_that_is_full_takes_nothing_and_nothing_is_told(lab: SourcesLab) -> None:
    lab.state.parent.mkdir(parents=True)
    lab.state.write_text("a file where the directory should be")
    lab.state.unlink()
    async with lab.running() as (app, catalogues):
        await anext(catalogues)
        lab.state.write_text("a file where the directory should be")
        with pytest.raises(RequestFailed, match="refused"):
            await app.request(LicenceAcceptRequestEvent(model_id="gated"))
        lab.state.unlink()
        await app.request(LicenceAcceptRequestEvent(model_id="gated"))
        assert (await anext(catalogues)).revision == 2


async def test_a_bad_bundled_manifest_and_a_damaged_list_are_told_and_alerted(lab: SourcesLab) -> None:
    (lab.directory / "models.json").write_bytes(b"{")
    lab.state.mkdir(parents=True)
    (lab.state / "added.json").write_bytes(b"{")
    async with lab.running() as (app, catalogues):
        first = await anext(catalogues)
        assert (ids(first), len(first.problems)) == ([], 2)
        async with app.subscribe(AlertChangedEvent) as alerts:
            assert {(await anext(alerts)).alert.name for _ in range(2)} == {
                "manifest.unusable",
                "model_sources.unreadable",
            }


async def test_a_signed_manifest_renews_the_catalogue_and_a_bad_one_raises_an_alert(
    lab: SourcesLab, site: Site
) -> None:
    lab.text += f'[manifest]\nurl = "{site.url}/models.json"\nkeys = ["{public_key_text(KEY)}"]\n'
    site.put("/models.json", signed(5))
    async with lab.running() as (app, catalogues), app.subscribe(AlertChangedEvent) as alerts:
        await anext(catalogues)
        published = await anext(catalogues)
        assert (
            published.reason,
            published.manifest_version,
            {known.entry.id: known.source for known in published.models},
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


async def test_a_setting_switches_the_network_off(lab: SourcesLab, site: Site) -> None:
    async with lab.running() as (app, _):
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


async def test_the_supervisor_builds_it_by_its_entry(lab: SourcesLab) -> None:
    async with memory_bus() as bus, bus_context(bus, "model_sources") as context:
        assert isinstance(build(lab.context(context)), ModelSources)


async def test_the_environment_switches_the_network_off(lab: SourcesLab) -> None:
    lab.environment |= {"UNDERCROFT_OFFLINE": "1"}
    async with lab.running() as (app, _):
        with pytest.raises(RequestFailed, match="offline"):
            await app.request(ModelNameResolveRequestEvent(name="hf:org/gone"))


async def test_a_variable_that_holds_no_token_is_named(
    lab: SourcesLab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.environment |= {"HF_TOKEN": "two words"}
    async with lab.running():
        assert "HF_TOKEN" in caplog.text
        assert "two words" not in caplog.text


async def test_a_manifest_is_fetched_again_after_the_hours_of_the_profile(
    lab: SourcesLab, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await anyio.Event().wait()

    monkeypatch.setattr("actors.model_sources.actor.anyio.sleep", sleep)
    key = public_key_text(KEY)
    lab.text += f'[manifest]\nurl = "{site.url}/models.json"\nkeys = ["{key}"]\nrefresh_hours = 2\n'
    site.put("/models.json", signed(5))
    async with lab.running() as (_, catalogues):
        while (await anext(catalogues)).reason != "refreshed":
            pass
        while not pauses:
            await asyncio.sleep(0)
    assert pauses == [7200.0]


async def test_a_wrong_endpoint_or_key_stops_the_actor_with_a_sentence(lab: SourcesLab) -> None:
    async with memory_bus() as bus, bus_context(bus, "model_sources") as context:
        plain = lab.text
        lab.text = plain + '[sources]\nhf = "mirror"\n'
        with pytest.raises(SourceEndpointRefused, match=r"\[sources\] hf"):
            ModelSources(lab.context(context), {})
        lab.text = plain + '[manifest]\nurl = "https://m"\nkeys = ["AAAA"]\n'
        with pytest.raises(PinnedKeyRefused):
            ModelSources(lab.context(context), {})


def test_what_only_some_requests_need_is_not_imported_at_the_start() -> None:
    heavy = {"httpx", "cryptography", "keyring", "pydantic", "rich"}
    code = f"import sys, actors.model_sources.actor; print(*sorted({heavy} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


async def test_an_addition_that_can_not_be_read_costs_itself_and_can_be_withdrawn(
    lab: SourcesLab, site: Site
) -> None:
    add_repository(site, "org/m", {"m.onnx": b"weights"}, large=("m.onnx",))
    add_repository(site, "org/n", {"n.onnx": b"weights"}, large=("n.onnx",))
    async with lab.running() as (app, _):
        for name in ("hf:org/m", "hf:org/n"):
            await app.request(ModelAddRequestEvent(name=name))
    stored = (lab.state / "added.json").read_text()
    (lab.state / "added.json").write_text(stored.replace('"size_bytes": 7', f'"size_bytes": {2**64}', 1))
    async with lab.running() as (app, catalogues):
        first = await anext(catalogues)
        assert ids(first) == ["a", "gated", "n"]
        assert any("an item cannot be read" in problem for problem in first.problems)
        await app.request(ModelWithdrawRequestEvent(model_id="m"))
        second = await anext(catalogues)
        assert (ids(second), second.problems) == (["a", "gated", "n"], [])
        with pytest.raises(RequestFailed, match="nobody added it"):
            await app.request(ModelWithdrawRequestEvent(model_id="m"))


async def test_the_catalogue_is_stated_unless_the_asker_knows_it(lab: SourcesLab, site: Site) -> None:
    add_repository(site, "org/m", {"m.onnx": b"weights"}, large=("m.onnx",))
    async with lab.running() as (app, catalogues):
        published = await anext(catalogues)
        stated = await app.request(ModelCatalogueRequestEvent())
        assert (stated.life, stated.revision) == (published.life, published.revision)
        assert [known.entry.id for known in stated.models] == ids(published)
        asked = ModelCatalogueRequestEvent(life=stated.life, revision=stated.revision)
        assert (await app.request(asked)).is_known
        await app.request(ModelAddRequestEvent(name="hf:org/m"))
        newer = await app.request(asked)
        assert (newer.is_known, newer.models[-1].entry.id) == (False, "m")


async def test_an_error_that_nobody_foresaw_costs_its_request_alone(
    lab: SourcesLab, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*given: Any) -> None:
        raise ZeroDivisionError("by \x1b[31m nobody")

    async with lab.running() as (app, _):
        monkeypatch.setattr(Resolver, "resolve", fail)
        with pytest.raises(RequestFailed) as caught:
            await app.request(ModelAddRequestEvent(name="hf:org/m"))
        assert caught.value.kind == "refused"
        expected = "hf:org/m: an error that nobody foresaw: by [31m nobody; report it"
        assert caught.value.message == expected
        assert (await app.request(ModelCatalogueRequestEvent())).models
