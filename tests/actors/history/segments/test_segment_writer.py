"""A line is durable when it is acknowledged; one that failed leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.history.segments.segment import header_line, read_header, read_segment
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_writer import SegmentWriter
from tests.support.history_lab import RING

KEYS = SegmentKeys(RING, encrypts=True)


def writer_at(path: Path) -> SegmentWriter:
    header, cipher = KEYS.new_segment(7)
    path.write_bytes(header_line(header))
    return SegmentWriter(path, header, cipher)


def test_lines_follow_each_other_and_the_head_says_how_far(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    writer = writer_at(path)
    assert (writer.number, writer.ref.last, writer.size_bytes) == (7, 0, path.stat().st_size)
    writer.append("batch", b'{"n":1}')
    writer.append("seal", b"{}")
    assert (writer.ref.last, writer.size_bytes) == (2, path.stat().st_size)
    assert (writer.head.number, writer.head.sequence, writer.head.tag) == (7, 2, writer.ref.tag)
    writer.close()
    content = path.read_bytes()
    header = read_header(content)
    read = read_segment(content, header, KEYS.cipher(header))
    assert (read.batches, read.last, read.is_sealed, read.faults) == ([b'{"n":1}'], 2, True, [])
    assert read.tags[2] == writer.ref.tag


def test_a_line_that_is_not_durable_is_cut_off_and_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "no space left")

    path = tmp_path / "segment"
    writer = writer_at(path)
    writer.append("batch", b'{"n":1}')
    before, ref = path.read_bytes(), writer.ref
    monkeypatch.setattr("actors.history.segments.segment_writer.sync_data", fail)
    with pytest.raises(OSError, match="no space"):
        writer.append("batch", b'{"n":2}')
    assert (path.read_bytes(), writer.ref, writer.size_bytes) == (before, ref, len(before))
    writer.close()
