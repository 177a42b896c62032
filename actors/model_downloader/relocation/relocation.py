"""One move of all models to another directory: copy, verify, settle, clear.

Everything is copied and verified first. One write of the choices then settles the move. Until that write the
old place serves and holds everything; from then on the new one does. The old place is cleared last. After a
crash at any moment the next start continues from the journal.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import msgspec

from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.relocation.relocation_journal import RelocationJournal
from actors.model_downloader.relocation.relocation_plan import RelocationFailed
from actors.model_downloader.relocation.tree_copy import (
    MOVING_PREFIX,
    CopyStopped,
    model_directories,
    model_of,
)
from actors.model_downloader.relocation.verified_copy import VerifiedCopy
from actors.model_downloader.staging.models_layout import DAMAGED_SUFFIX
from actors.model_downloader.verifier_client import VerifierClient
from actors.shared.durable.directory_tree import TRASH_PREFIX, discard, sweep, tree_bytes
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.record_file import RecordFile
from actors.shared.places.rooted_place import RootedPlace, below
from bus.client import Peer
from bus.errors import RequestFailed, UndercroftError
from bus.retry import ANY_FAILURE, UNANSWERED, Sleep, request_until_answered
from schemas.event import Request
from schemas.manifest import ModelEntry
from schemas.paths import (
    ModelsRootAdmitRequestEvent,
    MoveState,
    PathMoveChangedEvent,
    PathSettleRequestEvent,
)

REPORT_SECONDS: Final = 0.1
REQUEST_TIMEOUT_SECONDS: Final = 60.0


class Relocation:
    """One move, from its journal on.

    Attributes:
        journal: as it was last written.
        stop: ends the copy at the next chunk; the journal says what happens then.
    """

    def __init__(
        self,
        record: RecordFile[RelocationJournal],
        journal: RelocationJournal,
        entries: Mapping[str, ModelEntry],
        leases: ModelLeases,
        verifier: VerifierClient,
        peer: Peer,
        sleep: Sleep = anyio.sleep,
    ) -> None:
        """Move nothing yet.

        Args:
            record: where the journal is kept.
            journal: says what is to be done, and what is done already.
            entries: the models that belong to us, by id; follows the catalogue.
            leases: say who holds a model that is to be removed at the old place.
            verifier: judges the copies.
            peer: publishes how far the move is, and reaches the owner of the choices.
            sleep: waits before a request is repeated.
        """
        self.journal = journal
        self.stop = threading.Event()
        self._record = record
        self._entries = entries
        self._leases = leases
        self._peer = peer
        self._sleep = sleep
        self._source, self._target = below(Path(journal.source)), below(Path(journal.target))
        self._copy = VerifiedCopy(self._source, self._target, entries, verifier, peer, self.stop, sleep)
        self._moved_bytes = 0
        self._total_bytes = 0
        self._model_now = ""
        self._kept_back: dict[str, list[str]] = {}

    # -- the steps of a move

    async def bring_all(self) -> None:
        """Have every model whole at the new place; with `adopt` only find out which are.

        What is done already is not done again.

        Raises:
            RelocationFailed: something is in the way.
            CopyStopped: `stop` was set.
            OSError, UndercroftError: a disk refused.
        """
        names = await anyio.to_thread.run_sync(self._measure)
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._report_regularly)
            try:
                await self._bring_each(names)
            except (OSError, UndercroftError) as error:
                failure = error  # as itself, not as one of a group
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def settle(self) -> None:
        """Have the choice written; on return the new place is the one that counts.

        Repeated until there is an answer: a lost one may have been a yes.

        Raises:
            RelocationFailed: the choice was refused.
        """
        settle = PathSettleRequestEvent(category=self.journal.category, path=self.journal.path)
        try:
            await self._request(settle)
        except RequestFailed as failed:
            raise RelocationFailed(str(self._target), failed.message) from failed
        # A verifier that started before the choice counted has to hear of it. A later one knows it.
        admit = ModelsRootAdmitRequestEvent(directory=str(self._target))
        await self._request(admit, retry_on=ANY_FAILURE)

    async def clear_source(self) -> None:
        """Remove at the old place what is whole at the new one, once nobody holds it. Ends the move."""
        await self.report("leaving")
        if self.journal.action == "move":
            async with anyio.create_task_group() as tasks:
                for model_id in list(self._entries):
                    tasks.start_soon(self._clear_model, model_id)
            await anyio.to_thread.run_sync(sweep, self._source, MOVING_PREFIX, TRASH_PREFIX)
        await anyio.to_thread.run_sync(self._record.remove)
        await self.report("moved")

    def give_up(self) -> None:
        """Remove the copies at the new place; what lay there before stays. Blocks.

        On return nothing of the move is left.
        """
        self._write_journal(phase="giving_up")
        placed_now = [self.journal.placing] if self._was_placed(self.journal.placing) else []
        for name in {*self.journal.placed, *placed_now} - {*self.journal.adopted}:
            if (self._source / name).is_there():
                discard(self._target / name)
        sweep(self._target, MOVING_PREFIX, TRASH_PREFIX)
        self._record.remove()

    async def report(self, state: MoveState, problem: str = "") -> None:
        """Publish how far the move is."""
        journal = self.journal
        event = PathMoveChangedEvent(
            source=journal.source,
            target=journal.target,
            action=journal.action,
            state=state,
            move_id=journal.move_id,
            model_id=self._model_now,
            moved_bytes=min(self._moved_bytes + self._copy.bytes_now, self._total_bytes),
            total_bytes=self._total_bytes,
            kept_back=sorted(self._kept_back),
            problem=problem,
        )
        with anyio.CancelScope(shield=True):
            await self._peer.publish(event)

    # -- copying

    def _measure(self) -> list[str]:
        """Names of the directories to bring; counts what there is, and what is done. Blocks.

        Raises:
            RelocationFailed: the new place is gone.
        """
        moves = self.journal.action == "move"
        names = model_directories(self._source, dict(self._entries)) if moves else []
        self._total_bytes = sum(tree_bytes(self._source / name) for name in names)
        self._moved_bytes = sum(tree_bytes(self._source / name) for name in self.journal.placed)
        if not self._target.is_dir():
            raise RelocationFailed(str(self._target), "it is not there (any more)")
        return names

    async def _bring_each(self, names: list[str]) -> None:
        for name in names:
            if self.stop.is_set():
                raise CopyStopped
            if name not in self.journal.placed:
                await self._bring(name)
        if self.journal.action == "adopt":
            await self._adopt_all()
        await anyio.to_thread.run_sync(sweep, self._target, MOVING_PREFIX)

    async def _bring(self, name: str) -> None:
        """Bring one directory, unless it is at the new place already, and note that."""
        self._model_now = model_of(name, self._entries)
        adopted = self.journal.adopted
        if not await anyio.to_thread.run_sync(self._was_placed, name):
            if await self._copy.is_at_target(name):
                adopted = [*adopted, name]
            else:
                final = await self._copy.copy(name)
                await self._note(placing=name)
                await self._copy.place(name, final)
        await self._note(placing="", adopted=adopted, placed=[*self.journal.placed, name])
        self._copy.bytes_now = 0
        self._moved_bytes += await anyio.to_thread.run_sync(tree_bytes, self._source / name)

    def _was_placed(self, name: str) -> bool:
        """Whether a crash came between giving a directory its name and noting that. Blocks."""
        if not name or self.journal.placing != name:
            return False
        if (self._target / f"{MOVING_PREFIX}{name}").is_there():
            return False
        return any((self._target / final).is_there() for final in (name, name + DAMAGED_SUFFIX))

    async def _adopt_all(self) -> None:
        """Find out which models lie at the new place and match."""
        for model_id in list(self._entries):
            self._model_now = model_id
            promises = await self._copy.promises(model_id, self._target)
            if promises is None:
                continue
            verdict = await self._copy.verify(model_id, self._target / model_id, promises)
            if not verdict.findings:
                await self._note(adopted=sorted({*self.journal.adopted, model_id}))

    # -- clearing

    async def _clear_model(self, model_id: str) -> None:
        gone = await anyio.to_thread.run_sync(self._cleared_names, model_id)
        if not gone:
            return

        async def report_wait(holders: list[str]) -> None:
            self._kept_back[model_id] = holders
            await self.report("leaving")

        async with self._leases.exclusive(model_id, report_wait):
            await anyio.to_thread.run_sync(self._discard_at_source, model_id, gone)
        self._kept_back.pop(model_id, None)

    def _cleared_names(self, model_id: str) -> list[str]:
        """Directories of a model at the old place that are whole at the new one. Blocks."""
        return [name for name in self._directories_of(model_id, self._source) if name in self.journal.placed]

    def _discard_at_source(self, model_id: str, names: list[str]) -> None:
        """Delete directories of a model at the old place. Blocks.

        A drive that has just gone has nothing of it: then the old copy is the only one, and stays.
        """
        if not self._directories_of(model_id, self._target):
            return
        for name in names:
            with contextlib.suppress(OSError, DurableWriteFailed):  # open in a program (Windows): it stays
                discard(self._source / name)

    def _directories_of(self, model_id: str, root: RootedPlace) -> list[str]:
        entries = dict(self._entries)
        return [name for name in model_directories(root, entries) if model_of(name, entries) == model_id]

    # -- requests and journal

    async def _request(self, request: Request[Any], retry_on: Any = UNANSWERED) -> None:
        await request_until_answered(
            self._peer,
            request,
            retry_on=retry_on,
            timeout_seconds=REQUEST_TIMEOUT_SECONDS,
            sleep=self._sleep,
        )

    async def _note(self, **changes: object) -> None:
        await anyio.to_thread.run_sync(lambda: self._write_journal(**changes))

    def _write_journal(self, **changes: object) -> None:
        """Change the journal, durably. Blocks."""
        journal = msgspec.structs.replace(self.journal, **changes)
        self._record.write(journal)
        self.journal = journal

    async def _report_regularly(self) -> None:
        while True:
            await self.report("moving")
            await anyio.sleep(REPORT_SECONDS)
