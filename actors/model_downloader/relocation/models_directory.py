"""The directory of the models as a place: whether it is there, and whose it is."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from actors.model_downloader.relocation.directory_probe import DirectoryProbe, Presence
from actors.model_downloader.staging.activation import finish
from actors.model_downloader.staging.models_layout import ModelsLayout
from actors.shared.durable.directory_lock import DirectoryLock, DirectoryLocked
from actors.shared.places.shared_root import SharedRoot, check_root
from bus.error_words import in_words
from bus.errors import Refused

RELEASE_SECONDS: Final = 2.0
"""How long a stop waits for a disk to take back the lock. The end of the process drops it in any case."""


class ModelsDirectory:
    """Takes the lock of the directory, notices when the directory is gone, and changes it for another one.

    Attributes:
        layout: of the directory that serves now.
        locked_by: says which process owns it; None if none does, or we do.
        refusal: why it could not be opened, in a sentence; empty if it could.
        was_silent: its disk did not answer the last look.
    """

    def __init__(self, layout: ModelsLayout, default: Path, owner: str) -> None:
        """Own nothing yet.

        Args:
            layout: of the directory.
            default: where the models lie if nobody chose a place. Only there a missing directory is created;
                anywhere else it means that a drive is away.
            owner: names us to another process that wants the directory.
        """
        self.layout = layout
        self.locked_by: DirectoryLocked | None = None
        self.refusal = ""
        self.was_silent = False
        self._default = default
        self._owner = owner
        self._probe = DirectoryProbe()
        self._lock: DirectoryLock | None = None
        self._target_lock: DirectoryLock | None = None
        self._former_lock: DirectoryLock | None = None

    @property
    def is_ours(self) -> bool:
        """Whether we hold its lock."""
        return self._lock is not None

    @property
    def _is_chosen(self) -> bool:
        return self.layout.path != self._default

    async def answers(self) -> bool:
        """Whether the disk of the directory answers at all."""
        return await self._presence() != "silent"

    async def until_answered(self) -> None:
        """Wait until a disk that did not answer does."""
        await self._probe.until_answered()

    async def problem(self) -> str:
        """Why the directory cannot be used now, in a sentence; empty if it can."""
        presence = await self._presence()
        if presence == "silent":
            return (
                f"{self.layout.path}: the disk of the models does not answer; check its drive or its server, "
                "or choose another with 'undercroft paths set models'"
            )
        return self._missing_words() if presence == "missing" and self._is_chosen else ""

    async def must_be_usable(self) -> None:
        """Check that the directory is there and ours.

        Raises:
            Refused: it is not.
        """
        if self.locked_by is not None:
            raise Refused(
                f"{self.locked_by}; what is installed there can be used, and it is taken over once that ends"
            )
        if problem := await self.problem():
            raise Refused(f"{problem}; see 'undercroft paths'")
        if self.refusal:
            raise Refused(f"{self.refusal}; see 'undercroft paths'")
        if not self.is_ours:
            raise Refused(f"{self.layout.path}: the models are being opened; try again in a moment")

    async def take(self) -> None:
        """Own the directory, and finish in it what a crash interrupted.

        Raises:
            DirectoryLocked: another process owns it.
            SharedRoot: others may write to it.
            OSError: it cannot be used.
        """
        self.locked_by, self.refusal = None, ""
        try:
            self._lock = await anyio.to_thread.run_sync(self._take)
        except DirectoryLocked as locked:
            self.locked_by = locked
            raise
        except (OSError, SharedRoot) as error:
            self.refusal = f"the directory of the models is not used: {in_words(error)}"
            raise

    def lose(self) -> None:
        """The directory is gone, and with it what was locked."""
        self._lock = None
        self.layout.release()

    async def lock_target(self, target: Path) -> None:
        """Own the directory that the models are to go to.

        Raises:
            DirectoryLocked: another process owns it.
            SharedRoot: others may write to it.
            OSError: it cannot be used.
        """
        await anyio.to_thread.run_sync(check_root, target)
        lock = DirectoryLock(target, self._owner)
        await anyio.to_thread.run_sync(lock.acquire)
        self._target_lock = lock

    async def free_target(self) -> None:
        """Give back the directory that the models were to go to, if it is ours."""
        lock, self._target_lock = self._target_lock, None
        if lock is not None:
            await _release(lock)

    def change_to_target(self, target: Path) -> None:
        """From now on the target serves; the former directory stays ours until `release_former`."""
        self._former_lock, self._lock, self._target_lock = self._lock, self._target_lock, None
        self.layout.change_to(target)
        self.locked_by, self.refusal = None, ""

    async def release_former(self) -> None:
        """Give back the directory that served before, if it is ours."""
        lock, self._former_lock = self._former_lock, None
        if lock is not None:
            await _release(lock)

    async def release(self) -> None:
        """Give back everything that is ours."""
        await self.free_target()
        await self.release_former()
        with anyio.move_on_after(RELEASE_SECONDS):
            await anyio.to_thread.run_sync(self.layout.release, abandon_on_cancel=True)
        lock, self._lock = self._lock, None
        if lock is not None:
            await _release(lock)

    async def _presence(self) -> Presence:
        presence = await self._probe.presence(self.layout.path)
        self.was_silent = presence == "silent"
        return presence

    def _take(self) -> DirectoryLock:
        check_root(self.layout.path)
        lock = DirectoryLock(self.layout.path, self._owner)
        lock.acquire()
        self.layout.hold()
        self.layout.prepare()
        finish(self.layout)
        return lock

    def _missing_words(self) -> str:
        return (
            f"{self.layout.path}: the directory of the models is not there; connect its drive, "
            "or choose another with 'undercroft paths set models'"
        )


async def _release(lock: DirectoryLock) -> None:
    with anyio.move_on_after(RELEASE_SECONDS), contextlib.suppress(OSError):
        await anyio.to_thread.run_sync(lock.release, abandon_on_cancel=True)
