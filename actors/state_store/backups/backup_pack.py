"""One file with all documents of a backup: zstd frames of some megabytes, so that one of them is read without the others.

While one thread reads documents and takes their digests, another one compresses and writes. On the way back
each frame is unpacked, and each document has to have the digest that the table of contents says.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from actors.shared.crypto import content_codec
from actors.shared.crypto.envelope import HEADER_LIMIT_BYTES, is_encrypted
from actors.shared.durable.durable_write import FILE_MODE, sync_file
from actors.state_store.backups.backup_manifest import (
    CONTENTS_LIMIT_BYTES,
    Contents,
    Frame,
    Manifest,
    PackedDocument,
    pack_contents,
    unpack_contents,
)
from actors.state_store.backups.errors import BackupDamaged

FRAME_BYTES: Final = 2 * 1024 * 1024
FRAME_LIMIT_BYTES: Final = 128 * 1024 * 1024
"""A document is never divided, so a frame is at most one of them larger than FRAME_BYTES."""

LEVEL: Final = 1
"""Most of the size goes at the first level of zstd, in half the time of the third."""

WAITING_LIMIT: Final = 4
READERS: Final = 2
Progress = Callable[[int], None]
"""Told of each further document; it may raise to give up."""


class PackWriter:
    """Writes a pack; one thread adds. Left without `finish`, the file is no backup."""

    def __init__(self, path: Path) -> None:
        """Raises FileExistsError, OSError: it cannot be created."""
        flags = (
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        )
        self._descriptor = os.open(path, flags, FILE_MODE)
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True, write_checksum=True)
        self._executor = ThreadPoolExecutor(1, "pack")
        self._waiting: deque[Future[None]] = deque()
        self._documents: dict[str, PackedDocument] = {}
        self._frames: list[Frame] = []
        self._pieces: list[bytes] = []
        self._filled = 0
        self._number = 0
        self._size_bytes = 0

    def add(self, path: str, key: str, content: bytes) -> None:
        """Take in a file; one of the same path that was added before does not count any more.

        Raises:
            OSError: an earlier part could not be written.
        """
        self._documents[path] = PackedDocument(
            path=path,
            key=key,
            frame=self._number,
            at=self._filled,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            is_encrypted=is_encrypted(content[:HEADER_LIMIT_BYTES]),
        )
        self._pieces.append(content)
        self._filled += len(content)
        if self._filled >= FRAME_BYTES:
            self._flush()

    def drop(self, path: str) -> None:
        """Let a file that was added not count."""
        self._documents.pop(path, None)

    def finish(self) -> tuple[Contents, int, int, int, str]:
        """Make it durable; returns its contents, the size of all, and where, how large and with which digest the table of contents lies.

        Raises:
            OSError: it could not be written.
        """
        if self._pieces:
            self._flush()
        while self._waiting:
            self._waiting.popleft().result()
        contents = Contents(
            documents=sorted(self._documents.values(), key=lambda one: one.path), frames=self._frames
        )
        frame, contents_bytes, digest = pack_contents(contents)
        contents_at = self._size_bytes
        self._write(frame)
        sync_file(self._descriptor)
        return contents, self._size_bytes, contents_at, contents_bytes, digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        os.close(self._descriptor)

    def _flush(self) -> None:
        pieces, self._pieces, self._filled = self._pieces, [], 0
        self._number += 1
        if len(self._waiting) >= WAITING_LIMIT:
            self._waiting.popleft().result()
        self._waiting.append(self._executor.submit(self._compress, pieces))

    def _compress(self, pieces: list[bytes]) -> None:
        plain = b"".join(pieces)
        packed = self._compressor.compress(plain)
        self._frames.append(Frame(offset=self._size_bytes, packed_bytes=len(packed), size_bytes=len(plain)))
        self._write(packed)

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._size_bytes += len(content)


class PackReader:
    """Reads a pack. `contents` is what the manifest vouches for."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        """Raises BackupDamaged: it is not there, has another size, or another table of contents."""
        self._path = path
        self._id = manifest.id
        try:
            size_bytes = path.stat().st_size
            if size_bytes != manifest.pack_bytes or size_bytes - manifest.contents_at > CONTENTS_LIMIT_BYTES:
                raise BackupDamaged(
                    manifest.id, f"its pack has {size_bytes} bytes, expected {manifest.pack_bytes}"
                )
            self.contents = unpack_contents(
                manifest, self._read(manifest.contents_at, size_bytes - manifest.contents_at)
            )
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
        """All documents, or those that are chosen, frame by frame, each with its bytes or with what is wrong with it."""
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

    def check(self, progress: Progress = lambda _: None) -> None:
        """Unpack everything once: each frame ends in a checksum of what went into it.

        Raises:
            BackupDamaged: a frame does not come back as it was written.
        """
        with ThreadPoolExecutor(READERS, "unpack") as executor:
            try:
                for _ in executor.map(
                    lambda number: len(self._unpacked(number)), range(len(self.contents.frames))
                ):
                    progress(1)
            except (OSError, content_codec.NotDecodable) as error:
                raise BackupDamaged(self._id, f"a frame cannot be read: {error}") from error

    def _documents_of(self, number: int, documents: list[PackedDocument]) -> list[bytes | BackupDamaged]:
        try:
            plain = memoryview(self._unpacked(number))
        except (OSError, content_codec.NotDecodable, IndexError) as error:
            return [
                BackupDamaged(
                    self._id, f"{document.key or document.path}: its frame {number} cannot be read: {error}"
                )
                for document in documents
            ]
        return [
            self._checked(document, bytes(plain[document.at : document.at + document.size_bytes]))
            for document in documents
        ]

    def _checked(self, document: PackedDocument, content: bytes) -> bytes | BackupDamaged:
        found = hashlib.sha256(content).hexdigest()
        if found == document.sha256:
            return content
        return BackupDamaged(
            self._id, f"{document.key or document.path}: its digest is {found}, expected {document.sha256}"
        )

    def _unpacked(self, number: int) -> bytes:
        frame = self.contents.frames[number]
        if frame.packed_bytes > FRAME_LIMIT_BYTES or frame.size_bytes > FRAME_LIMIT_BYTES:
            raise content_codec.NotDecodable(
                f"it has {frame.size_bytes} bytes, expected at most {FRAME_LIMIT_BYTES}"
            )
        return content_codec.decompress(
            self._read(frame.offset, frame.packed_bytes), frame.size_bytes, FRAME_LIMIT_BYTES
        )

    def _read(self, offset: int, size_bytes: int) -> bytes:
        with self._path.open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(size_bytes)
