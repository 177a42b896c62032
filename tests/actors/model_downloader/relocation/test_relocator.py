"""The home of the models: moved while it is used, cancelled, adopted, begun anew, away and back again."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.locations.actor import LocationRegistry
from actors.model_downloader.actor import ModelDownloader
from actors.model_downloader.relocation import tree_copy
from actors.model_verifier.actor import ModelVerifier
from actors.shared.durable.directory_lock import DirectoryLock
from actors.shared.locations.location_choices import read_choices, resolve
from actors.shared.locations.locations import locate
from bus.actor import Actor, BusContext
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from bus.lifeline import Lifeline, LifelineMessage, LineDecoder, encode
from schemas.leases import ModelLeaseRequestEvent, ModelReleaseRequestEvent
from schemas.models import ModelInstallRequestEvent, ModelsListRequestEvent, PartialsListRequestEvent
from schemas.paths import (
    ModelsRelocateRequestEvent,
    MoveState,
    PathAction,
    PathChooseRequestEvent,
    PathChosenEvent,
    PathMoveCancelRequestEvent,
    PathMoveChangedEvent,
    PathsChangedEvent,
    PathsListRequestEvent,
)
from tests.support.dead_mount import dead_mount
from tests.support.faulty_origin import FaultyOrigin
from tests.support.model_lab import GUARD_SECONDS, ModelLab, ask, model_lab
from tests.support.origin_content import BytesContent
from tests.support.origin_faults import SOUND, Faults

pytestmark = pytest.mark.anyio
MODEL = b"a model" * 1000
CONTENT = BytesContent(MODEL)


class RelocationLab(ModelLab):
    """Owner of the choices, verifier and downloader of one home; each can be ended and started again."""

    def __init__(self, bus: MemoryBus, origin: FaultyOrigin, home: Path, client: Peer) -> None:
        super().__init__(bus, origin, home, client)
        self.defaults = locate("app", home=home)
        for model_id in ("base", "tiny"):
            self.offer(model_id, CONTENT)

    async def start(self) -> None:
        """Start all three, where the choices say that the models are."""
        self.models = resolve(self.defaults, read_choices(self.defaults.config).choices, {}).locations.models
        await self.start_actor("locations", self.locations)
        await self.start_actor(
            "model_verifier", lambda bus: ModelVerifier(bus, self.models, self.defaults.state)
        )
        await self.start_actor("model_downloader", self.moving_downloader)

    def locations(self, bus: BusContext) -> Actor[Any]:
        return LocationRegistry(bus, self.defaults, self.defaults, {})

    def moving_downloader(self, bus: BusContext) -> ModelDownloader:
        """A downloader with a place for the journal of a move."""
        return self.downloader(
            bus, state=self.defaults.state / "model_downloader", default_models=self.defaults.models
        )


@asynccontextmanager
async def started_lab(home: Path) -> AsyncIterator[tuple[RelocationLab, Peer]]:
    with FaultyOrigin() as origin:
        async with memory_bus() as bus, bus.connect("app") as app:
            lab = RelocationLab(bus, origin, home, app)
            await lab.start()
            try:
                yield lab, app
            finally:
                await lab.end_all()


async def choose(app: Peer, target: Path | str, action: PathAction = "move") -> PathChosenEvent:
    await ask(app, ModelsListRequestEvent())  # the owner of the models is up
    answer = await ask(
        app, PathChooseRequestEvent(category="models", path=str(target), action=action, create_missing=True)
    )
    assert isinstance(answer, PathChosenEvent)
    return answer


async def until(app: Peer, move_id: str, state: MoveState) -> PathMoveChangedEvent:
    async with asyncio.timeout(20), app.subscribe(PathMoveChangedEvent) as events:
        async for event in events:
            if isinstance(event, PathMoveChangedEvent) and event.move_id == move_id and event.state == state:
                return event
    raise AssertionError("the stream of events ended")


async def test_models_move_while_the_app_runs_and_serve_at_the_new_place(tmp_path: Path) -> None:
    async with started_lab(tmp_path / "home") as (lab, app):
        await lab.install("tiny")
        await until(app, (await choose(app, tmp_path / "big")).move_id, "moved")
        assert (tmp_path / "big" / "tiny" / "model.bin").stat().st_size == CONTENT.size_bytes
        assert not (lab.defaults.models / "tiny").exists()
        assert (await ask(app, ModelsListRequestEvent())).models_directory == str(tmp_path / "big")
        assert (await lab.states())["tiny"] == "installed"
        await lab.install("base")
        assert (tmp_path / "big" / "base").is_dir()
        await until(app, (await choose(app, "")).move_id, "moved")
        assert sorted(path.name for path in lab.defaults.models.iterdir() if path.is_dir()) == [
            "base",
            "tiny",
        ]


async def test_a_move_can_be_cancelled_and_nothing_is_changed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def waiting(source: Path, target: Path) -> bool:
        reached.set()
        go_on.wait(20)
        return False

    monkeypatch.setattr(tree_copy, "_link", waiting)
    async with started_lab(tmp_path / "home") as (lab, app):
        await lab.install("tiny")
        await choose(app, tmp_path / "big")
        await asyncio.to_thread(reached.wait, 20)
        with pytest.raises(RequestFailed, match="being moved to"):
            await app.request(ModelInstallRequestEvent(model_id="base"))
        second = await app.request(
            PathChooseRequestEvent(category="models", path=str(tmp_path / "other"), create_missing=True)
        )
        assert [problem.kind for problem in second.problems] == ["held"]
        leased = await app.request(ModelLeaseRequestEvent(model_id="tiny", holder="engine"))
        assert leased.directory == str(lab.defaults.models / "tiny")
        cancelling = asyncio.create_task(ask(app, PathMoveCancelRequestEvent()))
        await asyncio.sleep(0)
        go_on.set()
        assert (await cancelling).was_moving
        assert not [path for path in (tmp_path / "big").iterdir() if path.is_dir()]
        assert (await lab.states())["tiny"] == "installed"
        assert read_choices(lab.defaults.config).choices.paths == {}
        await lab.install("base")
        assert not (await ask(app, PathMoveCancelRequestEvent())).was_moving


async def test_a_model_in_use_stays_at_the_old_place_until_it_is_released(tmp_path: Path) -> None:
    async with started_lab(tmp_path / "home") as (lab, app):
        await lab.install("tiny")
        leased = await app.request(ModelLeaseRequestEvent(model_id="tiny", holder="engine"))
        moving = await choose(app, tmp_path / "big")
        async with asyncio.timeout(20), app.subscribe(PathMoveChangedEvent) as events:
            async for event in events:
                if isinstance(event, PathMoveChangedEvent) and event.kept_back == ["tiny"]:
                    break
        assert (lab.defaults.models / "tiny" / "model.bin").exists()
        assert (tmp_path / "big" / "tiny" / "model.bin").exists()
        assert read_choices(lab.defaults.config).choices.paths == {"models": str(tmp_path / "big")}
        await app.request(ModelReleaseRequestEvent(model_id="tiny", lease_id=leased.lease.lease_id))
        await until(app, moving.move_id, "moved")
        assert not (lab.defaults.models / "tiny").exists()


@pytest.mark.parametrize("action", ["adopt", "anew"])
async def test_without_a_move_the_old_place_is_untouched_and_a_wish_goes_on_at_the_new_one(
    tmp_path: Path, action: PathAction
) -> None:
    async with started_lab(tmp_path / "home") as (lab, app):
        await lab.install("tiny")
        lab.origin.misbehave("/base/model.bin", Faults(status=503, retry_after="3600"))
        await ask(app, ModelInstallRequestEvent(model_id="base"))
        async with asyncio.timeout(20):
            while not any(seen.path == "/base/model.bin" for seen in lab.origin.requests):
                await asyncio.sleep(0)
        lab.origin.misbehave("/base/model.bin", SOUND)
        (tmp_path / "big" / "tiny").mkdir(parents=True)
        (tmp_path / "big" / "tiny" / "model.bin").write_bytes(MODEL)
        answer = await choose(app, tmp_path / "big", action)
        await until(app, answer.move_id, "moved")
        assert (lab.defaults.models / "tiny" / "model.bin").exists()
        assert (lab.defaults.models / "base.partial").exists()
        async with asyncio.timeout(20):  # what lies at the new place is compared before it counts
            while await lab.states() != {"base": "installed", "tiny": "installed"}:
                await asyncio.sleep(0)
        assert (tmp_path / "big" / "base" / "model.bin").exists()


@pytest.mark.requirement("S1-2")
async def test_a_chosen_directory_that_is_missing_is_not_created_and_its_models_are_back_with_it(
    tmp_path: Path,
) -> None:
    async with started_lab(tmp_path / "home") as (lab, app):
        await lab.install("tiny")
        await until(app, (await choose(app, tmp_path / "big")).move_id, "moved")
        (tmp_path / "big").rename(tmp_path / "unplugged")
        await ask(app, PathsListRequestEvent())
        with pytest.raises(RequestFailed, match="is not there"):
            await ask(app, ModelInstallRequestEvent(model_id="base"))
        await lab.end_all()
        await lab.start()
        assert await lab.states() == {"base": "absent", "tiny": "absent"}
        assert not (tmp_path / "big").exists()
        (tmp_path / "unplugged").rename(tmp_path / "big")
        await ask(app, PathsListRequestEvent())
        async with asyncio.timeout(20):
            while (await lab.states())["tiny"] != "installed":
                await asyncio.sleep(0)


async def test_a_place_that_another_process_owns_is_refused_by_name(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "big", "another app"):
        async with started_lab(tmp_path / "home") as (lab, app):
            answer = await choose(app, tmp_path / "big")
            assert (answer.accepted, [problem.kind for problem in answer.problems]) == (False, ["held"])
            assert "another app" in answer.problems[0].message
            await lab.install("tiny")


async def test_models_of_another_process_are_not_moved_away_from_it_but_another_place_can_be_begun(
    tmp_path: Path,
) -> None:
    with DirectoryLock(tmp_path / "home" / "models", "another app"):
        async with started_lab(tmp_path / "home") as (lab, app):
            answer = await choose(app, tmp_path / "big")
            assert [problem.kind for problem in answer.problems] == ["held"]
            assert "not moved away from it" in answer.problems[0].message
            await until(app, (await choose(app, tmp_path / "big", "anew")).move_id, "moved")
            await lab.install("tiny")
            assert (tmp_path / "big" / "tiny").is_dir()


async def test_a_place_inside_the_present_one_is_refused_and_nothing_stops(tmp_path: Path) -> None:
    async with started_lab(tmp_path / "home") as (lab, app):
        await lab.install("tiny")
        answer = await choose(app, lab.defaults.models / "below")
        assert [problem.kind for problem in answer.problems] == ["held"]
        assert not (lab.defaults.models / "below").exists()
        await lab.install("base")


async def test_without_a_place_for_its_journal_nothing_moves(tmp_path: Path) -> None:
    with FaultyOrigin() as origin:
        async with memory_bus() as bus, bus.connect("app") as app:
            lab = RelocationLab(bus, origin, tmp_path / "home", app)
            await lab.start_actor("locations", lab.locations)
            await lab.start_verifier()
            await lab.start_downloader()
            assert not (await choose(app, tmp_path / "big")).accepted
            await lab.end_all()


class Heartbeat:
    """The supervisor's end of a lifeline: pings all the time, and remembers the longest silence."""

    def __init__(self) -> None:
        from_child, to_parent = os.pipe()
        from_parent, self._to_child = os.pipe()
        self._from_child = from_child
        self.lifeline = Lifeline(from_parent, to_parent)
        self.longest_seconds = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def _beat(self) -> None:
        number, decoder = 0, LineDecoder()
        while not self._is_over.wait(0.01):
            number += 1
            sent_at = time.monotonic()
            os.write(self._to_child, encode(LifelineMessage(ping=number)))
            while not any(
                message.pong == number for message in decoder.feed(os.read(self._from_child, 4096))
            ):
                pass
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - sent_at)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()


