"""The lines of an audit log: each carries the digest of the one before, so that a changed, missing or added one shows."""

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
"""Signs of each text; what is longer is cut, so that a line stays within its limit however it is escaped."""
AuditTrouble = Literal[
    "torn_tail", "changed", "missing", "truncated", "head_missing", "head_changed", "unreadable"
]
"""`torn_tail`: the last line was cut off by a crash; no tamper. `changed`: a line is not what was written. `missing`: lines
or whole files are gone. `truncated`: the log ends before the head says it does. `head_missing`,
`head_changed`: the head, kept elsewhere, is gone or does not fit. `unreadable`: a file cannot be read."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did; never what the value was.

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
    """An entry in its place. `number` counts from 1; `previous` is the digest of the line before."""

    number: int
    previous: str


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chain stands: behind so many records, the last of which has this digest."""

    number: int = 0
    digest: str = START


@dataclass(frozen=True)
class AuditFinding:
    """One thing that is wrong with a log.

    Attributes:
        trouble: which kind.
        file: name of the file it was found in.
        number: of the record it was found at; 0 if there is none.
        detail: what was found and what was expected.
    """

    trouble: AuditTrouble
    file: str
    number: int
    detail: str

    @property
    def is_tamper(self) -> bool:
        """Whether somebody, or a failing disk, changed the log after it was written. A crash alone does not."""
        return self.trouble != "torn_tail"


def extend(link: ChainLink, entries: Iterable[AuditEntry]) -> tuple[bytes, ChainLink]:
    """The lines of some entries behind a link, and the link behind them."""
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
    """Follow the lines of one file from a link: the link behind the last good line, its end in bytes, and what is wrong.

    After a line that does not fit it goes on from the next that can be read, so one change is one finding. In
    the last file, a last line without its end is what a crash leaves.
    """
    findings: list[AuditFinding] = []
    end = 0
    for line in content.splitlines(keepends=True):
        record = _record(line)
        if record is None:
            is_end = end + len(line) == len(content)
            torn = is_last and (not line.endswith(b"\n") or not line.strip(b"\0\n")) and is_end
            findings.append(
                AuditFinding(
                    "torn_tail" if torn else "changed",
                    file,
                    link.number + 1,
                    "expected a record on a line of its own",
                )
            )
            if torn:
                return link, end, findings
        else:
            if record.number > link.number + 1:
                findings.append(
                    AuditFinding(
                        "missing",
                        file,
                        link.number + 1,
                        f"records {link.number + 1} to {record.number - 1} are gone",
                    )
                )
            elif record.previous != link.digest or record.number != link.number + 1:
                findings.append(
                    AuditFinding(
                        "changed", file, record.number, "it does not carry the digest of the record before it"
                    )
                )
            link = ChainLink(number=record.number, digest=hashlib.sha256(line[:-1]).hexdigest())
        end += len(line)
    return link, end, findings


def compare(link: ChainLink, seen: Sequence[ChainLink], head: ChainLink, file: str) -> list[AuditFinding]:
    """Whether a chain that ends at a link, with digests that were seen, reaches the head that was kept elsewhere."""
    if link.number < head.number:
        return [
            AuditFinding(
                "truncated",
                file,
                link.number,
                f"the log ends with record {link.number}, expected at least {head.number}",
            )
        ]
    if any(one.number == head.number and one.digest != head.digest for one in seen):
        return [
            AuditFinding("head_changed", file, head.number, "the record that the head names is another one")
        ]
    return []


def digest_at(content: bytes, number: int) -> ChainLink | None:
    """The link behind a record of this number, if it is among the lines."""
    mark = b'"number":%d,' % number
    for line in content.splitlines():
        if mark in line:
            record = _record(line + b"\n")
            if record is not None and record.number == number:
                return ChainLink(number=number, digest=hashlib.sha256(line).hexdigest())
    return None


def _record(line: bytes) -> AuditRecord | None:
    if not line.endswith(b"\n") or len(line) > LINE_LIMIT_BYTES:
        return None
    try:
        record = msgspec.json.decode(line, type=AuditRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if msgspec.json.encode(record) + b"\n" == line else None
