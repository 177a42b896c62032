"""Hashes files that still grow: SHA-256 through a buffer of 1 MiB, so memory stays the same for any length."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.model_verifier.file_verdict import (
    FoundFile,
    Identity,
    hash_goes_on,
    hash_until,
    judge,
    prefix_of,
    worth_hashing,
)
from schemas.manifest import FilePromise, Pieces
from schemas.models import FileProgress, VerificationFinding

BUFFER_BYTES = 1 << 20


def go_on() -> None:
    """What readers do between two buffers unless they were told to wait for others."""


@dataclass(frozen=True)
class Comparison:
    """What became of comparing the files of a directory with their promises.

    Attributes:
        identities: of the files that keep their promise, by path.
        read: paths of those files that were read for it; the others were trusted.
        hashed_behind_bytes: of the hashed bytes, those that were hashed before anybody asked.
    """

    findings: list[VerificationFinding]
    identities: dict[str, Identity]
    read: frozenset[str]
    hashed_bytes: int
    hashed_behind_bytes: int
    seconds: float


@dataclass(frozen=True)
class ReadOptions:
    """How a verdict comes by what it needs.

    Attributes:
        trusted: says of a file that it was verified as it lies there, so that its bytes need not be read
            again.
        pause: called before each buffer that is read; may wait, and may raise to give up.
        leaves_no_trace: what was read is not kept in the page cache, where it would push out what others use.
    """

    trusted: Callable[[FilePromise, Identity], bool] | None = None
    pause: Callable[[], None] = go_on
    leaves_no_trace: bool = False


class GrowingHash:
    """Digest of the beginning of one open file."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if there is no regular file, or only a link to one."""
        flags = (
            os.O_RDONLY
            | getattr(os, "O_BINARY", 0)
            | getattr(os, "O_NOFOLLOW", 0)
            | getattr(os, "O_NONBLOCK", 0)
        )
        self._descriptor = os.open(path, flags)
        self._file = os.fdopen(self._descriptor, "rb", buffering=0)
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self._file.close()
            raise OSError("it is not a regular file")
        self._digest = hashlib.sha256()
        self.hashed_bytes = 0

    @property
    def identity(self) -> Identity:
        """Which file is open, as it is now."""
        return _identity(os.fstat(self._descriptor))

    def advance(self, until: int, buffer: bytearray, reading: ReadOptions | None = None) -> None:
        """Hash up to a byte, or to the end of the file if that comes first."""
        while self.hashed_bytes < until:
            if reading is not None:
                reading.pause()
            piece = self._read(min(len(buffer), until - self.hashed_bytes), buffer)
            if not piece:
                return
            self._digest.update(piece)
            if reading is not None and reading.leaves_no_trace:
                self._drop_from_cache(self.hashed_bytes, len(piece))
            self.hashed_bytes += len(piece)

    def bad_pieces(self, pieces: Pieces, buffer: bytearray, reading: ReadOptions) -> list[int]:
        """Numbers of the pieces whose digest is not the promised one. Reads the whole file once more."""
        bad = []
        self._file.seek(0)
        for number, expected in enumerate(pieces.sha256):
            digest, left = hashlib.sha256(), pieces.size_bytes
            while left:
                reading.pause()
                piece = self._read(min(len(buffer), left), buffer)
                if not piece:
                    break
                digest.update(piece)
                left -= len(piece)
            if digest.hexdigest() != expected:
                bad.append(number)
        return bad

    def hexdigest(self) -> str:
        """Of what was hashed so far."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file; on Windows it could not be renamed otherwise."""
        self._file.close()

    def _read(self, limit: int, buffer: bytearray) -> memoryview:
        view = memoryview(buffer)
        return view[: self._file.readinto(view[:limit]) or 0]

    def _drop_from_cache(self, start: int, count: int) -> None:
        if sys.platform == "linux":
            os.posix_fadvise(self._descriptor, start, count, os.POSIX_FADV_DONTNEED)


