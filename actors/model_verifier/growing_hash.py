"""Hashes files that still grow: SHA-256 over their beginnings, as far as their bytes are durable."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from actors.shared.durable.file_identity import FileIdentity
from actors.shared.places.rooted_place import AnyPlace, placed
from schemas.manifest import Pieces
from schemas.models import FileProgress

BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class ReadOptions:
    """How bytes are read.

    Attributes:
        pause: called before each buffer; may wait, and may raise to give up.
        leaves_no_trace: what was read is not kept in the page cache, where it would displace what others use.
    """

    pause: Callable[[], None] = lambda: None
    leaves_no_trace: bool = False


READ_NOW = ReadOptions()


class GrowingHash:
    """Digest of the beginning of one open file."""

    def __init__(self, path: AnyPlace) -> None:
        """Open the file.

        Raises:
            OSError: there is no regular file, or only a link to one.
        """
        self._descriptor = placed(path).open(os.O_RDONLY)
        self._file = os.fdopen(self._descriptor, "rb", buffering=0)
        self._digest = hashlib.sha256()
        self.hashed_bytes = 0

    @property
    def identity(self) -> FileIdentity:
        """Which file is open, as it is now."""
        return FileIdentity.of(self._descriptor)

    def advance(self, until: int, buffer: bytearray, options: ReadOptions = READ_NOW) -> None:
        """Hash up to a byte, or to the end of the file if that comes first."""
        while self.hashed_bytes < until:
            options.pause()
            content = self._read(min(len(buffer), until - self.hashed_bytes), buffer)
            if not content:
                return
            self._digest.update(content)
            if options.leaves_no_trace:
                self._drop_from_cache(self.hashed_bytes, len(content))
            self.hashed_bytes += len(content)

    def bad_pieces(self, pieces: Pieces, buffer: bytearray, options: ReadOptions = READ_NOW) -> list[int]:
        """Numbers of the pieces whose digest is not the promised one. Reads the whole file once more."""
        bad = []
        self._file.seek(0)
        for number, expected in enumerate(pieces.sha256):
            digest, left = hashlib.sha256(), pieces.size_bytes
            while left:
                options.pause()
                content = self._read(min(len(buffer), left), buffer)
                if not content:
                    break
                digest.update(content)
                left -= len(content)
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
    """Digests of the files that are being downloaded, by model. Used by one thread at a time."""

    def __init__(self) -> None:
        self._hashes: dict[str, dict[str, GrowingHash]] = {}
        self._attempts: dict[str, int] = {}
        self._judged: set[str] = set()

    @functools.cached_property
    def _buffer(self) -> bytearray:
        """Made when the first file is read: most of its life a verifier is idle."""
        return bytearray(BUFFER_BYTES)

    def follow(self, model_id: str, attempt: int, directory: AnyPlace, files: list[FileProgress]) -> int:
        """Hash what became durable; returns how many bytes that were. A new attempt begins from zero."""
        if model_id in self._judged:
            return 0  # the verdict has the digests, and reads what is left
        if self._attempts.get(model_id) != attempt:
            self.drop(model_id)
            self._attempts[model_id] = attempt
        hashes = self._hashes.setdefault(model_id, {})
        before = sum(known.hashed_bytes for known in hashes.values())
        for file in files:
            if not prefix_of(file):
                continue
            # A file that cannot be read now is read for the verdict, which finds what is wrong with it.
            with contextlib.suppress(OSError):
                known = current_hash(hashes, file.path, directory / file.path)
                known.advance(hash_until(known.hashed_bytes, prefix_of(file), file.size_bytes), self._buffer)
        return max(0, sum(known.hashed_bytes for known in hashes.values()) - before)

    def take(self, model_id: str) -> dict[str, GrowingHash]:
        """Hand over the digests of a model to another thread. Until `give_back` the model is not followed."""
        self._attempts.pop(model_id, None)
        self._judged.add(model_id)
        return self._hashes.pop(model_id, {})

    def give_back(self, model_id: str, hashes: dict[str, GrowingHash]) -> None:
        """Forget the digests of a verdict that was found, and close their files."""
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


def current_hash(hashes: dict[str, GrowingHash], name: str, path: AnyPlace) -> GrowingHash:
    """The hash of the file that lies there now; begun anew if it is another file than before."""
    known = hashes.get(name)
    if known is not None and not hash_goes_on(known.hashed_bytes, known.identity, identity_at(path)):
        known.close()
        known = None
    if known is None:
        known = hashes[name] = GrowingHash(path)
    return known


def identity_at(path: AnyPlace) -> FileIdentity | None:
    """Identity of what lies under a name, not following a link; None if nothing does.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        return FileIdentity.of(path, follow_links=False)
    except FileNotFoundError:
        return None


def hash_goes_on(hashed_bytes: int, opened: FileIdentity, found: FileIdentity | None) -> bool:
    """Whether what was hashed so far is the beginning of the file that lies under the name now."""
    if found is None:
        return False
    return (opened.device, opened.inode) == (found.device, found.inode) and found.size_bytes >= hashed_bytes


def hash_until(hashed_bytes: int, durable_bytes: int, size_bytes: int) -> int:
    """Up to which byte to hash behind the writer: only durable bytes are sure to stay."""
    return max(hashed_bytes, min(durable_bytes, size_bytes))


def prefix_of(progress: FileProgress) -> int:
    """How many durable bytes there are from the first one on; only these can be hashed behind the writer."""
    if progress.prefix_bytes is None:
        return progress.durable_bytes
    return min(progress.prefix_bytes, progress.durable_bytes)
