"""Verifies a whole audit log, also while its owner appends to it. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actors.shared.audit.audit_chain import (
    AuditFinding,
    ChainLink,
    compare,
    digest_at,
    follow,
    link_before,
)
from actors.shared.audit.audit_files import SEGMENT_READ_LIMIT_BYTES, name_of, read_head, segments_of
from actors.shared.durable.bounded_read import FileUnreadable, read_file


@dataclass(frozen=True)
class AuditCheck:
    """What a look at all files of a log found.

    Attributes:
        findings: what is wrong, oldest first; empty if nothing is.
        last: the link behind the last good record.
        first: the link before the first record.
        end: of the newest file, in bytes, without a torn line; None if nothing can be appended to that file.
    """

    findings: list[AuditFinding]
    last: ChainLink
    first: ChainLink
    end: int | None


def verify(directory: Path, head: Path, secret: bytes = b"") -> list[AuditFinding]:
    """Everything that is wrong with a log, oldest first; empty if nothing is."""
    return check_log(directory, head, secret).findings


def check_log(directory: Path, head_path: Path, secret: bytes) -> AuditCheck:
    """Follow the chain through all files of a log, and compare its end with the head."""
    head, findings = read_head(head_path, secret)  # before the log, which may grow while it is read
    segments = segments_of(directory)
    link = first = head.first if head else ChainLink()
    end: int | None = None
    seen: list[ChainLink] = []
    for at, number in enumerate(segments):
        name = name_of(number)
        if at and number != segments[at - 1] + 1:
            detail = f"expected {name_of(segments[at - 1] + 1)} before it"
            findings.append(AuditFinding("missing", name, link.number + 1, detail))
        try:
            content = read_file(directory / name, SEGMENT_READ_LIMIT_BYTES) or b""
        except FileUnreadable as error:
            findings.append(AuditFinding("unreadable", name, 0, str(error)))
            end = None
            continue
        if head is None and content and not findings:
            detail = "expected a head: every log has one from its first record on"
            findings.append(AuditFinding("head_missing", head_path.name, 0, detail))
        if at == 0 and (before := link_before(content.partition(b"\n")[0])).number < first.number:
            link = first = before  # rotation was interrupted before it removed these files
        link, looked_at, found = follow(link, content, name, is_last=number == segments[-1])
        findings += found
        is_torn = any(finding.trouble == "torn_tail" for finding in found)
        is_whole = looked_at == len(content) and content.endswith(b"\n")
        end = looked_at if is_torn or is_whole or not content else None
        if head and (at_head := digest_at(content, head.last.number)):
            seen.append(at_head)
    if head:
        findings += compare(link, seen, head.last, name_of(segments[-1]) if segments else "")
        if link.number < head.last.number:
            link = head.last  # numbers are never used twice, so the next record shows the gap
    return AuditCheck(findings, link, first, end)
