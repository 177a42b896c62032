"""Judges what lies on disk: what is loaded, what is left over from a crash, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from actors.history.segments.catalog import Catalog, Head, SegmentRef
from actors.history.segments.segment import NAME, SegmentRead, name_of
from actors.shared.durable.durable_write import TEMPORARY_SUFFIX
from actors.shared.durable.quarantine import SUFFIX

Trouble = Literal["torn", "truncated", "tampered", "missing", "unknown", "locked", "anchor"]
_WORDS: Final[dict[Trouble, str]] = {
    "torn": "its last line is half there: it was being written when the power or the process went, and never acknowledged",
    "truncated": "lines are gone from its end",
    "tampered": "lines of it are not what was written",
    "missing": "it is gone",
    "unknown": "it does not belong here",
    "locked": "its key is not to be had",
    "anchor": "it is not what was written",
}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a file.

    Attributes:
        file: name of it.
        detail: what was expected and what was found.
    """

    trouble: Trouble
    file: str
    detail: str = ""

    @property
    def is_loss(self) -> bool:
        """Whether it is more than what an interrupted write leaves."""
        return self.trouble != "torn"

    def __str__(self) -> str:
        return f"{self.file}: {self.trouble}: {_WORDS[self.trouble]}" + (
            f" ({self.detail})" if self.detail else ""
        )


@dataclass
class Loaded:
    """What a segment holds."""

    ref: SegmentRef
    batches: list[bytes]
    findings: list[Finding]
    is_plain: bool = False
    size_bytes: int = 0

    @property
    def is_spoiled(self) -> bool:
        """Whether it is to be written anew without what is wrong with it."""
        return any(finding.trouble not in ("locked", "torn") for finding in self.findings)


@dataclass(frozen=True)
class Plan:
    """What to do with the files that were found.

    Attributes:
        segments: to be loaded, oldest first.
        missing: in the catalog, and not on disk.
        rename: temp files that the catalog counts on.
        delete: leftovers of what was interrupted, and of what was removed.
        aside: files that nobody knows, to be quarantined.
    """

    segments: list[SegmentRef] = field(default_factory=list)
    missing: list[SegmentRef] = field(default_factory=list)
    rename: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def plan_start(names: Iterable[str], catalog: Catalog | None) -> Plan:
    """What to do with the files of these names; without a catalog, every segment counts."""
    plan = Plan()
    found = set(names)
    listed = {name_of(ref.number, ref.file): ref for ref in (catalog.segments if catalog else [])}
    gone = set(catalog.removed) if catalog else set()
    for name in sorted(found):
        final = name.removesuffix(TEMPORARY_SUFFIX)
        if SUFFIX in name or name in listed:
            continue
        if name in gone:
            plan.delete.append(name)
        elif name != final and catalog is not None:
            (plan.rename if final in listed and final not in found else plan.delete).append(name)
        elif catalog is None and (match := NAME.fullmatch(name)):
            plan.segments.append(SegmentRef(number=int(match[1]), file=match[2]))
        else:
            plan.aside.append(name)
            plan.findings.append(Finding("unknown", name, "it was put aside"))
    for name, ref in listed.items():
        if name in found or name + TEMPORARY_SUFFIX in plan.rename:
            plan.segments.append(ref)
        else:
            plan.missing.append(ref)
            plan.findings.append(
                Finding(
                    "missing",
                    name,
                    "bring it back from a backup, or accept the loss with 'undercroft history keep'",
                )
            )
    plan.segments.sort(key=lambda ref: (ref.number, ref.file))
    return plan


def judge_head(head: Head | None, catalog: Catalog | None) -> list[Finding]:
    """Whether the head is that of these segments."""
    if head is None or catalog is None or not head.file:
        return []
    if any(ref.file == head.file for ref in catalog.segments) or head.number < catalog.next_number:
        return []
    return [
        Finding(
            "anchor",
            "history.json",
            f"it knows segments below {catalog.next_number}, and the head is in {head.number}",
        )
    ]


def judge_segment(
    ref: SegmentRef, read: SegmentRead, head: Head | None, *, has_anchors: bool
) -> list[Finding]:
    """Whether a segment is what was written; empty if so. `has_anchors`: both anchors were found and are whole."""
    name = name_of(ref.number, ref.file)
    if ref.is_open:
        findings = _judge_open(ref, read, head, name, has_anchors=has_anchors)
    elif read.last < ref.last:
        trouble: Trouble = "tampered" if read.faults or read.torn_bytes else "truncated"
        findings = [Finding(trouble, name, f"{ref.last} lines were expected, {read.last} found")]
    elif read.tags.get(ref.last) != ref.tag or read.last > ref.last:
        findings = [
            Finding("tampered", name, f"line {ref.last} is not the one that the catalog knows as its last")
        ]
    else:
        findings = [Finding("tampered", name, "something follows its end")] if read.torn_bytes else []
    if read.faults and not any(one.trouble == "tampered" for one in findings):
        findings.append(Finding("tampered", name, "; ".join(read.faults[:3])))
    return findings


def _judge_open(
    ref: SegmentRef, read: SegmentRead, head: Head | None, name: str, *, has_anchors: bool
) -> list[Finding]:
    if head is not None and head.file == ref.file:
        if read.last < head.sequence:
            trouble: Trouble = "tampered" if read.faults or read.torn_bytes else "truncated"
            return [
                Finding(trouble, name, f"at least {head.sequence} lines were expected, {read.last} found")
            ]
        if head.sequence and read.tags.get(head.sequence) != head.tag:
            return [Finding("tampered", name, f"line {head.sequence} is not the one that the head knows")]
    elif has_anchors and read.last:
        return [Finding("anchor", "history.head", f"it does not know {name}, which has {read.last} lines")]
    if not read.torn_bytes:
        return []
    return [
        Finding("tampered", name, "something follows its seal")
        if read.is_sealed
        else Finding("torn", name, f"{read.torn_bytes} bytes")
    ]
