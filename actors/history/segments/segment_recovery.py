"""Recovers the segments at the start: tidies up, closes what was left open, and collects the findings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from actors.history.segments.anchor_files import FoundAnchors
from actors.history.segments.recovery_plan import RecoveryPlan, next_number, plan_recovery
from actors.history.segments.segment import segment_name
from actors.history.segments.segment_catalog import SegmentCatalog, SegmentRef
from actors.history.segments.segment_findings import SegmentFinding, judge_head, missing_anchors
from actors.history.segments.segment_reader import LoadedSegment, SegmentReader
from actors.shared.durable.durable_write import TEMPORARY_SUFFIX, move, remove_file
from actors.shared.durable.quarantine import quarantine
from bus.error_words import in_words


@dataclass(frozen=True)
class RecoveredSegments:
    """The segments of a history after recovery.

    Attributes:
        catalog: lists them; none is open.
        is_changed: whether the catalog differs from the one on disk.
        to_load: segments to load, oldest first; those that were open are read already.
        findings: what is wrong with anchors and files.
    """

    catalog: SegmentCatalog
    is_changed: bool
    to_load: list[LoadedSegment | SegmentRef]
    findings: list[SegmentFinding]


def recover(directory: Path, found: FoundAnchors, reader: SegmentReader) -> RecoveredSegments:
    """Finish what was interrupted, and close the segment that was left open.

    Args:
        directory: contains the segments.
        found: the anchors that the last start left.
        reader: of the same directory.

    Raises:
        OSError: the disk refused.
    """
    names = [entry.name for entry in os.scandir(directory) if entry.is_file(follow_symlinks=False)]
    plan = plan_recovery(names, found.catalog)
    findings = [
        *found.findings,
        *missing_anchors(
            found.catalog,
            found.head,
            {finding.file for finding in found.findings},
            has_segments=bool(plan.segments),
        ),
        *plan.findings,
        *judge_head(found.head, found.catalog),
    ]
    findings += _tidy_up(directory, plan)
    return _close_open(plan, found, reader, findings)


def _tidy_up(directory: Path, plan: RecoveryPlan) -> list[SegmentFinding]:
    for name in plan.rename:
        move(directory / name, directory / name.removesuffix(TEMPORARY_SUFFIX))
    for name in plan.delete:
        remove_file(directory / name)
    findings = []
    for name in plan.quarantine:
        shown = os.fsencode(name).decode("utf-8", "replace")
        try:
            quarantine(directory / name)
            findings.append(SegmentFinding("unknown", shown, "it was quarantined"))
        except OSError as error:  # it is in nobody's way
            findings.append(SegmentFinding("unknown", shown, f"it stays there: {in_words(error)}"))
    return findings


def _close_open(
    plan: RecoveryPlan, found: FoundAnchors, reader: SegmentReader, findings: list[SegmentFinding]
) -> RecoveredSegments:
    has_anchors = found.catalog is not None and found.head is not None
    to_load: list[LoadedSegment | SegmentRef] = []
    closed: list[SegmentRef] = []
    empty: list[SegmentRef] = []
    for ref in plan.segments:
        if not ref.is_open:
            to_load.append(ref)
            closed.append(ref)
            continue
        loaded = reader.read(ref, found.head, has_anchors=has_anchors)
        if loaded.ref.is_open and not loaded.findings:
            empty.append(loaded.ref)
        else:
            to_load.append(loaded)
            closed.append(loaded.ref)
    catalog = SegmentCatalog(
        revision=found.catalog.revision if found.catalog else 0,
        next_number=next_number(found.catalog, found.head, plan.segments),
        segments=sorted([*plan.missing, *closed], key=lambda ref: (ref.number, ref.file)),
        removed=[segment_name(ref) for ref in empty],
    )
    is_changed = bool(
        found.catalog is None or plan.missing or plan.delete or closed != found.catalog.segments
    )
    return RecoveredSegments(catalog, is_changed, to_load, findings)
