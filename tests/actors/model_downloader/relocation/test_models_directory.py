"""The home of the models: moved while it is used, cancelled, adopted, begun anew, away and back again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.locations.actor import LocationRegistry
from actors.model_downloader.actor import ModelDownloader
from actors.model_downloader.relocation import tree_copy
from actors.model_verifier.actor import ModelVerifier
from actors.shared.durable.directory_lock import DirectoryLock
from actors.shared.locations.location_choices import read_choices, resolve
from actors.shared.locations.locations import locate
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.leases import ModelLeaseRequestEvent, ModelReleaseRequestEvent
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.models import ModelInstalledEvent, ModelInstallRequestEvent, ModelsListRequestEvent, ModelState
from schemas.paths import (
    MoveState,
    PathAction,
    PathChooseRequestEvent,
    PathChosenEvent,
    PathMoveCancelRequestEvent,
    PathMoveChangedEvent,
    PathsListRequestEvent,
)
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, sha256_of
from tests.support.origin_faults import SOUND, Faults

pytestmark = pytest.mark.anyio
MODEL = b"a model" * 1000
CONTENT = BytesContent(MODEL)


class House:
    """Keeper, verifier and downloader of one home on one bus; each can be ended and started again."""

    def __init__(self, bus: MemoryBus, origin: FaultyOrigin, home: Path) -> None:
        self.bus = bus
        self.origin = origin
        self.defaults = locate("app", home=home)
        self.entries = [self.offer("base"), self.offer("tiny")]
        self.running: dict[str, tuple[ActorLoop[Any], asyncio.Task[None]]] = {}

    def offer(self, model_id: str) -> ModelEntry:
        url = self.origin.serve(f"/{model_id}.bin", CONTENT)
        promise = FilePromise(
            path="model.bin", size_bytes=CONTENT.size_bytes, sha256=sha256_of(CONTENT), urls=[url]
        )
        return ModelEntry(id=model_id, name=model_id, category="stt", licence="MIT", files=[promise])

    async def start(self) -> None:
        models = resolve(self.defaults, read_choices(self.defaults.config).choices, {}).locations.models
        downloader = ModelDownloader(
            Manifest(format=1, models=self.entries),
            models,
            state=self.defaults.state / "model_downloader",
            default_root=self.defaults.models,
        )
        await self.begin(
            "locations", lambda context: LocationRegistry(context, self.defaults, self.defaults, {})
        )
        await self.begin("model_verifier", ModelVerifier(models, self.defaults.state))
        await self.begin("model_downloader", downloader)

    async def begin(self, name: str, actor: Callable[[BusContext], Actor[Any]] | Actor[Any]) -> None:
        served = asyncio.Event()

        async def run() -> None:
            async with self.bus.connect(name) as peer:
                loop: ActorLoop[Any] = ActorLoop(actor, peer)
                self.running[name] = (loop, running)
                served.set()
                await loop.run()

        running = asyncio.create_task(run())
        await served.wait()

    async def end(self) -> None:
        for name in ("model_downloader", "model_verifier", "locations"):
            loop, running = self.running.pop(name)
            loop.stop()
            await running


@asynccontextmanager
async def house_at(home: Path) -> AsyncIterator[tuple[House, Peer]]:
    with FaultyOrigin() as origin:
        async with memory_bus() as bus, bus.connect("app") as app:
            house = House(bus, origin, home)
            await house.start()
            try:
                yield house, app
            finally:
                await house.end()


async def ask(app: Peer, request: Any) -> Any:
    """Ask, once more each time if the actor is not up yet."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await app.request(request)
            except RequestFailed as failed:
                if failed.kind not in ("no_responder", "restarting"):
                    raise
                await asyncio.sleep(0)


async def install(app: Peer, model_id: str) -> None:
    async with asyncio.timeout(20), app.subscribe(ModelInstalledEvent) as events:
        await ask(app, ModelInstallRequestEvent(model_id=model_id))
        async for event in events:
            if isinstance(event, ModelInstalledEvent) and event.model_id == model_id:
                return


