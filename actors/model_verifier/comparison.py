"""Compares the files of a directory with their promises, and hashes only what is not hashed yet."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

from actors.model_verifier.file_verdict import FoundFile, judge, worth_hashing
from actors.model_verifier.growing_hash import (
    BUFFER_BYTES,
    READ_NOW,
    GrowingHash,
    ReadOptions,
    current_hash,
    identity_at,
)
from actors.shared.durable.file_identity import FileIdentity
from actors.shared.places.rooted_place import AnyPlace
from schemas.manifest import FilePromise
from schemas.models import VerificationFinding

Trust = Callable[[FilePromise, FileIdentity], bool]
"""Whether a file was verified as it lies there, so that its bytes need not be read again."""


@dataclass(frozen=True)
class Comparison:
    """The outcome.

    Attributes:
        findings: what is wrong; empty if all promises are kept.
        identities: of the files that keep their promise, by path.
        read: paths of the files that were read; the others were trusted.
        hashed_behind_bytes: of the hashed bytes, those that were hashed before the question came.
    """

    findings: list[VerificationFinding]
    identities: dict[str, FileIdentity]
    read: frozenset[str]
    hashed_bytes: int
    hashed_behind_bytes: int
    seconds: float


def compare(
    hashes: dict[str, GrowingHash],
    directory: AnyPlace,
    promises: list[FilePromise],
    options: ReadOptions = READ_NOW,
    trusts: Trust | None = None,
) -> Comparison:
    """Compare files with their promises.

    Args:
        hashes: digests of the beginnings of files, by path. What is begun here is added; the caller closes
            all.
        directory: where the files lie.
        promises: what the manifest says of them.
        options: how bytes are read.
        trusts: which files need not be read; None reads all.
    """
    started = time.monotonic()
    comparing = _Comparing(hashes, directory, options, trusts)
    findings: list[VerificationFinding] = []
    identities: dict[str, FileIdentity] = {}
    for promise in promises:
        found, identity = comparing.look(promise)
        problems = judge(promise, found)
        findings += problems
        if not problems and identity is not None:
            identities[promise.path] = identity
    return Comparison(
        findings=findings,
        identities=identities,
        read=frozenset(comparing.read),
        hashed_bytes=comparing.hashed_bytes,
        hashed_behind_bytes=comparing.behind_bytes,
        seconds=time.monotonic() - started,
    )


class _Comparing:
    """Looks at one file after the other, and counts."""

    def __init__(
        self, hashes: dict[str, GrowingHash], directory: AnyPlace, options: ReadOptions, trusts: Trust | None
    ) -> None:
        self._hashes = hashes
        self._directory = directory
        self._options = options
        self._trusts = trusts
        self.read: set[str] = set()
        self.hashed_bytes = 0
        self.behind_bytes = 0

    def look(self, promise: FilePromise) -> tuple[FoundFile, FileIdentity | None]:
        """What lies where a file was promised."""
        try:
            identity = identity_at(self._directory / promise.path)
            if identity is None:
                return FoundFile(None), None
            if self._trusts is not None and self._trusts(promise, identity):
                return FoundFile(identity.size_bytes, promise.sha256), identity
            if not worth_hashing(promise, identity.size_bytes):
                return FoundFile(identity.size_bytes), identity
            return self._hash(promise)
        except OSError as error:
            return FoundFile(0, problem=error.strerror or str(error)), None

    @functools.cached_property
    def _buffer(self) -> bytearray:
        """Made when a file is read: a verdict over files that are trusted reads none."""
        return bytearray(BUFFER_BYTES)

    def _hash(self, promise: FilePromise) -> tuple[FoundFile, FileIdentity]:
        path = self._directory / promise.path
        known = current_hash(self._hashes, promise.path, path)
        behind_bytes = known.hashed_bytes
        self.read.add(promise.path)
        found, identity = self._finish(known, promise, path)
        if behind_bytes and found.sha256 not in (None, promise.sha256):
            # What was hashed behind the writer may have been written over since.
            known.close()
            self._hashes[promise.path] = known = GrowingHash(path)
            behind_bytes = 0
            found, identity = self._finish(known, promise, path)
        self.hashed_bytes += known.hashed_bytes
        self.behind_bytes += behind_bytes
        self._hashes.pop(promise.path).close()
        return found, identity

    def _finish(
        self, known: GrowingHash, promise: FilePromise, path: AnyPlace
    ) -> tuple[FoundFile, FileIdentity]:
        """Hash the rest, and see that the file was not changed meanwhile."""
        before = known.identity
        known.advance(promise.size_bytes, self._buffer, self._options)
        digest = known.hexdigest()
        bad: list[int] = []
        if promise.pieces is not None and digest != promise.sha256:
            bad = known.bad_pieces(promise.pieces, self._buffer, self._options)
        after = known.identity
        if before != after or identity_at(path) != after:
            return FoundFile(after.size_bytes, problem="it was changed while it was read"), after
        if known.hashed_bytes != promise.size_bytes:
            return FoundFile(known.hashed_bytes), after
        return FoundFile(after.size_bytes, digest, bad_pieces=bad), after
