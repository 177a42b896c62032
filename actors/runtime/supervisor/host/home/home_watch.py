"""Restores what others need to find a running runtime: its lock, `runtime.json`, its directory of sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import Callable
from typing import Final

from actors.runtime.supervisor.host.broker_endpoints import restore_run_directory
from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning, HomeLock
from actors.runtime.supervisor.host.home.runtime_file import RuntimeFile
from actors.shared.durable.directory_lock import LOCK_NAME
from bus.error_words import in_words
from bus.errors import UndercroftError

LOOK_SECONDS: Final = 0.5
STUCK_LIMIT: Final = 120
"""After so many looks with the same fault it is reported again."""


class HomeWatch:
    """Looks twice a second, in a thread: a disk that does not answer holds nothing up.

    Attributes:
        is_lost: another runtime has taken the home.
    """

    def __init__(
        self,
        lock: HomeLock,
        file: RuntimeFile,
        has_sockets: bool,
        say: Callable[[str], object],
        lost: Callable[[str], object],
    ) -> None:
        """Look at nothing yet.

        Args:
            lock: of the state directory.
            file: `runtime.json`.
            has_sockets: whether the broker listens on sockets in a directory.
            say: takes a sentence about what was restored, or could not be.
            lost: called with the reason when another runtime has taken the home.
        """
        self._state = lock.state
        self._lock = lock
        self._file = file
        self._has_sockets = has_sockets
        self._say = say
        self._lost = lost
        self.is_lost = False
        self._is_closed = False
        self._looking = threading.Lock()

    async def run(self) -> None:
        """Look until cancelled."""
        fault, looks = "", 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                restored, found = await asyncio.to_thread(self.look)
            except AlreadyRunning as taken:
                self.is_lost = True
                self._lost(f"another runtime has taken this home: {taken}")
                return
            for what in restored:
                self._say(what)
            looks = looks + 1 if found == fault else 0
            if found and looks % STUCK_LIMIT == 0:
                self._say(found)
            fault = found

    def close(self) -> None:
        """Restore nothing from now on."""
        with self._looking:
            self._is_closed = True

    def look(self) -> tuple[list[str], str]:
        """Look once.

        Returns:
            What was restored, and why something could not be.

        Raises:
            AlreadyRunning: another runtime has this home now.
        """
        with self._looking:
            if self._is_closed:
                return [], ""
            return self._look()

    def _look(self) -> tuple[list[str], str]:
        restored: list[str] = []
        try:
            self._open_modes()
            if self._lock.restore():
                restored.append(f"{self._state / LOCK_NAME} was removed; it is locked anew")
            if self._has_sockets and restore_run_directory(self._state):
                restored.append("the directory of the sockets was removed; it is there again")
            if self._file.restore():
                restored.append(f"{self._file.path} was removed or changed; it is written anew")
        except AlreadyRunning:
            raise
        except (OSError, UndercroftError) as error:
            return restored, f"the home cannot be restored: {in_words(error)}"
        return restored, ""

    def _open_modes(self) -> None:
        """Give our own directory and lock back the modes without which nobody, not even we, can use them."""
        if os.name != "posix":
            return
        for path, mode in ((self._state, 0o700), (self._state / LOCK_NAME, 0o600)):
            with contextlib.suppress(FileNotFoundError):
                found = stat.S_IMODE(os.lstat(path).st_mode)
                if found & mode != mode:
                    os.chmod(path, found | mode)
