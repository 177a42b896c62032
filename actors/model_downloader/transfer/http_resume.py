"""Decides how a partial file goes on: what to ask for, and what an answer means. Pure: knows no socket and no disk.

Rules of HTTP are those of RFC 9110: validators (8.8), If-Range (13.1.5), ranges (14), 206 and 416 (15.3.7,
15.5.17).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

FailureKind = Literal["network", "server", "mismatch", "refused", "disk"]
"""`network`: timeouts, resets, transfers cut short. `server`: it said try again later, or something unusable.
`mismatch`: the bytes are not those that were promised. `refused`: asking the same URL again is pointless.
`disk`: the bytes could not be kept."""

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE)
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True)
class ResumeState:
    """What is there of a file.

    Attributes:
        path: its name, for sentences.
        size_bytes: length that the manifest promises.
        have_bytes: how much of it is on disk.
        validator: strong validator of the representation these bytes came from; None if there is none.
    """

    path: str
    size_bytes: int
    have_bytes: int = 0
    validator: str | None = None


@dataclass(frozen=True)
class RangeRequest:
    """A request for a file from byte `start` on, up to but not including `stop` if there is one.

    Without either it asks for the whole; a range without a validator in `if_range` is a plain one.
    """

    start: int
    if_range: str | None = None
    stop: int | None = None

    @property
    def is_range(self) -> bool:
        """Whether it asks for less than the whole, or only for what a validator names."""
        return bool(self.start or self.if_range) or self.stop is not None

    def headers(self) -> dict[str, str]:
        """Header fields of the request. `identity`, since offsets count bytes of the file, not of a compressed form."""
        fields = {"Accept-Encoding": "identity"}
        if self.is_range:
            fields["Range"] = f"bytes={self.start}-{'' if self.stop is None else self.stop - 1}"
        if self.if_range:
            fields["If-Range"] = self.if_range
        return fields


@dataclass(frozen=True)
class ResponseHead:
    """Status and header fields of an answer; names are in lower case.

    Attributes:
        redirected: it came from another URL than the one in the manifest, such as one that was signed for an
            hour.
    """

    status: int
    fields: dict[str, str]
    redirected: bool = False


@dataclass(frozen=True)
class Append:
    """The body continues the partial at its end."""


@dataclass(frozen=True)
class StartOver:
    """The body is the whole file: discard what is there and write from byte 0."""


@dataclass(frozen=True)
class AskAgain:
    """Leave the body unread and ask once more at once. Unless it is for a range, what is there is to be discarded."""

    ask: RangeRequest
    reason: str


@dataclass(frozen=True)
class Fail:
    """The answer brings no bytes.

    Attributes:
        problem: a sentence for a person.
        retry_after: value of the header of that name, if the server sent one.
    """

    kind: FailureKind
    problem: str
    retry_after: str | None = None


ResumeStep = Append | StartOver | AskAgain | Fail


def first_ask(partial: ResumeState) -> RangeRequest | None:
    """What to ask for; None if all bytes are there. Bytes without a strong validator are never built upon."""
    if partial.have_bytes == partial.size_bytes:
        return None
    return part_ask(partial, partial.have_bytes, partial.size_bytes)


def part_ask(partial: ResumeState, start: int, stop: int) -> RangeRequest:
    """What to ask for one part of a file; the whole of it if there are bytes that cannot be built upon."""
    end = None if stop >= partial.size_bytes else stop
    if not partial.have_bytes:
        return RangeRequest(start, None, end)
    if partial.have_bytes < partial.size_bytes and partial.validator:
        return RangeRequest(start, partial.validator, end)
    return RangeRequest(0)


def next_step(partial: ResumeState, ask: RangeRequest, head: ResponseHead) -> ResumeStep:
    """What the answer to `ask` means for the partial.

    Asks again at most twice for one partial: each further request wants less of the server than the one before
    (If-Range, then a plain range, then the whole), and the answer to a request for the whole never leads to
    another one.
    """
    if head.status == 206:
        return _part(partial, ask, head)
    if head.status == 200:
        return _whole(partial, ask, head)
    if head.status == 416 and ask.is_range:
        return AskAgain(RangeRequest(0), "the server has no bytes at the end of the partial")
    return _failure(partial, head)


def strong_validator(fields: dict[str, str]) -> str | None:
    """The value for If-Range, or None.

    A weak ETag is none (8.8.3, 13.1.5), and where there is an ETag the date must not be used. A date is
    strong if the answer was made at least a second after it (8.8.2.2).
    """
    etag = fields.get("etag", "").strip()
    if etag:
        return etag if _STRONG_ETAG.fullmatch(etag) else None
    try:
        modified = parsedate_to_datetime(fields["last-modified"])
        made = parsedate_to_datetime(fields["date"])
        return fields["last-modified"] if (made - modified).total_seconds() >= 1 else None
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _part(partial: ResumeState, ask: RangeRequest, head: ResponseHead) -> ResumeStep:
    """A 206: appended only if it brings exactly what was asked for, of the representation that is there.

    A 206 with all bytes, sent although nobody asked for a range, is as good as a 200.
    """
    if encoded := _encoding(partial, head):
        return encoded
    found = _CONTENT_RANGE.fullmatch(head.fields.get("content-range", "").strip())
    expected = (ask.start, (partial.size_bytes if ask.stop is None else ask.stop) - 1, partial.size_bytes)
    if found is None or tuple(int(part) for part in found.groups()) != expected:
        shown = head.fields.get("content-range", "none")
        reason = f"Content-Range is {shown!r}, expected 'bytes {expected[0]}-{expected[1]}/{expected[2]}'"
        return (
            AskAgain(RangeRequest(0), reason) if ask.is_range else Fail("server", f"{partial.path}: {reason}")
        )
    if not ask.is_range:
        return _whole(partial, ask, head)
    if partial.have_bytes and _is_another(partial, ask, head):
        return AskAgain(RangeRequest(0), "the file at the server is another one")
    return Append()


def _is_another(partial: ResumeState, ask: RangeRequest, head: ResponseHead) -> bool:
    """Whether a 206 is of another representation; one that answers an If-Range may leave its validator out (15.3.7)."""
    found = strong_validator(head.fields)
    return found != partial.validator and not (ask.if_range and found is None and not head.fields.get("etag"))


def _whole(partial: ResumeState, ask: RangeRequest, head: ResponseHead) -> ResumeStep:
    """A 200: the server does not do ranges, or its file is another one, or it ignores If-Range as some networks do."""
    if encoded := _encoding(partial, head):
        return encoded
    if _is_html(head) and not partial.path.lower().endswith((".html", ".htm")):
        return Fail(
            "server",
            f"{partial.path}: the answer is a web page, not the file; sign in to the network, or check the proxy, and try again",
        )
    length = head.fields.get("content-length", "")
    if length.isdecimal() and int(length) != partial.size_bytes:
        return Fail(
            "refused",
            f"{partial.path}: the server's file has {length} bytes, expected {partial.size_bytes}; the manifest is out of date",
        )
    if ask.if_range and ask.if_range.startswith('"') and strong_validator(head.fields) == ask.if_range:
        return AskAgain(
            RangeRequest(ask.start, None, ask.stop), "200 to If-Range although the ETag is the same"
        )
    return StartOver()


def _failure(partial: ResumeState, head: ResponseHead) -> Fail:
    problem = f"{partial.path}: the server answered {head.status}"
    if head.status in _LATER:
        return Fail("server", f"{problem}, try again later", _retry_after(head.fields))
    if head.status in (401, 403) and head.redirected:
        return Fail("server", f"{problem}; the signed address may have expired")
    advice = "it is not there any more" if head.status in (404, 410) else "it does not give the file out"
    return Fail("refused", f"{problem}: {advice}")


def _retry_after(fields: dict[str, str]) -> str | None:
    """How long the server asks to wait. A date is taken against its own clock, so that ours may be wrong, or be set back."""
    value = fields.get("retry-after")
    try:
        until, made = parsedate_to_datetime(value or ""), parsedate_to_datetime(fields["date"])
        return str(max(0, round((until - made).total_seconds())))
    except (KeyError, ValueError, TypeError, OverflowError):
        return value


def _encoding(partial: ResumeState, head: ResponseHead) -> Fail | None:
    encoding = head.fields.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return None
    return Fail(
        "refused",
        f"{partial.path}: the server sends it as {encoding!r} although only 'identity' was accepted",
    )


def _is_html(head: ResponseHead) -> bool:
    return head.fields.get("content-type", "").split(";")[0].strip().lower() in _HTML
