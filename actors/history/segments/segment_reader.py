"""Reads segments from disk and verifies them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from actors.history.segments.segment import (
    READ_LIMIT_BYTES,
    SegmentBody,
    read_header,
    read_segment,
    segment_name,
)
from actors.history.segments.segment_catalog import SegmentHead, SegmentRef
from actors.history.segments.segment_files import truncate_file
from actors.history.segments.segment_findings import SegmentFinding, judge_segment
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_lines import LineRefused
from actors.shared.crypto.envelope_errors import KeyUnavailable
from actors.shared.durable.bounded_read import FileUnreadable, read_file


@dataclass
class LoadedSegment:
    """What a segment contains.

    Attributes:
        ref: the segment; an open one is closed at its last verified line.
        batches: contents of its verified batch lines, oldest first.
        findings: what is wrong with it.
    """

    ref: SegmentRef
    batches: list[bytes]
    findings: list[SegmentFinding]
    is_plain: bool = False
    size_bytes: int = 0

    @property
    def is_damaged(self) -> bool:
        """Whether it should be rewritten without what is wrong with it."""
        return any(finding.trouble not in ("locked", "unreadable", "torn") for finding in self.findings)


class SegmentReader:
    """Reads the segments of one directory."""

    def __init__(self, directory: Path, keys: SegmentKeys) -> None:
        self._directory = directory
        self._keys = keys

    def read(
        self, ref: SegmentRef, head: SegmentHead | None = None, *, has_anchors: bool = True
    ) -> LoadedSegment:
        """Read one segment. An open one is closed at its last verified line, and a torn line is cut off.

        Args:
            ref: the segment as the catalog knows it.
            head: says how far the open segment goes; None for a closed one.
            has_anchors: whether both anchors were found intact.

        Raises:
            OSError: a torn line could not be cut off.
        """
        name = segment_name(ref)
        content = b""
        try:
            content = read_file(self._directory / name, READ_LIMIT_BYTES) or b""
            header = read_header(content)
            if (header.number, header.file) != (ref.number, ref.file):
                raise LineRefused(f"its header is that of {segment_name(header)}")
            read = read_segment(content, header, self._keys.cipher(header))
        except KeyUnavailable as error:
            finding = SegmentFinding("locked", name, error.reason)
        except FileUnreadable as error:
            finding = SegmentFinding("unreadable", name, error.detail)
        except LineRefused as error:
            finding = SegmentFinding("tampered", name, str(error))
        else:
            findings = judge_segment(ref, read, head, has_anchors=has_anchors)
            if any(one.trouble == "torn" for one in findings):
                truncate_file(self._directory / name, len(content) - read.torn_bytes)
            return LoadedSegment(
                _closed(ref, read),
                read.batches,
                findings,
                is_plain=not header.key,
                size_bytes=len(content),
            )
        return LoadedSegment(ref, [], [finding], size_bytes=len(content))


def _closed(ref: SegmentRef, body: SegmentBody) -> SegmentRef:
    """Close an open segment at its last verified line; one without any stays open."""
    if not ref.is_open or not body.last:
        return ref
    return msgspec.structs.replace(ref, last=body.last, tag=body.tags[body.last])
