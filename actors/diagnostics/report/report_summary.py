"""The page that people read first: what is wrong, then what the report is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actors.diagnostics.report_facts import PART_NAMES, ReportFacts
from actors.shared.text import utc_time
from schemas.operations.diagnostics import ReportFinding

FINDINGS_SHOWN: Final = 20
NAME: Final = "SUMMARY.md"


def summary(facts: ReportFacts, findings: list[ReportFinding]) -> str:
    """Return the page as Markdown."""
    return "\n".join([*_findings(findings), "", *_subject(facts), *_missing(facts), "", *_end()]) + "\n"


def _findings(findings: list[ReportFinding]) -> Iterator[str]:
    faults = [finding for finding in findings if finding.severity != "info"]
    notes = [finding for finding in findings if finding.severity == "info"]
    if not faults:
        yield "# Nothing wrong was found"
    else:
        yield f"# {_line(faults[0].sentence)}"
        yield ""
        yield f"What to do: {_line(faults[0].advice)}"
    if len(faults) > 1:
        yield ""
        yield "## What else was found"
        yield ""
        yield from (
            f"{number}. **{one.severity}**: {_line(one.sentence)} {_line(one.advice)}"
            for number, one in enumerate(faults[1:FINDINGS_SHOWN], 2)
        )
    if len(faults) > FINDINGS_SHOWN:
        yield f"\n{len(faults) - FINDINGS_SHOWN} more are in findings.json."
    if notes:
        yield ""
        yield from (f"- note: {_line(note.sentence)} {_line(note.advice)}" for note in notes)


def _subject(facts: ReportFacts) -> Iterator[str]:
    yield "## What this is about"
    yield ""
    yield f"- made: {_time(facts.made_at)}"
    if facts.versions:
        undercroft = facts.versions.get("undercroft", "of unknown version")
        yield f"- versions: Undercroft {undercroft}, Python {facts.versions.get('python', '?')}"
    if facts.system:
        name, release = facts.system.get("system"), facts.system.get("release")
        memory = facts.system.get("memory_bytes", {}).get("MemTotal", 0) / (1 << 30)
        yield f"- system: {name} {release}, {facts.system.get('machine')}, {memory:.1f} GiB of memory"
    if facts.overview:
        actors = facts.overview.actors
        ready = sum(status.state == "ready" for status in actors)
        restarts = sum(status.restarts for status in actors)
        since = _time(facts.overview.started_at)
        version = f"Undercroft {facts.overview.version}, " if facts.overview.version else ""
        states = f"{ready} of {len(actors)} actors ready, {restarts} restarts"
        yield f"- runtime: {version}up since {since}, {states}"
    elif facts.runtime:
        process = f", process {facts.runtime.pid}" if facts.runtime.pid else ""
        yield f"- runtime: {facts.runtime.state}{process}"
    if facts.readiness:
        snapshot = facts.readiness.snapshot
        yield f"- readiness: {snapshot.state}; {_line(snapshot.state_text)}"
        yield from (f"  - {_line(reason.text)}" for reason in snapshot.reasons)
    if facts.crashes:
        yield f"- crash records: {len(facts.crashes)}, the newest is {facts.crashes[0].name}"


def _missing(facts: ReportFacts) -> Iterator[str]:
    if not facts.missing:
        return
    yield ""
    yield "## What is missing from this report"
    yield ""
    by_reason: dict[str, list[str]] = {}
    for part, reason in sorted(facts.missing.items()):
        by_reason.setdefault(_line(reason), []).append(PART_NAMES.get(part, part))
    yield from (f"- {', '.join(parts)}: {reason}" for reason, parts in by_reason.items())


def _end() -> Iterator[str]:
    yield (
        "Private things were redacted. Equal things have equal marks, a kind and eight digits; "
        "no other report uses the same marks."
    )


def _time(at: float) -> str:
    return utc_time(at, "%Y-%m-%d %H:%M:%S UTC")


def _line(text: str) -> str:
    """Return text on one line, so that Markdown sees no block in it."""
    return " ".join(text.split())