async def states(app: Peer) -> dict[str, ModelState]:
    return {status.model_id: status.state for status in (await ask(app, ModelsListRequestEvent())).models}


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
    async with house_at(tmp_path / "home") as (house, app):
        await install(app, "tiny")
        await until(app, (await choose(app, tmp_path / "big")).move_id, "moved")
        assert (tmp_path / "big" / "tiny" / "model.bin").stat().st_size == CONTENT.size_bytes
        assert not (house.defaults.models / "tiny").exists()
        assert (await ask(app, ModelsListRequestEvent())).models_directory == str(tmp_path / "big")
        assert (await states(app))["tiny"] == "installed"
        await install(app, "base")
        assert (tmp_path / "big" / "base").is_dir()
        await until(app, (await choose(app, "")).move_id, "moved")
        assert sorted(path.name for path in house.defaults.models.iterdir() if path.is_dir()) == [
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
    async with house_at(tmp_path / "home") as (house, app):
        await install(app, "tiny")
        await choose(app, tmp_path / "big")
        await asyncio.to_thread(reached.wait, 20)
        with pytest.raises(RequestFailed, match="being moved to"):
            await app.request(ModelInstallRequestEvent(model_id="base"))
        second = await app.request(
            PathChooseRequestEvent(category="models", path=str(tmp_path / "other"), create_missing=True)
        )
        assert [problem.kind for problem in second.problems] == ["held"]
        leased = await app.request(ModelLeaseRequestEvent(model_id="tiny", holder="engine"))
        assert leased.directory == str(house.defaults.models / "tiny")
        cancelling = asyncio.create_task(ask(app, PathMoveCancelRequestEvent()))
        await asyncio.sleep(0)
        go_on.set()
        assert (await cancelling).was_moving
        assert not [path for path in (tmp_path / "big").iterdir() if path.is_dir()]
        assert (await states(app))["tiny"] == "installed"
        assert read_choices(house.defaults.config).choices.paths == {}
        await install(app, "base")
        assert not (await ask(app, PathMoveCancelRequestEvent())).was_moving


async def test_a_model_in_use_stays_at_the_old_place_until_it_is_released(tmp_path: Path) -> None:
    async with house_at(tmp_path / "home") as (house, app):
        await install(app, "tiny")
        leased = await app.request(ModelLeaseRequestEvent(model_id="tiny", holder="engine"))
        moving = await choose(app, tmp_path / "big")
        async with asyncio.timeout(20), app.subscribe(PathMoveChangedEvent) as events:
            async for event in events:
                if isinstance(event, PathMoveChangedEvent) and event.kept_back == ["tiny"]:
                    break
        assert (house.defaults.models / "tiny" / "model.bin").exists()
        assert (tmp_path / "big" / "tiny" / "model.bin").exists()
        assert read_choices(house.defaults.config).choices.paths == {"models": str(tmp_path / "big")}
        await app.request(ModelReleaseRequestEvent(model_id="tiny", lease_id=leased.lease.lease_id))
        await until(app, moving.move_id, "moved")
        assert not (house.defaults.models / "tiny").exists()


@pytest.mark.parametrize("action", ["adopt", "anew"])
async def test_without_a_move_the_old_place_is_untouched_and_a_wish_goes_on_at_the_new_one(
    tmp_path: Path, action: PathAction
) -> None:
    async with house_at(tmp_path / "home") as (house, app):
        await install(app, "tiny")
        house.origin.misbehave("/base.bin", Faults(status=503, retry_after="3600"))
        await ask(app, ModelInstallRequestEvent(model_id="base"))
        async with asyncio.timeout(20):
            while not any(seen.path == "/base.bin" for seen in house.origin.requests):
                await asyncio.sleep(0)
        house.origin.misbehave("/base.bin", SOUND)
        (tmp_path / "big" / "tiny").mkdir(parents=True)
        (tmp_path / "big" / "tiny" / "model.bin").write_bytes(MODEL)
        answer = await choose(app, tmp_path / "big", action)
        await until(app, answer.move_id, "moved")
        assert (house.defaults.models / "tiny" / "model.bin").exists()
        assert (house.defaults.models / "base.partial").exists()
        assert (await states(app))["tiny"] == "installed"
        async with asyncio.timeout(20):
            while (await states(app))["base"] != "installed":
                await asyncio.sleep(0)
        assert (tmp_path / "big" / "base" / "model.bin").exists()


@pytest.mark.requirement("S1-2")
async def test_a_chosen_directory_that_is_missing_is_not_created_and_its_models_are_back_with_it(
    tmp_path: Path,
) -> None:
    async with house_at(tmp_path / "home") as (house, app):
        await install(app, "tiny")
        await until(app, (await choose(app, tmp_path / "big")).move_id, "moved")
        (tmp_path / "big").rename(tmp_path / "unplugged")
        await ask(app, PathsListRequestEvent())
        with pytest.raises(RequestFailed, match="is not there"):
            await ask(app, ModelInstallRequestEvent(model_id="base"))
        await house.end()
        await house.start()
        assert await states(app) == {"base": "absent", "tiny": "absent"}
        assert not (tmp_path / "big").exists()
        (tmp_path / "unplugged").rename(tmp_path / "big")
        await ask(app, PathsListRequestEvent())
        async with asyncio.timeout(20):
            while (await states(app))["tiny"] != "installed":
                await asyncio.sleep(0)


async def test_a_place_that_another_process_owns_is_refused_by_name(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "big", "another app"):
        async with house_at(tmp_path / "home") as (_, app):
            answer = await choose(app, tmp_path / "big")
            assert (answer.accepted, [problem.kind for problem in answer.problems]) == (False, ["held"])
            assert "another app" in answer.problems[0].message
            await install(app, "tiny")


async def test_models_of_another_process_are_not_moved_away_from_it_but_another_place_can_be_begun(
    tmp_path: Path,
) -> None:
    with DirectoryLock(tmp_path / "home" / "models", "another app"):
        async with house_at(tmp_path / "home") as (_, app):
            answer = await choose(app, tmp_path / "big")
            assert [problem.kind for problem in answer.problems] == ["held"]
            assert "not moved away from it" in answer.problems[0].message
            await until(app, (await choose(app, tmp_path / "big", "anew")).move_id, "moved")
            await install(app, "tiny")
            assert (tmp_path / "big" / "tiny").is_dir()


async def test_a_place_inside_the_present_one_is_refused_and_nothing_stops(tmp_path: Path) -> None:
    async with house_at(tmp_path / "home") as (house, app):
        await install(app, "tiny")
        answer = await choose(app, house.defaults.models / "below")
        assert [problem.kind for problem in answer.problems] == ["held"]
        assert not (house.defaults.models / "below").exists()
        await install(app, "base")


async def test_without_a_place_for_its_journal_nothing_moves(tmp_path: Path) -> None:
    with FaultyOrigin() as origin:
        async with memory_bus() as bus, bus.connect("app") as app:
            house = House(bus, origin, tmp_path / "home")
            await house.begin(
                "locations", lambda context: LocationRegistry(context, house.defaults, house.defaults, {})
            )
            await house.begin("model_verifier", ModelVerifier(house.defaults.models, house.defaults.state))
            await house.begin(
                "model_downloader", ModelDownloader(Manifest(format=1, models=[]), house.defaults.models)
            )
            assert not (await choose(app, tmp_path / "big")).accepted
            await house.end()
