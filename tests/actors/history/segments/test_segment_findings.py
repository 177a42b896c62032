"""Torn, truncated, tampered, missing and unknown segments are told apart by file and anchors."""

from __future__ import annotations

import pytest

from actors.history.segments.segment import SegmentBody
from actors.history.segments.segment_catalog import SegmentCatalog, SegmentHead, SegmentRef
from actors.history.segments.segment_findings import (
    SegmentFinding,
    judge_head,
    judge_segment,
    missing_anchors,
)

A, B = "a" * 16, "b" * 16
CLOSED = SegmentRef(number=1, file=A, last=3, tag="t3")
OPEN = SegmentRef(number=2, file=B)
CATALOG = SegmentCatalog(next_number=3, segments=[CLOSED, OPEN])


def read(last: int, *, sealed: bool = False, faults: list[str] | None = None, torn: int = 0) -> SegmentBody:
    return SegmentBody(
        [], {number: f"t{number}" for number in range(1, last + 1)}, last, sealed, faults or [], torn
    )


def troubles(findings: list[SegmentFinding]) -> list[str]:
    return [finding.trouble for finding in findings]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (read(3, sealed=True), []),
        (read(2), ["truncated"]),
        (read(2, torn=9), ["tampered"]),
        (read(4), ["tampered"]),
        (read(3, torn=5), ["tampered"]),
        (read(3, faults=["line 2"]), ["tampered"]),
    ],
)
def test_a_closed_segment_ends_where_the_catalog_says(found: SegmentBody, expected: list[str]) -> None:
    assert troubles(judge_segment(CLOSED, found, None, has_anchors=True)) == expected


@pytest.mark.parametrize(
    ("found", "sequence", "expected"),
    [
        (read(3), 3, []),
        (read(4), 3, []),
        (read(4, torn=7), 3, ["torn"]),
        (read(2), 3, ["truncated"]),
        (read(2, torn=40), 3, ["tampered"]),
        (read(3, faults=["line 2"]), 3, ["tampered"]),
        (read(3, sealed=True, torn=4), 3, ["tampered"]),
        (read(0), 0, []),
    ],
)
def test_an_open_segment_has_at_least_what_the_head_says(
    found: SegmentBody, sequence: int, expected: list[str]
) -> None:
    head = SegmentHead(number=2, file=B, sequence=sequence, tag=f"t{sequence}")
    assert troubles(judge_segment(OPEN, found, head, has_anchors=True)) == expected


def test_a_head_that_was_brought_back_from_before_shows() -> None:
    older = SegmentHead(number=1, file=A, sequence=3, tag="t3")
    assert troubles(judge_segment(OPEN, read(2), older, has_anchors=True)) == ["anchor"]
    assert judge_segment(OPEN, read(0), older, has_anchors=True) == []
    other = SegmentHead(number=2, file=B, sequence=2, tag="x")
    assert troubles(judge_segment(OPEN, read(2), other, has_anchors=True)) == ["tampered"]


def test_a_catalog_that_was_brought_back_from_before_shows() -> None:
    assert judge_head(SegmentHead(number=2, file=B), CATALOG) == []
    assert judge_head(SegmentHead(number=1, file="gone"), CATALOG) == []
    assert troubles(judge_head(SegmentHead(number=5, file="c" * 16), CATALOG)) == ["anchor"]


def test_a_finding_says_what_where_and_whether_something_is_lost() -> None:
    assert str(SegmentFinding("torn", "f", "3 bytes")).startswith("f: torn: its last line is incomplete")
    assert (SegmentFinding("torn", "f").is_loss, SegmentFinding("missing", "f").is_loss) == (False, True)


def test_an_anchor_that_is_gone_is_reported_unless_the_history_is_new_or_it_was_refused() -> None:
    head = SegmentHead(number=2, file=B)
    assert missing_anchors(None, None, set(), has_segments=False) == []
    assert missing_anchors(CATALOG, head, set(), has_segments=True) == []
    gone = missing_anchors(None, None, set(), has_segments=True)
    assert [finding.file for finding in gone] == ["history.json", "history.head"]
    assert [finding.file for finding in missing_anchors(CATALOG, None, set(), has_segments=False)] == [
        "history.head"
    ]
    assert missing_anchors(None, head, {"history.json"}, has_segments=True) == []
