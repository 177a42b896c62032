"""Torn, truncated, tampered, missing and unknown segments are told apart by file and anchors."""

from __future__ import annotations

import pytest

from actors.history.segments.recovery import SegmentFinding, judge_head, judge_segment, plan_recovery
from actors.history.segments.segment import SegmentBody, segment_name
from actors.history.segments.segment_catalog import SegmentCatalog, SegmentHead, SegmentRef

A, B = "a" * 16, "b" * 16
CLOSED = SegmentRef(number=1, file=A, last=3, tag="t3")
OPEN = SegmentRef(number=2, file=B)
NAME_A, NAME_B = segment_name(CLOSED), segment_name(OPEN)
CATALOG = SegmentCatalog(
    next_number=3, segments=[CLOSED, OPEN], removed=["segment-000001-cccccccccccccccc.jsonl"]
)


def read(last: int, *, sealed: bool = False, faults: list[str] | None = None, torn: int = 0) -> SegmentBody:
    return SegmentBody(
        [], {number: f"t{number}" for number in range(1, last + 1)}, last, sealed, faults or [], torn
    )


def troubles(findings: list[SegmentFinding]) -> list[str]:
    return [finding.trouble for finding in findings]


def test_files_that_the_catalog_knows_are_loaded_in_their_order() -> None:
    plan = plan_recovery([NAME_B, NAME_A], CATALOG)
    assert (plan.segments, plan.findings, plan.delete, plan.rename) == ([CLOSED, OPEN], [], [], [])


@pytest.mark.parametrize(
    ("names", "rename", "delete", "aside", "found"),
    [
        ([NAME_A, NAME_B + ".tmp"], [NAME_B + ".tmp"], [], [], []),
        ([NAME_A, NAME_B, NAME_B + ".tmp"], [], [NAME_B + ".tmp"], [], []),
        (
            [NAME_A, NAME_B, "segment-000009-cccccccccccccccc.jsonl.tmp.tmp"],
            [],
            ["segment-000009-cccccccccccccccc.jsonl.tmp.tmp"],
            [],
            [],
        ),
        ([NAME_A, NAME_B, *CATALOG.removed], [], CATALOG.removed, [], []),
        (
            [NAME_A, NAME_B, "segment-000001-dddddddddddddddd.jsonl"],
            [],
            [],
            ["segment-000001-dddddddddddddddd.jsonl"],
            ["unknown"],
        ),
        ([NAME_A, NAME_B, NAME_A + ".corrupt"], [], [], [], []),
        ([NAME_B], [], [], [], ["missing"]),
    ],
)
def test_leftovers_are_cleared_away_strangers_put_aside_and_what_is_missing_told(
    names: list[str], rename: list[str], delete: list[str], aside: list[str], found: list[str]
) -> None:
    plan = plan_recovery(names, CATALOG)
    assert (plan.rename, plan.delete, plan.quarantine, troubles(plan.findings)) == (
        rename,
        delete,
        aside,
        found,
    )


def test_without_a_catalog_every_segment_counts() -> None:
    plan = plan_recovery([NAME_A, NAME_B, "other"], None)
    assert [(ref.number, ref.file, ref.is_open) for ref in plan.segments] == [(1, A, True), (2, B, True)]
    assert plan.quarantine == ["other"]


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
