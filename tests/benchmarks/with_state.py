"""Those who play a part in the benchmark of cached documents."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import BaseModel

from actors.shared.keys.key_ring import open_ring
from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.actor import StateStoreActor
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import document_kinds
from actors.state_store.engine.store import StateStore
from bus.actor import BusContext
from bus.actor_loop import ActorLoop
from bus.client import connect
from bus.discovery import Runtime
from bus.errors import RequestFailed
from schemas.documents import DocumentReadRequestEvent, DocumentWriteRequestEvent
from tests.benchmarks.sample import AskEvent
from tests.support.audit_in_memory import AuditInMemory

CACHE_SECONDS = 3600.0


class Prompt(BaseModel):
    """A document of the usual size."""

    name: str = "formal"
    text: str = "Write as a clerk of the last century would. " * 8
    aliases: dict[str, str] = {f"alias{number}": f"what it stands for {number}" for number in range(10)}


def serve(pipe: Connection, runtime: Runtime, directory: Path) -> None:
    """Be the state store."""

    async def run() -> None:
        def build(context: BusContext) -> StateStoreActor:
            ring = open_ring(directory)
            store = StateStore(directory / "store", keys=ring)
            return StateStoreActor(
                context,
                store,
                DocumentStore(store, document_kinds([Prompt]), CACHE_SECONDS),
                ring,
                AuditInMemory(),
                BackupRepository(directory / "store" / "backups"),
                backups=BackupsTable(every_hours=0, check_hours=0),
                extras={},
            )

        async with connect("state_store", runtime=runtime) as peer:
            await ActorLoop(build, peer).run()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


def ask_both(pipe: Connection, runtime: Runtime, count: int) -> None:
    """Read a document, and ask an empty question, in turn; tells how long each took."""

    async def run() -> None:
        async with connect("client", runtime=runtime) as peer:
            while True:
                try:
                    await peer.request(
                        DocumentWriteRequestEvent(type_name="Prompt", value=Prompt().model_dump())
                    )
                    await peer.request(AskEvent(n=0))
                except RequestFailed:
                    await asyncio.sleep(0.01)
                else:
                    break
            read, empty = [], []
            for n in range(count):
                began = time.perf_counter_ns()
                await peer.request(DocumentReadRequestEvent(type_name="Prompt"))
                between = time.perf_counter_ns()
                await peer.request(AskEvent(n=n))
                read.append(between - began)
                empty.append(time.perf_counter_ns() - between)
            pipe.send((read, empty))
            await asyncio.Event().wait()

    asyncio.run(run())
