"""Decides what a file's length and digest say about its promise, and how far to hash behind a writer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

from schemas.manifest import FilePromise
from schemas.models import FileProgress, VerificationFinding

QUIET_SECONDS = 2.0
"""A download that told of progress within this time is still under way, and whoever has time waits for it."""


@dataclass(frozen=True)
class FoundFile:
    """What lies where a file was promised.

    Attributes:
        size_bytes: its length; None if there is no such file.
        sha256: digest of all its bytes; None if they were not read.
        problem: why they could not be read; empty if they could.
        bad_pieces: numbers of the pieces that are not those promised, if it is known of pieces.
    """

    size_bytes: int | None
    sha256: str | None = None
    problem: str = ""
    bad_pieces: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Identity:
    """Tells a file from another one under the same name, and from itself before a change."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int


def judge(promised: FilePromise, found: FoundFile) -> list[VerificationFinding]:
    """Compare what the manifest promised of a file with what lies on disk; no findings means that it keeps its promise."""
    if found.size_bytes is None:
        return [
            VerificationFinding(
                path=promised.path, aspect="missing", found="nothing", expected=f"{promised.size_bytes} bytes"
            )
        ]
    if found.problem:
        return [
            VerificationFinding(
                path=promised.path, aspect="unreadable", found=found.problem, expected="a readable file"
            )
        ]
    findings = []
    if found.size_bytes != promised.size_bytes:
        findings.append(
            VerificationFinding(
                path=promised.path,
                aspect="size",
                found=str(found.size_bytes),
                expected=str(promised.size_bytes),
            )
        )
    elif found.sha256 != promised.sha256:
        finding = VerificationFinding(
            path=promised.path,
            aspect="sha256",
            found=found.sha256 or "none",
            expected=promised.sha256,
            pieces=found.bad_pieces,
        )
        findings.append(finding)
    return findings


def worth_hashing(promised: FilePromise, size_bytes: int) -> bool:
    """Whether the digest can still change the verdict: a file of another length has broken its promise already."""
    return size_bytes == promised.size_bytes


def hash_goes_on(hashed_bytes: int, opened: Identity, found: Identity | None) -> bool:
    """Whether what was hashed so far is the beginning of the file that lies under the name now."""
    if found is None:
        return False
    return (opened.device, opened.inode) == (found.device, found.inode) and found.size_bytes >= hashed_bytes


def prefix_of(progress: FileProgress) -> int:
    """How many durable bytes follow each other from the start of a file; only these can be hashed behind the writer."""
    return (
        progress.durable_bytes
        if progress.prefix_bytes is None
        else min(progress.prefix_bytes, progress.durable_bytes)
    )


def pause_seconds(progressed_at: float | None, now: float) -> float:
    """How long idle reading waits, given when a download last told of progress; both on one clock, in seconds."""
    return 0.0 if progressed_at is None else max(0.0, progressed_at + QUIET_SECONDS - now)


def oldest(times: Iterable[float | None]) -> float | None:
    """When the file that was read longest ago was read; None if that is not known of one of them."""
    known = list(times)
    found = [time for time in known if time is not None]
    return min(found) if found and len(found) == len(known) else None


def hash_until(hashed_bytes: int, durable_bytes: int, size_bytes: int) -> int:
    """Up to which byte to hash behind the writer: only durable bytes are sure to stay."""
    return max(hashed_bytes, min(durable_bytes, size_bytes))


def is_below(root: PurePath, directory: PurePath) -> bool:
    """Whether a directory lies directly below the root; both absolute."""
    return directory.parent == root and directory.name not in ("", ".", "..")
