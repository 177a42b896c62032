"""Links the lines of an audit log: each carries the digest of the one before, so tampering shows. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from schemas.bounds import LAST_UNIX_SECOND, Count, UnixSeconds, whole

START: Final = hashlib.sha256(b"undercroft audit log").hexdigest()
"""What the first record of all carries in place of a digest."""

LINE_LIMIT_BYTES: Final = 16 * 1024
TEXT_LIMIT: Final = 512
"""Characters of each text. Longer ones are cut, so that even an escaped line stays within its limit."""

NUMBER_LIMIT: Final = 10**12
"""A record or head with a higher number is none of ours. Numbers may grow from there, and stay readable."""

BEGINNING: Final = b'{"at":'
"""How each line begins."""

FINDINGS_LIMIT: Final = 1000
"""After so many bad lines a file is no log, and the rest of it is not looked at."""

Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]
Digest = Annotated[str, msgspec.Meta(max_length=64, pattern=whole("[0-9a-f]{64}"))]
"""SHA-256, in hexadecimal."""

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

    at: UnixSeconds
    who: Text
    did: Text
    key: Text = ""
    outcome: Text = "ok"


class AuditRecord(AuditEntry, frozen=True, kw_only=True):
    """An entry in its place.

    Attributes:
        number: counts from 1.
        previous: digest of the line before.
    """

    number: Count
    previous: Digest


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the chain: behind the record of this number, whose line has this digest."""

    number: Count = 0
    digest: Digest = START


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

    def __str__(self) -> str:
        place = f"{self.file}, record {self.number}" if self.number else self.file
        return f"{place}: {self.trouble.replace('_', ' ')}: {self.detail}"

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
            at=min(max(0.0, entry.at), float(LAST_UNIX_SECOND)),
            who=_fitted(entry.who),
            did=_fitted(entry.did),
            key=_fitted(entry.key),
            outcome=_fitted(entry.outcome),
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
    the last file, the beginning of a record without its end is what a crash leaves.

    Returns:
        The link behind the last good line, the end in bytes of what was looked at without the torn line, and
        what is wrong.
    """
    findings: list[AuditFinding] = []
    end = 0
    while end < len(content):
        if len(findings) >= FINDINGS_LIMIT:
            detail = f"{FINDINGS_LIMIT} lines are no records, so the rest was not looked at"
            findings.append(AuditFinding("changed", file, link.number + 1, detail))
            break
        line = content[end : content.find(b"\n", end) + 1 or len(content)]
        record = _record(line)
        if record is None:
            is_end = end + len(line) == len(content)
            is_torn = is_last and is_end and _may_be_torn(line)
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
    at = -1
    while (at := content.find(mark, at + 1)) >= 0:
        begin = content.rfind(b"\n", max(0, at - LINE_LIMIT_BYTES), at) + 1
        end = content.find(b"\n", at, at + LINE_LIMIT_BYTES)
        if end < 0 or end - begin > LINE_LIMIT_BYTES:
            continue
        line = content[begin:end]
        record = _record(line + b"\n")
        if record is not None and record.number == number:
            return ChainLink(number=number, digest=hashlib.sha256(line).hexdigest())
    return None


def link_before(line: bytes) -> ChainLink:
    """The link that a line says it follows; the start of all chains if it is no record."""
    record = _record(line + b"\n")
    if record is None or record.number < 1:
        return ChainLink()
    return ChainLink(number=record.number - 1, digest=record.previous)


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


def _may_be_torn(line: bytes) -> bool:
    """Whether a crash may have left this as a last line: a part of a record, or zeros."""
    text = line.strip(b"\0\n")
    is_part = len(line) <= LINE_LIMIT_BYTES and text.startswith(BEGINNING[: len(text)])
    return not text or (is_part and not line.endswith(b"\n"))


def _record(line: bytes) -> AuditRecord | None:
    if not line.endswith(b"\n") or len(line) > LINE_LIMIT_BYTES:
        return None
    try:
        record = msgspec.json.decode(line, type=AuditRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_ours = record.number <= NUMBER_LIMIT and msgspec.json.encode(record) + b"\n" == line
    return record if is_ours else None


def _fitted(text: str) -> str:
    """As much of a text as a record may hold, and nothing that UTF-8 cannot express."""
    cut = text[:TEXT_LIMIT]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()
