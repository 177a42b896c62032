"""A bus, a server of files, a verifier and a downloader that can be ended and started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from actors.model_downloader.actor import ModelDownloader
from actors.model_downloader.downloader_context import DownloaderContext
from actors.model_verifier.actor import ModelVerifier
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.lifeline import Lifeline
from bus.retry import NOT_REACHED, request_until_answered
from schemas.manifest import FilePromise, Manifest, ModelEntry
from schemas.models import (
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelsListRequestEvent,
    ModelState,
    ModelStateChangedEvent,
    ModelStatus,
)
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, OriginContent, sha256_of

MIB = 1 << 20
GUARD_SECONDS = 20.0
BuildActor = Callable[[BusContext], Actor[Any]]


class ModelLab:
    """What a test sees: a client of the bus, the directories, and actors that can be ended and started again.

    Attributes:
        models, state: directories of the actors.
        client: a peer that asks and listens.
        entries: the manifest of the next downloader that is started, by id.
    """

    def __init__(self, bus: MemoryBus, origin: FaultyOrigin, home: Path, client: Peer) -> None:
        self.bus = bus
        self.origin = origin
        self.models = home / "models"
        self.state = home / "state"
        self.client = client
        self.entries: dict[str, ModelEntry] = {}
        self.running: dict[str, tuple[ActorLoop[Any], asyncio.Task[None]]] = {}

    # -- the manifest

    def offer(self, model_id: str, *contents: OriginContent) -> ModelEntry:
        """Let the manifest want a model of these files: `model.bin`, `part-1.bin` and so on."""
        files: dict[str, bytes | OriginContent] = {}
        for number, content in enumerate(contents):
            files[f"part-{number}.bin" if number else "model.bin"] = content
        return self._offer(model_id, "", f"/{model_id}", files)

    def offer_revision(
        self, model_id: str, revision: str, files: dict[str, bytes | OriginContent], **changes: Any
    ) -> ModelEntry:
        """Let the manifest want these files; `changes` are further fields of their promises, by `<path>`."""
        return self._offer(model_id, revision, f"/{model_id}/{revision}", files, **changes)

    def _offer(
        self,
        model_id: str,
        revision: str,
        place: str,
        files: dict[str, bytes | OriginContent],
        **changes: Any,
    ) -> ModelEntry:
        promises = []
        for path, content in files.items():
            served = BytesContent(content) if isinstance(content, bytes) else content
            url = self.origin.serve(f"{place}/{path}", served)
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

    # -- the actors

    def downloader(self, bus: BusContext, **more: Any) -> ModelDownloader:
        """A downloader with the manifest as it is now."""
        manifest = Manifest(format=1, models=list(self.entries.values()))
        fields: dict[str, Any] = {"manifest": manifest, "models": self.models, **more}
        return ModelDownloader(DownloaderContext.on(bus, **fields))

    async def start(self) -> None:
        """Start both actors."""
        await self.start_verifier()
        await self.start_downloader()

    async def start_verifier(self) -> None:
        await self.start_actor("model_verifier", lambda bus: ModelVerifier(bus, self.models, self.state))

    async def start_downloader(self) -> None:
        await self.start_actor("model_downloader", self.downloader)

    async def restart_downloader(self) -> None:
        """End the downloader and start it with the manifest as it is now."""
        await self.end("model_downloader")
        await self.start_downloader()

    async def start_actor(self, name: str, build: BuildActor, lifeline: Lifeline | None = None) -> None:
        """Start an actor; it need not serve yet on return."""
        has_begun = asyncio.Event()

        async def run() -> None:
            async with self.bus.connect(name) as peer:
                loop: ActorLoop[Any] = ActorLoop(build, peer)
                task = asyncio.current_task()
                assert task is not None
                self.running[name] = (loop, task)
                has_begun.set()
                await loop.run(lifeline)

        task = asyncio.create_task(run())
        waiting = asyncio.create_task(has_begun.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def end(self, name: str) -> None:
        """Stop an actor in good time."""
        loop, task = self.running.pop(name)
        loop.stop()
        await task

    async def end_all(self) -> None:
        """Stop every actor, the last one first."""
        for name in reversed(list(self.running)):
            await self.end(name)

    # -- the client

    async def ask(
        self, request: Any, peer: Peer | None = None, timeout_seconds: float = GUARD_SECONDS
    ) -> Any:
        """Ask, again while nobody serves it yet."""
        return await ask(peer or self.client, request, timeout_seconds)

    async def status(self, model_id: str) -> ModelStatus:
        """Where a model stands, once it was checked after a start."""
        async with asyncio.timeout(GUARD_SECONDS):
            while True:
                listed = await self.ask(ModelsListRequestEvent())
                status: ModelStatus = next(status for status in listed.models if status.model_id == model_id)
                if status.state != "verifying" or status.problem_kind:
                    return status

    async def states(self) -> dict[str, ModelState]:
        """Where every model stands now."""
        listed = await self.ask(ModelsListRequestEvent())
        return {status.model_id: status.state for status in listed.models}

    async def install(self, model_id: str) -> ModelInstalledEvent:
        """Install, and wait until that is done."""
        async with self.client.subscribe(ModelInstalledEvent) as events:
            await self.ask(ModelInstallRequestEvent(model_id=model_id))
            async with asyncio.timeout(GUARD_SECONDS):
                async for event in events:
                    if isinstance(event, ModelInstalledEvent) and event.model_id == model_id:
                        return event
        raise AssertionError("the stream of events ended")


@asynccontextmanager
async def model_lab(home: Path) -> AsyncIterator[ModelLab]:
    """A lab whose actors are not started yet."""
    with FaultyOrigin() as origin:
        async with memory_bus() as bus, bus.connect() as client:
            lab = ModelLab(bus, origin, home, client)
            try:
                yield lab
            finally:
                await lab.end_all()


@asynccontextmanager
async def listening(
    lab: ModelLab, *types: Any
) -> AsyncIterator[tuple[Peer, Callable[[type[Any]], Awaitable[Any]], list[Any]]]:
    """A client that hears events: the peer, a way to wait for the next of a type, and everything heard."""
    async with lab.bus.connect() as peer, peer.subscribe(*types) as events:
        heard: list[Any] = []

        async def next_of(wanted: type[Any]) -> Any:
            async with asyncio.timeout(GUARD_SECONDS):
                async for event in events:
                    heard.append(event)
                    if isinstance(event, wanted):
                        return event
            raise AssertionError("the stream of events ended")

        yield peer, next_of, heard


async def ask(peer: Peer, request: Any, timeout_seconds: float = GUARD_SECONDS) -> Any:
    """Ask, again while nobody serves it yet."""
    return await request_until_answered(
        peer,
        request,
        waits=(0.0,),
        retry_on=NOT_REACHED,
        timeout_seconds=timeout_seconds,
        within_seconds=GUARD_SECONDS,
    )


async def until_state(
    next_of: Callable[[type[Any]], Awaitable[Any]], model_id: str, *states: ModelState
) -> ModelStatus:
    """Wait until a model is in one of these states."""
    while True:
        event = await next_of(ModelStateChangedEvent)
        if event.model_id == model_id and event.status.state in states:
            status: ModelStatus = event.status
            return status
