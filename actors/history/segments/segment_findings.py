"""Findings: what is wrong with the files of a history, judged by what the anchors know. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from actors.history.segments.segment import SegmentBody, segment_name
from actors.history.segments.segment_catalog import (
    CATALOG_NAME,
    HEAD_NAME,
    SegmentCatalog,
    SegmentHead,
    SegmentRef,
)

SegmentTrouble = Literal[
    "torn", "truncated", "tampered", "missing", "unknown", "locked", "anchor", "unreadable", "unfit"
]
_WORDS: Final[dict[SegmentTrouble, str]] = {
    "torn": "its last line is incomplete, since power or process failed during the write; "
    "it was never acknowledged",
    "truncated": "lines are missing at its end",
    "tampered": "lines differ from what was written",
    "missing": "the file is gone",
    "unknown": "it does not belong here",
    "locked": "its key is not available",
    "anchor": "it is not what was written",
    "unreadable": "it cannot be read",
    "unfit": "some of its entries are beyond today's limits",
}


@dataclass(frozen=True)
class SegmentFinding:
    """Something that is wrong with a file.

    Attributes:
        trouble: kind of fault.
        file: name of the file.
        detail: what was expected and what was found.
    """

    trouble: SegmentTrouble
    file: str
    detail: str = ""

    @property
    def is_loss(self) -> bool:
        """Whether it is worse than what an interrupted write leaves."""
        return self.trouble != "torn"

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.file}: {self.trouble}: {_WORDS[self.trouble]}{detail}"


def missing_anchors(
    catalog: SegmentCatalog | None,
    head: SegmentHead | None,
    refused: Collection[str],
    *,
    has_segments: bool,
) -> list[SegmentFinding]:
    """Report anchors that are gone. A new history has none, and refused ones are reported already.

    Args:
        catalog: None if it was not found or refused.
        head: None if it was not found or refused.
        refused: names of the anchors that were refused.
        has_segments: whether there are any.
    """
    if catalog is None and not has_segments:
        return []
    return [
        SegmentFinding("anchor", name, "it is gone")
        for name, anchor in ((CATALOG_NAME, catalog), (HEAD_NAME, head))
        if anchor is None and name not in refused
    ]


def judge_head(head: SegmentHead | None, catalog: SegmentCatalog | None) -> list[SegmentFinding]:
    """Check that the head belongs to the segments of the catalog."""
    if head is None or catalog is None or not head.file:
        return []
    if any(ref.file == head.file for ref in catalog.segments) or head.number < catalog.next_number:
        return []
    detail = f"it knows segments below {catalog.next_number}, but the head is in {head.number}"
    return [SegmentFinding("anchor", CATALOG_NAME, detail)]


def judge_segment(
    ref: SegmentRef, content: SegmentBody, head: SegmentHead | None, *, has_anchors: bool
) -> list[SegmentFinding]:
    """Check that a segment is what was written; no findings if so.

    Args:
        ref: the segment as the catalog knows it.
        content: what was read.
        head: says how far the open segment goes.
        has_anchors: whether both anchors were found intact.
    """
    name = segment_name(ref)
    if ref.is_open:
        findings = _judge_open(ref, content, head, name, has_anchors=has_anchors)
    elif content.last < ref.last:
        findings = [_too_short(name, content, f"{ref.last} lines were expected, {content.last} found")]
    elif content.tags.get(ref.last) != ref.tag or content.last > ref.last:
        detail = f"line {ref.last} is not the last line that the catalog knows"
        findings = [SegmentFinding("tampered", name, detail)]
    else:
        findings = (
            [SegmentFinding("tampered", name, "something follows its end")] if content.torn_bytes else []
        )
    if content.faults and not any(one.trouble == "tampered" for one in findings):
        findings.append(SegmentFinding("tampered", name, "; ".join(content.faults[:3])))
    return findings


def _judge_open(
    ref: SegmentRef, content: SegmentBody, head: SegmentHead | None, name: str, *, has_anchors: bool
) -> list[SegmentFinding]:
    if head is not None and head.file == ref.file:
        if content.last < head.sequence:
            detail = f"at least {head.sequence} lines were expected, {content.last} found"
            return [_too_short(name, content, detail)]
        if head.sequence and content.tags.get(head.sequence) != head.tag:
            detail = f"line {head.sequence} is not the one that the head knows"
            return [SegmentFinding("tampered", name, detail)]
    elif has_anchors and content.last:
        detail = f"it does not know {name}, which has {content.last} lines"
        return [SegmentFinding("anchor", HEAD_NAME, detail)]
    if not content.torn_bytes:
        return []
    if content.is_sealed:
        return [SegmentFinding("tampered", name, "something follows its seal")]
    return [SegmentFinding("torn", name, f"{content.torn_bytes} bytes")]


def _too_short(name: str, content: SegmentBody, detail: str) -> SegmentFinding:
    has_rest = bool(content.faults or content.torn_bytes)
    return SegmentFinding("tampered" if has_rest else "truncated", name, detail)
