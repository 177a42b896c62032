"""The audit log: who read or wrote which key when, never the value. JSON lines, chained by digests, rotated by size.

A record is written (handed to the operating system) before the operation is answered, so it outlives a kill
of the process; `checkpoint` makes all records durable and moves the head, which is kept in another directory.
What
was written since the last checkpoint can be lost in a power cut, and cut off unnoticed; everything before
cannot.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.audit.audit_chain import (
    START,
    AuditEntry,
    AuditFinding,
    ChainLink,
    compare,
    digest_at,
    extend,
    follow,
)
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import (
    FILE_MODE,
    DurableWriteFailed,
    make_directory,
    remove_file,
    replace_file,
    sync_data,
    sync_directory,
)
from bus.errors import UndercroftError

SEGMENT_LIMIT_BYTES: Final = 4 * 1024 * 1024
SEGMENTS_KEPT: Final = 16
HEAD_LIMIT_BYTES: Final = 4096
_FAULTS = (OSError, DurableWriteFailed, FileUnreadable)
_SEGMENT = re.compile(r"audit-(\d{6,12})\.jsonl")


class AuditNotWritten(UndercroftError):
    """Records could not be written; how many are missing is the next thing that is.

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


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where the log is durable, and where its oldest file begins.

    Attributes:
        last: the last durable record.
        first: the link before the first record that is kept; older files were removed by rotation.
        mac: HMAC-SHA-256 over the other fields, where there was a key.
    """

    last: ChainLink
    first: ChainLink
    mac: str = ""


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
        """`head` is a file outside the directory; with a `secret`, nobody without it can forge one that fits."""
        self._clock = clock
        self._directory = directory
        self._head = head
        self._secret = secret
        self._segment_limit_bytes = segment_limit_bytes
        self._segments_kept = segments_kept
        self._lock = threading.Lock()
        self._settling = threading.Lock()  # taken before the other one; whoever has the other one only tries
        self._descriptor = -1
        self._segment = 0
        self._length = 0
        self._link = ChainLink()
        self._first = ChainLink()
        self._missed = 0
        self._durable = ChainLink()

    def open(self, now: float) -> list[AuditFinding]:
        """Check what lies there and go on behind it; a torn last line is cut off and noted. Returns what is wrong.

        Raises:
            OSError: the directory cannot be made or written to.
            DurableWriteFailed: the head cannot be written.
        """
        make_directory(self._directory)
        with self._lock:
            findings, link, first, end = _check(self._directory, self._head, self._secret)
            segments = segments_of(self._directory)
            self._link, self._first, self._durable = link, first, link
            self._open_segment(segments[-1] if segments else 1)
            if any(finding.trouble == "torn_tail" for finding in findings):
                os.ftruncate(self._descriptor, end)
                self._length = end
            healed = [finding for finding in findings if finding.trouble in ("torn_tail", "truncated")]
            if healed:
                self._write(
                    [
                        AuditEntry(at=now, who="audit", did="found", outcome=f"{one.trouble} at {one.number}")
                        for one in healed
                    ]
                )
            self._settle()  # from here on a log without a head is one whose head was taken away
            return findings

    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write some records in one call; they are in the hands of the operating system when this returns.

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
                if self._length > self._segment_limit_bytes and self._settling.acquire(blocking=False):
                    try:
                        with contextlib.suppress(
                            *_FAULTS
                        ):  # a file that is too long is better than a record too few
                            self._rotate()
                    finally:
                        self._settling.release()
                self._write([*missing, *entries])
            except _FAULTS as error:
                self._missed += len(entries)
                raise AuditNotWritten(str(self._directory), str(error), self._missed) from error
            self._missed = 0

    def record(self, who: str, did: str, key: str, outcome: str = "ok") -> None:
        """Write one record, with the time of now.

        Raises:
            AuditNotWritten: see `append`.
        """
        self.append([AuditEntry(at=self._clock(), who=who, did=did, key=key, outcome=outcome)])

    def checkpoint(self) -> None:
        """Make all records durable and move the head; cheap if there are no new ones. For a thread: it waits for the disk, appends do not.

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
        """Settle and let go; harmless if it is not open."""
        with contextlib.suppress(AuditNotWritten):
            self.checkpoint()
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _write(self, entries: Sequence[AuditEntry]) -> None:
        lines, link = extend(self._link, entries)
        if os.fstat(self._descriptor).st_size != self._length:
            os.ftruncate(self._descriptor, self._length)  # what a write that failed half-way left
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._length += len(lines)
        self._link = link

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
        for number in surplus:  # the head learns of the new beginning before the files go
            first, _, _ = follow(
                first, read_file(self._directory / name_of(number)) or b"", name_of(number), is_last=False
            )
        self._first = first
        self._settle()
        for number in surplus:
            remove_file(self._directory / name_of(number))

    def _settle(self) -> None:
        sync_data(self._descriptor)
        self._move_head(self._link, self._first)

    def _move_head(self, link: ChainLink, first: ChainLink) -> None:
        make_directory(self._head.parent)
        replace_file(
            self._head,
            msgspec.json.format(msgspec.json.encode(_signed(AuditHead(last=link, first=first), self._secret)))
            + b"\n",
        )
        self._durable = link

    def _open_segment(self, number: int) -> None:
        flags = (
            os.O_RDWR
            | os.O_CREAT
            | os.O_APPEND
            | getattr(os, "O_CLOEXEC", 0)
            | getattr(os, "O_BINARY", 0)
            | getattr(os, "O_NOFOLLOW", 0)
        )
        self._descriptor = os.open(self._directory / name_of(number), flags, FILE_MODE)
        self._segment = number
        self._length = os.fstat(self._descriptor).st_size


