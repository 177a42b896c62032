"""Decides what a file's length and digest say about its promise, and how far to hash behind a writer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from schemas.manifest import FilePromise
from schemas.models import VerificationFinding


@dataclass(frozen=True)
class FileFound:
    """What lies where a file was promised.

    Attributes:
        size_bytes: its length; None if there is no such file.
        sha256: digest of all its bytes; None if they were not read.
        problem: why they could not be read; empty if they could.
    """

    size_bytes: int | None
    sha256: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Identity:
    """Tells a file from another one under the same name, and from itself before a change."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int


def judge(promised: FilePromise, found: FileFound) -> list[VerificationFinding]:
    """Compare what the manifest promised of a file with what lies on disk; no findings means that it keeps its promise."""
    if found.size_bytes is None:
        return [VerificationFinding(path=promised.path, aspect="missing", found="nothing", expected=f"{promised.size_bytes} bytes")]
    if found.problem:
        return [VerificationFinding(path=promised.path, aspect="unreadable", found=found.problem, expected="a readable file")]
    findings = []
    if found.size_bytes != promised.size_bytes:
        findings.append(VerificationFinding(path=promised.path, aspect="size", found=str(found.size_bytes), expected=str(promised.size_bytes)))
    elif found.sha256 != promised.sha256:
        findings.append(VerificationFinding(path=promised.path, aspect="sha256", found=found.sha256 or "none", expected=promised.sha256))
    return findings


def worth_hashing(promised: FilePromise, size_bytes: int) -> bool:
    """Whether the digest can still change the verdict: a file of another length has broken its promise already."""
    return size_bytes == promised.size_bytes


def hash_goes_on(hashed_bytes: int, opened: Identity, found: Identity | None) -> bool:
    """Whether what was hashed so far is the beginning of the file that lies under the name now."""
    if found is None:
        return False
    return (opened.device, opened.inode) == (found.device, found.inode) and found.size_bytes >= hashed_bytes


def hash_until(hashed_bytes: int, durable_bytes: int, size_bytes: int) -> int:
    """Up to which byte to hash behind the writer: only durable bytes are sure to stay."""
    return max(hashed_bytes, min(durable_bytes, size_bytes))


def is_below(root: PurePath, directory: PurePath) -> bool:
    """Whether a directory lies directly below the root; both absolute."""
    return directory.parent == root and directory.name not in ("", ".", "..")
