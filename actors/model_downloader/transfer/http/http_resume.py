"""Decides how a file is fetched further: what to ask for, and what an answer means. Pure: no socket, no disk.

The rules of HTTP are those of RFC 9110: validators (8.8), If-Range (13.1.5), ranges (14), 206 and 416
(15.3.7, 15.5.17).
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.model_downloader.transfer.http.fetch_failure import FailureKind
from actors.shared.http.answers.field_values import (
    ContentRange,
    field_problem,
    length_problem,
    read_content_range,
    read_date,
    read_etag,
    read_media_type,
    read_number,
    read_retry_after,
)
from actors.shared.http.answers.stranger_text import quoted

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True)
class ResumeState:
    """How far a file is.

    Attributes:
        path: its name, for sentences.
        size_bytes: length that the manifest promises.
        have_bytes: how much of it is on disk.
        validator: strong validator of the representation that these bytes came from; None if there is none.
    """

    path: str
    size_bytes: int
    have_bytes: int = 0
    validator: str | None = None


@dataclass(frozen=True)
class RangeRequest:
    """A request for the bytes [start, stop) of a file; without a stop for all from `start` on.

    It asks for the whole file if it starts at 0, has no stop and no validator.

    Attributes:
        if_range: validator of the representation that is wanted; None for a plain range.
    """

    start: int
    if_range: str | None = None
    stop: int | None = None

    @property
    def is_range(self) -> bool:
        """Whether it asks for less than the whole, or for one representation only."""
        return bool(self.start or self.if_range) or self.stop is not None

    def headers(self) -> dict[str, str]:
        """Header fields of the request. `identity`, since offsets count bytes of the uncompressed file."""
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
class AppendBody:
    """The body continues what is there."""


@dataclass(frozen=True)
class StartOver:
    """The body is the whole file: discard what is there and write from byte 0."""


@dataclass(frozen=True)
class AskAgain:
    """Leave the body unread and send another request at once.

    Unless that asks for a range, discard what is there.
    """

    request: RangeRequest
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


ResumeStep = AppendBody | StartOver | AskAgain | Fail


def part_request(state: ResumeState, start: int, stop: int) -> RangeRequest:
    """The request for the range [start, stop) of a file.

    It asks for the whole file if there are bytes without a strong validator, since nothing can continue them.
    """
    end = None if stop >= state.size_bytes else stop
    if not state.have_bytes:
        return RangeRequest(start, None, end)
    if state.have_bytes < state.size_bytes and state.validator:
        return RangeRequest(start, state.validator, end)
    return RangeRequest(0)


def next_step(state: ResumeState, request: RangeRequest, head: ResponseHead) -> ResumeStep:
    """What to do with the answer to a request.

    Asks again at most twice for one part. Each further request wants less of the server than the one before:
    If-Range, then a plain range, then the whole. The answer to a request for the whole leads to no other.
    """
    if problem := length_problem(head.fields):
        return Fail("server", f"{state.path}: {problem}")
    if head.status == 206:
        return _partial_content(state, request, head)
    if head.status == 200:
        return _whole(state, request, head)
    if head.status == 416 and request.is_range:
        return AskAgain(RangeRequest(0), "the server has no bytes in this range")
    return _failure(state, head)


def strong_validator(fields: dict[str, str]) -> str | None:
    """The value for If-Range, or None.

    A weak ETag is no such value (8.8.3, 13.1.5), and where there is an ETag the date must not be used. A date
    is strong if the answer was made at least a second after it (8.8.2.2).
    """
    if tag := fields.get("etag", ""):
        return tag if read_etag(tag).startswith('"') else None
    last_modified = fields.get("last-modified", "")
    modified, made = read_date(last_modified), read_date(fields.get("date", ""))
    if modified is None or made is None:
        return None
    return last_modified if made - modified >= 1 else None


def _partial_content(state: ResumeState, request: RangeRequest, head: ResponseHead) -> ResumeStep:
    """A 206: appended only if it brings exactly what was asked for, of the representation that is there.

    A 206 with all bytes, sent although nobody asked for a range, counts as a 200.
    """
    if encoded := _encoding(state, head):
        return encoded
    last = (state.size_bytes if request.stop is None else request.stop) - 1
    shown = head.fields.get("content-range", "none")
    if read_content_range(shown) != ContentRange(request.start, last, state.size_bytes):
        expected = f"bytes {request.start}-{last}/{state.size_bytes}"
        reason = field_problem("Content-Range", shown, repr(expected))
        if request.is_range:
            return AskAgain(RangeRequest(0), reason)
        return Fail("server", f"{state.path}: {reason}")
    if not request.is_range:
        return _whole(state, request, head)
    if state.have_bytes and _is_another(state, request, head):
        return AskAgain(RangeRequest(0), "the file at the server is another one")
    return AppendBody()


def _is_another(state: ResumeState, request: RangeRequest, head: ResponseHead) -> bool:
    """Whether a 206 is of another representation.

    One that answers an If-Range may omit its validator (15.3.7).
    """
    found = strong_validator(head.fields)
    may_omit_it = request.if_range and found is None and not head.fields.get("etag")
    return found != state.validator and not may_omit_it


def _whole(state: ResumeState, request: RangeRequest, head: ResponseHead) -> ResumeStep:
    """A 200: the server has no ranges, has another file, or ignores If-Range as some networks do."""
    if encoded := _encoding(state, head):
        return encoded
    if _is_html(head) and not state.path.lower().endswith((".html", ".htm")):
        advice = "sign in to the network, or check the proxy, and try again"
        return Fail("server", f"{state.path}: the answer is a web page, not the file; {advice}")
    length = read_number(head.fields.get("content-length", ""))
    if length is not None and length != state.size_bytes:
        lengths = f"the server's file has {length} bytes, expected {state.size_bytes}"
        return Fail("refused", f"{state.path}: {lengths}; the manifest is out of date")
    validator = request.if_range
    if validator and validator.startswith('"') and strong_validator(head.fields) == validator:
        plain = RangeRequest(request.start, None, request.stop)
        return AskAgain(plain, "200 to If-Range although the ETag is the same")
    return StartOver()


def _failure(state: ResumeState, head: ResponseHead) -> Fail:
    problem = f"{state.path}: the server answered {head.status}"
    if head.status in _LATER:
        return Fail("server", f"{problem}, try again later", _retry_after(head.fields))
    if head.status in (401, 403) and head.redirected:
        return Fail("server", f"{problem}; the signed address may have expired")
    advice = "it is not there any more" if head.status in (404, 410) else "it does not give the file out"
    return Fail("refused", f"{problem}: {advice}")


def _retry_after(fields: dict[str, str]) -> str | None:
    """How long the server asks to wait. A date counts by the server's clock, since ours may be wrong."""
    value, made = fields.get("retry-after"), read_date(fields.get("date", ""))
    if value is None or made is None:
        return value
    seconds = read_retry_after(value, made)
    return value if seconds is None else str(round(seconds))


def _encoding(state: ResumeState, head: ResponseHead) -> Fail | None:
    encoding = head.fields.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return None
    problem = f"the server sends it as {quoted(encoding)!r} although only 'identity' was accepted"
    return Fail("refused", f"{state.path}: {problem}")


def _is_html(head: ResponseHead) -> bool:
    return read_media_type(head.fields.get("content-type", "")) in _HTML
