"""A request that follows an answer of the model sources finds what was answered, whatever the events do."""

from __future__ import annotations

import pytest

from actors.model_downloader.catalogue_client import CatalogueClient
from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.registry.model_registry import ModelRegistry
from actors.model_downloader.staging.models_layout import ModelsLayout
from bus.errors import FailureKind, Refused, RequestFailed
from bus.telemetry.alert_book import Alerts
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.sources import (
    CatalogueEntry,
    ModelCatalogueChangedEvent,
    ModelCatalogueRequestEvent,
    ModelCatalogueStatedEvent,
)
from tests.support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio
PROMISE = FilePromise(path="f", size_bytes=1, sha256="0" * 64, urls=["https://models.example/f"])


def entry(model_id: str, licence: str = "MIT") -> ModelEntry:
    return ModelEntry(id=model_id, name=model_id, category="stt", licence=licence, files=[PROMISE])


def known(*entries: ModelEntry) -> list[CatalogueEntry]:
    return [CatalogueEntry(entry=one, source="added", where="here") for one in entries]


class Sources:
    """Model sources that answer, and whose events never come.

    Attributes:
        entries: what they know now.
        failures: how they fail before they answer.
    """

    def __init__(self, tmp_path: object) -> None:
        self.bus = ScriptedPeer()
        self.entries: list[ModelEntry] = []
        self.life, self.revision = "one", 1
        self.failures: list[FailureKind] = []
        self.bus.answer(ModelCatalogueRequestEvent, self.state)
        layout = ModelsLayout(tmp_path)  # type: ignore[arg-type]
        self.registry = ModelRegistry(
            Manifest(format=1, models=[entry("bundled")]),
            layout,
            ModelLeases(layout, self.bus.as_peer),
            self.bus.publish,
            Alerts("model_downloader", self.bus.publish),
        )
        self.client = CatalogueClient(self.bus.as_peer, self.registry, self.learn, self.sleep)
        self.slept = 0

    async def state(self, asked: ModelCatalogueRequestEvent) -> ModelCatalogueStatedEvent:
        if self.failures:
            raise RequestFailed(self.failures.pop(0), "in a test")
        is_known = (asked.life, asked.revision) == (self.life, self.revision)
        models = [] if is_known else known(*self.entries)
        return ModelCatalogueStatedEvent(
            life=self.life, revision=self.revision, models=models, is_known=is_known
        )

    def learn(self, state: ModelCatalogueStatedEvent) -> None:
        self.registry.learn(state)

    async def sleep(self, seconds: float) -> None:
        self.slept += 1

    def change(self, *entries: ModelEntry) -> None:
        self.entries, self.revision = list(entries), self.revision + 1


@pytest.fixture
def sources(tmp_path: object) -> Sources:
    return Sources(tmp_path)


async def test_a_model_is_known_as_soon_as_its_addition_was_answered(sources: Sources) -> None:
    for number in range(20):
        sources.change(*sources.entries, entry(f"m{number}"))
        assert (await sources.client.entry(f"m{number}")).id == f"m{number}"
    with pytest.raises(Refused, match="no model 'm20'"):
        await sources.client.entry("m20")


async def test_an_install_takes_the_entry_that_was_answered_last(sources: Sources) -> None:
    sources.change(entry("m"))
    await sources.client.entry_now("m")
    sources.change(entry("m", licence="GPL"))
    assert (await sources.client.entry("m")).licence == "MIT"
    assert (await sources.client.entry_now("m")).licence == "GPL"
    sources.change()
    with pytest.raises(Refused, match="no model 'm'"):
        await sources.client.entry_now("m")


async def test_what_is_known_already_is_not_sent_again(sources: Sources) -> None:
    sources.change(entry("m"))
    await sources.client.catch_up()
    await sources.client.catch_up()
    assert [(asked.life, asked.revision) for asked in sources.bus.asked] == [("", 0), ("one", 2)]


async def test_an_event_that_is_older_than_the_answer_changes_nothing(sources: Sources) -> None:
    sources.change(entry("m"))
    await sources.client.catch_up()
    older = ModelCatalogueChangedEvent(models=[], accepted=[], revision=1, reason="start", life="one")
    assert sources.registry.learn(older) == []
    assert "m" in sources.registry.entries
    next_life = ModelCatalogueChangedEvent(models=[], accepted=[], revision=1, reason="start", life="two")
    sources.registry.learn(next_life)
    assert "m" not in sources.registry.entries


async def test_sources_that_start_again_are_waited_for(sources: Sources) -> None:
    sources.change(entry("m"))
    sources.failures = ["restarting", "died", "restarting"]
    assert (await sources.client.entry("m")).id == "m"
    assert sources.slept == 3


@pytest.mark.parametrize(("kind", "words"), [("no_responder", ""), ("deadline", "try again in a moment")])
async def test_without_an_answer_the_manifest_of_the_app_counts(
    sources: Sources, kind: FailureKind, words: str
) -> None:
    sources.failures = [kind, kind]
    assert (await sources.client.entry_now("bundled")).id == "bundled"
    with pytest.raises(Refused, match=f"no model 'm'.*{words}"):
        await sources.client.entry("m")
