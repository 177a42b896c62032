"""The directories and files of the store: made by itself, found again at a start, written beside their place and moved there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.crypto.envelope_layout import HEADER_LIMIT_BYTES, MAGIC
from actors.shared.durable.durable_write import REAL_DISK, Disk, make_directory, sync_directory, sync_file
from actors.state_store.backups.errors import PlaceSilent
from actors.state_store.engine import key_paths
from actors.state_store.engine.key_index import Entry
from actors.state_store.watchdog import PROBE_SECONDS, Beat, patiently

TEMPORARY: Final = ".tmp"
BACKUPS: Final = ("backups/auto", "backups/manual")
JOURNAL: Final = ".journal"
HEADER_READ_BYTES: Final = 64 * 1024


class _Named(msgspec.Struct):
    """What is read of an envelope's header."""

    name: str


class Tree:
    """Everything below one directory. Knows names and bytes, not what they mean."""

    def __init__(self, root: Path, namespaces: Iterable[str], disk: Disk = REAL_DISK) -> None:
        self.root = root
        self._namespaces = sorted({*namespaces, *key_paths.DIRECTORIES})
        self._disk = disk
        self._number = 0
        self.is_backups_silent = False

    def prepare(self) -> None:
        """Make the directories. That of the backups may lie on another disk: one that does not answer keeps nobody waiting.

        Raises:
            OSError: one cannot be made.
        """
        for directory in self.places():
            make_directory(self.root / directory)
        self.probe_backups(self._sweep_backups)

    def probe_backups(self, also: Callable[[Beat], None] = lambda _: None) -> bool:
        """Whether the disk of the backups answers; while it does not, `is_backups_silent` says so. If it does, do something more there.

        Raises:
            OSError: it answers, and the directories cannot be made.
        """
        try:
            patiently(self.root / "backups", lambda beat: self._prepare_backups(beat, also), PROBE_SECONDS)
            self.is_backups_silent = False
        except PlaceSilent:
            self.is_backups_silent = True
        return not self.is_backups_silent

    def scan(self) -> Iterator[tuple[str, Entry]]:
        """Every key with its size, from names alone; only a file with a cut name is opened. Temp files of former lives go."""
        for namespace in self._namespaces:
            for division in ("", *key_paths.DIVISIONS.get(namespace, ())):
                yield from self._scan_directory(namespace, division)

    def path(self, relative: str) -> Path:
        """Where a file lies whose path is relative to the store."""
        return self.root / relative

    def read(self, key: str, limit_bytes: int) -> bytes | None:
        """The bytes of a key's file, at most one more than the limit; None if there is none.

        Raises:
            OSError: it is there and cannot be read.
        """
        try:
            with open(f"{self.root}/{key_paths.path_of(key)}", "rb", buffering=0) as file:
                size_bytes = os.fstat(file.fileno()).st_size
                return file.read(min(size_bytes, limit_bytes) + 1)
        except FileNotFoundError:
            return None

    def stage(self, relative: str, content: bytes) -> Path:
        """Write what a file is to hold beside it; returns where. Nothing is synced: the journal makes it durable.

        Raises:
            OSError: it cannot be written; nothing is left.
        """
        self._number += 1
        temporary = Path(f"{self.root}/{relative}.{self._number}{TEMPORARY}")
        descriptor = self._disk.create(temporary)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._disk.write(descriptor, rest) :]
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            self.unstage([temporary])
            raise
        try:
            os.close(descriptor)  # some file systems find out only now that there is no space
        except OSError:
            self.unstage([temporary])
            raise
        return temporary

    def unstage(self, temporaries: Iterable[Path]) -> None:
        """Take back what was staged."""
        for temporary in temporaries:
            with contextlib.suppress(OSError):
                self._disk.unlink(temporary)

    def put(self, relative: str, temporary: Path | None) -> None:
        """Let a file be what was staged; None: let it go.

        Raises:
            OSError: it cannot be replaced.
        """
        if temporary is not None:
            self._disk.rename(temporary, Path(f"{self.root}/{relative}"))
            return
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(Path(f"{self.root}/{relative}"))

    def harden(self, relatives: Sequence[str]) -> None:
        """Make durable that these files hold what they hold, or are gone.

        Raises:
            OSError: a sync failed; it must not be tried again on these files.
        """
        directories: set[str] = set()
        for relative in relatives:
            directories.add(relative.rpartition("/")[0])
            try:
                descriptor = os.open(self.root / relative, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                sync_file(descriptor)
            finally:
                os.close(descriptor)
        for directory in sorted(directories):
            sync_directory(self.root / directory)

    def _prepare_backups(self, beat: Beat, also: Callable[[Beat], None]) -> None:
        for directory in BACKUPS:
            make_directory(self.root / directory)
            beat()
        also(beat)

    def _sweep_backups(self, beat: Beat) -> None:
        """Only while nobody writes: what is being written looks like what is left over."""
        for directory in BACKUPS:
            for entry in os.scandir(self.root / directory):
                beat()
                self._remove_left_over(entry)

    def places(self) -> Iterator[str]:
        """The directories that keys lie in, relative to the store, with slashes."""
        for namespace in self._namespaces:
            for division in ("", *key_paths.DIVISIONS.get(namespace, ())):
                yield key_paths.directory_of(namespace, division)

    def _scan_directory(self, namespace: str, division: str) -> Iterator[tuple[str, Entry]]:
        with os.scandir(self.root / key_paths.directory_of(namespace, division)) as entries:
            for entry in entries:
                name = entry.name
                key = key_paths.key_of(namespace, division, name)
                if key is None:
                    key = self._cut_key(entry.path, namespace) if key_paths.is_cut(name) else None
                if key is not None:
                    yield key, Entry(entry.stat(follow_symlinks=True).st_size)
                else:
                    self._remove_left_over(entry)

    def _cut_key(self, path: str, namespace: str) -> str | None:
        """The key of a file whose name is cut, as its envelope says; None if it does not belong here."""
        key = header_name(path)
        is_it = (
            key
            and key_paths.namespace_of(key) == namespace
            and str(self.root / key_paths.path_of(key)) == path
        )
        return key if is_it else None

    def _remove_left_over(self, entry: os.DirEntry[str]) -> None:
        stem, _, number = entry.name.removesuffix(TEMPORARY).rpartition(".")
        if entry.name.endswith(TEMPORARY) and stem.endswith(key_paths.SUFFIX) and number.isdecimal():
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def header_name(path: str) -> str:
    """Which document an envelope says it is; empty if it cannot be read. Needs no key."""
    try:
        with open(path, "rb") as file:
            content = file.read(HEADER_READ_BYTES)
            if content.startswith(MAGIC):
                return msgspec.json.decode(
                    content[len(MAGIC) : content.index(b"\n", 0, HEADER_LIMIT_BYTES)], type=_Named
                ).name
            return msgspec.json.decode(content + file.read(), type=_Named).name
    except (OSError, ValueError):
        return ""