def places_of(state: Path) -> tuple[Path, Path]:
    """Directory of the audit log of a home, and its head, which lies beside the keys."""
    return state / "audit", state / "keys" / "audit.head.json"


def verify(directory: Path, head: Path, secret: bytes = b"") -> list[AuditFinding]:
    """Check a whole log, also while its owner writes: everything that is wrong with it, oldest first; empty if nothing is."""
    return _check(directory, head, secret)[0]


def segments_of(directory: Path) -> list[int]:
    """Numbers of the files of a log, oldest first."""
    if not directory.is_dir():
        return []
    return sorted(int(found[1]) for found in map(_SEGMENT.fullmatch, os.listdir(directory)) if found)


def name_of(segment: int) -> str:
    """Name of a file of a log."""
    return f"audit-{segment:06d}.jsonl"


def _check(
    directory: Path, head_path: Path, secret: bytes
) -> tuple[list[AuditFinding], ChainLink, ChainLink, int]:
    """What is wrong, the link behind the last good record, that before the first one, and the end of the last good line."""
    head, findings = _read_head(head_path, secret)  # before the log: it may be moved while the log is read
    segments = segments_of(directory)
    link = first = head.first if head else ChainLink()
    end, seen = 0, []
    for at, number in enumerate(segments):
        name = name_of(number)
        if at and number != segments[at - 1] + 1:
            findings.append(
                AuditFinding(
                    "missing", name, link.number + 1, f"expected {name_of(segments[at - 1] + 1)} before it"
                )
            )
        try:
            content = read_file(directory / name) or b""
        except FileUnreadable as error:
            findings.append(AuditFinding("unreadable", name, 0, str(error)))
            continue
        if head is None and content and not findings:
            findings.append(
                AuditFinding(
                    "head_missing",
                    head_path.name,
                    0,
                    "expected a head: every log has one from its first record on",
                )
            )
        if at == 0 and (before := _before(content.partition(b"\n")[0])).number < first.number:
            link = first = before  # files that rotation was about to remove when it was interrupted
        link, end, found = follow(link, content, name, is_last=number == segments[-1])
        findings += found
        if head and (at_head := digest_at(content, head.last.number)):
            seen.append(at_head)
    if head:
        findings += compare(link, seen, head.last, name_of(segments[-1]) if segments else "")
        if link.number < head.last.number:
            link = head.last  # numbers are never used twice: what is appended tells of the gap
    return findings, link, first, end


def _before(line: bytes) -> ChainLink:
    """The link that the first record of a file says it follows."""
    try:
        found = msgspec.json.decode(line)
        return ChainLink(number=int(found["number"]) - 1, digest=str(found["previous"]))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return ChainLink()


def _read_head(path: Path, secret: bytes) -> tuple[AuditHead | None, list[AuditFinding]]:
    try:
        content = read_file(path, HEAD_LIMIT_BYTES)
        if content is None:
            return None, []
        head = msgspec.json.decode(content, type=AuditHead)
    except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, [AuditFinding("head_changed", path.name, 0, str(error))]
    if secret and not hmac.compare_digest(_signed(head, secret).mac, head.mac):
        return None, [
            AuditFinding("head_changed", path.name, head.last.number, "its code of authenticity does not fit")
        ]
    return head, []


def _signed(head: AuditHead, secret: bytes) -> AuditHead:
    if not secret:
        return head
    content = msgspec.json.encode([START, head.last, head.first])
    return msgspec.structs.replace(head, mac=hmac.new(secret, content, hashlib.sha256).hexdigest())
