"""Torn, truncated, tampered, missing, unknown: told apart by what the file says and what the anchors know."""

from __future__ import annotations

import pytest

from actors.history.segments.catalog import Catalog, Head, SegmentRef
from actors.history.segments.recovery import Finding, judge_head, judge_segment, plan_start
from actors.history.segments.segment import SegmentRead, name_of

A, B = "a" * 16, "b" * 16
CLOSED = SegmentRef(number=1, file=A, last=3, tag="t3")
OPEN = SegmentRef(number=2, file=B)
NAME_A, NAME_B = name_of(1, A), name_of(2, B)
CATALOG = Catalog(next_number=3, segments=[CLOSED, OPEN], removed=["segment-000001-cccccccccccccccc.jsonl"])


def read(last: int, *, sealed: bool = False, faults: list[str] | None = None, torn: int = 0) -> SegmentRead:
    return SegmentRead(
        [], {number: f"t{number}" for number in range(1, last + 1)}, last, sealed, faults or [], torn
    )


def troubles(findings: list[Finding]) -> list[str]:
    return [finding.trouble for finding in findings]


def test_files_that_the_catalog_knows_are_loaded_in_their_order() -> None:
    plan = plan_start([NAME_B, NAME_A], CATALOG)
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
    plan = plan_start(names, CATALOG)
    assert (plan.rename, plan.delete, plan.aside, troubles(plan.findings)) == (rename, delete, aside, found)


def test_without_a_catalog_every_segment_counts() -> None:
    plan = plan_start([NAME_A, NAME_B, "other"], None)
    assert [(ref.number, ref.file, ref.is_open) for ref in plan.segments] == [(1, A, True), (2, B, True)]
    assert plan.aside == ["other"]


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
def test_a_closed_segment_ends_where_the_catalog_says(found: SegmentRead, expected: list[str]) -> None:
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
    found: SegmentRead, sequence: int, expected: list[str]
) -> None:
    head = Head(number=2, file=B, sequence=sequence, tag=f"t{sequence}")
    assert troubles(judge_segment(OPEN, found, head, has_anchors=True)) == expected


def test_a_head_that_was_brought_back_from_before_shows() -> None:
    older = Head(number=1, file=A, sequence=3, tag="t3")
    assert troubles(judge_segment(OPEN, read(2), older, has_anchors=True)) == ["anchor"]
    assert judge_segment(OPEN, read(0), older, has_anchors=True) == []
    other = Head(number=2, file=B, sequence=2, tag="x")
    assert troubles(judge_segment(OPEN, read(2), other, has_anchors=True)) == ["tampered"]


def test_a_catalog_that_was_brought_back_from_before_shows() -> None:
    assert judge_head(Head(number=2, file=B), CATALOG) == []
    assert judge_head(Head(number=1, file="gone"), CATALOG) == []
    assert troubles(judge_head(Head(number=5, file="c" * 16), CATALOG)) == ["anchor"]


def test_a_finding_says_what_where_and_whether_something_is_lost() -> None:
    assert str(Finding("torn", "f", "3 bytes")).startswith("f: torn: its last line is half there")
    assert (Finding("torn", "f").is_loss, Finding("missing", "f").is_loss) == (False, True)
