"""A segment that cannot be read or verified becomes a finding, never an exception."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.history.segments.segment import segment_name, whole_segment
from actors.history.segments.segment_catalog import SegmentHead, SegmentRef
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_reader import LoadedSegment, SegmentReader
from tests.support.history_lab import FakeKeyRing

KEYS = SegmentKeys(FakeKeyRing(), encrypts=True)


def written(root: Path, *batches: bytes) -> tuple[SegmentRef, bytes]:
    content, ref = whole_segment(*KEYS.new_segment(1), batches)
    (root / segment_name(ref)).write_bytes(content)
    return ref, content


def troubles(loaded: LoadedSegment) -> list[str]:
    return [finding.trouble for finding in loaded.findings]


def test_a_whole_segment_is_read(tmp_path: Path) -> None:
    ref, content = written(tmp_path, b"1", b"2")
    loaded = SegmentReader(tmp_path, KEYS).read(ref)
    assert (loaded.ref, loaded.batches, loaded.findings) == (ref, [b"1", b"2"], [])
    assert (loaded.is_plain, loaded.size_bytes, loaded.is_damaged) == (False, len(content), False)


def test_an_open_segment_is_closed_at_its_last_line_and_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    ref, content = written(tmp_path, b"1")
    whole = b"".join(content.splitlines(keepends=True)[:2])
    path = tmp_path / segment_name(ref)
    path.write_bytes(whole + b'{"seq":2,')
    head = SegmentHead(number=1, file=ref.file)
    loaded = SegmentReader(tmp_path, KEYS).read(SegmentRef(number=1, file=ref.file), head)
    assert (loaded.ref.last, loaded.batches, troubles(loaded)) == (1, [b"1"], ["torn"])
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "tampered"), (b"{}\n", "tampered"), (None, "tampered")],
    ids=["empty", "no header", "gone"],
)
def test_what_is_not_a_segment_is_a_finding(tmp_path: Path, content: bytes | None, expected: str) -> None:
    ref = SegmentRef(number=1, file="0" * 16, last=2, tag="t")
    if content is not None:
        (tmp_path / segment_name(ref)).write_bytes(content)
    loaded = SegmentReader(tmp_path, KEYS).read(ref)
    assert (troubles(loaded), loaded.batches, loaded.is_damaged) == ([expected], [], True)


def test_the_header_of_another_segment_shows(tmp_path: Path) -> None:
    ref, content = written(tmp_path, b"1")
    other = SegmentRef(number=2, file=ref.file, last=ref.last, tag=ref.tag)
    (tmp_path / segment_name(other)).write_bytes(content)
    assert "its header is that of" in str(SegmentReader(tmp_path, KEYS).read(other).findings[0])


def test_a_segment_whose_key_is_away_or_that_cannot_be_opened_is_locked(tmp_path: Path) -> None:
    ref, _ = written(tmp_path, b"1")
    ring = FakeKeyRing()
    ring.keys = {"k9": ring.keys["k1"]}
    assert troubles(SegmentReader(tmp_path, SegmentKeys(ring, encrypts=True)).read(ref)) == ["locked"]
    (tmp_path / segment_name(ref)).unlink()
    (tmp_path / segment_name(ref)).mkdir()
    loaded = SegmentReader(tmp_path, KEYS).read(ref)
    assert (troubles(loaded), loaded.is_damaged) == (["unreadable"], False)
