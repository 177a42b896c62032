"""A downloader and a verifier on one bus, with an origin that serves real files, for tests of what happens to installed models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from actors.model_downloader.actor import ModelDownloader
from actors.model_verifier.actor import ModelVerifier
from bus.actor import Actor
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.models import ModelInstalledEvent, ModelInstallRequestEvent, ModelsListRequestEvent, ModelStatus
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, OriginContent, sha256_of

GUARD_SECONDS = 20.0


class House:
    """What the tests see: a client of the bus, the directories, and actors that can be ended and started again."""

    def __init__(self, bus: MemoryBus, origin: FaultyOrigin, home: Path, client: Peer) -> None:
        self.bus = bus
        self.origin = origin
        self.models = home / "models"
        self.state = home / "state"
        self.client = client
        self.entries: dict[str, ModelEntry] = {}
        self.running: dict[str, tuple[ActorLoop[Any], asyncio.Task[None]]] = {}

    def offer(
        self, model_id: str, revision: str, files: dict[str, bytes | OriginContent], **changes: Any
    ) -> ModelEntry:
        """Let the manifest want these files; `changes` are further fields of their promises, by `<path>`."""
        promises = []
        for path, content in files.items():
            served = BytesContent(content) if isinstance(content, bytes) else content
            url = self.origin.serve(f"/{model_id}/{revision}/{path}", served)
            promise = FilePromise(
                path=path, size_bytes=served.size_bytes, sha256=sha256_of(served), urls=[url]
            )
            promises.append(msgspec.structs.replace(promise, **changes.get(path, {})))
        entry = ModelEntry(
            id=model_id,
            name=model_id.title(),
            category="stt",
            licence="MIT",
            revision=revision,
            files=promises,
        )
        self.entries[model_id] = entry
        return entry

    async def start(self) -> None:
        """Start both actors, with the manifest as it is now."""
        await self.start_verifier()
        await self.start_downloader()

    async def start_verifier(self) -> None:
        await self._start("model_verifier", ModelVerifier(self.models, self.state))

    async def start_downloader(self) -> None:
        await self._start(
            "model_downloader",
            ModelDownloader(Manifest(format=1, models=list(self.entries.values())), self.models),
        )

    async def restart(self) -> None:
        """End the downloader and start it with the manifest as it is now."""
        await self.end("model_downloader")
        await self.start_downloader()

    async def end(self, name: str) -> None:
        loop, task = self.running.pop(name)
        loop.stop()
        await task

    async def ask(
        self, request: Any, peer: Peer | None = None, timeout_seconds: float = GUARD_SECONDS
    ) -> Any:
        """Ask, once more each time while nobody serves it yet."""
        async with asyncio.timeout(GUARD_SECONDS):
            while True:
                try:
                    return await (peer or self.client).request(request, timeout_seconds=timeout_seconds)
                except RequestFailed as failed:
                    if failed.kind not in ("no_responder", "restarting"):
                        raise
                    await asyncio.sleep(0)

    async def status(self, model_id: str) -> ModelStatus:
        """Where a model stands, once it was looked at after a start."""
        async with asyncio.timeout(GUARD_SECONDS):
            while True:
                listed = await self.ask(ModelsListRequestEvent())
                status: ModelStatus = next(status for status in listed.models if status.model_id == model_id)
                if status.state != "verifying" or status.problem_kind:
                    return status

    async def install(self, model_id: str) -> ModelInstalledEvent:
        """Install, and wait until that is done."""
        async with self.client.subscribe(ModelInstalledEvent) as events:
            await self.ask(ModelInstallRequestEvent(model_id=model_id))
            async with asyncio.timeout(GUARD_SECONDS):
                async for event in events:
                    if isinstance(event, ModelInstalledEvent) and event.model_id == model_id:
                        return event
        raise AssertionError("the stream of events ended")

    async def _start(self, name: str, actor: Actor[Any]) -> None:
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


@asynccontextmanager
async def house_at(home: Path) -> AsyncIterator[House]:
    """A house whose actors are not started yet."""
    with FaultyOrigin() as origin:
        async with memory_bus() as bus, bus.connect() as client:
            house = House(bus, origin, home, client)
            try:
                yield house
            finally:
                for name in list(house.running):
                    await house.end(name)
