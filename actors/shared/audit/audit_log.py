"""Appends to the audit log: JSON lines, chained by digests, rotated by size.

The operating system has a record before the operation is answered, so the record outlives a kill of the
process. `checkpoint` makes all records durable and moves the head, which lies in another directory. A power
cut can take what was written since the last checkpoint, and nobody can tell that loss from a cut by hand.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from actors.shared.audit.audit_chain import AuditEntry, AuditFinding, ChainLink, extend, follow
from actors.shared.audit.audit_check import check_log
from actors.shared.audit.audit_files import (
    SEGMENT_READ_LIMIT_BYTES,
    AuditHead,
    name_of,
    segments_of,
    write_head,
)
from actors.shared.durable.bounded_read import NEVER_A_FILE, FileUnreadable, read_file
from actors.shared.durable.durable_write import (
    FILE_MODE,
    DurableWriteFailed,
    remove_file,
    sync_data,
    sync_directory,
)
from actors.shared.durable.quarantine import claim_directory, claim_file, quarantine
from bus.errors import UndercroftError

SEGMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
SEGMENTS_KEPT: Final = 16
_FAULTS = (OSError, DurableWriteFailed, FileUnreadable)
_FLAGS: Final = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_APPEND
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


class AuditNotWritten(UndercroftError):
    """Records could not be written. The next one that can says how many are missing.

    Attributes:
        path: of the log.
        reason: the operating system's words.
        missed: how many records are missing by now.
    """

    path: str
    reason: str
    missed: int
    words = (
        "{path}: the audit log is not written ({reason}); {missed} records are missing so far; "
        "free some space, or check the disk"
    )


class AuditLog:
    """Appends to the log of one owner. May be used by several threads."""

    def __init__(
        self,
        directory: Path,
        head: Path,
        secret: bytes = b"",
        segment_limit_bytes: int = SEGMENT_LIMIT_BYTES,
        segments_kept: int = SEGMENTS_KEPT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Touch no file yet.

        Args:
            directory: of the log.
            head: a file outside the directory.
            secret: with one, nobody without it can forge a head that fits.
            segment_limit_bytes: a longer file is followed by a new one.
            segments_kept: how many files stay.
            clock: seconds since the Unix epoch.
        """
        self._clock = clock
        self._directory = directory
        self._head = head
        self._secret = secret
        self._segment_limit_bytes = segment_limit_bytes
        self._segments_kept = segments_kept
        self._lock = threading.Lock()
        self._settling = threading.Lock()  # taken before `_lock`; a thread that has `_lock` only tries it
        self._descriptor = -1
        self._segment = 0
        self._length = 0
        self._link = ChainLink()
        self._first = ChainLink()
        self._missed = 0
        self._durable = ChainLink()

    def open(self, now: float) -> list[AuditFinding]:
        """Check the log and continue it. Cuts off a torn last line, and notes that. Returns what is wrong.

        Behind a newest file that is none, or holds what no crash leaves, a new one begins.

        Args:
            now: seconds since the Unix epoch.

        Raises:
            OSError: the directory cannot be made or written to.
            DurableWriteFailed: the head cannot be written.
        """
        aside = claim_directory(self._directory)
        with self._lock:
            check = check_log(self._directory, self._head, self._secret)
            if aside is not None:
                detail = f"something else had the name of the directory; it was renamed to {aside.name}"
                check.findings.append(AuditFinding("unreadable", self._directory.name, 0, detail))
            newest = max(segments_of(self._directory), default=0)
            self._link, self._first, self._durable = check.last, check.first, check.last
            if newest and check.end is not None:
                self._open_segment(newest)
                if self._length != check.end:  # a torn line
                    os.ftruncate(self._descriptor, check.end)
                    self._length = check.end
            else:
                self._open_segment(newest + 1)
            noted = [
                AuditEntry(at=now, who="audit", did="found", outcome=f"{one.trouble} at {one.number}")
                for one in check.findings
                if one.trouble in ("torn_tail", "truncated")
            ]
            if noted:
                self._write(noted)
            self._keep_bad_head(check.findings)
            self._settle()  # writes a head even for an empty log, so a missing head always shows
            return check.findings

    def _keep_bad_head(self, findings: list[AuditFinding]) -> None:
        """Put a head aside that says something else than the log, before another takes its place."""
        if any(finding.trouble == "head_changed" for finding in findings) and os.path.lexists(self._head):
            quarantine(self._head)

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write some records in one call; when this returns, the operating system has them.

        Raises:
            AuditNotWritten: none of them is in the log; the next append says how many are missing.
        """
        with self._lock:
            missing = (
                [AuditEntry(at=entries[0].at, who="audit", did="missed", outcome=f"{self._missed} records")]
                if self._missed and entries
                else []
            )
            try:
                self._rotate_if_due()
                self._write([*missing, *entries])
            except _FAULTS as error:
                self._missed += len(entries)
                raise AuditNotWritten(str(self._directory), str(error), self._missed) from error
            self._missed = 0

    def record(self, who: str, did: str, key: str, outcome: str = "ok") -> None:
        """Write one record with the current time.

        Raises:
            AuditNotWritten: see `append`.
        """
        self.append([AuditEntry(at=self._clock(), who=who, did=did, key=key, outcome=outcome)])

    def checkpoint(self) -> None:
        """Make all records durable and move the head; does nothing if there are no new ones.

        Waits for the disk, so call it in a thread. Appends go on meanwhile.

        Raises:
            AuditNotWritten: a power cut may take records since the last checkpoint.
        """
        with self._settling:
            with self._lock:
                if self._link == self._durable:
                    return
                link, first, missed = self._link, self._first, self._missed
                descriptor = os.dup(self._descriptor)
            try:
                sync_data(descriptor)
                self._move_head(link, first)
            except _FAULTS as error:
                raise AuditNotWritten(str(self._directory), str(error), missed) from error
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Make everything durable and close the file; harmless if the log is not open."""
        with contextlib.suppress(AuditNotWritten):
            self.checkpoint()
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _write(self, entries: Sequence[AuditEntry]) -> None:
        lines, link = extend(self._link, entries)
        if os.fstat(self._descriptor).st_size != self._length:
            os.ftruncate(self._descriptor, self._length)  # a write that failed half-way left something
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._length += len(lines)
        self._link = link

    def _rotate_if_due(self) -> None:
        """Begin a new file if this one is too long, unless a checkpoint is under way."""
        if self._length <= self._segment_limit_bytes or not self._settling.acquire(blocking=False):
            return
        try:
            with contextlib.suppress(*_FAULTS):  # a file that is too long is better than a lost record
                self._rotate()
        finally:
            self._settling.release()

    def _rotate(self) -> None:
        self._settle()
        former = self._descriptor
        self._open_segment(self._segment + 1)
        os.close(former)
        sync_directory(self._directory)
        surplus = segments_of(self._directory)[: -self._segments_kept]
        if not surplus:
            return
        first = self._first
        for number in surplus:
            try:
                content = read_file(self._directory / name_of(number), SEGMENT_READ_LIMIT_BYTES) or b""
            except FileUnreadable as error:
                if error.found not in NEVER_A_FILE:
                    raise  # this time: what it holds is known, and goes, at a later rotation
                continue  # what is no file of ours holds no record
            first, _, _ = follow(first, content, name_of(number), is_last=False)
        self._first = first
        self._settle()  # the head names the new beginning before the files go
        for number in surplus:
            if claim_file(self._directory / name_of(number)) is None:
                remove_file(self._directory / name_of(number))

    def _settle(self) -> None:
        sync_data(self._descriptor)
        self._move_head(self._link, self._first)

    def _move_head(self, link: ChainLink, first: ChainLink) -> None:
        write_head(self._head, AuditHead(last=link, first=first), self._secret)
        self._durable = link

    def _open_segment(self, number: int) -> None:
        claim_file(self._directory / name_of(number))
        self._descriptor = os.open(self._directory / name_of(number), _FLAGS, FILE_MODE)
        self._segment = number
        self._length = os.fstat(self._descriptor).st_size
