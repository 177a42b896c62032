"""Links the lines of an audit log: each carries the digest of the one before, so tampering shows. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

START: Final = hashlib.sha256(b"undercroft audit log").hexdigest()
"""What the first record of all carries in place of a digest."""

LINE_LIMIT_BYTES: Final = 16 * 1024
TEXT_LIMIT: Final = 512
"""Characters of each text. Longer ones are cut, so that even an escaped line stays within its limit."""

AuditTrouble = Literal[
    "torn_tail", "changed", "missing", "truncated", "head_missing", "head_changed", "unreadable"
]
"""`torn_tail`: a crash cut off the last line; no tampering. `changed`: a line is not what was written.
`missing`: lines or whole files are gone. `truncated`: the log ends before the record that the head names.
`head_missing`, `head_changed`: the head, kept elsewhere, is gone or does not fit. `unreadable`: a file cannot
be read."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer did; never what the value was.

    Attributes:
        at: seconds since the Unix epoch.
        who: name of the peer that asked.
        did: such as `read`, `write`, `delete`, `list`.
        key: of the document; empty for none.
        outcome: `ok`, or why not.
    """

    at: float
    who: str
    did: str
    key: str = ""
    outcome: str = "ok"


class AuditRecord(AuditEntry, frozen=True, kw_only=True):
    """An entry in its place.

    Attributes:
        number: counts from 1.
        previous: digest of the line before.
    """

    number: int
    previous: str


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the chain: behind the record of this number, whose line has this digest."""

    number: int = 0
    digest: str = START


@dataclass(frozen=True)
class AuditFinding:
    """One thing that is wrong with a log.

    Attributes:
        trouble: which kind.
        file: name of the file in which it was found.
        number: of the record at which it was found; 0 if there is none.
        detail: what was found and what was expected.
    """

    trouble: AuditTrouble
    file: str
    number: int
    detail: str

    @property
    def is_tamper(self) -> bool:
        """Whether a person or a failing disk changed the log after it was written. A crash alone does not."""
        return self.trouble != "torn_tail"


def extend(link: ChainLink, entries: Iterable[AuditEntry]) -> tuple[bytes, ChainLink]:
    """The lines that some entries make behind a link, and the link behind them."""
    lines, number, digest = [], link.number, link.digest
    for entry in entries:
        number += 1
        record = AuditRecord(
            at=entry.at,
            who=entry.who[:TEXT_LIMIT],
            did=entry.did[:TEXT_LIMIT],
            key=entry.key[:TEXT_LIMIT],
            outcome=entry.outcome[:TEXT_LIMIT],
            number=number,
            previous=digest,
        )
        line = msgspec.json.encode(record)
        digest = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    return b"".join(lines), ChainLink(number=number, digest=digest)


def follow(
    link: ChainLink, content: bytes, file: str, *, is_last: bool
) -> tuple[ChainLink, int, list[AuditFinding]]:
    """Check the lines of one file, beginning at a link.

    Behind a line that does not fit it goes on with the next readable one, so one change is one finding. In
    the last file, a last line without its end is what a crash leaves.

    Returns:
        The link behind the last good line, the end of that line in bytes, and what is wrong.
    """
    findings: list[AuditFinding] = []
    end = 0
    for line in content.splitlines(keepends=True):
        record = _record(line)
        if record is None:
            is_end = end + len(line) == len(content)
            is_torn = is_last and is_end and (not line.endswith(b"\n") or not line.strip(b"\0\n"))
            trouble: AuditTrouble = "torn_tail" if is_torn else "changed"
            findings.append(
                AuditFinding(trouble, file, link.number + 1, "expected a record on a line of its own")
            )
            if is_torn:
                return link, end, findings
        else:
            if misfit := _misfit(link, record, file):
                findings.append(misfit)
            link = ChainLink(number=record.number, digest=hashlib.sha256(line[:-1]).hexdigest())
        end += len(line)
    return link, end, findings


def compare(link: ChainLink, seen: Sequence[ChainLink], head: ChainLink, file: str) -> list[AuditFinding]:
    """Whether a chain reaches the record that the head names, and finds it there.

    Args:
        link: where the chain ends.
        seen: links at the number of the head that were found in the files.
        head: the last durable record, as noted outside the log.
        file: named in findings.
    """
    if link.number < head.number:
        detail = f"the log ends with record {link.number}, expected at least {head.number}"
        return [AuditFinding("truncated", file, link.number, detail)]
    if any(one.number == head.number and one.digest != head.digest for one in seen):
        detail = "the record that the head names is another one"
        return [AuditFinding("head_changed", file, head.number, detail)]
    return []


def digest_at(content: bytes, number: int) -> ChainLink | None:
    """The link behind the record of this number, if it is among the lines."""
    mark = b'"number":%d,' % number
    for line in content.splitlines():
        if mark in line:
            record = _record(line + b"\n")
            if record is not None and record.number == number:
                return ChainLink(number=number, digest=hashlib.sha256(line).hexdigest())
    return None


def link_before(line: bytes) -> ChainLink:
    """The link that a line says it follows; the start of all chains if it is no record."""
    try:
        found = msgspec.json.decode(line)
        return ChainLink(number=int(found["number"]) - 1, digest=str(found["previous"]))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return ChainLink()


def _misfit(link: ChainLink, record: AuditRecord, file: str) -> AuditFinding | None:
    """Why a record cannot stand behind a link; None if it can."""
    expected = link.number + 1
    if record.number > expected:
        detail = f"records {expected} to {record.number - 1} are gone"
        return AuditFinding("missing", file, expected, detail)
    if record.previous != link.digest or record.number != expected:
        detail = "it does not carry the digest of the record before it"
        return AuditFinding("changed", file, record.number, detail)
    return None


def _record(line: bytes) -> AuditRecord | None:
    if not line.endswith(b"\n") or len(line) > LINE_LIMIT_BYTES:
        return None
    try:
        record = msgspec.json.decode(line, type=AuditRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if msgspec.json.encode(record) + b"\n" == line else None
