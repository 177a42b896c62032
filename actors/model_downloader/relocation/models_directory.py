"""Where the models of a downloader are at home: a directory that it owns, one that is missing for now, or one that they move away from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
import msgspec

from actors.model_downloader.downloader_context import World
from actors.model_downloader.install_queue import InstallQueue
from actors.model_downloader.installed_models import InstalledModels
from actors.model_downloader.model_registry import ModelRegistry
from actors.model_downloader.relocation.relocation import Ask, Relocation, RelocationFailed
from actors.model_downloader.relocation.relocation_journal import RelocationJournal, RelocationRecord
from actors.model_downloader.relocation.relocation_plan import begun, weigh
from actors.model_downloader.relocation.tree_copy import CopyStopped
from actors.model_downloader.staging.activation import finish
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.durable.directory_lock import DirectoryLock, DirectoryLocked
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.errors import Refused
from schemas.models import ModelStatus
from schemas.paths import ModelsRelocateRequestEvent, ModelsRelocationEvent, PathMoveCancelledEvent

LOOK_SECONDS = 1.0


class ModelsDirectory:
    """Owns the directory of models, and changes it for another one when asked to.

    Attributes:
        taken: called when a directory that another process owned is ours.
        before_switch: awaited with the new directory right before it serves, to keep there what has to be
            known of it.
    """

    def __init__(
        self,
        name: str,
        root: ModelsLayout,
        standings: ModelRegistry,
        world: World,
        ask: Ask,
        state: Path | None,
        default: Path | None,
    ) -> None:
        """`state` holds the journal of a move. `default` is where models lie if nobody chose: only there a missing directory is simply created."""
        self._name = name
        self._root = root
        self._standings = standings
        self._world = world
        self._ask = ask
        self._record = RelocationRecord(state) if state else None
        self._default = default or root.path
        self._lock: DirectoryLock | None = None
        self._target_lock: DirectoryLock | None = None
        self._relocation: Relocation | None = None
        self._moving = anyio.CancelScope()
        self._over = anyio.Event()
        self._is_moving = False
        self._can_be_cancelled = False
        self._locked: DirectoryLocked | None = None
        self._told: dict[str, ModelStatus] = {}
        self.taken: Callable[[], object] = lambda: None
        self.before_switch: Callable[[Path], Awaitable[None]] = _nothing

    def inhabit(self, desk: InstallQueue, shelf: InstalledModels, tasks: anyio.abc.TaskGroup) -> None:
        """Hand over those who work in the directory."""
        self._desk, self._shelf, self._tasks = desk, shelf, tasks

    @property
    def is_away(self) -> bool:
        """Whether a directory that a person chose is not there: its drive is not connected, or somebody removed it."""
        return self._root.path != self._default and not self._root.path.is_dir()

    @property
    def is_open(self) -> bool:
        """Whether models can be changed now."""
        return (
            self._lock is not None
            and not self.is_away
            and not (self._relocation is not None and self._is_moving)
        )

    def must_be_there(self) -> None:
        """Check that models can be used now, also while they are on the move.

        Raises:
            Refused: the directory is not there, or another one is just about to serve.
        """
        if self._locked is not None:
            raise Refused(
                f"{self._locked}; what is installed there can be used, and it is taken over once that ends"
            )
        if self.is_away or self._lock is None:
            raise Refused(f"{self._missing_words()}; see 'undercroft paths'")
        if self._relocation is not None and self._is_moving and not self._can_be_cancelled:
            raise Refused(
                f"the models are going over to {self._relocation.journal.target} at this moment; try again"
            )

    def must_be_open(self) -> None:
        """Check that models can be changed now.

        Raises:
            Refused: the directory is not there, or its models are on the move.
        """
        self.must_be_there()
        if self._relocation is not None and self._is_moving:
            target = self._relocation.journal.target
            raise Refused(
                f"the models are being moved to {target}; try again when they are there, or run 'undercroft paths cancel'"
            )

    async def open(self) -> None:
        """Own the directory and go on with whatever was interrupted: a move, swaps, installs. One that is not there is never created.

        While another process owns it, models are listed as they lie there, and nothing is changed; it is
        owned once it is free.

        Raises:
            OSError: it cannot be used.
        """
        if self.is_away:
            for entry in self._standings.entries.values():
                self._standings.problems[entry.id] = self._missing_words()
                await self._standings.tell(entry)
            return
        try:
            self._take()
        except DirectoryLocked as locked:
            await self._visit(locked)
            return
        await self._go_on()

    async def _visit(self, locked: DirectoryLocked) -> None:
        """Say where the models of somebody else stand, until they are ours to change."""
        if self._locked is None:
            self._tasks.start_soon(self._wait_for_turn)
        self._locked = locked
        for entry in list(self._standings.entries.values()):
            status = self._standings.status(entry)
            if self._told.get(entry.id) != status:
                self._told[entry.id] = status
                await self._standings.tell(entry)

    async def _wait_for_turn(self) -> None:
        while self._locked is not None:
            await anyio.sleep(LOOK_SECONDS)
            if self._locked is None:
                return  # another directory serves meanwhile
            try:
                if not self.is_away:
                    self._take()
                    self._locked = None
            except DirectoryLocked as locked:
                await self._visit(locked)
        self._told.clear()
        self.taken()
        await self._go_on()

    async def _go_on(self) -> None:
        for model_id in list(self._standings.problems):
            self._standings.problems.pop(model_id)
        journal = self._record.read() if self._record else None
        if journal is not None and Path(journal.source) == self._root.path:
            await self._take_up(journal)
        elif journal is not None and Path(journal.target) == self._root.path:
            await self._serve()
            self._relocation = self._relocation_of(journal)
            self._tasks.start_soon(self._arrive, self._relocation)
        else:
            await self._serve()

    async def look_again(self) -> None:
        """A directory came or went: one that is back is opened, one that went is told."""
        if self._lock is None and not self.is_away:
            await self.open()
        elif self._lock is not None and self.is_away:
            await self._desk.close()
            self._standings.installs.clear()
            self._lock = None  # what it locked is not there; the lock went with it
            await self.open()

    async def relocate(self, request: ModelsRelocateRequestEvent) -> ModelsRelocationEvent:
        """Begin a move; on return it is durable.

        Raises:
            Refused: it cannot be begun.
        """
        if self._record is None or self._relocation is not None:
            raise Refused(
                "the models are on the move already; see 'undercroft paths', or run 'undercroft paths cancel'"
            )
        if self._locked is not None and request.action == "move":
            raise Refused(
                f"{self._locked}; its models are not moved away from it, but another directory can be adopted or begun anew"
            )
        try:
            found = await anyio.to_thread.run_sync(weigh, self._root, self._standings.entries, request)
        except (RelocationFailed, OSError) as error:
            raise Refused(str(error)) from error
        if request.dry_run:
            return found
        await self._stop_installs()
        try:
            self._lock_target(Path(request.target))
            journal = begun(self._root, self._standings.entries, request)
            self._record.write(journal)
        except (DirectoryLocked, OSError, DurableWriteFailed) as error:
            self._free_target()
            await self._serve(again=True)
            raise Refused(str(error)) from error
        self._start(journal)
        return msgspec.structs.replace(found, move_id=journal.move_id)

    async def cancel(self) -> PathMoveCancelledEvent:
        """Stop a move; on return nothing of it is left at the new place.

        Raises:
            Refused: the new place serves already.
        """
        relocation = self._relocation
        if relocation is None:
            return PathMoveCancelledEvent(was_moving=False)
        if not self._can_be_cancelled:
            raise Refused(
                f"the models are at {relocation.journal.target} already; choose {relocation.journal.source} to bring them back"
            )
        relocation.stop.set()
        self._moving.cancel()
        await self._over.wait()
        return PathMoveCancelledEvent(was_moving=True)

    def close(self) -> None:
        """Let go of the directory; a move goes on at the next start. The carrying thread ends at its next chunk."""
        if self._relocation is not None:
            self._relocation.stop.set()
        self._free_target()
        if self._lock is not None:
            self._lock.release()

    async def _take_up(self, journal: RelocationJournal) -> None:
        """Go on with a move that a crash interrupted, or with giving it up."""
        assert self._record is not None, "the journal was read from it"
        for entry in self._standings.entries.values():
            await self._standings.tell(entry)
        if not Path(journal.target).is_dir():  # noqa: ASYNC240  # one stat at the start
            self._start(journal)  # which fails, says so, and leaves everything as it is
            return
        try:
            self._lock_target(Path(journal.target))
        except (DirectoryLocked, OSError) as error:
            await self._relocation_of(journal).tell("failed", str(error))
            await anyio.to_thread.run_sync(self._record.remove)
            await self._serve()
            return
        self._start(journal)

    def _start(self, journal: RelocationJournal) -> None:
        self._relocation = self._relocation_of(journal)
        self._moving, self._over = anyio.CancelScope(), anyio.Event()
        self._is_moving = self._can_be_cancelled = True
        if journal.phase == "giving_up":
            self._moving.cancel()
        self._tasks.start_soon(self._move, self._relocation)

    async def _move(self, relocation: Relocation) -> None:
        problem = ""
        with self._moving:
            try:
                await relocation.bring()
                self._can_be_cancelled = False
                await self.before_switch(Path(relocation.journal.target))
                await relocation.settle()
            except CopyStopped:
                await (
                    anyio.sleep_forever()
                )  # the cancellation that came with it, or the end of this process, is on its way
            except (RelocationFailed, OSError, DurableWriteFailed) as error:
                problem = str(error)
        if problem or self._moving.cancelled_caught:
            await self._stay(relocation, problem)
            return
        await self._stop_installs()
        source_lock, self._lock, self._target_lock = self._lock, self._target_lock, None
        self._root.path = Path(relocation.journal.target)
        self._is_moving, self._locked = False, None
        self._standings.problems.clear()
        await self._serve()
        await self._arrive(relocation)
        if source_lock is not None:
            source_lock.release()

    async def _arrive(self, relocation: Relocation) -> None:
        """Take up the wishes at the new place, and clear the old one."""
        if relocation.journal.action != "move":
            for model_id in relocation.journal.wishes:
                await self._desk.install(self._standings.entries[model_id])
        await relocation.leave()
        self._relocation = None

    async def _stay(self, relocation: Relocation, problem: str) -> None:
        """The models are where they were: clear the new place, and go on."""
        with anyio.CancelScope(shield=True):
            if Path(relocation.journal.target).is_dir():  # noqa: ASYNC240  # one stat
                await anyio.to_thread.run_sync(relocation.give_up)
            elif self._record is not None:
                await anyio.to_thread.run_sync(self._record.remove)
            self._free_target()
            self._relocation, self._is_moving, self._can_be_cancelled = None, False, False
            await relocation.tell("failed" if problem else "cancelled", problem)
            await self._serve(again=True)
            self._over.set()

    async def _serve(self, *, again: bool = False) -> None:
        """Go on with every wish, and check what is installed; until then that counts as being verified, unless it only served on (`again`)."""
        if not again:
            self._shelf.distrust()
        await self._desk.take_up_wishes()
        self._tasks.start_soon(self._shelf.check)

    async def _stop_installs(self) -> None:
        await self._desk.close()
        self._standings.installs.clear()

    def _take(self) -> None:
        lock = DirectoryLock(self._root.path, self._name)
        lock.acquire()
        self._lock = lock
        self._root.prepare()
        finish(self._root)

    def _lock_target(self, target: Path) -> None:
        lock = DirectoryLock(target, self._name)
        lock.acquire()
        self._target_lock = lock

    def _free_target(self) -> None:
        if self._target_lock is not None:
            self._target_lock.release()
        self._target_lock = None

    def _relocation_of(self, journal: RelocationJournal) -> Relocation:
        assert self._record is not None, "without a place for its journal no move begins"
        return Relocation(self._record, journal, self._standings.entries, self._world, self._ask)

    def _missing_words(self) -> str:
        return f"{self._root.path}: the directory of the models is not there; connect its drive, or choose another with 'undercroft paths set models'"


async def _nothing(directory: Path) -> None:
    """For those who need not know."""
