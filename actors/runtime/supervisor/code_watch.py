"""Watches the files of an app while it is developed: what runs a changed file is started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from actors.runtime.supervisor.code_changes import children_to_restart
from actors.shared.profile.profile import PROFILE_NAME, ProfileError, read_profile
from bus.errors import Refused

LOOK_SECONDS: Final = 0.5
FILES_AT_MOST: Final = 10_000
SUFFIXES: Final = (".py", ".toml", ".json", ".js", ".mjs", ".cjs", ".ts", ".rb", ".sh")
SKIPPED: Final = frozenset({"node_modules", "__pycache__", "build", "dist", "site-packages"})

FileStamps: TypeAlias = dict[Path, tuple[int, int]]
"""Each file with the time of its last change, in nanoseconds, and its size."""


class Watched(Protocol):
    """What the watch tells: the supervisor."""

    def restart(self, actor: str) -> object:
        """Stop one child and start it again."""

    def reload(self) -> None:
        """Read the profile again."""

    def say(self, text: str) -> None:
        """Keep a sentence in the supervisor's log."""


class CodeWatch:
    """Looks at the files below the directory of a profile, and at nothing else."""

    def __init__(self, directory: Path, watched: Watched) -> None:
        """Begin with the files as they are now."""
        self._directory = directory
        self._watched = watched
        self._stamps = file_stamps(directory)

    async def run(self, look_seconds: float = LOOK_SECONDS) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(look_seconds)
            await self.look()

    async def look(self) -> None:
        """Look once, and have started again what runs a file that has changed since."""
        stamps = await asyncio.to_thread(file_stamps, self._directory)
        changed = changed_files(self._stamps, stamps)
        self._stamps = stamps
        if changed:
            self._tell(changed)

    def _tell(self, changed: list[Path]) -> None:
        if self._directory / PROFILE_NAME in changed:
            self._watched.reload()
        try:
            profile = read_profile(self._directory)
        except ProfileError:
            return  # the reload says what is wrong with it
        names = ", ".join(str(file.relative_to(self._directory)) for file in changed[:3])
        for child in children_to_restart(profile, changed):
            self._watched.say(f"{child} is started again: {names} changed")
            with contextlib.suppress(Refused):  # it is not among the children yet, or the runtime stops
                self._watched.restart(child)


def changed_files(before: FileStamps, after: FileStamps) -> list[Path]:
    """The files that came, went or changed, by name. Pure."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def file_stamps(directory: Path) -> FileStamps:
    """The files below a directory that may be code or declarations."""
    found: FileStamps = {}
    for path in _files(directory):
        with contextlib.suppress(OSError):
            status = path.stat()
            found[path] = (status.st_mtime_ns, status.st_size)
        if len(found) >= FILES_AT_MOST:
            break
    return found


def _files(directory: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(directory):
        folders[:] = sorted(_worth_a_look(folders))
        yield from (Path(place, name) for name in _worth_a_look(names) if name.endswith(SUFFIXES))


def _worth_a_look(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith(".") and name not in SKIPPED]
