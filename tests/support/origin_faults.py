"""The ways in which an origin can be told to misbehave, as origins and networks do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Faults:
    """How a path misbehaves; the default is not at all.

    Attributes:
        times: for how many GET requests; None for all.
        no_ranges: `Range` is ignored, and 200 with the whole is sent.
        full_on_if_range: 200 to a request with `If-Range` even though its validator matches, as some CDNs do.
        weak_etag: the validator is sent as `W/"..."`.
        no_validator: neither `ETag` nor `Last-Modified`.
        last_modified: seconds since the Unix epoch; sent besides the ETag.
        cut_after_bytes: the connection is reset after this many bytes of the body.
        stall_after_bytes: nothing more is sent after this many bytes, with the connection open.
        shift_content_range: `Content-Range` starts this many bytes later than it should.
        shift_content_range_end: it ends this many bytes later.
        shift_content_range_total: it tells of a file that is this many bytes longer.
        surplus_bytes: so many more bytes than promised, with a Content-Length that says so.
        lie_bytes: `Content-Length` says so many bytes more (or less) than are sent.
        chunked: the body comes in chunks, without a Content-Length; one that is cut lacks its last chunk.
        drip_after_bytes: from there on one byte comes at a time, ten a second.
        header_count: so many further header fields.
        challenge: value of a `WWW-Authenticate` header, with `status`.
        status: answer with this status and an empty body, such as 416, 429 or 503.
        retry_after: value of a `Retry-After` header, seconds or a date, with `status`.
        refuses_head: HEAD is answered with 405.
        portal: 200 with a page of HTML, as the login page of a public network does.
        content_encoding: value of a `Content-Encoding` header.
        redirect: 302 to this URL.
    """

    times: int | None = None
    no_ranges: bool = False
    full_on_if_range: bool = False
    weak_etag: bool = False
    no_validator: bool = False
    last_modified: float | None = None
    cut_after_bytes: int | None = None
    stall_after_bytes: int | None = None
    shift_content_range: int = 0
    shift_content_range_end: int = 0
    shift_content_range_total: int = 0
    surplus_bytes: int = 0
    lie_bytes: int = 0
    chunked: bool = False
    drip_after_bytes: int | None = None
    header_count: int = 0
    challenge: str | None = None
    status: int | None = None
    retry_after: str | None = None
    refuses_head: bool = False
    portal: bool = False
    content_encoding: str | None = None
    redirect: str | None = None


SOUND = Faults()
