"""The directories and files of the store: made, found again at a start, and written beside their place."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.crypto.envelope_layout import HEADER_LIMIT_BYTES, MAGIC
from actors.shared.durable.durable_write import REAL_DISK, Disk, make_directory, sync_directory, sync_file
from actors.state_store.engine import key_paths
from actors.state_store.engine.key_index import KeyEntry
from actors.state_store.watchdog import PROBE_SECONDS, Beat, DiskSilent, Watchdog

TEMPORARY: Final = ".tmp"
BACKUPS: Final = ("backups/auto", "backups/manual")
JOURNAL: Final = ".journal"
HEADER_READ_BYTES: Final = 64 * 1024


class _NamedHeader(msgspec.Struct):
    """The one field that is read of the header of an envelope."""

    name: str


class StateLayout:
    """Everything below one directory. Knows names and bytes, not what they mean.

    Attributes:
        root: the directory.
        is_backups_silent: the disk of the backups does not answer.
    """

    def __init__(self, root: Path, namespaces: Iterable[str], disk: Disk = REAL_DISK) -> None:
        self.root = root
        self._namespaces = sorted({*namespaces, *key_paths.DIRECTORIES})
        self._disk = disk
        self._number = 0
        self.is_backups_silent = False

    def prepare(self) -> None:
        """Make the directories. The one for backups may be a dead network share, which delays nobody.

        Raises:
            OSError: a directory cannot be made.
        """
        for directory in self.places():
            make_directory(self.root / directory)
        self.probe_backups(self._sweep_backups)

    def probe_backups(self, then: Callable[[Beat], None] = lambda _: None) -> bool:
        """Check whether the disk of the backups answers, and keep the result in `is_backups_silent`.

        Args:
            then: further work on that disk, if it answers.

        Raises:
            OSError: it answers, but the directories cannot be made.
        """
        try:
            Watchdog(self.root / "backups", PROBE_SECONDS).run(lambda beat: self._make_backups(beat, then))
            self.is_backups_silent = False
        except DiskSilent:
            self.is_backups_silent = True
        return not self.is_backups_silent

    def scan(self) -> Iterator[tuple[str, KeyEntry]]:
        """Every key with its size, from names alone; temporary files of earlier runs are removed.

        Only a file whose name is cut is opened.
        """
        for namespace in self._namespaces:
            for division in ("", *key_paths.DIVISIONS.get(namespace, ())):
                yield from self._scan_directory(namespace, division)

    def places(self) -> Iterator[str]:
        """The directories that hold keys, relative to the store, with slashes."""
        for namespace in self._namespaces:
            for division in ("", *key_paths.DIVISIONS.get(namespace, ())):
                yield key_paths.directory_of(namespace, division)

    def path(self, relative: str) -> Path:
        """The absolute path of a file of the store."""
        return self.root / relative

    def read(self, key: str, limit_bytes: int) -> bytes | None:
        """The bytes of the file of a key, at most one more than the limit; None if there is no file.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            with open(f"{self.root}/{key_paths.path_of(key)}", "rb", buffering=0) as file:
                size_bytes = os.fstat(file.fileno()).st_size
                return file.read(min(size_bytes, limit_bytes) + 1)
        except FileNotFoundError:
            return None

    def stage(self, relative: str, content: bytes) -> Path:
        """Write the new content of a file beside it; returns the path. The journal makes it durable.

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
            os.close(descriptor)  # some file systems report only now that the disk is full
        except OSError:
            self.unstage([temporary])
            raise
        return temporary

    def unstage(self, temporaries: Iterable[Path]) -> None:
        """Remove staged files."""
        for temporary in temporaries:
            with contextlib.suppress(OSError):
                self._disk.unlink(temporary)

    def put(self, relative: str, temporary: Path | None) -> None:
        """Replace a file by what was staged; None removes it.

        Raises:
            OSError: it cannot be replaced.
        """
        if temporary is not None:
            self._disk.rename(temporary, Path(f"{self.root}/{relative}"))
            return
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(Path(f"{self.root}/{relative}"))

    def harden(self, relatives: Sequence[str]) -> None:
        """Make the present content of these files durable, or their absence.

        Raises:
            OSError: a sync failed. It must not be repeated on these files: the kernel may have dropped the
                pages, and would then report success.
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

    def _make_backups(self, beat: Beat, then: Callable[[Beat], None]) -> None:
        for directory in BACKUPS:
            make_directory(self.root / directory)
            beat()
        then(beat)

    def _sweep_backups(self, beat: Beat) -> None:
        """Remove temporary files. Only while nobody writes: a file in the making looks like a left-over."""
        for directory in BACKUPS:
            for entry in os.scandir(self.root / directory):
                beat()
                self._remove_left_over(entry)

    def _scan_directory(self, namespace: str, division: str) -> Iterator[tuple[str, KeyEntry]]:
        with os.scandir(self.root / key_paths.directory_of(namespace, division)) as entries:
            for entry in entries:
                name = entry.name
                key = key_paths.key_of(namespace, division, name)
                if key is None:
                    key = self._cut_key(entry.path, namespace) if key_paths.is_cut(name) else None
                if key is not None:
                    yield key, KeyEntry(entry.stat(follow_symlinks=True).st_size)
                else:
                    self._remove_left_over(entry)

    def _cut_key(self, path: str, namespace: str) -> str | None:
        """The key of a file whose name is cut, from its envelope; None if the file does not belong here."""
        key = header_name(path)
        belongs_here = (
            key
            and key_paths.namespace_of(key) == namespace
            and str(self.root / key_paths.path_of(key)) == path
        )
        return key if belongs_here else None

    def _remove_left_over(self, entry: os.DirEntry[str]) -> None:
        stem, _, number = entry.name.removesuffix(TEMPORARY).rpartition(".")
        if entry.name.endswith(TEMPORARY) and stem.endswith(key_paths.SUFFIX) and number.isdecimal():
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def header_name(path: str) -> str:
    """The document name in the header of an envelope; empty if it cannot be read. Needs no key."""
    try:
        with open(path, "rb") as file:
            content = file.read(HEADER_READ_BYTES)
            if content.startswith(MAGIC):
                line = content[len(MAGIC) : content.index(b"\n", 0, HEADER_LIMIT_BYTES)]
                return msgspec.json.decode(line, type=_NamedHeader).name
            return msgspec.json.decode(content + file.read(), type=_NamedHeader).name
    except (OSError, ValueError):
        return ""
