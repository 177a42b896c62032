"""Decides what length and digest of a file say about its promise, and where to look. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath

from schemas.manifest import FilePromise
from schemas.models import VerificationFinding


@dataclass(frozen=True)
class FoundFile:
    """What lies where a file was promised.

    Attributes:
        size_bytes: its length; None if there is no such file.
        sha256: digest of all its bytes; None if they were not read.
        problem: why they could not be read; empty if they could.
        bad_pieces: numbers of the pieces that are not those promised, if the manifest names pieces.
    """

    size_bytes: int | None
    sha256: str | None = None
    problem: str = ""
    bad_pieces: list[int] = field(default_factory=list)


def judge(promised: FilePromise, found: FoundFile) -> list[VerificationFinding]:
    """Compare a file with what the manifest promises of it; no findings mean that the promise is kept."""
    path = promised.path
    if found.size_bytes is None:
        expected = f"{promised.size_bytes} bytes"
        return [VerificationFinding(path=path, aspect="missing", found="nothing", expected=expected)]
    if found.problem:
        expected = "a readable file"
        return [VerificationFinding(path=path, aspect="unreadable", found=found.problem, expected=expected)]
    if found.size_bytes != promised.size_bytes:
        lengths = str(found.size_bytes), str(promised.size_bytes)
        return [VerificationFinding(path=path, aspect="size", found=lengths[0], expected=lengths[1])]
    if found.sha256 != promised.sha256:
        return [
            VerificationFinding(
                path=path,
                aspect="sha256",
                found=found.sha256 or "none",
                expected=promised.sha256,
                pieces=found.bad_pieces,
            )
        ]
    return []


def worth_hashing(promised: FilePromise, size_bytes: int) -> bool:
    """Whether the digest can still change the verdict; a file of another length has broken its promise."""
    return size_bytes == promised.size_bytes


def is_below(root: PurePath, directory: PurePath) -> bool:
    """Whether a directory lies directly below the root; both absolute."""
    return directory.parent == root and directory.name not in ("", ".", "..")
