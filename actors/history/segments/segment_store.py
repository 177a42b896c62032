"""All segments of one history: begun, appended to, closed, rewritten, loaded and purged.

A file is created as `<name>.tmp`, belongs to the history once the catalog names it, and is renamed then. A
file that the catalog dropped is deleted after that. So a crash at any step leaves either the old files or
the new ones, whole. For threads; one at a time changes anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from actors.history.segments.anchor_files import AnchorFiles
from actors.history.segments.segment import SEGMENT_LIMIT_BYTES, header_line, segment_name, whole_segment
from actors.history.segments.segment_catalog import SegmentCatalog, SegmentHead, SegmentRef
from actors.history.segments.segment_files import delete_history_files
from actors.history.segments.segment_findings import SegmentFinding
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_reader import LoadedSegment, SegmentReader
from actors.history.segments.segment_recovery import recover
from actors.history.segments.segment_writer import SegmentWriter
from actors.shared.crypto.envelope_errors import KeyUnavailable
from actors.shared.durable.durable_write import (
    TEMPORARY_SUFFIX,
    DurableWriteFailed,
    move,
    remove_file,
    replace_file,
)
from actors.shared.durable.quarantine import PARTLY_READ, claim_directory, quarantine


class SegmentStore:
    """The files of one history. Call `open`, then `load` to its end; both come before any rewrite.

    Attributes:
        findings: what is wrong with the files.
        sizes: number of bytes of each loaded or written segment, by its number.
    """

    def __init__(
        self,
        directory: Path,
        anchors: Path,
        keys: SegmentKeys,
        segment_limit_bytes: int = SEGMENT_LIMIT_BYTES,
    ) -> None:
        """Use two directories.

        Args:
            directory: contains the segments.
            anchors: contains the anchors; another one, so that tampering with either contradicts the other.
            keys: encrypt and authenticate.
            segment_limit_bytes: a segment of this size is closed before the next batch.
        """
        self.findings: list[SegmentFinding] = []
        self.sizes: dict[int, int] = {}
        self._directory = directory
        self._anchor_directory = anchors
        self._anchors = AnchorFiles(anchors, keys)
        self._keys = keys
        self._reader = SegmentReader(directory, keys)
        self._limit_bytes = segment_limit_bytes
        self._catalog = SegmentCatalog()
        self._to_load: list[LoadedSegment | SegmentRef] = []
        self._writer: SegmentWriter | None = None

    # -- loading

    def open(self) -> None:
        """Read the anchors, finish what was interrupted, and close the segment that was left open.

        Raises:
            OSError, DurableWriteFailed, FileUnreadable: the disk refused.
            KeyUnavailable: the keys were locked meanwhile.
        """
        if (aside := claim_directory(self._directory)) is not None:
            detail = f"it was put aside as {aside.name}, and is no directory"
            self.findings.append(SegmentFinding("unknown", self._directory.name, detail))
        found = self._anchors.read()
        recovered = recover(self._directory, found, self._reader)
        self.findings += recovered.findings
        self._to_load = recovered.to_load
        self._catalog = recovered.catalog
        if recovered.is_changed or found.key != self._keys.anchor_key():
            self._write_catalog()
        for name in self._catalog.removed:
            remove_file(self._directory / name)
        self._anchors.replace_head(self._empty_head())

    def load(self) -> Iterator[LoadedSegment]:
        """Yield each segment, oldest first, and add what is wrong to the findings."""
        to_load, self._to_load = self._to_load, []
        for one in to_load:
            loaded = one if isinstance(one, LoadedSegment) else self._reader.read(one)
            self.findings += loaded.findings
            self.sizes[loaded.ref.number] = loaded.size_bytes
            yield loaded

    @property
    def numbers(self) -> list[int]:
        """Numbers of the segments, oldest first."""
        return sorted(ref.number for ref in self._catalog.segments)

    @property
    def open_number(self) -> int:
        """Number of the open segment; 0 if there is none."""
        return self._writer.number if self._writer else 0

    @property
    def size_bytes(self) -> int:
        """Size of all segments together."""
        return sum(self.sizes.values())

    # -- changes

    def append(self, batch: bytes) -> int:
        """Write one batch durably and return the number of its segment.

        Raises:
            OSError, DurableWriteFailed: it is not kept; the next one goes to another segment.
            KeyUnavailable: the keys were locked meanwhile.
        """
        if self._writer is not None and self._writer.size_bytes >= self._limit_bytes:
            self.roll()
        writer = self._writer or self._begin()
        try:
            writer.append("batch", batch)
        except OSError:
            self._retire(writer)
            raise
        self.sizes[writer.number] = writer.size_bytes
        with contextlib.suppress(OSError, KeyUnavailable):  # the batch is safe, only the head lags behind
            self._anchors.update_head(writer.head)
        return writer.number

    def roll(self) -> None:
        """Close the open segment with a seal. Does nothing if no segment is open.

        Raises:
            OSError, DurableWriteFailed: it is closed without a seal, or the catalog does not know yet that it
                is closed.
            KeyUnavailable: the keys were locked meanwhile.
        """
        writer = self._writer
        if writer is None:
            return
        try:
            writer.append("seal", b"{}")
        finally:
            self._retire(writer)
        self._write_catalog()
        self._anchors.replace_head(self._empty_head())

    def rewrite(self, numbers: Iterable[int], batches: Iterable[bytes], *, quarantines: bool = False) -> int:
        """Replace some segments by a new one and return its number; 0 if nothing is left of them.

        Args:
            numbers: of the segments to replace; the open one is not among them.
            batches: what is still to be kept of them.
            quarantines: whether the old files are quarantined instead of deleted.

        Raises:
            OSError, DurableWriteFailed: the old segments are unchanged, or the new one is in place and an old
                file still exists.
            KeyUnavailable: the keys were locked meanwhile.
        """
        wanted = set(numbers)
        former = [ref for ref in self._catalog.segments if ref.number in wanted]
        assert former, "there is nothing to rewrite"
        assert self.open_number not in {ref.number for ref in former}, "the open segment is closed first"
        number = max(ref.number for ref in former)
        header, cipher = self._keys.new_segment(number)
        content, ref = whole_segment(header, cipher, batches)
        path = self._directory / segment_name(ref)
        temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
        if ref.last:
            replace_file(temporary, content)
        self._swap(former, [ref] if ref.last else [], deletes=not quarantines)
        if ref.last:
            move(temporary, path)
        for one in former:
            self.sizes.pop(one.number, None)
        if ref.last:
            self.sizes[number] = len(content)
        for old in (self._directory / segment_name(one) for one in former):
            if not quarantines:
                remove_file(old)
            elif old.exists():
                quarantine(old)
        return number if ref.last else 0

    def name(self, number: int) -> str:
        """Name of the file of a segment; empty if there is none."""
        return next((segment_name(ref) for ref in self._catalog.segments if ref.number == number), "")

    def name_aside(self, number: int) -> str:
        """Name of the file for what is put aside of a segment."""
        return self.name(number) + PARTLY_READ

    def put_aside(self, number: int, batches: Iterable[bytes]) -> None:
        """Keep what a rewrite leaves out of a segment, in a file beside it: a segment with a key of its own.

        Raises:
            DurableWriteFailed: it is not kept.
            KeyUnavailable: the keys were locked meanwhile.
        """
        header, cipher = self._keys.new_segment(number)
        content, _ = whole_segment(header, cipher, batches)
        replace_file(self._directory / self.name_aside(number), content)

    def accept_loss(self) -> int:
        """Forget the segments that are missing and return their number.

        Raises:
            DurableWriteFailed: they are not forgotten.
        """
        kept = [ref for ref in self._catalog.segments if (self._directory / segment_name(ref)).is_file()]
        count = len(self._catalog.segments) - len(kept)
        if count:
            self._catalog = msgspec.structs.replace(self._catalog, segments=kept)
            self._write_catalog()
        return count

    def purge(self) -> int:
        """Delete all files and return their number. The next batch begins a new history.

        Raises:
            OSError: some files are left.
        """
        self.abandon()
        count = delete_history_files(self._directory, self._anchor_directory)
        self._catalog = SegmentCatalog(revision=self._catalog.revision, next_number=self._catalog.next_number)
        self.sizes.clear()
        self.findings.clear()
        return count

    def close(self) -> None:
        """Seal the open segment and close all files. If that fails, the next start recovers the segment."""
        with contextlib.suppress(OSError, KeyUnavailable, DurableWriteFailed):
            self.roll()
        self.abandon()

    def abandon(self) -> None:
        """Close the files as they are."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._anchors.close()

    # -- steps

    def _begin(self) -> SegmentWriter:
        before, number = self._catalog, self._catalog.next_number
        header, cipher = self._keys.new_segment(number)
        path = self._directory / segment_name(header)
        temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
        replace_file(temporary, header_line(header))
        ref = SegmentRef(number=number, file=header.file)
        self._catalog = msgspec.structs.replace(
            before, next_number=number + 1, segments=[*before.segments, ref]
        )
        try:
            self._write_catalog()
            move(temporary, path)
            self._anchors.replace_head(SegmentHead(number=number, file=header.file))
            writer = SegmentWriter(path, header, cipher)
        except BaseException:
            removed = [*before.removed, path.name, temporary.name]
            self._catalog = msgspec.structs.replace(before, next_number=number + 1, removed=removed)
            raise
        self.sizes[number] = writer.size_bytes
        self._writer = writer
        return writer

    def _retire(self, writer: SegmentWriter) -> None:
        """Close the open segment at its last durable line. Nothing is ever appended to it again."""
        writer.close()
        self._writer = None
        others = [ref for ref in self._catalog.segments if ref.number != writer.number]
        if writer.ref.last:
            self.sizes[writer.number] = writer.size_bytes
            self._catalog = msgspec.structs.replace(self._catalog, segments=[*others, writer.ref])
        else:
            self.sizes.pop(writer.number, None)
            removed = [*self._catalog.removed, segment_name(writer.ref)]
            self._catalog = msgspec.structs.replace(self._catalog, segments=others, removed=removed)

    def _swap(self, former: list[SegmentRef], new: list[SegmentRef], *, deletes: bool) -> None:
        """Let the catalog name the new segments instead of the former ones, and list those for deletion."""
        before = self._catalog
        kept = [ref for ref in before.segments if ref not in former]
        names = [segment_name(ref) for ref in former] if deletes else []
        self._catalog = msgspec.structs.replace(
            before,
            segments=sorted([*kept, *new], key=lambda ref: ref.number),
            removed=[*before.removed, *names],
        )
        try:
            self._write_catalog()
        except BaseException:
            self._catalog = before
            raise

    def _write_catalog(self) -> None:
        written = self._anchors.write_catalog(self._catalog)
        left = [name for name in written.removed if (self._directory / name).exists()]
        self._catalog = msgspec.structs.replace(written, removed=left)

    def _empty_head(self) -> SegmentHead:
        return SegmentHead(number=self._catalog.next_number - 1)
