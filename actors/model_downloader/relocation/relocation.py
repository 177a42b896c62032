"""The move of all models to another directory: carried, verified, then settled by one write of the choices, then removed where they were.

Until that write the old place serves and holds everything; from then on the new one does. A crash at any
moment leaves a journal from which the next start goes on.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from actors.model_downloader.downloader_context import World
from actors.model_downloader.relocation.relocation_journal import RelocationJournal, RelocationRecord
from actors.model_downloader.relocation.tree_copy import (
    MOVING_PREFIX,
    CopyStopped,
    TreeCopy,
    belongings,
    discard,
    model_of,
    put_aside,
    sweep,
    tree_bytes,
)
from actors.model_downloader.staging.models_layout import DAMAGED_SUFFIX
from actors.model_downloader.staging.revisions import promises_of, read_record
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import RequestFailed, UndercroftError
from schemas.event import Event, Request
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import FilesVerifiedEvent, FilesVerifyRequestEvent
from schemas.paths import (
    ModelsRootAdmitRequestEvent,
    MoveState,
    PathMoveChangedEvent,
    PathSettleRequestEvent,
)

TELL_SECONDS = 0.1
Ask = Callable[[Request[Any]], Awaitable[Event]]
"""Reaches the verifier and the keeper of the choices; raises RequestFailed if they cannot answer."""

ASK_AGAIN_SECONDS = 1.0


class RelocationFailed(UndercroftError):
    """The models stay where they are.

    Attributes:
        target: where they were to go.
        problem: what was in the way.
    """

    target: str
    problem: str
    words = (
        "models do not move to {target}: {problem}; all of them are where they were; 'undercroft "
        "paths set models' tries again"
    )


class Relocation:
    """One move, from its journal on.

    Attributes:
        stop: ends the carrying at the next chunk; the journal says what happens then.
    """

    def __init__(
        self,
        record: RelocationRecord,
        journal: RelocationJournal,
        entries: dict[str, ModelEntry],
        world: World,
        ask: Ask,
    ) -> None:
        self.journal = journal
        self.stop = threading.Event()
        self._record = record
        self._entries = entries
        self._world = world
        self._ask = ask
        self._source, self._target = Path(journal.source), Path(journal.target)
        self._moved_bytes = 0
        self._total_bytes = 0
        self._carried_now = ""
        self._kept_back: dict[str, list[str]] = {}

    async def bring(self) -> None:
        """Have every model whole at the new place; with `adopt` only find out which are. What is done already is not done again.

        Raises:
            RelocationFailed: something is in the way.
            CopyStopped: `stop` was set.
            OSError, DurableWriteFailed: a disk does not go along.
        """
        names = belongings(self._source, self._entries) if self.journal.action == "move" else []
        self._total_bytes = await anyio.to_thread.run_sync(
            lambda: sum(tree_bytes(self._source / name) for name in names)
        )
        self._moved_bytes = await anyio.to_thread.run_sync(
            lambda: sum(tree_bytes(self._source / name) for name in self.journal.placed)
        )
        if not self._target.is_dir():
            raise RelocationFailed(str(self._target), "it is not there (any more)")
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell_for_ever)
            try:
                await self._bring_all(names)
            except (RelocationFailed, CopyStopped, OSError, DurableWriteFailed) as error:
                failure = error  # as itself, not as one of a group
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def settle(self) -> None:
        """Have the choice written; on return the new place is the one. Asked until there is an answer, since a lost one may have been a yes.

        Raises:
            RelocationFailed: the choice was refused.
        """
        await self._insist(
            PathSettleRequestEvent(category=self.journal.category, path=self.journal.path), may_fail=True
        )
        # A verifier that began before the choice counted has to be told of it; one that begins from here on
        # knows it.
        await self._insist(ModelsRootAdmitRequestEvent(directory=str(self._target)), may_fail=False)

    async def _insist(self, question: Request[Any], *, may_fail: bool) -> None:
        while True:
            try:
                await self._ask(question)
                return
            except RequestFailed as failed:
                if may_fail and failed.kind in ("refused", "invalid"):
                    raise RelocationFailed(str(self._target), failed.message) from failed
            await self._world.sleep(ASK_AGAIN_SECONDS)

    async def leave(self) -> None:
        """Remove at the old place what is whole at the new one, once nobody holds it; then forget the move."""
        await self.tell("leaving")
        if self.journal.action == "move":
            async with anyio.create_task_group() as tasks:
                for model_id in self._entries:
                    tasks.start_soon(self._leave, model_id)
            await anyio.to_thread.run_sync(sweep, self._source)
        await anyio.to_thread.run_sync(self._record.remove)
        await self.tell("moved")

    def give_up(self) -> None:
        """Remove the copies at the new place again; what lay there before stays. On return nothing of the move is left. Blocks."""
        self._note(phase="giving_up")
        placed_now = [self.journal.placing] if self._was_placed(self.journal.placing) else []
        for name in {*self.journal.placed, *placed_now} - {*self.journal.adopted}:
            if os.path.lexists(self._source / name):
                discard(self._target / name)
        sweep(self._target)
        self._record.remove()

    async def tell(self, state: MoveState, problem: str = "") -> None:
        """Say how far the move is."""
        journal = self.journal
        event = PathMoveChangedEvent(
            source=journal.source,
            target=journal.target,
            action=journal.action,
            state=state,
            move_id=journal.move_id,
            model_id=self._carried_now,
            moved_bytes=min(self._moved_bytes, self._total_bytes),
            total_bytes=self._total_bytes,
            kept_back=sorted(self._kept_back),
            problem=problem,
        )
        with anyio.CancelScope(shield=True):
            await self._world.publish(event)

    async def _bring_all(self, names: list[str]) -> None:
        for name in names:
            if self.stop.is_set():
                raise CopyStopped
            if name not in self.journal.placed:
                await self._bring(name)
        if self.journal.action == "adopt":
            await self._adopt_all()
        await anyio.to_thread.run_sync(sweep, self._target, (MOVING_PREFIX,))

    async def _bring(self, name: str) -> None:
        """Carry one directory, verify it where the manifest says what it holds, and give it its name."""
        self._carried_now = model_of(name, self._entries)
        if not self._was_placed(name):
            before = self._moved_bytes
            if await self._matches_there(name):
                self._moved_bytes = before + await anyio.to_thread.run_sync(tree_bytes, self._source / name)
                self._note(adopted=[*self.journal.adopted, name], placed=[*self.journal.placed, name])
                return
            final = await self._carry(name)
            self._note(placing=name)
            await anyio.to_thread.run_sync(self._place, name, final)
        self._note(placing="", placed=[*self.journal.placed, name])

    async def _carry(self, name: str) -> str:
        """Bring it under its moving name, and see that it is whole; returns under which name it belongs."""
        carrier = TreeCopy(self._source, self._target, self._count, self.stop)
        before, promises = self._moved_bytes, self._promises(name, self._source)
        for attempt in (1, 2):
            self._moved_bytes = before
            try:
                linked = await anyio.to_thread.run_sync(carrier.carry, name)
            except OSError as error:
                raise RelocationFailed(str(self._target), f"{name}: {error.strerror or error}") from error
            if promises is None or linked:  # of one inode there is nothing to compare
                return name
            verdict = await self._verify(name, self._target / f"{MOVING_PREFIX}{name}", promises)
            if not verdict.findings:
                return name
            if attempt == 2 and (await self._verify(name, self._source / name, promises)).findings:
                return (
                    name + DAMAGED_SUFFIX
                )  # it was no better where it was: it goes along, out of use, and repair is offered
            first = verdict.findings[0]
            if attempt == 1:
                await anyio.to_thread.run_sync(carrier.again, name)
        raise RelocationFailed(
            str(self._target),
            f"{name}/{first.path}: its copy is not what was read: {first.aspect} is {first.found}; check that disk",
        )

    def _place(self, name: str, final: str) -> None:
        carrier = TreeCopy(self._source, self._target, self._count, self.stop)
        if final != name:
            os.rename(self._target / f"{MOVING_PREFIX}{name}", self._target / f"{MOVING_PREFIX}{final}")
        carrier.place(final)

    def _was_placed(self, name: str) -> bool:
        """Whether a crash came between giving a directory its name and noting that."""
        moving = self._target / f"{MOVING_PREFIX}{name}"
        return (
            bool(name)
            and self.journal.placing == name
            and not os.path.lexists(moving)
            and self._is_whole_there(name)
        )

    def _is_whole_there(self, name: str) -> bool:
        """Whether the new place has what was brought over under this name: by it, or out of use."""
        return any(os.path.lexists(self._target / there) for there in (name, name + DAMAGED_SUFFIX))

    async def _matches_there(self, name: str) -> bool:
        """Whether the new place has this model already, whole; what has its name and is not is put aside."""
        there = self._target / name
        if not self._has(name):
            return False
        promises = self._promises(name, self._source)
        if (
            promises is not None
            and there.is_dir()
            and not there.is_symlink()
            and not (await self._verify(name, there, promises)).findings
        ):
            return True
        await anyio.to_thread.run_sync(put_aside, there)
        return False

    def _has(self, name: str) -> bool:
        return os.path.lexists(self._target / name)

    async def _adopt_all(self) -> None:
        """Find out which models lie at the new place and match."""
        for model_id in self._entries:
            self._carried_now = model_id
            promises = self._promises(model_id, self._target)
            if (
                promises is not None
                and not (await self._verify(model_id, self._target / model_id, promises)).findings
            ):
                self._note(adopted=sorted({*self.journal.adopted, model_id}))

    async def _leave(self, model_id: str) -> None:
        names = [
            name
            for name in belongings(self._source, self._entries)
            if model_of(name, self._entries) == model_id
        ]
        gone = [name for name in names if name in self.journal.placed]
        if not gone:
            return

        async def wait_for(holders: list[str]) -> None:
            self._kept_back[model_id] = holders
            await self.tell("leaving")

        async with self._world.alone(model_id, wait_for):
            if any(
                model_of(name, self._entries) == model_id for name in belongings(self._target, self._entries)
            ):
                for (
                    name
                ) in gone:  # a drive that has just gone has nothing of it: then the old copy is the only one
                    with contextlib.suppress(
                        OSError, DurableWriteFailed
                    ):  # open in a program (Windows): it stays, and nothing is lost
                        await anyio.to_thread.run_sync(discard, self._source / name)
        self._kept_back.pop(model_id, None)

    async def _verify(self, name: str, directory: Path, promises: list[FilePromise]) -> FilesVerifiedEvent:
        question = FilesVerifyRequestEvent(
            model_id=model_of(name, self._entries), directory=str(directory), files=promises
        )
        while True:
            try:
                await self._ask(ModelsRootAdmitRequestEvent(directory=str(directory.parent)))
                return await self._world.verify(question)
            except RequestFailed as failed:
                if failed.kind == "invalid":
                    raise RelocationFailed(
                        str(self._target), f"{name}: cannot be verified: {failed.message}"
                    ) from failed
            await self._world.sleep(
                ASK_AGAIN_SECONDS
            )  # also after a refusal: a verifier that came back in between knows only the old place

    def _promises(self, name: str, root: Path) -> list[FilePromise] | None:
        """What an installed revision has to keep; None for partials and others of which nothing is promised."""
        entry = self._entries.get(name.removesuffix(".former"))
        if entry is None or not (root / name).is_dir():
            return None
        record = read_record(root / name)
        if record is not None:
            return promises_of(record, entry)
        return entry.files if name == entry.id else None

    def _note(self, **changes: object) -> None:
        journal = msgspec.structs.replace(self.journal, **changes)
        self._record.write(journal)
        self.journal = journal

    def _count(self, size_bytes: int) -> None:
        self._moved_bytes += size_bytes

    async def _tell_for_ever(self) -> None:
        while True:
            await self.tell("moving")
            await anyio.sleep(TELL_SECONDS)
