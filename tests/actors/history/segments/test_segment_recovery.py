"""The start finishes what a crash interrupted, and knows whether the catalog has to be written."""

from __future__ import annotations

from pathlib import Path

from actors.history.segments.anchor_files import FoundAnchors
from actors.history.segments.segment import segment_name, whole_segment
from actors.history.segments.segment_catalog import SegmentCatalog, SegmentHead, SegmentRef
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_reader import LoadedSegment, SegmentReader
from actors.history.segments.segment_recovery import RecoveredSegments, recover
from tests.support.history_lab import FakeKeyRing

KEYS = SegmentKeys(FakeKeyRing(), encrypts=True)


def written(root: Path, number: int, lines: int | None = None) -> SegmentRef:
    """A sealed segment with two batches, of which only some lines may be left."""
    content, ref = whole_segment(*KEYS.new_segment(number), [b"1", b"2"])
    kept = content.splitlines(keepends=True)[: None if lines is None else lines + 1]
    (root / segment_name(ref)).write_bytes(b"".join(kept))
    return ref if lines is None else SegmentRef(number=number, file=ref.file)


def recovered(root: Path, catalog: SegmentCatalog | None, head: SegmentHead | None) -> RecoveredSegments:
    return recover(root, FoundAnchors(catalog, head), SegmentReader(root, KEYS))


def test_a_history_that_was_closed_needs_no_new_catalog(tmp_path: Path) -> None:
    ref = written(tmp_path, 1)
    found = recovered(tmp_path, SegmentCatalog(next_number=2, segments=[ref]), SegmentHead(number=1))
    assert (found.is_changed, found.to_load, found.findings) == (False, [ref], [])
    assert (found.catalog.segments, found.catalog.next_number) == ([ref], 2)


def test_a_segment_that_was_open_is_read_and_closed(tmp_path: Path) -> None:
    ref = written(tmp_path, 1, lines=2)
    head = SegmentHead(number=1, file=ref.file)
    found = recovered(tmp_path, SegmentCatalog(next_number=2, segments=[ref]), head)
    (loaded,) = found.to_load
    assert isinstance(loaded, LoadedSegment)
    assert (loaded.batches, loaded.ref.last, found.findings) == ([b"1", b"2"], 2, [])
    assert (found.is_changed, found.catalog.segments) == (True, [loaded.ref])


def test_an_open_segment_without_a_line_is_dropped(tmp_path: Path) -> None:
    ref = written(tmp_path, 1, lines=0)
    head = SegmentHead(number=1, file=ref.file)
    found = recovered(tmp_path, SegmentCatalog(next_number=2, segments=[ref]), head)
    assert (found.is_changed, found.to_load, found.catalog.segments) == (True, [], [])
    assert found.catalog.removed == [segment_name(ref)]


def test_interrupted_work_is_finished_and_strange_files_are_put_aside(tmp_path: Path) -> None:
    renamed, removed = written(tmp_path, 1), written(tmp_path, 2)
    path = tmp_path / segment_name(renamed)
    path.rename(path.with_name(path.name + ".tmp"))
    (tmp_path / "strange").write_bytes(b"x")
    catalog = SegmentCatalog(next_number=3, segments=[renamed], removed=[segment_name(removed)])
    found = recovered(tmp_path, catalog, SegmentHead(number=2))
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, "strange.corrupt"]
    assert [finding.trouble for finding in found.findings] == ["unknown"]
    assert found.is_changed


def test_a_missing_segment_stays_in_the_catalog_and_is_reported(tmp_path: Path) -> None:
    ref = SegmentRef(number=1, file="a" * 16, last=2, tag="t")
    found = recovered(tmp_path, SegmentCatalog(next_number=2, segments=[ref]), SegmentHead(number=1))
    assert (found.to_load, found.catalog.segments) == ([], [ref])
    assert [finding.trouble for finding in found.findings] == ["missing"]
