"""Hashes files that still grow: SHA-256 in pieces of 1 MiB through one buffer, so memory stays the same for any length."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.model_verifier.policy import FileFound, Identity, hash_goes_on, hash_until, judge, worth_hashing
from schemas.manifest import FilePromise
from schemas.models import FileProgress, VerificationFinding

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Verdict:
    """What became of comparing the files of a directory with their promises.

    Attributes:
        identities: of the files that keep their promise, by path.
        hashed_behind_bytes: of the hashed bytes, those that were hashed before anybody asked.
    """

    findings: list[VerificationFinding]
    identities: dict[str, Identity]
    hashed_bytes: int
    hashed_behind_bytes: int
    seconds: float


class GrowingHash:
    """Digest of the beginning of one open file."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if there is no regular file, or only a link to one."""
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
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

    def advance(self, until: int, buffer: bytearray) -> None:
        """Hash up to a byte, or to the end of the file if that comes first."""
        view = memoryview(buffer)
        while self.hashed_bytes < until:
            count = self._file.readinto(view[: min(len(buffer), until - self.hashed_bytes)])
            if not count:
                return
            self._digest.update(view[:count])
            self.hashed_bytes += count

    def hexdigest(self) -> str:
        """Of what was hashed so far."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file; on Windows it could not be renamed otherwise."""
        self._file.close()


class HashBook:
    """Digests of the files that are being downloaded, each as far as its bytes are durable. Used by one thread at a time."""

    def __init__(self) -> None:
        self._hashes: dict[str, dict[str, GrowingHash]] = {}
        self._attempts: dict[str, int] = {}

    @functools.cached_property
    def _buffer(self) -> bytearray:
        """Made when the first file is read: most of its life a verifier is idle."""
        return bytearray(PIECE_BYTES)

    def follow(self, model_id: str, attempt: int, directory: Path, files: list[FileProgress]) -> int:
        """Hash what became durable; returns how many bytes that were. A new attempt begins from zero."""
        if self._attempts.get(model_id) != attempt:
            self.drop(model_id)
            self._attempts[model_id] = attempt
        hashes = self._hashes.setdefault(model_id, {})
        before = sum(known.hashed_bytes for known in hashes.values())
        for file in files:
            if not file.durable_bytes:
                continue
            with contextlib.suppress(OSError):  # it will be read, and a lasting fault found, when somebody asks for a verdict
                known = self._current(hashes, file.path, directory / file.path)
                known.advance(hash_until(known.hashed_bytes, file.durable_bytes, file.size_bytes), self._buffer)
        return max(0, sum(known.hashed_bytes for known in hashes.values()) - before)

    def verify(
        self, model_id: str, directory: Path, promises: list[FilePromise], trusted: Callable[[FilePromise, Identity], bool] | None = None
    ) -> Verdict:
        """Compare files with their promises, hashing only what is not hashed yet; what was hashed is forgotten afterwards.

        Args:
            model_id: whose files they are, as in `follow`.
            directory: where they lie.
            promises: what the manifest says of them.
            trusted: says of a file that it was verified as it lies there, so that its bytes need not be read again.
        """
        started = time.monotonic()
        hashes = self._hashes.setdefault(model_id, {})
        findings: list[VerificationFinding] = []
        identities: dict[str, Identity] = {}
        hashed = behind = 0
        for promise in promises:
            path = directory / promise.path
            earlier, found, identity = 0, FileFound(None), None
            try:
                identity = identity_of(path)
                if identity is not None and trusted is not None and trusted(promise, identity):
                    found = FileFound(identity.size_bytes, promise.sha256)
                elif identity is not None and not worth_hashing(promise, identity.size_bytes):
                    found = FileFound(identity.size_bytes)
                elif identity is not None:
                    known = self._current(hashes, promise.path, path)
                    earlier = known.hashed_bytes
                    found, identity = _finish(known, promise, path, self._buffer)
                    hashed += known.hashed_bytes
            except OSError as error:
                found = FileFound(0, problem=error.strerror or str(error))
            behind += earlier
            problems = judge(promise, found)
            findings += problems
            if not problems and identity is not None:
                identities[promise.path] = identity
        self.drop(model_id)
        return Verdict(findings, identities, hashed, behind, time.monotonic() - started)

    def drop(self, model_id: str) -> None:
        """Forget a model and close its files."""
        for known in self._hashes.pop(model_id, {}).values():
            known.close()
        self._attempts.pop(model_id, None)

    def drop_all(self) -> None:
        """Forget everything."""
        for model_id in list(self._hashes):
            self.drop(model_id)

    def _current(self, hashes: dict[str, GrowingHash], name: str, path: Path) -> GrowingHash:
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


def _finish(known: GrowingHash, promise: FilePromise, path: Path, buffer: bytearray) -> tuple[FileFound, Identity]:
    """Hash the rest, and see that nobody changed the file meanwhile."""
    before = known.identity
    known.advance(promise.size_bytes, buffer)
    after = known.identity
    if before != after or identity_of(path) != after:
        return FileFound(after.size_bytes, problem="it was changed while it was read"), after
    if known.hashed_bytes != promise.size_bytes:
        return FileFound(known.hashed_bytes), after
    return FileFound(after.size_bytes, known.hexdigest()), after


def _identity(found: os.stat_result) -> Identity:
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
