"""Judges what lies on disk at the start: what to load, what a crash left over, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from actors.history.segments.segment import NAME, SegmentBody, segment_name
from actors.history.segments.segment_catalog import (
    CATALOG_NAME,
    HEAD_NAME,
    SegmentCatalog,
    SegmentHead,
    SegmentRef,
)
from actors.shared.durable.durable_write import TEMPORARY_SUFFIX
from actors.shared.durable.quarantine import SUFFIX

SegmentTrouble = Literal["torn", "truncated", "tampered", "missing", "unknown", "locked", "anchor"]
_WORDS: Final[dict[SegmentTrouble, str]] = {
    "torn": "its last line is incomplete, since power or process failed during the write; "
    "it was never acknowledged",
    "truncated": "lines are missing at its end",
    "tampered": "lines differ from what was written",
    "missing": "the file is gone",
    "unknown": "it does not belong here",
    "locked": "its key is not available",
    "anchor": "it is not what was written",
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
        return any(finding.trouble not in ("locked", "torn") for finding in self.findings)


@dataclass(frozen=True)
class RecoveryPlan:
    """What to do with the files that were found.

    Attributes:
        segments: are loaded, oldest first.
        missing: are in the catalog but not on disk.
        rename: temporary files that the catalog counts on.
        delete: leftovers of interrupted work, and removed segments.
        quarantine: files that the catalog does not know.
        findings: what is wrong.
    """

    segments: list[SegmentRef] = field(default_factory=list)
    missing: list[SegmentRef] = field(default_factory=list)
    rename: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    quarantine: list[str] = field(default_factory=list)
    findings: list[SegmentFinding] = field(default_factory=list)


def plan_recovery(names: Iterable[str], catalog: SegmentCatalog | None) -> RecoveryPlan:
    """Decide what to do with the files of these names. Without a catalog, every segment counts."""
    plan = RecoveryPlan()
    found = set(names)
    listed = {segment_name(ref): ref for ref in (catalog.segments if catalog else [])}
    removed = set(catalog.removed) if catalog else set()
    for name in sorted(found):
        final = name.removesuffix(TEMPORARY_SUFFIX)
        if SUFFIX in name or name in listed:
            continue
        if name in removed:
            plan.delete.append(name)
        elif name != final and catalog is not None:
            (plan.rename if final in listed and final not in found else plan.delete).append(name)
        elif catalog is None and (match := NAME.fullmatch(name)):
            plan.segments.append(SegmentRef(number=int(match[1]), file=match[2]))
        else:
            plan.quarantine.append(name)
            plan.findings.append(SegmentFinding("unknown", name, "it was quarantined"))
    for name, ref in listed.items():
        if name in found or name + TEMPORARY_SUFFIX in plan.rename:
            plan.segments.append(ref)
        else:
            plan.missing.append(ref)
            advice = "restore it from a backup, or accept the loss with 'undercroft history keep'"
            plan.findings.append(SegmentFinding("missing", name, advice))
    plan.segments.sort(key=lambda ref: (ref.number, ref.file))
    return plan


def missing_anchors(
    catalog: SegmentCatalog | None, head: SegmentHead | None, plan: RecoveryPlan, refused: Collection[str]
) -> list[SegmentFinding]:
    """Report anchors that are gone. A new history has none, and refused ones are reported already.

    Args:
        catalog: None if it was not found or refused.
        head: None if it was not found or refused.
        plan: tells whether there are segments.
        refused: names of the anchors that were refused.
    """
    if catalog is None and not plan.segments:
        return []
    return [
        SegmentFinding("anchor", name, "it is gone")
        for name, anchor in ((CATALOG_NAME, catalog), (HEAD_NAME, head))
        if anchor is None and name not in refused
    ]


def next_number(
    catalog: SegmentCatalog | None, head: SegmentHead | None, segments: Iterable[SegmentRef]
) -> int:
    """Return a number that no segment ever had."""
    known = [ref.number for ref in segments] + ([head.number] if head else [0])
    return max(catalog.next_number if catalog else 1, max(known) + 1)


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


def closed_ref(ref: SegmentRef, content: SegmentBody) -> SegmentRef:
    """Close an open segment at its last verified line; one without any stays open."""
    if not ref.is_open or not content.last:
        return ref
    return msgspec.structs.replace(ref, last=content.last, tag=content.tags[content.last])


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
