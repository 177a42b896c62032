"""The one page that a person reads first: what is wrong, then what this is a report of. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from actors.diagnostics.report_facts import PARTS, Facts
from schemas.operations.diagnostics import ReportFinding

FINDINGS_SHOWN: Final = 20
NAME: Final = "SUMMARY.md"


def summary(facts: Facts, findings: list[ReportFinding]) -> str:
    """The page in Markdown; leads with what is wrong."""
    return "\n".join([*_wrong(findings), "", *_runtime(facts), *_missing(facts), "", *_end()]) + "\n"


def _wrong(findings: list[ReportFinding]) -> Iterator[str]:
    told = [finding for finding in findings if finding.severity != "info"]
    if not told:
        yield "# Nothing wrong was found"
    else:
        yield f"# {_line(told[0].sentence)}"
        yield ""
        yield f"What to do: {_line(told[0].advice)}"
    if len(told) > 1:
        yield ""
        yield "## What else was found"
        yield ""
        yield from (
            f"{number}. **{one.severity}**: {_line(one.sentence)} {_line(one.advice)}"
            for number, one in enumerate(told[1:FINDINGS_SHOWN], 2)
        )
    if len(told) > FINDINGS_SHOWN:
        yield f"\n{len(told) - FINDINGS_SHOWN} more are in findings.json."
    notes = [finding for finding in findings if finding.severity == "info"]
    if notes:
        yield ""
        yield from (f"- note: {_line(note.sentence)} {_line(note.advice)}" for note in notes)


def _runtime(facts: Facts) -> Iterator[str]:
    yield "## What this is about"
    yield ""
    yield f"- made: {_time(facts.made_at)}"
    if facts.versions:
        yield f"- versions: Undercroft {facts.versions.get('undercroft', 'of unknown version')}, Python {facts.versions.get('python', '?')}"
    if facts.system:
        memory = facts.system.get("memory_bytes", {}).get("MemTotal", 0) / (1 << 30)
        yield f"- system: {facts.system.get('system')} {facts.system.get('release')}, {facts.system.get('machine')}, {memory:.1f} GiB of memory"
    if facts.overview:
        ready = sum(status.state == "ready" for status in facts.overview.actors)
        restarts = sum(status.restarts for status in facts.overview.actors)
        yield f"- runtime: up since {_time(facts.overview.started_at)}, {ready} of {len(facts.overview.actors)} actors ready, {restarts} restarts"
    elif facts.runtime:
        yield f"- runtime: {facts.runtime.state}{f', process {facts.runtime.pid}' if facts.runtime.pid else ''}"
    if facts.readiness:
        snapshot = facts.readiness.snapshot
        yield f"- readiness: {snapshot.state}; {_line(snapshot.state_text)}"
        yield from (f"  - {_line(reason.text)}" for reason in snapshot.reasons)
    if facts.crashes:
        yield f"- crash records: {len(facts.crashes)}, the newest is {facts.crashes[0].name}"


def _missing(facts: Facts) -> Iterator[str]:
    if facts.missing:
        yield ""
        yield "## What is missing from this report"
        yield ""
        by_reason: dict[str, list[str]] = {}
        for part, reason in sorted(facts.missing.items()):
            by_reason.setdefault(_line(reason), []).append(PARTS.get(part, part))
        yield from (f"- {', '.join(parts)}: {reason}" for reason, parts in by_reason.items())


def _end() -> Iterator[str]:
    yield "What is private was taken out. Equal things left equal marks, a kind and eight digits; no other report has the same."


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def _line(text: str) -> str:
    """Text on one line, without what Markdown would read as markup of a block."""
    return " ".join(text.split())
