"""One file with all documents of a backup, in zstd frames of some megabytes, each readable alone.

One thread reads documents and computes their digests while another compresses and writes. On the way back
each frame is unpacked, and each document must have the digest in the table of contents.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from actors.shared.crypto import content_codec
from actors.shared.crypto.envelope import HEADER_LIMIT_BYTES, is_encrypted
from actors.shared.durable.durable_write import FILE_MODE, sync_file
from actors.shared.places.rooted_place import below
from actors.state_store.backups.errors import BackupDamaged
from actors.state_store.backups.format.backup_manifest import (
    CONTENTS_LIMIT_BYTES,
    BackupManifest,
    PackContents,
    PackedDocument,
    PackFrame,
    pack_contents,
    unpack_contents,
)
from bus.error_words import in_words

FRAME_BYTES: Final = 2 * 1024 * 1024
FRAME_LIMIT_BYTES: Final = 128 * 1024 * 1024
"""A document is never divided, so a frame is larger than FRAME_BYTES by at most one document."""

LEVEL: Final = 1
"""The first level of zstd saves most of the size in half the time of the third."""

WAITING_LIMIT: Final = 4
READERS: Final = 2
PackProgress = Callable[[int], None]
"""Called with the number of further documents. It may raise to end the work."""


class FinishedPack(NamedTuple):
    """A pack that is durable; the last three fields as in BackupManifest."""

    contents: PackContents
    size_bytes: int
    contents_at: int
    contents_bytes: int
    contents_sha256: str


class PackWriter:
    """Writes a pack; one thread adds. Without `finish` the file is not a backup."""

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            FileExistsError, OSError: it cannot be created.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(path, flags, FILE_MODE)
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True, write_checksum=True)
        self._executor = ThreadPoolExecutor(1, "pack")
        self._waiting: deque[Future[None]] = deque()
        self._documents: dict[str, PackedDocument] = {}
        self._frames: list[PackFrame] = []
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._number = 0
        self._size_bytes = 0

    def add(self, path: str, key: str, content: bytes) -> None:
        """Add a file; it replaces one of the same path.

        Raises:
            OSError: an earlier frame could not be written.
        """
        self._documents[path] = PackedDocument(
            path=path,
            key=key,
            frame=self._number,
            at=self._pending_bytes,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            is_encrypted=is_encrypted(content[:HEADER_LIMIT_BYTES]),
        )
        self._pending.append(content)
        self._pending_bytes += len(content)
        if self._pending_bytes >= FRAME_BYTES:
            self._flush()

    def drop(self, path: str) -> None:
        """Leave out a file that was added."""
        self._documents.pop(path, None)

    def finish(self) -> FinishedPack:
        """Write the table of contents, and make everything durable.

        Raises:
            OSError: it could not be written.
        """
        if self._pending:
            self._flush()
        while self._waiting:
            self._waiting.popleft().result()
        documents = sorted(self._documents.values(), key=lambda one: one.path)
        contents = PackContents(documents=documents, frames=self._frames)
        frame, contents_bytes, digest = pack_contents(contents)
        contents_at = self._size_bytes
        self._write(frame)
        sync_file(self._descriptor)
        return FinishedPack(contents, self._size_bytes, contents_at, contents_bytes, digest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        os.close(self._descriptor)

    def _flush(self) -> None:
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        self._number += 1
        if len(self._waiting) >= WAITING_LIMIT:
            self._waiting.popleft().result()
        self._waiting.append(self._executor.submit(self._compress, pending))

    def _compress(self, contents: list[bytes]) -> None:
        plain = b"".join(contents)
        packed = self._compressor.compress(plain)
        frame = PackFrame(offset=self._size_bytes, packed_bytes=len(packed), size_bytes=len(plain))
        self._frames.append(frame)
        self._write(packed)

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._size_bytes += len(content)


class PackReader:
    """Reads a pack.

    Attributes:
        contents: the table of contents, which matches the manifest.
    """

    def __init__(self, path: Path, manifest: BackupManifest) -> None:
        """Read the table of contents.

        Raises:
            BackupDamaged: the pack is missing, or its size or its table of contents does not match.
        """
        self._path = path
        self._id = manifest.id
        try:
            size_bytes = path.lstat().st_size
            length = size_bytes - manifest.contents_at
            if size_bytes != manifest.pack_bytes or not 0 <= length <= CONTENTS_LIMIT_BYTES:
                problem = f"its pack has {size_bytes} bytes, expected {manifest.pack_bytes}"
                raise BackupDamaged(manifest.id, problem)
            frame = self._read(manifest.contents_at, length)
            self.contents = unpack_contents(manifest, frame)
        except OSError as error:
            raise BackupDamaged(manifest.id, f"its pack cannot be read: {error.strerror or error}") from error

    def read(self, document: PackedDocument) -> bytes:
        """The bytes of one document.

        Raises:
            BackupDamaged: they are not what was written.
        """
        found = self._documents_of(document.frame, [document])[0]
        if isinstance(found, BackupDamaged):
            raise found
        return found

    def documents(
        self, chosen: Callable[[PackedDocument], bool] = lambda _: True
    ) -> Iterator[tuple[PackedDocument, bytes | BackupDamaged]]:
        """The chosen documents, frame by frame, each with its bytes or with what is wrong with it."""
        by_frame: dict[int, list[PackedDocument]] = {}
        for document in self.contents.documents:
            if chosen(document):
                by_frame.setdefault(document.frame, []).append(document)
        with ThreadPoolExecutor(READERS, "unpack") as executor:
            ahead: deque[tuple[list[PackedDocument], Future[list[bytes | BackupDamaged]]]] = deque()
            for frame, documents in by_frame.items():
                ahead.append((documents, executor.submit(self._documents_of, frame, documents)))
                if len(ahead) > READERS:
                    documents, found = ahead.popleft()
                    yield from zip(documents, found.result(), strict=True)
            for documents, found in ahead:
                yield from zip(documents, found.result(), strict=True)

    def check(self, progress: PackProgress = lambda _: None) -> None:
        """Unpack everything once: each frame ends in a checksum of its content.

        Raises:
            BackupDamaged: a frame is not what was written.
        """
        with ThreadPoolExecutor(READERS, "unpack") as executor:
            try:
                for _ in executor.map(
                    lambda number: len(self._unpacked(number)), range(len(self.contents.frames))
                ):
                    progress(1)
            except (OSError, content_codec.NotDecodable) as error:
                raise BackupDamaged(self._id, f"a frame cannot be read: {in_words(error)}") from error

    def _documents_of(self, number: int, documents: list[PackedDocument]) -> list[bytes | BackupDamaged]:
        try:
            plain = memoryview(self._unpacked(number))
        except (OSError, content_codec.NotDecodable, IndexError) as error:
            problem = f"its frame {number} cannot be read: {in_words(error)}"
            return [BackupDamaged(self._id, f"{one.key or one.path}: {problem}") for one in documents]
        return [self._checked(one, bytes(plain[one.at : one.at + one.size_bytes])) for one in documents]

    def _checked(self, document: PackedDocument, content: bytes) -> bytes | BackupDamaged:
        found = hashlib.sha256(content).hexdigest()
        if found == document.sha256:
            return content
        problem = f"{document.key or document.path}: its digest is {found}, expected {document.sha256}"
        return BackupDamaged(self._id, problem)

    def _unpacked(self, number: int) -> bytes:
        frame = self.contents.frames[number]
        if frame.packed_bytes > FRAME_LIMIT_BYTES or frame.size_bytes > FRAME_LIMIT_BYTES:
            raise content_codec.NotDecodable(
                f"it has {frame.size_bytes} bytes, expected at most {FRAME_LIMIT_BYTES}"
            )
        packed = self._read(frame.offset, frame.packed_bytes)
        return content_codec.decompress(packed, frame.size_bytes, FRAME_LIMIT_BYTES)

    def _read(self, offset: int, size_bytes: int) -> bytes:
        place = below(self._path.parent) / self._path.name
        with os.fdopen(place.open(os.O_RDONLY), "rb", buffering=0) as file:  # never waits for a pipe
            file.seek(offset)
            return file.read(size_bytes)
