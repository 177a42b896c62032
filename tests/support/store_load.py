"""A state store and a settings store under load until the power fails. Prints each request and its answer.

    python -m tests.support.store_load DIRECTORY NUMBERS

NUMBERS is a JSON object from names to the numbers asked for last. Each line of the output is `asked` or
`acknowledged`, a name, and a number.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from actors.config_store.actor import ConfigStore
from actors.config_store.files.config_file import ConfigFile
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.setting_secrets import SettingSecrets
from actors.config_store.settings.settings_context import SettingsContext
from actors.shared.keys.key_ring import KeyRing, open_ring
from actors.shared.profile.profile_tables import BackupsTable, NamespaceTable
from actors.state_store.actor import StateStoreActor
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import document_kinds
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.store import StateStore
from bus.actor import BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import MemoryBus, memory_bus
from bus.client import Peer
from bus.errors import RequestFailed
from schemas.config import RuntimeConfigRequestEvent
from schemas.documents import DocumentWriteRequestEvent
from schemas.event import Request
from schemas.state import BatchOperation, StateSaveBatchRequestEvent, StateSaveRequestEvent
from tests.support.audit_in_memory import AuditInMemory

WRITERS: Final = 6
PARTS: Final = "abc"
TABLES: Final = [NamespaceTable(name="vault", encrypt=True)]
BACKED_UP: Final = 3
"""Every third write of a key keeps the former value."""

CHECKPOINT_SECONDS: Final = 0.02


class Counter(BaseModel):
    """A typed document."""

    n: int = 0


class Counters(BaseModel):
    """Settings that are always changed together."""

    first: int = 0
    second: int = 0


def ring_of(directory: Path) -> KeyRing:
    """The keys of this home; the file in place of a keychain lies on the same disk."""
    return open_ring(
        directory / "state",
        [directory / "store"],
        environ={"UNDERCROFT_KEYCHAIN": f"file:{directory / 'chain' / 'keys'}"},
    )


def store_of(directory: Path) -> tuple[StateStore, KeyRing]:
    """The state of this home."""
    ring = ring_of(directory)
    return StateStore(directory / "store", Namespaces(TABLES), keys=ring), ring


def filler(n: int) -> str:
    """Text that gives documents all sizes, from less than one block to several."""
    return "x" * (n * 977 % 20_000)


class StoreLoad:
    """Counts up, and prints each number when it is asked for and when it is acknowledged."""

    def __init__(self, app: Peer, numbers: dict[str, int]) -> None:
        self._app = app
        self._numbers = numbers

    async def count(self, name: str, ask: Callable[[int], Awaitable[bool]]) -> None:
        """Count one thing up until the disk is gone."""
        while True:
            n = self._numbers[name] = self._numbers.get(name, 0) + 1
            report("asked", name, n)
            try:
                is_durable = await ask(n)
            except RequestFailed:
                await asyncio.sleep(0.001)
            else:
                if is_durable:
                    report("acknowledged", name, n)

    async def save(self, name: str, n: int) -> bool:
        """Save one key."""
        key = f"vault.{name}" if name.startswith("v") else f"config.{name}"
        value = {"n": n, "filler": filler(n)}
        return await self._ask(
            StateSaveRequestEvent(key=key, value=value, backup=n % BACKED_UP == 0, compress=n % 2 == 0)
        )

    async def save_batch(self, n: int) -> bool:
        """Save three keys with one number, and one key that comes and goes with them."""
        operations = [
            BatchOperation(type="save", key=f"config.batch_{part}", value={"n": n, "filler": filler(n)})
            for part in PARTS
        ]
        operations.append(
            BatchOperation(type="save" if n % 2 else "delete", key="config.odd", value=n if n % 2 else None)
        )
        return await self._ask(StateSaveBatchRequestEvent(operations=operations))

    async def write_document(self, n: int) -> bool:
        """Write a typed document."""
        return await self._ask(DocumentWriteRequestEvent(type_name="Counter", value={"n": n}))

    async def set(self, n: int) -> bool:
        """Change two settings at once."""
        answer = await self._app.request(
            RuntimeConfigRequestEvent(operation="update", updates={"first": n, "second": n})
        )
        return answer.durable

    async def _ask(self, event: Request) -> bool:  # type: ignore[type-arg]  # any answer means that it is durable
        await self._app.request(event)
        return True


def report(what: str, name: str, n: int) -> None:
    """Print one line, unbuffered."""
    os.write(1, f"{what} {name} {n}\n".encode())


async def serving(bus: MemoryBus, topic: str) -> None:
    """Wait until somebody serves this topic."""
    while not any(topic in peer.serves for peer in bus.core.statistics(0.0).peers):
        await asyncio.sleep(0)


async def run(directory: Path, numbers: dict[str, int]) -> None:
    """Serve under load until this process is killed."""
    store, ring = store_of(directory)

    def build_state(context: BusContext) -> StateStoreActor:
        return StateStoreActor(
            context,
            store,
            DocumentStore(store, document_kinds([Counter])),
            ring,
            AuditInMemory(),
            BackupRepository(directory / "store" / "backups"),
            backups=BackupsTable(every_hours=0, check_hours=0),
            extras={},
        )

    context = SettingsContext(PydanticSchema(Counters))
    file = ConfigFile(directory / "config" / "config.json")
    secrets = SettingSecrets.for_app("load")
    async with (
        memory_bus() as bus,
        bus.connect("state_store") as own,
        bus.connect("config_store") as other,
        bus.connect("app") as app,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(ActorLoop(build_state, own).run())
        group.create_task(ActorLoop(lambda bus: ConfigStore(bus, context, file, secrets), other).run())
        await serving(bus, "state.save")
        await serving(bus, "config.request")
        load = StoreLoad(app, numbers)
        for number in range(WRITERS):
            for name in (f"k{number}", f"v{number}") if number < 2 else (f"k{number}",):
                group.create_task(load.count(name, lambda n, name=name: load.save(name, n)))  # type: ignore[misc]  # mypy: default of a lambda
        group.create_task(load.count("batch", load.save_batch))
        group.create_task(load.count("document", load.write_document))
        group.create_task(load.count("settings", load.set))
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            await asyncio.to_thread(store.checkpoint)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), json.loads(sys.argv[2])))
