"""Readiness over a bus: it derives a snapshot from events, publishes it, and continues after a restart."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from actors.readiness import actor, build
from actors.readiness.actor import Readiness
from actors.readiness.snapshot.availability import ReadinessDeclaration
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import find_profile, read_profile
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import GapEvent, Peer
from bus.errors import Refused, RequestFailed
from schemas.event import Event
from schemas.models import (
    ModelInstallAcceptedEvent,
    ModelInstallRequestEvent,
    ModelsListedEvent,
    ModelsListRequestEvent,
    ModelState,
    ModelStateChangedEvent,
    ModelStatus,
)
from schemas.readiness import (
    ReadinessChangedEvent,
    ReadinessReportRequestEvent,
    ReadinessRetryRequestEvent,
    ReadinessSetupRequestEvent,
    ReadinessSnapshot,
)
from schemas.sources import LicenceAcceptance, LicenceAcceptedEvent, LicenceAcceptRequestEvent
from tests.support.actor_contexts import context_without_bus
from tests.support.readiness_lab import (
    DECLARED,
    TABLE,
    WORDS,
    actor_event,
    paths_event,
    progress_event,
    settings_event,
    status,
)

pytestmark = pytest.mark.anyio
GUARD_SECONDS = 20.0


DownloaderInbox = ModelsListRequestEvent | ModelInstallRequestEvent | LicenceAcceptRequestEvent


class Models:
    """Some models, whose owner accepts every request but one.

    Attributes:
        asked: what was requested, in order.
        answers: while it is cleared, requests get no reply.
    """

    def __init__(self, *statuses: ModelStatus) -> None:
        self.statuses = {found.model_id: found for found in statuses}
        self.asked: list[str] = []
        self.actor: Downloader
        self.answers = asyncio.Event()
        self.answers.set()

    def owner(self, context: BusContext) -> Downloader:
        self.actor = Downloader(context, self)
        return self.actor


class Downloader(Actor[DownloaderInbox]):
    """Stands in for the owner of the models."""

    def __init__(self, context: BusContext, models: Models) -> None:
        super().__init__(context)
        self.models = models

    async def prepare(self) -> None:
        for found in list(self.models.statuses.values()):
            await self.enter(found)

    async def enter(self, found: ModelStatus) -> None:
        self.models.statuses[found.model_id] = found
        await self.peer.publish(ModelStateChangedEvent(model_id=found.model_id, status=found))

    async def handle(self, event: DownloaderInbox) -> Event:
        models = self.models
        await models.answers.wait()
        if isinstance(event, ModelsListRequestEvent):
            return ModelsListedEvent(models=list(models.statuses.values()), models_directory="/models")
        if isinstance(event, LicenceAcceptRequestEvent):
            models.asked.append(f"licence {event.model_id}")
            return LicenceAcceptedEvent(
                acceptance=LicenceAcceptance(
                    model_id=event.model_id,
                    licence="MIT",
                    revision="",
                    digest="",
                    accepted_at=0.0,
                    accepted_by="me",
                )
            )
        models.asked.append(event.model_id)
        if event.model_id == "voice":
            raise Refused("the disk is full")
        await self.enter(status(event.model_id, "queued"))
        return ModelInstallAcceptedEvent(status=models.statuses[event.model_id])


class Scene:
    """A bus, and actors that can be started and ended on it."""

    def __init__(self, bus: MemoryBus, client: Peer) -> None:
        self.bus = bus
        self.client = client
        self.ends: list[Callable[[], Any]] = []

    async def run(self, name: str, build: Callable[[BusContext], Actor[Any]]) -> Callable[[], Any]:
        """Start an actor; returns what ends it."""
        connected = self.bus.connect(name)
        loop: ActorLoop[Any] = ActorLoop(build, await connected.__aenter__())
        running = asyncio.create_task(loop.run())

        async def end() -> None:
            loop.stop()
            await running
            await connected.__aexit__(None, None, None)
            self.ends.remove(end)

        self.ends.append(end)
        return end

    async def until(self, wanted: Callable[[ReadinessSnapshot], bool]) -> ReadinessSnapshot:
        """Wait for a snapshot."""
        async with asyncio.timeout(GUARD_SECONDS), self.client.subscribe(ReadinessChangedEvent) as events:
            async for event in events:
                assert not isinstance(event, GapEvent)
                if wanted(event.snapshot):
                    return event.snapshot
        raise AssertionError("the bus ended")

    async def ask(self, request: Any) -> Any:
        async with asyncio.timeout(GUARD_SECONDS):
            while True:
                try:
                    return await self.client.request(request)
                except RequestFailed as failed:
                    if failed.kind != "no_responder":
                        raise
                    await asyncio.sleep(0)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    async with memory_bus() as bus, bus.connect("app") as client:
        made = Scene(bus, client)
        try:
            yield made
        finally:
            for end in list(made.ends):
                await end()


def in_state(state: str) -> Callable[[ReadinessSnapshot], bool]:
    return lambda snapshot: snapshot.state == state


def readiness(
    declared: ReadinessDeclaration = DECLARED, clock: Callable[[], float] | None = None, **table: Any
) -> Callable[[BusContext], Readiness]:
    declared = dataclasses.replace(declared, table=msgspec.structs.replace(TABLE, **table))
    return lambda context: Readiness(context, declared, WORDS, clock)


@pytest.mark.requirement("S1-1", "S1-24", "S1-25")
async def test_it_checks_by_itself_and_tells_late_joiners_how_things_are() -> None:
    async with scene() as stage:
        await stage.run("readiness", readiness())
        assert (await stage.until(lambda snapshot: True)).state == "checking"
        await stage.run(
            "model_downloader", Models(status("base", "installed"), status("chat", "absent")).owner
        )
        await stage.client.publish(settings_event(assistant=False))
        await stage.client.publish(paths_event())
        ready = await stage.until(in_state("ready"))
        assert [mode.status for mode in ready.modes] == ["available", "switched_off"]
        assert ready.location == "/models"
        assert (await stage.until(lambda snapshot: True)).revision >= ready.revision


@pytest.mark.requirement("S1-1")
async def test_the_banner_comes_while_a_check_is_blocked() -> None:
    async with scene() as stage:
        models = Models(status("spare", "installed"))
        models.answers.clear()
        await stage.run("model_downloader", models.owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.run("readiness", readiness(banner_after_ms=20))
        late = await stage.until(lambda snapshot: snapshot.show == "banner")
        assert late.state == "checking"
        models.answers.set()
        assert (await stage.until(in_state("setup_required"))).reasons[0].kind == "unknown_model"


@pytest.mark.requirement("S1-5")
async def test_the_toast_is_over_after_its_time() -> None:
    async with scene() as stage:
        await stage.run("model_downloader", Models(status("base", "installed")).owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.client.publish(paths_event())
        await stage.run("readiness", readiness(toast_fade_ms=30))
        await stage.until(lambda snapshot: snapshot.show == "toast")
        assert (
            await stage.until(lambda snapshot: snapshot.show == "nothing" and snapshot.state == "ready")
        ).toast is None


@pytest.mark.requirement("S1-25")
async def test_a_new_life_takes_up_where_the_former_ended_and_does_not_welcome_twice() -> None:
    async with scene() as stage:
        models = Models(status("base", "installed"))
        await stage.run("model_downloader", models.owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.client.publish(paths_event())
        end = await stage.run("readiness", readiness(clock=lambda: 2_000_000_000.0))
        former = await stage.until(in_state("ready"))
        await end()
        heard: list[ReadinessSnapshot] = []
        async with stage.client.subscribe(ReadinessChangedEvent) as events:
            await stage.run(
                "readiness", readiness(clock=lambda: 1_000_000_000.0)
            )  # the clock was set back meanwhile
            await models.actor.enter(status("base", "damaged", problem="changed"))
            async with asyncio.timeout(GUARD_SECONDS):
                async for event in events:
                    assert not isinstance(event, GapEvent)
                    heard.append(event.snapshot)
                    if event.snapshot.state == "recovery_required":
                        break
        assert [
            snapshot.state
            for snapshot in heard
            if snapshot.revision > former.revision and snapshot.state == "checking"
        ] == []
        revisions = [snapshot.revision for snapshot in heard]
        assert revisions == sorted(set(revisions))


@pytest.mark.requirement("S1-8")
async def test_the_bundle_is_confirmed_once_and_every_model_of_it_is_asked_for() -> None:
    async with scene() as stage:
        models = Models(*(status(model_id, "absent") for model_id in ("base", "chat", "voice", "ears")))
        await stage.run("model_downloader", models.owner)
        await stage.client.publish(settings_event())
        await stage.client.publish(paths_event())
        await stage.run("readiness", readiness())
        shown = await stage.until(
            lambda snapshot: (
                snapshot.state == "setup_required" and snapshot.setup is not None and bool(snapshot.location)
            )
        )
        assert shown.setup is not None
        assert sorted(model.model_id for model in shown.setup.models) == ["base", "chat", "ears", "voice"]
        answer = await stage.ask(ReadinessSetupRequestEvent(location="/models"))
        assert sorted(answer.model_ids) == ["base", "chat", "ears"]
        assert answer.problems == ["voice: the disk is full"]
        assert sorted(models.asked) == ["base", "chat", "ears", "voice"]
        assert (await stage.until(in_state("downloading"))).progress


@pytest.mark.requirement("S1-8", "S1-16")
@pytest.mark.parametrize(
    ("command", "state"), [(ReadinessSetupRequestEvent(), "absent"), (ReadinessRetryRequestEvent(), "failed")]
)
async def test_a_command_right_after_the_start_waits_for_the_first_settings(
    command: Any, state: ModelState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it knows them nothing seems to be missing or broken, and nothing would be fetched."""
    monkeypatch.setattr(actor, "FIRST_FACTS_SECONDS", GUARD_SECONDS)
    async with scene() as stage:
        await stage.run("model_downloader", Models(status("base", state)).owner)
        await stage.run("readiness", readiness(dataclasses.replace(DECLARED, has_settings=True)))
        await stage.ask(ReadinessReportRequestEvent())
        asked = asyncio.create_task(stage.client.request(command, GUARD_SECONDS))
        await asyncio.sleep(0)
        assert (await stage.ask(ReadinessReportRequestEvent())).snapshot.state == "checking"
        await stage.client.publish(settings_event(assistant=False))
        assert (await asked).model_ids == ["base"]


