"""Leftovers of a crash are finished or deleted, and files that no crash explains are put aside."""

from __future__ import annotations

import pytest

from actors.history.segments.recovery_plan import next_number, plan_recovery
from actors.history.segments.segment import segment_name
from actors.history.segments.segment_catalog import SegmentCatalog, SegmentHead, SegmentRef

A, B = "a" * 16, "b" * 16
CLOSED = SegmentRef(number=1, file=A, last=3, tag="t3")
OPEN = SegmentRef(number=2, file=B)
NAME_A, NAME_B = segment_name(CLOSED), segment_name(OPEN)
CATALOG = SegmentCatalog(
    next_number=3, segments=[CLOSED, OPEN], removed=["segment-000001-cccccccccccccccc.jsonl"]
)


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
            [],
        ),
        ([NAME_A, NAME_B, NAME_A + ".corrupt"], [], [], [], []),
        ([NAME_A, NAME_B, NAME_A + ".partly-read"], [], [], [], []),
        ([NAME_B], [], [], [], ["missing"]),
    ],
)
def test_leftovers_are_cleared_away_strangers_put_aside_and_what_is_missing_told(
    names: list[str], rename: list[str], delete: list[str], aside: list[str], found: list[str]
) -> None:
    plan = plan_recovery(names, CATALOG)
    assert (plan.rename, plan.delete, plan.quarantine, [finding.trouble for finding in plan.findings]) == (
        rename,
        delete,
        aside,
        found,
    )


def test_without_a_catalog_every_segment_counts() -> None:
    plan = plan_recovery([NAME_A, NAME_B, "other"], None)
    assert [(ref.number, ref.file, ref.is_open) for ref in plan.segments] == [(1, A, True), (2, B, True)]
    assert plan.quarantine == ["other"]


def test_a_number_never_comes_twice_whatever_is_left_of_the_anchors() -> None:
    assert next_number(None, None, []) == 1
    assert next_number(CATALOG, SegmentHead(number=2, file=B), [CLOSED, OPEN]) == 3
    assert next_number(None, None, [CLOSED, SegmentRef(number=9, file=B)]) == 10
    assert next_number(CATALOG, SegmentHead(number=7, file=B), [CLOSED]) == 8
