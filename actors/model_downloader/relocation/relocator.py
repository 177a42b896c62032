"""Opens the directory of the models, and moves them to another one; continues what a crash interrupted."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final, Literal

import anyio
import anyio.abc
import anyio.to_thread
import msgspec

from actors.model_downloader.registry.model_leases import ModelLeases
from actors.model_downloader.relocation.change_gate import ChangeGate
from actors.model_downloader.relocation.directory_watch import DirectoryWatch
from actors.model_downloader.relocation.models_directory import ModelsDirectory
from actors.model_downloader.relocation.relocation import Relocation
from actors.model_downloader.relocation.relocation_journal import RelocationJournal, relocation_record
from actors.model_downloader.relocation.relocation_plan import (
    RelocationFailed,
    first_journal,
    plan_relocation,
)
from actors.model_downloader.relocation.served_models import ServedModels
from actors.model_downloader.relocation.tree_copy import CopyStopped
from actors.model_downloader.verifier_client import VerifierClient
from actors.shared.durable.directory_lock import DirectoryLocked
from actors.shared.places.shared_root import SharedRoot
from bus.client import Peer
from bus.error_words import in_words
from bus.errors import Refused, UndercroftError
from schemas.manifest import ModelEntry
from schemas.paths import ModelsRelocateRequestEvent, ModelsRelocationEvent, PathMoveCancelledEvent

LOOK_SECONDS: Final = 2.0
"""How long a list waits for a look at the disk that is under way."""

OPEN_SECONDS: Final = 10.0
"""How long a start waits for a slow disk before it serves without the models."""

CHANGES_END_SECONDS: Final = 10.0
"""How long a move waits for changes that are under way."""

Stage = Literal["none", "copying", "settling", "clearing"]
"""`copying`: nothing has changed yet, and the move can be cancelled. `settling`: the choice is being written.
`clearing`: the new place serves, and the old one is being cleared."""


class Relocator:
    """Decides when models can be used and changed, and carries out a move of all of them."""

    def __init__(
        self,
        directory: ModelsDirectory,
        models: ServedModels,
        leases: ModelLeases,
        verifier: VerifierClient,
        peer: Peer,
        tasks: anyio.abc.TaskGroup,
        state: Path | None,
    ) -> None:
        """Open nothing yet.

        Args:
            directory: of the models.
            models: of the directory; a move interrupts them.
            leases: move along with the models.
            verifier: judges the copies of a move.
            peer: publishes how far a move is.
            tasks: run the move.
            state: where the journal of a move is kept; None: the models never move.
        """
        self._directory = directory
        self._watch = DirectoryWatch(directory, models)
        self._layout = directory.layout
        self._models = models
        self._leases = leases
        self._verifier = verifier
        self._peer = peer
        self._tasks = tasks
        self._record = relocation_record(state) if state else None
        self._turn = anyio.Lock()
        self._changes = ChangeGate()
        self._relocation: Relocation | None = None
        self._stage: Stage = "none"
        self._moving = anyio.CancelScope()
        self._stayed = anyio.Event()

    # -- who may do what

    @property
    def _is_moving(self) -> bool:
        return self._stage in ("copying", "settling")

    async def must_be_there(self) -> None:
        """Check that models can be used now, also while they are being copied elsewhere.

        Raises:
            Refused: the directory is not there, or another one is just about to serve.
        """
        await self._directory.must_be_usable()
        if self._relocation is not None and self._stage == "settling":
            target = self._relocation.journal.target
            raise Refused(f"the models are going over to {target} at this moment; try again")

    async def must_be_open(self) -> None:
        """Check that models can be changed now.

        Raises:
            Refused: the directory is not there, or its models are being moved.
        """
        await self.must_be_there()
        if self._is_moving:
            target = self._relocation.journal.target if self._relocation else "another place"
            raise Refused(
                f"the models are being moved to {target}; try again when they are there, "
                "or run 'undercroft paths cancel'"
            )

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """A block in which models may be changed; a move begins only after it.

        Raises:
            Refused: they may not be changed now.
        """
        await self.must_be_open()
        with self._changes.change():
            yield

    # -- opening

    async def open(self) -> None:
        """Own the directory, and continue what was interrupted: a move, swaps, installs.

        What cannot be opened now is opened later, beside the start.
        """
        has_looked = anyio.Event()
        self._tasks.start_soon(self._follow_directory, has_looked)
        with anyio.move_on_after(OPEN_SECONDS):
            await has_looked.wait()

    def look_again(self) -> None:
        """A directory came or went: open the one that is back, close the one that is gone."""
        self._watch.look_again()

    async def take_up(self, entries: Sequence[ModelEntry]) -> None:
        """Models are new or changed: look at them, and continue their installs."""
        if not entries or not self._directory.is_ours or not await self._directory.answers():
            return
        await self._models.look(*(entry.id for entry in entries))
        with contextlib.suppress(Refused):  # all of them are taken up when the directory serves again
            async with self.changing():
                await self._models.take_up(entries)

    async def catch_up(self) -> None:
        """See that the registry knows the disk: of a directory of another process by looking again."""
        if self._directory.locked_by is not None and await self._directory.answers():
            with anyio.move_on_after(LOOK_SECONDS):
                await self._models.look()
        await self._models.looked(LOOK_SECONDS)

    async def close(self) -> None:
        """Let go of the directory; a move continues at the next start. Its thread ends at its next chunk."""
        if self._relocation is not None:
            self._relocation.stop.set()
        await self._directory.release()

    async def _follow_directory(self, has_looked: anyio.Event) -> None:
        while True:
            async with self._turn:
                await self._look_once()
            has_looked.set()
            await self._watch.until_news()

    async def _look_once(self) -> None:
        if self._directory.is_ours:
            if not await self._watch.is_gone():
                return
            await self._models.stop_installs()
            self._directory.lose()
        if self._stage == "none" and await self._watch.try_open():
            await self._continue()

    async def _continue(self) -> None:
        """The directory is ours: continue the move that its journal tells of, or serve."""
        self._models.opened()
        await self._leases.load()
        journal = await anyio.to_thread.run_sync(self._record.load) if self._record else None
        if journal is not None and Path(journal.source) == self._layout.path:
            await self._resume_move(journal)
            return
        await self._models.serve()
        if journal is not None and Path(journal.target) == self._layout.path:
            self._relocation, self._stage = self._relocation_of(journal), "clearing"
            self._tasks.start_soon(self._finish, self._relocation)

    # -- moving

    async def relocate(self, request: ModelsRelocateRequestEvent) -> ModelsRelocationEvent:
        """Begin a move; on return it is durable.

        Raises:
            Refused: it cannot be begun.
        """
        async with self._turn:
            plan = await self._plan(request)
            if request.dry_run:
                return plan
            self._stage = "copying"
            try:
                journal = await self._begin(request)
            except (UndercroftError, OSError) as error:
                self._stage = "none"
                await self._directory.free_target()
                if self._directory.is_ours:
                    await self._models.serve(is_new=False)
                raise Refused(in_words(error)) from error
            self._start(journal)
            return msgspec.structs.replace(plan, move_id=journal.move_id)

    async def cancel(self) -> PathMoveCancelledEvent:
        """Stop a move; on return nothing of it is left at the new place.

        Raises:
            Refused: the new place serves already.
        """
        relocation = self._relocation
        if relocation is None:
            return PathMoveCancelledEvent(was_moving=False)
        if self._stage != "copying":
            journal = relocation.journal
            raise Refused(
                f"the models are at {journal.target} already; choose {journal.source} to bring them back"
            )
        relocation.stop.set()
        self._moving.cancel()
        await self._stayed.wait()
        return PathMoveCancelledEvent(was_moving=True)

    async def _plan(self, request: ModelsRelocateRequestEvent) -> ModelsRelocationEvent:
        if self._record is None or self._stage != "none":
            raise Refused(
                "the models are on the move already; see 'undercroft paths', or run 'undercroft paths cancel'"
            )
        if self._directory.locked_by is not None and request.action == "move":
            raise Refused(
                f"{self._directory.locked_by}; its models are not moved away from it, "
                "but another directory can be adopted or begun anew"
            )
        answers = await self._directory.answers()
        if not answers and request.action == "move":
            raise Refused(await self._directory.problem())
        source, entries = self._layout.path, dict(self._models.entries)
        try:
            return await anyio.to_thread.run_sync(
                lambda: plan_relocation(source, entries, request, source_answers=answers)
            )
        except (RelocationFailed, OSError) as error:
            raise Refused(in_words(error)) from error

    async def _begin(self, request: ModelsRelocateRequestEvent) -> RelocationJournal:
        """Stop all changes, own the target, and make the journal durable.

        Raises:
            UndercroftError, OSError: one of these is not possible.
        """
        assert self._record is not None, "it was planned"
        if not await self._changes.until_none(CHANGES_END_SECONDS):
            raise Refused("models are being changed at this moment; try again")
        await self._models.stop_installs()
        await self._directory.lock_target(Path(request.target))
        journal = first_journal(self._layout.path, self._models.wishes(), request)
        await anyio.to_thread.run_sync(self._record.write, journal)
        return journal

    async def _resume_move(self, journal: RelocationJournal) -> None:
        """Continue a move that a crash interrupted, or the end of it."""
        assert self._record is not None, "the journal was read from it"
        await self._models.look()
        await self._models.announce_all()
        if await anyio.to_thread.run_sync(Path(journal.target).is_dir):
            try:
                await self._directory.lock_target(Path(journal.target))
            except (DirectoryLocked, SharedRoot, OSError) as error:
                await self._relocation_of(journal).report("failed", in_words(error))
                await anyio.to_thread.run_sync(self._record.remove)
                await self._models.serve()
                return
        self._start(journal)  # without a target it fails, says so, and leaves everything as it is

    def _start(self, journal: RelocationJournal) -> None:
        self._relocation, self._stage = self._relocation_of(journal), "copying"
        self._moving, self._stayed = anyio.CancelScope(), anyio.Event()
        if journal.phase == "giving_up":
            self._moving.cancel()
        self._tasks.start_soon(self._move, self._relocation)

    async def _move(self, relocation: Relocation) -> None:
        target, problem = Path(relocation.journal.target), ""
        with self._moving:
            try:
                await relocation.bring_all()
                self._stage = "settling"
                await self._leases.copy_to(target)
                await relocation.settle()
            except CopyStopped:
                await anyio.sleep_forever()  # the cancellation, or the end of this process, is on its way
            except (OSError, UndercroftError) as error:
                problem = in_words(error)
        if problem or self._moving.cancelled_caught:
            await self._stay(relocation, problem)
            return
        async with self._turn:
            await self._models.stop_installs()
            self._directory.change_to_target(target)
            self._models.opened()
            self._stage = "clearing"
            await self._models.serve()
        await self._finish(relocation)
        await self._directory.release_former()

    async def _finish(self, relocation: Relocation) -> None:
        """The new place serves: continue the installs there, and clear the old place."""
        if relocation.journal.action != "move":
            await self._models.resume_wishes(relocation.journal.wishes)
        await relocation.clear_source()
        self._relocation, self._stage = None, "none"
        self._watch.look_again()

    async def _stay(self, relocation: Relocation, problem: str) -> None:
        """The models are where they were: clear the new place, and go on."""
        with anyio.CancelScope(shield=True):
            async with self._turn:
                await anyio.to_thread.run_sync(self._clear_target, relocation)
                await self._directory.free_target()
                self._relocation, self._stage = None, "none"
                await relocation.report("failed" if problem else "cancelled", problem)
                if self._directory.is_ours:
                    await self._models.serve(is_new=False)
            self._watch.look_again()
            self._stayed.set()

    def _clear_target(self, relocation: Relocation) -> None:
        """Remove what the move brought, and its journal. Blocks."""
        if Path(relocation.journal.target).is_dir():
            relocation.give_up()
        elif self._record is not None:
            self._record.remove()

    def _relocation_of(self, journal: RelocationJournal) -> Relocation:
        assert self._record is not None, "without a place for its journal no move begins"
        return Relocation(
            self._record, journal, self._models.entries, self._leases, self._verifier, self._peer
        )
