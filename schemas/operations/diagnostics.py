"""Diagnostics: one report of everything that helps to find a fault, without private data."""

from __future__ import annotations

from typing import Annotated

import msgspec

from schemas.bounds import (
    Body,
    Count,
    Identifier,
    Many,
    Named,
    PlaceText,
    Seconds,
    Sentence,
    UnixSeconds,
    Word,
)
from schemas.event import Event, Request
from schemas.operations.alerts import Severity


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a report.

    Attributes:
        content: UTF-8 text.
        size_bytes: of the content.
        sha256: of the content, in hex.
        redactions: how often each kind of private data was taken out, such as `home`, `secret` or `host`.
    """

    name: Word
    content: Body
    size_bytes: Count
    sha256: Identifier
    redactions: Named[Count] = {}


class ReportFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        name: what kind of thing, such as `disk_full`.
        subject: which one of its kind, such as an actor or a model; empty: there is only one.
        sentence: what was found.
        advice: what to do.
    """

    name: Word
    severity: Severity
    sentence: Sentence
    advice: Sentence
    subject: Word = ""


class MissingPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that the report lacks, and why."""

    part: PlaceText
    reason: Sentence


class DiagnosticsGeneratedEvent(Event, frozen=True, kw_only=True, tag="diagnostics.generated"):
    """The report. Nothing was written to disk.

    Attributes:
        made_at: seconds since the Unix epoch.
        files: `SUMMARY.md` first. A zip of them also holds a manifest, which the reader makes.
        findings: what is wrong, the cause first.
        summary: one page in Markdown, the content of `SUMMARY.md`.
        redactions: how often each kind of private data was taken out, over all files.
        seconds: how long it took.
    """

    made_at: UnixSeconds
    files: Many[ReportFile]
    findings: Many[ReportFinding]
    missing: Many[MissingPart]
    summary: Body
    redactions: Named[Count]
    seconds: Seconds


class DiagnosticsGenerateRequestEvent(
    Request[DiagnosticsGeneratedEvent], frozen=True, kw_only=True, tag="diagnostics.generate"
):
    """Ask for a report. It comes within two seconds, even if other actors do not answer.

    Attributes:
        log_records: how many of the newest log records it holds.
    """

    log_records: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 500
