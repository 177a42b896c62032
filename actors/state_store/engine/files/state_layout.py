"""The directories and files of the store: made, found again at a start, and written beside their place.

What has the name of one of them and can never be one is put aside, and noted as an incident.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.crypto.envelope_layout import DEFAULT_LIMITS, HEADER_LIMIT_BYTES, MAGIC
from actors.shared.durable.bounded_read import FileUnreadable, read_beginning, read_file
from actors.shared.durable.durable_write import REAL_DISK, Disk, sync_directory, sync_file
from actors.shared.durable.quarantine import claim_directory, claim_file
from actors.state_store.engine import key_paths
from actors.state_store.engine.key_index import KeyEntry
from actors.state_store.engine.operations import Incident
from actors.state_store.watchdog import PROBE_SECONDS, Beat, DiskSilent, Watchdog
from schemas.bounds import Word

TEMPORARY: Final = ".tmp"
BACKUPS_ROOT: Final = "backups"
BACKUPS: Final = ("backups/auto", "backups/manual")
JOURNAL: Final = ".journal"
OBSTACLE: Final = "something else had its name"


class _NamedHeader(msgspec.Struct):
    """The one field that is read of the header of an envelope."""

    name: Word


class StateLayout:
    """Everything below one directory. Knows names and bytes, not what they mean.

    Attributes:
        root: the directory.
        is_backups_silent: the disk of the backups does not answer.
        incidents: what was put aside; the reader removes what it reports.
    """

    def __init__(
        self,
        root: Path,
        namespaces: Iterable[str],
        disk: Disk = REAL_DISK,
        incidents: deque[Incident] | None = None,
    ) -> None:
        self.root = root
        self.incidents = deque[Incident]() if incidents is None else incidents
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
            self.claim_directory(directory)
        self.probe_backups(self._sweep_backups)

    def probe_backups(self, then: Callable[[Beat], None] = lambda _: None) -> bool:
        """Check whether the disk of the backups answers, and keep the result in `is_backups_silent`.

        A link that leads nowhere is taken for a disk that is not mounted now, and is left alone.

        Args:
            then: further work on that disk, if it answers.

        Raises:
            OSError: it answers, but the directories cannot be made.
        """
        try:
            Watchdog(self.root / BACKUPS_ROOT, PROBE_SECONDS).run(lambda beat: self._make_backups(beat, then))
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

    def claim_directory(self, relative: str) -> None:
        """Make a directory of the store; what has its name and is none is put aside.

        Raises:
            OSError: it cannot be made.
        """
        follows_link = relative == BACKUPS_ROOT
        self._note(relative, claim_directory(self.path(relative), follows_link=follows_link))

    def read(self, key: str, limit_bytes: int) -> bytes | None:
        """The bytes of the file of a key; None if there is no file. Never blocks on pipes and devices.

        Raises:
            FileUnreadable: the file cannot be read, is none, or is longer than the limit.
        """
        return read_file(self.root / key_paths.path_of(key), limit_bytes)

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
        """Replace a file by what was staged; None removes it. What is no file is put aside.

        Raises:
            OSError: it cannot be replaced.
        """
        target = Path(f"{self.root}/{relative}")
        self._note(relative, claim_file(target))
        if temporary is not None:
            self._disk.rename(temporary, target)
            return
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(target)

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
                flags = os.O_RDWR if os.name == "nt" else os.O_RDONLY | os.O_NONBLOCK
                descriptor = os.open(self.root / relative, flags)
            except FileNotFoundError:
                continue
            try:
                sync_file(descriptor)
            finally:
                os.close(descriptor)
        for directory in sorted(directories):
            sync_directory(self.root / directory)

    def _make_backups(self, beat: Beat, then: Callable[[Beat], None]) -> None:
        root = self.root / BACKUPS_ROOT
        if root.is_symlink() and _leads_nowhere(root):
            raise DiskSilent(str(root), 0.0)
        for directory in (BACKUPS_ROOT, *BACKUPS):
            self.claim_directory(directory)
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
                    yield key, KeyEntry(_size_of(entry))
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

    def _note(self, relative: str, aside: Path | None) -> None:
        if aside is not None:
            self.incidents.append(Incident("corruption", relative, OBSTACLE, str(aside)))

    def _remove_left_over(self, entry: os.DirEntry[str]) -> None:
        stem, _, number = entry.name.removesuffix(TEMPORARY).rpartition(".")
        if entry.name.endswith(TEMPORARY) and stem.endswith(key_paths.SUFFIX) and number.isdecimal():
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def header_name(path: str) -> str:
    """The document name in the header of an envelope; empty if it cannot be read. Needs no key."""
    try:
        content = read_beginning(Path(path), HEADER_LIMIT_BYTES) or b""
        if content.startswith(MAGIC):
            content = content[len(MAGIC) : content.index(b"\n")]
        else:
            content = read_file(Path(path), DEFAULT_LIMITS.content_bytes) or b""
        return msgspec.json.decode(content, type=_NamedHeader).name
    except (FileUnreadable, ValueError, RecursionError):
        return ""


def _leads_nowhere(link: Path) -> bool:
    """Whether nothing is where a link leads; False for one that leads in a circle."""
    try:
        os.stat(link)
    except OSError as error:
        return error.errno == errno.ENOENT
    return False


def _size_of(entry: os.DirEntry[str]) -> int:
    """Length of the file of a key; 0 for what is no file, which shows when it is read."""
    try:
        found = entry.stat(follow_symlinks=True)
    except OSError:  # a link that leads nowhere
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