class GrowingHashes:
    """Digests of the files that are being downloaded, each as far as its bytes are durable. Used by one thread at a time."""

    def __init__(self) -> None:
        self._hashes: dict[str, dict[str, GrowingHash]] = {}
        self._attempts: dict[str, int] = {}
        self._judged: set[str] = set()

    @functools.cached_property
    def _buffer(self) -> bytearray:
        """Made when the first file is read: most of its life a verifier is idle."""
        return bytearray(BUFFER_BYTES)

    def follow(self, model_id: str, attempt: int, directory: Path, files: list[FileProgress]) -> int:
        """Hash what became durable; returns how many bytes that were. A new attempt begins from zero."""
        if model_id in self._judged:
            return 0  # whoever judges it has the digests, and reads what is left
        if self._attempts.get(model_id) != attempt:
            self.drop(model_id)
            self._attempts[model_id] = attempt
        hashes = self._hashes.setdefault(model_id, {})
        before = sum(known.hashed_bytes for known in hashes.values())
        for file in files:
            if not prefix_of(file):
                continue
            with contextlib.suppress(
                OSError
            ):  # it will be read, and a lasting fault found, when somebody asks for a verdict
                known = current_hash(hashes, file.path, directory / file.path)
                known.advance(hash_until(known.hashed_bytes, prefix_of(file), file.size_bytes), self._buffer)
        return max(0, sum(known.hashed_bytes for known in hashes.values()) - before)

    def take(self, model_id: str) -> dict[str, GrowingHash]:
        """Hand over the digests of a model for a verdict, to be used by another thread; until `give_back` it is not followed."""
        self._attempts.pop(model_id, None)
        self._judged.add(model_id)
        return self._hashes.pop(model_id, {})

    def give_back(self, model_id: str, hashes: dict[str, GrowingHash]) -> None:
        """The verdict is found: its digests are forgotten, and their files closed."""
        self._judged.discard(model_id)
        for known in hashes.values():
            known.close()

    def drop(self, model_id: str) -> None:
        """Forget a model and close its files."""
        for known in self._hashes.pop(model_id, {}).values():
            known.close()
        self._attempts.pop(model_id, None)

    def drop_all(self) -> None:
        """Forget everything."""
        for model_id in list(self._hashes):
            self.drop(model_id)


def compare(
    hashes: dict[str, GrowingHash], directory: Path, promises: list[FilePromise], reading: ReadOptions
) -> Comparison:
    """Compare files with their promises, hashing only what is not hashed yet.

    Args:
        hashes: digests of the beginnings of files, by path; what is begun here is added, and the caller
            closes all.
        directory: where the files lie.
        promises: what the manifest says of them.
        reading: how bytes are read, and which need not be.
    """
    started = time.monotonic()
    findings: list[VerificationFinding] = []
    identities: dict[str, Identity] = {}
    read: set[str] = set()
    hashed = behind = 0
    buffer = LazyBuffer()
    for promise in promises:
        path = directory / promise.path
        earlier, found, identity = 0, FoundFile(None), None
        try:
            identity = identity_of(path)
            if identity is not None and reading.trusted is not None and reading.trusted(promise, identity):
                found = FoundFile(identity.size_bytes, promise.sha256)
            elif identity is not None and not worth_hashing(promise, identity.size_bytes):
                found = FoundFile(identity.size_bytes)
            elif identity is not None:
                known = current_hash(hashes, promise.path, path)
                earlier = known.hashed_bytes
                read.add(promise.path)
                found, identity = _finish(known, promise, path, buffer.bytes, reading)
                if earlier and found.sha256 not in (
                    None,
                    promise.sha256,
                ):  # what was hashed behind may have been written over since
                    known.close()
                    hashes[promise.path] = known = GrowingHash(path)
                    earlier = 0
                    found, identity = _finish(known, promise, path, buffer.bytes, reading)
                hashed += known.hashed_bytes
                hashes.pop(promise.path).close()
        except OSError as error:
            found = FoundFile(0, problem=error.strerror or str(error))
        behind += earlier
        problems = judge(promise, found)
        findings += problems
        if not problems and identity is not None:
            identities[promise.path] = identity
    return Comparison(findings, identities, frozenset(read), hashed, behind, time.monotonic() - started)


class LazyBuffer:
    """A buffer that is made when it is first used: a verdict over files that did not change reads none."""

    @functools.cached_property
    def bytes(self) -> bytearray:
        """The one buffer of a verdict."""
        return bytearray(BUFFER_BYTES)


def current_hash(hashes: dict[str, GrowingHash], name: str, path: Path) -> GrowingHash:
    """The hash of the file that lies there now, begun anew if it is another one than before."""
    known = hashes.get(name)
    if known is not None and not hash_goes_on(known.hashed_bytes, known.identity, identity_of(path)):
        known.close()
        known = None
    if known is None:
        known = hashes[name] = GrowingHash(path)
    return known


def identity_of(path: Path) -> Identity | None:
    """Identity of what lies under a name, not following a link; None if nothing does."""
    try:
        return _identity(path.lstat())
    except FileNotFoundError:
        return None


def _finish(
    known: GrowingHash, promise: FilePromise, path: Path, buffer: bytearray, reading: ReadOptions
) -> tuple[FoundFile, Identity]:
    """Hash the rest, and see that nobody changed the file meanwhile."""
    before = known.identity
    known.advance(promise.size_bytes, buffer, reading)
    digest = known.hexdigest()
    bad = (
        known.bad_pieces(promise.pieces, buffer, reading)
        if promise.pieces is not None and digest != promise.sha256
        else []
    )
    after = known.identity
    if before != after or identity_of(path) != after:
        return FoundFile(after.size_bytes, problem="it was changed while it was read"), after
    if known.hashed_bytes != promise.size_bytes:
        return FoundFile(known.hashed_bytes), after
    return FoundFile(after.size_bytes, digest, bad_pieces=bad), after


def _identity(found: os.stat_result) -> Identity:
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
