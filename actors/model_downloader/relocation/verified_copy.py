"""Copies single directories of models, and verifies each where the manifest says what it holds."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

import anyio.to_thread

from actors.model_downloader.relocation.relocation_plan import RelocationFailed
from actors.model_downloader.relocation.tree_copy import MOVING_PREFIX, TreeCopy, model_of, put_aside
from actors.model_downloader.staging.models_layout import DAMAGED_SUFFIX, FORMER_SUFFIX
from actors.model_downloader.staging.revisions import promises_of, read_record
from actors.model_downloader.verifier_client import VerifierClient
from actors.shared.places.rooted_place import AnyPlace, RootedPlace, below
from bus.client import Peer
from bus.errors import RequestFailed
from bus.retry import ANY_FAILURE, Sleep, until_answered
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent
from schemas.paths import ModelsRootAdmitRequestEvent

ADMIT_TIMEOUT_SECONDS: Final = 60.0
COPY_ATTEMPTS: Final = 2


class VerifiedCopy:
    """Copies from one directory of models to another, one name at a time.

    Attributes:
        bytes_now: bytes of the directory in hand that are at the target.
    """

    def __init__(
        self,
        source: AnyPlace,
        target: AnyPlace,
        entries: Mapping[str, ModelEntry],
        verifier: VerifierClient,
        peer: Peer,
        stop: threading.Event,
        sleep: Sleep,
    ) -> None:
        """Copy nothing yet.

        Args:
            source: where the models lie.
            target: where they are to lie.
            entries: the models that belong to us, by id.
            verifier: judges the copies.
            peer: has the verifier admit the target.
            stop: set from anywhere, ends the copy at the next chunk.
            sleep: waits before a request is repeated.
        """
        self.bytes_now = 0
        self._source = below(source)
        self._target = below(target)
        self._entries = entries
        self._verifier = verifier
        self._peer = peer
        self._sleep = sleep
        self._copy = TreeCopy(source, target, self._count_bytes, stop)

    async def copy(self, name: str) -> str:
        """Copy one directory to its moving name, and see that it is whole; returns the name that it gets.

        Raises:
            RelocationFailed: its copy is not what was read, or cannot be verified.
            CopyStopped: the stop was set.
        """
        promises = await self.promises(name, self._source)
        attempt = 0
        while True:
            attempt += 1
            self.bytes_now = 0
            try:
                linked = await anyio.to_thread.run_sync(self._copy.copy, name)
            except OSError as error:
                raise RelocationFailed(str(self._target), f"{name}: {error.strerror or error}") from error
            if promises is None or linked:  # of one inode there is nothing to compare
                return name
            verdict = await self.verify(name, self._target / f"{MOVING_PREFIX}{name}", promises)
            if not verdict.findings:
                return name
            if attempt == COPY_ATTEMPTS:
                break
            await anyio.to_thread.run_sync(self._copy.discard_copy, name)
        if (await self.verify(name, self._source / name, promises)).findings:
            return name + DAMAGED_SUFFIX  # no better where it was: it goes along out of use, to be repaired
        first = verdict.findings[0]
        raise RelocationFailed(
            str(self._target),
            f"{name}/{first.path}: its copy is not what was read: {first.aspect} is {first.found}; "
            "check that disk",
        )

    async def place(self, name: str, final: str) -> None:
        """Give a copy its final name at the target."""
        await anyio.to_thread.run_sync(self._copy.place, name, final)

    async def is_at_target(self, name: str) -> bool:
        """Whether the target has this directory already, whole; what has its name and is not is put aside."""
        there = self._target / name
        if not await anyio.to_thread.run_sync(there.is_there):
            return False
        promises = await self.promises(name, self._source)
        if promises is not None and await anyio.to_thread.run_sync(there.is_dir):
            verdict = await self.verify(name, there, promises)
            if not verdict.findings:
                return True
        await anyio.to_thread.run_sync(put_aside, there)
        return False

    async def promises(self, name: str, root: RootedPlace) -> list[FilePromise] | None:
        """What an installed revision has to keep; None for partials and others that promise nothing."""
        entry = self._entries.get(name.removesuffix(FORMER_SUFFIX))
        if entry is None:
            return None
        return await anyio.to_thread.run_sync(_promises_in, root / name, entry)

    async def verify(
        self, name: str, directory: RootedPlace, promises: list[FilePromise]
    ) -> FilesVerifiedEvent:
        """Have the verifier compare a directory with what it promises.

        Repeated after a refusal, too: a verifier that restarted in between knows only the old place.

        Raises:
            RelocationFailed: the directory cannot be verified.
        """
        admit = ModelsRootAdmitRequestEvent(directory=str(directory.parent))
        question = FilesVerifyRequestEvent(
            model_id=model_of(name, self._entries), directory=str(directory), files=promises
        )

        async def admit_and_verify() -> FilesVerifiedEvent:
            await self._peer.request(admit, timeout_seconds=ADMIT_TIMEOUT_SECONDS)
            return await self._verifier.verify(question)

        try:
            return await until_answered(
                admit_and_verify, retry_on=ANY_FAILURE - {"invalid"}, sleep=self._sleep
            )
        except RequestFailed as failed:
            problem = f"{name}: cannot be verified: {failed.message}"
            raise RelocationFailed(str(self._target), problem) from failed

    def _count_bytes(self, size_bytes: int) -> None:
        self.bytes_now += size_bytes


def _promises_in(directory: RootedPlace, entry: ModelEntry) -> list[FilePromise] | None:
    """What the revision in a directory has to keep; None if nothing says so. Blocks."""
    if not directory.is_dir():
        return None
    record = read_record(directory)
    if record is not None:
        return promises_of(record, entry)
    return entry.files if directory.name == entry.id else None