async def install_once_it_answers(lab: ModelLab, model_id: str) -> None:
    """Install a model; the last look that hung may still be on its way back."""
    async with asyncio.timeout(GUARD_SECONDS):
        while True:
            try:
                await lab.install(model_id)
                return
            except RequestFailed as failed:
                assert failed.kind == "refused"
            await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.requirement("S1-2")
async def test_mount_that_never_answers_holds_up_no_heartbeat_and_is_opened_once_it_is_back(
    tmp_path: Path,
) -> None:
    with FaultyOrigin() as origin:
        async with memory_bus() as bus, bus.connect("app") as app:
            lab, mount = ModelLab(bus, origin, tmp_path / "home", app), tmp_path / "share"
            lab.offer("tiny", CONTENT)
            mount.mkdir()
            lab.models = mount
            heartbeat = Heartbeat()
            with dead_mount(mount), heartbeat:
                began = time.monotonic()
                await lab.start_actor(
                    "model_downloader",
                    lambda context: lab.downloader(context, default_models=tmp_path / "default"),
                    heartbeat.lifeline,
                )
                listed = (await lab.ask(ModelsListRequestEvent())).models[0]
                assert (listed.state, "does not answer" in listed.problem) == ("absent", True)
                for request in (
                    ModelInstallRequestEvent(model_id="tiny"),
                    ModelLeaseRequestEvent(model_id="tiny", holder="engine"),
                    PartialsListRequestEvent(),
                ):
                    with pytest.raises(RequestFailed, match="does not answer") as caught:
                        await app.request(request, timeout_seconds=GUARD_SECONDS)
                    assert caught.value.kind == "refused"
                for _ in range(20):
                    await lab.states()
                assert time.monotonic() - began < 10
            assert heartbeat.longest_seconds < 10.0, "a child that is silent for so long is killed"
            await app.publish(PathsChangedEvent(paths=[], reason="observed"))
            await lab.start_verifier()
            await install_once_it_answers(lab, "tiny")
            assert (mount / "tiny" / "model.bin").read_bytes() == MODEL
            await lab.end_all()