async def test_a_bundle_that_was_shown_for_another_place_is_refused() -> None:
    async with scene() as stage:
        await stage.run("model_downloader", Models(status("base", "absent")).owner)
        await stage.client.publish(paths_event())
        await stage.client.publish(settings_event(assistant=False))
        await stage.run("readiness", readiness())
        await stage.until(in_state("setup_required"))
        with pytest.raises(RequestFailed, match="review the bundle again"):
            await stage.ask(ReadinessSetupRequestEvent(location="/elsewhere"))


async def test_a_licence_that_is_due_has_to_be_accepted_with_the_bundle() -> None:
    async with scene() as stage:
        models = Models(status("base", "absent", licence_due=True))
        await stage.run("model_downloader", models.owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.run("readiness", readiness())
        await stage.until(in_state("setup_required"))
        with pytest.raises(RequestFailed, match="licences of Base have to be accepted"):
            await stage.ask(ReadinessSetupRequestEvent())
        assert (await stage.ask(ReadinessSetupRequestEvent(accept_licences=True))).model_ids == ["base"]
        assert models.asked == ["licence base", "base"]


@pytest.mark.requirement("S1-16")
async def test_retry_has_what_is_broken_fetched_again() -> None:
    async with scene() as stage:
        models = Models(status("base", "failed", problem="timeout", problem_kind="network"))
        await stage.run("model_downloader", models.owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.run("readiness", readiness())
        await stage.until(in_state("recovery_required"))
        assert (await stage.ask(ReadinessRetryRequestEvent())).model_ids == ["base"]
        await stage.until(in_state("downloading"))


@pytest.mark.requirement("S1-37", "S1-16")
async def test_the_report_comes_in_the_language_that_is_asked_for() -> None:
    async with scene() as stage:
        await stage.run("model_downloader", Models(status("base", "installed")).owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.client.publish(actor_event("model_verifier", "ready"))
        await stage.run("readiness", readiness())
        await stage.until(in_state("ready"))
        english = await stage.ask(ReadinessReportRequestEvent())
        german = await stage.ask(ReadinessReportRequestEvent(locale="de-AT"))
        assert "Everything is ready." in english.text
        assert "Alles ist bereit." in german.text
        assert (german.snapshot.locale, german.snapshot.state) == ("de", "ready")


async def test_mere_progress_is_told_a_few_times_a_second_and_an_end_at_once() -> None:
    now = 1_700_000_000.0
    async with scene() as stage:
        models = Models(status("base", "downloading"))
        await stage.run("model_downloader", models.owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.client.publish(paths_event())
        await stage.run("readiness", readiness(clock=lambda: now))
        await stage.until(in_state("downloading"))
        async with stage.client.subscribe(ReadinessChangedEvent) as events:
            first = await anext(events)
            for durable_bytes in range(1, 500):
                await models.actor.peer.publish(progress_event("base", durable_bytes))
            await models.actor.enter(status("base", "installed"))
            told = 0
            async with asyncio.timeout(GUARD_SECONDS):
                async for event in events:
                    assert not isinstance(event, GapEvent)
                    told += 1
                    if event.snapshot.state == "ready":
                        break
            assert first is not None
            assert told <= 5


@pytest.mark.parametrize("state", ["absent", "partial"])
async def test_room_on_the_disk_is_told_with_the_bundle(tmp_path: Any, state: ModelState) -> None:
    async with scene() as stage:
        await stage.run("model_downloader", Models(status("base", state)).owner)
        await stage.client.publish(settings_event(assistant=False))
        await stage.client.publish(paths_event(str(tmp_path / "not" / "there"), free_bytes=None))
        await stage.run("readiness", readiness())
        found = await stage.until(
            lambda snapshot: snapshot.setup is not None and snapshot.setup.free_bytes is not None
        )
        assert found.setup is not None
        assert found.setup.free_bytes > 0  # type: ignore[operator]  # it was waited for


def test_the_bundled_profile_has_readiness(tmp_path: Any) -> None:
    profile = read_profile(find_profile("dictation"))
    assert isinstance(
        build(context_without_bus(name="readiness", locations=locate("x", tmp_path), profile=profile)),
        Readiness,
    )
