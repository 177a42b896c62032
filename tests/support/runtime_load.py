"""Load on a runtime that is being killed: changes of settings, installs of models, and their results."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from actors.model_downloader.staging.revisions import RECORD_NAME
from bus.client import Peer, connect
from bus.errors import RequestFailed, UndercroftError
from schemas.config import RuntimeConfigRequestEvent
from schemas.manifest import ModelEntry
from schemas.models import (
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelRemoveRequestEvent,
    ModelsListRequestEvent,
)

TIMEOUT_SECONDS = 2.0
AGAIN_SECONDS = 0.01
LOOK_SECONDS = 0.005
HASH_EVERY_LOOKS = 10
"""A directory is hashed at the first look that finds it, and then at every tenth."""


class CounterLoad:
    """Sets both counters to 1, 2, 3 ..., and remembers outside the runtime what was durable."""

    def __init__(self) -> None:
        self.asked = 0
        self.acknowledged = 0
        self.acknowledgements = 0

    async def run(self, peer: Peer) -> None:
        """Count up over one connection."""
        while True:
            self.asked += 1
            updates = {"counters.first": self.asked, "counters.second": self.asked}
            answer = await peer.request(
                RuntimeConfigRequestEvent(operation="update", updates=updates), TIMEOUT_SECONDS
            )
            assert answer.success, answer.message
            if answer.durable:
                self.acknowledged = self.asked
                self.acknowledgements += 1

    def check(self, first: int, second: int) -> None:
        """Check that the values were acknowledged, or are newer and were asked for, never half a batch."""
        assert first == second, f"half a batch: {first} and {second}"
        assert self.acknowledged <= first <= self.asked, (
            f"found {first}, acknowledged {self.acknowledged}, asked {self.asked}"
        )


class InstallLoad:
    """Installs one model after the other, and removes each."""

    def __init__(self, entries: list[ModelEntry]) -> None:
        self._entries = entries
        self._turn = 0
        self.installed = 0

    async def run(self, peer: Peer) -> None:
        """Install and remove over one connection."""
        while True:
            model_id = self._entries[self._turn % len(self._entries)].id
            await self.install(peer, model_id)
            self.installed += 1
            await peer.request(ModelRemoveRequestEvent(model_id=model_id), TIMEOUT_SECONDS)
            self._turn += 1

    async def install(self, peer: Peer, model_id: str) -> None:
        """Install a model and wait until it is installed."""
        async with peer.subscribe(ModelInstalledEvent) as events:
            status = (await peer.request(ModelInstallRequestEvent(model_id=model_id), TIMEOUT_SECONDS)).status
            while status.state != "installed":
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(
                        0.5
                    ):  # the list shows installs that ended while nobody listened
                        await anext(events)
                listed = await peer.request(ModelsListRequestEvent(), TIMEOUT_SECONDS)
                status = next(status for status in listed.models if status.model_id == model_id)
                assert status.state not in ("failed", "damaged"), status.problem


async def keep_working(home: Path, work: Callable[[Peer], Awaitable[None]]) -> None:
    """Do the work over one connection after the other, whatever is killed meanwhile, until cancelled."""
    while True:
        with contextlib.suppress(UndercroftError, TimeoutError):
            async with connect(home=home) as peer:
                while True:
                    try:
                        await work(peer)
                    except RequestFailed as failed:
                        if failed.kind in ("refused", "invalid"):
                            raise AssertionError(str(failed)) from failed
                    await asyncio.sleep(AGAIN_SECONDS)
        await asyncio.sleep(AGAIN_SECONDS)


class ModelsWatch:
    """Looks at the models directory over and over: each model in it must be whole and as promised."""

    def __init__(self, models: Path, entries: list[ModelEntry]) -> None:
        self._models = models
        self._entries = entries
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._seen: dict[str, tuple[int, int]] = {}
        self.looks = 0
        self.whole = 0
        self.faults: list[str] = []

    def __enter__(self) -> ModelsWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self.looks += 1
            for entry in self._entries:
                self._look(entry)

    def _look(self, entry: ModelEntry) -> None:
        try:
            directory = os.open(self._models / entry.id, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            self._seen.pop(entry.id, None)
            return
        inode, look = self._seen.get(entry.id, (0, 0))
        if os.fstat(directory).st_ino == inode and self.looks - look < HASH_EVERY_LOOKS:
            os.close(directory)
            return
        self._seen[entry.id] = (os.fstat(directory).st_ino, self.looks)
        try:
            problem = self._problem(entry, directory)
            if not problem:
                self.whole += 1
            elif self._has_still_its_name(entry, directory):  # else it was removed on request meanwhile
                self.faults.append(problem)
        finally:
            os.close(directory)

    def _problem(self, entry: ModelEntry, directory: int) -> str:
        names = sorted(set(os.listdir(directory)) - {RECORD_NAME})
        if names != sorted(file.path for file in entry.files):
            return f"{entry.id} holds {names}"
        for file in entry.files:
            try:
                with os.fdopen(os.open(file.path, os.O_RDONLY, dir_fd=directory), "rb") as stream:
                    found = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                return f"{entry.id}/{file.path}: {errno.errorcode[error.errno or 0]}"
            if found != file.sha256:
                return f"{entry.id}/{file.path}: {found}, expected {file.sha256}"
        return ""

    def _has_still_its_name(self, entry: ModelEntry, directory: int) -> bool:
        try:
            return os.stat(self._models / entry.id).st_ino == os.fstat(directory).st_ino
        except FileNotFoundError:
            return False
