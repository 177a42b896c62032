"""The segments on disk: begun, appended to, closed, rewritten, loaded, purged. For threads; one at a time changes anything.

A file is born as `<name>.tmp`, becomes one of the history when the catalog names it, and gets its name then.
What the catalog does not name any more is deleted after that. So a crash at any step leaves the old files or
the new ones,
whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from actors.history.segments.catalog import (
    CATALOG_LIMIT_BYTES,
    CATALOG_NAME,
    HEAD_BYTES,
    HEAD_NAME,
    AnchorRefused,
    Catalog,
    Head,
    SegmentRef,
    key_of,
    read_catalog,
    read_head,
    write_catalog,
    write_head,
)
from actors.history.segments.recovery import Finding, Loaded, judge_head, judge_segment, plan_start
from actors.history.segments.segment import (
    READ_LIMIT_BYTES,
    SEGMENT_LIMIT_BYTES,
    Lines,
    SegmentRead,
    header_line,
    name_of,
    read_header,
    read_lines,
)
from actors.history.segments.segment_files import cut_off, purge
from actors.history.segments.segment_keys import Vault
from actors.history.segments.segment_records import RecordRefused
from actors.shared.crypto.envelope_errors import KeyUnavailable
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import (
    TEMPORARY_SUFFIX,
    DurableWriteFailed,
    make_directory,
    move,
    remove_file,
    replace_file,
    sync_data,
    sync_file,
)
from actors.shared.durable.quarantine import quarantine

AnchorT = TypeVar("AnchorT", Catalog, Head)
_FLAGS: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)


class Journal:
    """The files of one history. Call `open`, then `load` to its end; both before anything is rewritten."""

    def __init__(
        self, directory: Path, anchors: Path, vault: Vault, segment_limit_bytes: int = SEGMENT_LIMIT_BYTES
    ) -> None:
        """Args: anchors: another directory, so that what is done to one of them shows in the other."""
        self.findings: list[Finding] = []
        self.sizes: dict[int, int] = {}
        self._directory = directory
        self._anchors = anchors
        self._vault = vault
        self._limit_bytes = segment_limit_bytes
        self._catalog = Catalog()
        self._waiting: list[Loaded | SegmentRef] = []
        self._lines: Lines | None = None
        self._descriptor = -1
        self._head_descriptor = -1
        self._length = 0

    # -- loading
    # ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Look at the anchors, finish what was interrupted, and close the segment that was open when the last life ended.

        Raises:
            OSError, DurableWriteFailed: it cannot be written to.
            KeyUnavailable: the keys were locked meanwhile.
        """
        make_directory(self._directory)
        make_directory(self._anchors)
        self._vault.anchor_key()
        names = [entry.name for entry in os.scandir(self._directory) if entry.is_file(follow_symlinks=False)]
        catalog, head = (
            self._read_anchor(CATALOG_NAME, CATALOG_LIMIT_BYTES, "catalog"),
            self._read_anchor(HEAD_NAME, HEAD_BYTES, "head"),
        )
        assert not isinstance(catalog, Head)
        assert not isinstance(head, Catalog)
        plan = plan_start(names, catalog)
        for name, anchor in ((CATALOG_NAME, catalog), (HEAD_NAME, head)):
            if (
                anchor is None
                and (catalog or plan.segments)
                and not any(one.file == name for one in self.findings)
            ):
                self.findings.append(Finding("anchor", name, "it is gone"))
        has_anchors = catalog is not None and head is not None
        self.findings += [*plan.findings, *judge_head(head, catalog)]
        for name in plan.rename:
            move(self._directory / name, self._directory / name.removesuffix(TEMPORARY_SUFFIX))
        for name in plan.delete:
            remove_file(self._directory / name)
        for name in plan.aside:
            quarantine(self._directory / name)
        refs = plan.segments
        number = max(
            [
                catalog.next_number if catalog else 1,
                *(ref.number + 1 for ref in refs),
                (head.number if head else 0) + 1,
            ]
        )
        self._waiting = [
            self._read(ref, head, has_anchors=has_anchors) if ref.is_open else ref for ref in refs
        ]
        empty = [
            one.ref
            for one in self._waiting
            if isinstance(one, Loaded) and one.ref.is_open and not one.findings
        ]
        closed = [one.ref if isinstance(one, Loaded) else one for one in self._waiting]
        closed = [ref for ref in closed if ref not in empty]
        revision = catalog.revision if catalog else 0
        segments = sorted([*plan.missing, *closed], key=lambda ref: (ref.number, ref.file))
        self._catalog = Catalog(
            revision=revision,
            next_number=number,
            segments=segments,
            removed=[name_of(ref.number, ref.file) for ref in empty],
        )
        if (
            catalog is None
            or closed != catalog.segments
            or plan.missing
            or plan.delete
            or catalog.key != self._vault.anchor_key()
        ):
            self._write_catalog()
        for name in self._catalog.removed:
            remove_file(self._directory / name)
        self._waiting = [one for one in self._waiting if not (isinstance(one, Loaded) and one.ref in empty)]
        self._reset_head()

    def load(self) -> Iterator[Loaded]:
        """Each segment, oldest first; what is wrong is among the findings as well."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            loaded = one if isinstance(one, Loaded) else self._read(one, None, has_anchors=True)
            self.findings += loaded.findings
            self.sizes[loaded.ref.number] = loaded.size_bytes
            yield loaded

    @property
    def numbers(self) -> list[int]:
        """Numbers of the segments, oldest first."""
        return sorted(ref.number for ref in self._catalog.segments)

    @property
    def open_number(self) -> int:
        """Number of the segment that is being appended to; 0 if there is none."""
        return self._lines.header.number if self._lines else 0

    @property
    def size_bytes(self) -> int:
        """Of all segments together."""
        return sum(self.sizes.values())

    # -- changes
    # ---------------------------------------------------------------------------------------------------

    def append(self, plain: bytes) -> int:
        """Bring one record to disk; it is durable when this returns. Returns the number of its segment.

        Raises:
            OSError, DurableWriteFailed: it is not kept; the next one goes to another segment.
            KeyUnavailable: the keys were locked meanwhile.
        """
        if self._lines is not None and self._length >= self._limit_bytes:
            self.roll()
        lines = self._lines or self._begin()
        ref, before = self._ref(lines.header.number), self._length
        good = msgspec.structs.replace(ref, last=lines.sequence, tag=lines.tag)
        try:
            self._write(lines.next("batch", plain))
            sync_data(self._descriptor)
        except OSError:
            self._abandon(good, before)
            raise
        self.sizes[lines.header.number] = self._length
        with contextlib.suppress(OSError, KeyUnavailable):  # it lags behind then, and the record is safe
            self._write_head(
                Head(
                    number=lines.header.number, file=lines.header.file, sequence=lines.sequence, tag=lines.tag
                )
            )
        return lines.header.number

    def roll(self) -> None:
        """Close the open segment with a seal; harmless if there is none.

        Raises:
            OSError, DurableWriteFailed: it is closed without a seal, or the catalog does not know yet that it
                is closed.
        """
        lines = self._lines
        if lines is None:
            return
        ref, before = self._ref(lines.header.number), self._length
        good = msgspec.structs.replace(ref, last=lines.sequence, tag=lines.tag)
        try:
            self._write(lines.next("seal", b"{}"))
            sync_data(self._descriptor)
        except OSError:
            self._abandon(good, before)
            raise
        self.sizes[ref.number] = self._length
        self._let_go(msgspec.structs.replace(ref, last=lines.sequence, tag=lines.tag))
        self._write_catalog()
        self._reset_head()

    def rewrite(self, numbers: Iterable[int], batches: Iterable[bytes], *, aside: bool = False) -> int:
        """Put one new segment in the place of some, none of them the open one; returns its number, 0 if nothing is left of them.

        Args:
            numbers: of those segments.
            batches: records of what is still to be kept of them.
            aside: quarantine the old files rather than delete them.

        Raises:
            OSError, DurableWriteFailed: the old ones are as they were, or the new one is in place and an old
                file is still there.
        """
        former = [ref for ref in self._catalog.segments if ref.number in set(numbers)]
        assert former, "there is nothing to rewrite"
        assert self.open_number not in {ref.number for ref in former}, "the open segment is closed first"
        number = max(ref.number for ref in former)
        content, ref = self._whole(number, batches)
        name = name_of(number, ref.file)
        if ref.last:
            replace_file(self._directory / (name + TEMPORARY_SUFFIX), content)
        names = [name_of(one.number, one.file) for one in former]
        before, kept = (
            self._catalog,
            [one for one in self._catalog.segments if one not in former] + ([ref] if ref.last else []),
        )
        removed = before.removed if aside else [*before.removed, *names]
        self._catalog = msgspec.structs.replace(
            before, segments=sorted(kept, key=lambda one: one.number), removed=removed
        )
        try:
            self._write_catalog()
        except BaseException:
            self._catalog = before
            raise
        if ref.last:
            move(self._directory / (name + TEMPORARY_SUFFIX), self._directory / name)
        for one in former:
            self.sizes.pop(one.number, None)
        self.sizes |= {number: len(content)} if ref.last else {}
        for path in (self._directory / old for old in names):
            if not aside:
                remove_file(path)
            elif path.exists():
                quarantine(path)
        return number if ref.last else 0

    def accept(self) -> int:
        """Forget the segments that are missing; how many there were.

        Raises:
            DurableWriteFailed: they are still counted on.
        """
        kept = [
            ref
            for ref in self._catalog.segments
            if (self._directory / name_of(ref.number, ref.file)).exists()
        ]
        count = len(self._catalog.segments) - len(kept)
        if count:
            self._catalog = msgspec.structs.replace(self._catalog, segments=kept)
            self._write_catalog()
        return count

    def purge(self) -> int:
        """Delete all files; how many. What is appended afterwards begins anew.

        Raises:
            OSError: not all of them are gone.
        """
        self.let_go()
        count = purge(self._directory, self._anchors)
        self._catalog = Catalog(revision=self._catalog.revision, next_number=self._catalog.next_number)
        self.sizes.clear()
        self.findings.clear()
        return count

    def close(self) -> None:
        """Close the open segment and let go; what cannot be closed in good order is looked at by the next life."""
        with contextlib.suppress(OSError, KeyUnavailable, DurableWriteFailed):
            self.roll()
        self.let_go()

    def let_go(self) -> None:
        """Close the files as they are."""
        for descriptor in (self._descriptor, self._head_descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._head_descriptor = -1
        self._lines = None

    # -- steps
    # -----------------------------------------------------------------------------------------------------

    def _begin(self) -> Lines:
        number = self._catalog.next_number
        header, sealing = self._vault.begin(number)
        name = name_of(number, header.file)
        content = header_line(header)
        replace_file(self._directory / (name + TEMPORARY_SUFFIX), content)
        catalog = self._catalog
        self._catalog = msgspec.structs.replace(
            catalog,
            next_number=number + 1,
            segments=[*catalog.segments, SegmentRef(number=number, file=header.file)],
        )
        try:
            self._write_catalog()
            move(self._directory / (name + TEMPORARY_SUFFIX), self._directory / name)
            self._reset_head(Head(number=number, file=header.file))
            self._descriptor = os.open(
                self._directory / name, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
            )
        except BaseException:
            self._catalog = msgspec.structs.replace(
                catalog, next_number=number + 1, removed=[*catalog.removed, name, name + TEMPORARY_SUFFIX]
            )
            raise
        self._length = self.sizes[number] = len(content)
        self._lines = Lines(header, sealing)
        return self._lines

    def _whole(self, number: int, batches: Iterable[bytes]) -> tuple[bytes, SegmentRef]:
        header, sealing = self._vault.begin(number)
        lines = Lines(header, sealing)
        parts = [header_line(header), *(lines.next("batch", batch) for batch in batches)]
        if lines.sequence:
            parts.append(lines.next("seal", b"{}"))
        return b"".join(parts), SegmentRef(
            number=number, file=header.file, last=lines.sequence, tag=lines.tag
        )

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._length += len(line)

    def _abandon(self, good: SegmentRef, length: int) -> None:
        """Never append to a segment again whose end is unknown: its next number may have been used."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, length)
            sync_file(self._descriptor)
        self.sizes[good.number] = length
        self._let_go(good)

    def _let_go(self, closed: SegmentRef) -> None:
        os.close(self._descriptor)
        self._descriptor, self._lines = -1, None
        others = [ref for ref in self._catalog.segments if ref.number != closed.number]
        if closed.last:
            self._catalog = msgspec.structs.replace(self._catalog, segments=[*others, closed])
        else:
            self.sizes.pop(closed.number, None)
            removed = [*self._catalog.removed, name_of(closed.number, closed.file)]
            self._catalog = msgspec.structs.replace(self._catalog, segments=others, removed=removed)

    def _ref(self, number: int) -> SegmentRef:
        return next(ref for ref in self._catalog.segments if ref.number == number)

    def _read(self, ref: SegmentRef, head: Head | None, *, has_anchors: bool) -> Loaded:
        """Read one segment; an open one is closed where its last proven line is."""
        name = name_of(ref.number, ref.file)
        content = b""
        try:
            content = read_file(self._directory / name, READ_LIMIT_BYTES) or b""
            header = read_header(content)
            if (header.number, header.file) != (ref.number, ref.file):
                raise RecordRefused(f"its header is that of {name_of(header.number, header.file)}")
            read = read_lines(content, header, self._vault.sealing(header))
        except KeyUnavailable as error:
            return Loaded(ref, [], [Finding("locked", name, error.reason)], size_bytes=len(content))
        except (RecordRefused, FileUnreadable) as error:
            trouble: Literal["tampered", "locked"] = (
                "locked" if isinstance(error, FileUnreadable) else "tampered"
            )
            return Loaded(ref, [], [Finding(trouble, name, str(error))], size_bytes=len(content))
        findings = judge_segment(ref, read, head, has_anchors=has_anchors)
        if any(one.trouble == "torn" for one in findings):
            cut_off(self._directory / name, len(content) - read.torn_bytes)
        return Loaded(
            _closed(ref, read), read.batches, findings, is_plain=not header.key, size_bytes=len(content)
        )

    def _read_anchor(
        self, name: str, limit_bytes: int, kind: Literal["catalog", "head"]
    ) -> Catalog | Head | None:
        path = self._anchors / name
        content = read_file(path, limit_bytes)
        if content is None:
            return None
        try:
            secret = self._vault.anchor_secret(key_of(content))
            return read_catalog(content, secret) if kind == "catalog" else read_head(content, secret)
        except (AnchorRefused, KeyUnavailable) as error:
            self.findings.append(Finding("anchor", name, str(error)))
            quarantine(path)
            return None

    def _write_catalog(self) -> None:
        key = self._vault.anchor_key()
        catalog = msgspec.structs.replace(self._catalog, key=key, revision=self._catalog.revision + 1)
        replace_file(self._anchors / CATALOG_NAME, write_catalog(catalog, self._vault.anchor_secret(key)))
        left = [name for name in catalog.removed if (self._directory / name).exists()]
        self._catalog = msgspec.structs.replace(catalog, removed=left)

    def _reset_head(self, head: Head | None = None) -> None:
        """Write the head durably, into a file of its own."""
        if self._head_descriptor >= 0:
            os.close(self._head_descriptor)
            self._head_descriptor = -1
        replace_file(
            self._anchors / HEAD_NAME, self._head_content(head or Head(number=self._catalog.next_number - 1))
        )
        self._head_descriptor = os.open(self._anchors / HEAD_NAME, os.O_WRONLY | getattr(os, "O_BINARY", 0))

    def _write_head(self, head: Head) -> None:
        """Write the head in its place, and leave it to the system when it comes to disk."""
        content = self._head_content(head)
        if hasattr(os, "pwrite"):
            os.pwrite(self._head_descriptor, content, 0)
        else:
            os.lseek(self._head_descriptor, 0, os.SEEK_SET)
            os.write(self._head_descriptor, content)

    def _head_content(self, head: Head) -> bytes:
        key = self._vault.anchor_key()
        return write_head(msgspec.structs.replace(head, key=key), self._vault.anchor_secret(key))


def _closed(ref: SegmentRef, read: SegmentRead) -> SegmentRef:
    return (
        msgspec.structs.replace(ref, last=read.last, tag=read.tags[read.last])
        if ref.is_open and read.last
        else ref
    )
