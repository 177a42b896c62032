"""A bus, an origin and actors that can be started and ended, for tests of installs while they are under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from actors.model_downloader.actor import ModelDownloader
from actors.model_verifier.actor import ModelVerifier
from bus.actor import Actor
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.models import ModelState, ModelStateChangedEvent, ModelStatus
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import OriginContent, sha256_of

MIB = 1 << 20


class Stage:
    """A bus, an origin, and actors that can be started and ended."""

    def __init__(self, bus: MemoryBus, origin: FaultyOrigin, home: Path) -> None:
        self.bus = bus
        self.origin = origin
        self.models = home / "models"
        self.state = home / "state"
        self.entries: list[ModelEntry] = []
        self.running: dict[str, tuple[ActorLoop[Any], asyncio.Task[None]]] = {}

    def offer(self, model_id: str, *contents: OriginContent) -> ModelEntry:
        files = []
        for number, content in enumerate(contents):
            path = f"part-{number}.bin" if number else "model.bin"
            url = self.origin.serve(f"/{model_id}/{path}", content)
            files.append(
                FilePromise(path=path, size_bytes=content.size_bytes, sha256=sha256_of(content), urls=[url])
            )
        entry = ModelEntry(id=model_id, name=model_id.title(), category="stt", licence="MIT", files=files)
        self.entries.append(entry)
        return entry

    async def start(self, name: str, actor: Actor[Any]) -> None:
        begun = asyncio.Event()

        async def run() -> None:
            async with self.bus.connect(name) as peer:
                loop: ActorLoop[Any] = ActorLoop(actor, peer)
                task = asyncio.current_task()
                assert task is not None
                self.running[name] = (loop, task)
                begun.set()
                await loop.run()

        task = asyncio.create_task(run())
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def start_both(self) -> None:
        await self.start("model_verifier", ModelVerifier(self.models, self.state))
        await self.start(
            "model_downloader", ModelDownloader(Manifest(format=1, models=self.entries), self.models)
        )

    async def end(self, name: str) -> None:
        loop, task = self.running.pop(name)
        loop.stop()
        await task


@asynccontextmanager
async def stage_at(home: Path) -> AsyncIterator[Stage]:
    with FaultyOrigin() as origin:
        async with memory_bus() as bus:
            stage = Stage(bus, origin, home)
            try:
                yield stage
            finally:
                for name in list(stage.running):
                    await stage.end(name)


@asynccontextmanager
async def listening(
    stage: Stage, *types: Any
) -> AsyncIterator[tuple[Peer, Callable[[type[Any]], Awaitable[Any]], list[Any]]]:
    """A client that hears events: the peer, a way to wait for the next of a type, and everything heard."""
    async with stage.bus.connect() as peer, peer.subscribe(*types) as events:
        heard: list[Any] = []

        async def next_of(wanted: type[Any]) -> Any:
            async with asyncio.timeout(20):
                async for event in events:
                    heard.append(event)
                    if isinstance(event, wanted):
                        return event
            raise AssertionError("the stream of events ended")

        yield peer, next_of, heard


async def ask(peer: Peer, request: Any) -> Any:
    """Ask, once more each time if the actor is not up yet."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await peer.request(request)
            except RequestFailed as failed:
                if failed.kind not in ("no_responder", "restarting"):
                    raise
                await asyncio.sleep(0)


async def until_state(
    next_of: Callable[[type[Any]], Awaitable[Any]], model_id: str, *states: ModelState
) -> ModelStatus:
    while True:
        event = await next_of(ModelStateChangedEvent)
        if event.model_id == model_id and event.status.state in states:
            status: ModelStatus = event.status
            return status
