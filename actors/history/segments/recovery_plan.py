"""Decides at the start what to do with the files that the last one left. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.history.segments.segment import NAME, segment_name
from actors.history.segments.segment_catalog import SegmentCatalog, SegmentHead, SegmentRef
from actors.history.segments.segment_findings import SegmentFinding
from actors.shared.durable.durable_write import TEMPORARY_SUFFIX
from actors.shared.durable.quarantine import PARTLY_READ, SUFFIX


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
        if SUFFIX in name or PARTLY_READ in name or name in listed:
            continue
        if name in removed:
            plan.delete.append(name)
        elif name != final and catalog is not None:
            (plan.rename if final in listed and final not in found else plan.delete).append(name)
        elif catalog is None and (match := NAME.fullmatch(name)):
            plan.segments.append(SegmentRef(number=int(match[1]), file=match[2]))
        else:
            plan.quarantine.append(name)
    for name, ref in listed.items():
        if name in found or name + TEMPORARY_SUFFIX in plan.rename:
            plan.segments.append(ref)
        else:
            plan.missing.append(ref)
            advice = "restore it from a backup, or accept the loss with 'undercroft history keep'"
            plan.findings.append(SegmentFinding("missing", name, advice))
    plan.segments.sort(key=lambda ref: (ref.number, ref.file))
    return plan


def next_number(
    catalog: SegmentCatalog | None, head: SegmentHead | None, segments: Iterable[SegmentRef]
) -> int:
    """Return a number that no segment ever had."""
    known = [ref.number for ref in segments] + ([head.number] if head else [0])
    return max(catalog.next_number if catalog else 1, max(known) + 1)