@pytest.mark.slow
async def test_mount_that_goes_silent_under_installed_models_refuses_changes_and_still_lists_them(
    tmp_path: Path,
) -> None:
    async with model_lab(tmp_path / "home") as lab:
        lab.offer("tiny", CONTENT)
        lab.offer("base", CONTENT)
        await lab.start()
        await lab.install("tiny")
        with dead_mount(lab.models):
            with pytest.raises(RequestFailed, match="does not answer"):
                await lab.client.request(
                    ModelInstallRequestEvent(model_id="base"), timeout_seconds=GUARD_SECONDS
                )
            began = time.monotonic()
            assert await lab.states() == {"tiny": "installed", "base": "absent"}
            with pytest.raises(RequestFailed, match="does not answer"):
                await lab.client.request(
                    ModelLeaseRequestEvent(model_id="tiny", holder="engine"), timeout_seconds=GUARD_SECONDS
                )
            assert time.monotonic() - began < 5
        await install_once_it_answers(lab, "base")
        assert (await lab.ask(ModelLeaseRequestEvent(model_id="tiny", holder="engine"))).lease.holder


@pytest.mark.slow
async def test_another_directory_can_be_begun_while_the_disk_of_the_present_one_is_silent(
    tmp_path: Path,
) -> None:
    async with started_lab(tmp_path / "home") as (lab, app):
        await lab.install("tiny")
        relocate = ModelsRelocateRequestEvent(
            target=str(tmp_path / "new"), action="move", category="models", path=str(tmp_path / "new")
        )
        with dead_mount(lab.defaults.models):
            with pytest.raises(RequestFailed, match="does not answer"):
                await app.request(relocate, timeout_seconds=GUARD_SECONDS)
            begun = await app.request(
                msgspec.structs.replace(relocate, action="anew"), timeout_seconds=GUARD_SECONDS
            )
            await until(app, begun.move_id, "moved")
            await lab.install("base")
            assert (tmp_path / "new" / "base").is_dir()
