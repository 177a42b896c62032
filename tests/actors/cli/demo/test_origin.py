"""The embedded origin: it does HTTP ranges as RFC 9110 says, unless told to misbehave, and counts what it sent."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from actors.cli.demo.content import BytesContent, SyntheticContent
from actors.cli.demo.origin import Faults, Origin

BODY = bytes(range(256)) * 400
ETAG = f'"{BytesContent(BODY).etag}"'


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as found:
        found.serve("/m", BytesContent(BODY))
        yield found


def get(origin: Origin, path: str = "/m", method: str = "GET", **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, headers={"Accept-Encoding": "identity"}) as client:
        return client.request(
            method,
            origin.url + path,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )


def test_whole_file_comes_with_a_strong_validator(origin: Origin) -> None:
    answer = get(origin)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, BODY, ETAG)
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(BODY)


def test_head_tells_the_same_without_a_body(origin: Origin) -> None:
    answer = get(origin, method="HEAD")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) == len(BODY)
    assert origin.sent_bytes("/m") == 0


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, len(BODY)),
        ("bytes=5-9", 5, 10),
        ("bytes=5-999999999", 5, len(BODY)),
    ],
)
def test_range_gives_that_part(origin: Origin, wanted: str, start: int, stop: int) -> None:
    answer = get(origin, Range=wanted)
    assert (answer.status_code, answer.content) == (206, BODY[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"


@pytest.mark.parametrize("wanted", ["bytes=-5", "bytes=9-5x", "lines=1-2", "bytes=0-1,5-6"])
def test_range_of_a_form_it_does_not_do_gives_the_whole(origin: Origin, wanted: str) -> None:
    assert get(origin, Range=wanted).status_code == 200


def test_range_beyond_the_end_cannot_be_satisfied(origin: Origin) -> None:
    answer = get(origin, Range=f"bytes={len(BODY)}-")
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(BODY)}")


def test_if_range_gives_the_part_only_for_the_same_strong_validator(origin: Origin) -> None:
    assert get(origin, Range="bytes=5-", If_Range=ETAG).status_code == 206
    assert get(origin, Range="bytes=5-", If_Range='"other"').status_code == 200
    assert get(origin, Range="bytes=5-", If_Range=f"W/{ETAG}").status_code == 200
    origin.misbehave("/m", Faults(weak_etag=True))
    assert get(origin, Range="bytes=5-", If_Range=ETAG).status_code == 200


def test_unknown_path_is_not_found(origin: Origin) -> None:
    assert get(origin, "/absent").status_code == 404


def test_fault_lasts_for_as_many_requests_as_it_is_told(origin: Origin) -> None:
    origin.misbehave("/m", Faults(times=2, status=503, retry_after="1"))
    assert [get(origin).status_code for _ in range(3)] == [503, 503, 200]
    assert origin.requests[0].headers["accept-encoding"] == "identity"


def test_cut_connection_has_sent_exactly_so_much(origin: Origin) -> None:
    origin.misbehave("/m", Faults(cut_after_bytes=5000))
    with pytest.raises(httpx.TransportError):
        get(origin)
    assert origin.sent_bytes("/m") == 5000


@pytest.mark.parametrize(
    ("faults", "status", "header"),
    [
        (Faults(portal=True), 200, ("content-type", "text/html")),
        (Faults(redirect="http://127.0.0.1/x"), 302, ("location", "http://127.0.0.1/x")),
        (Faults(weak_etag=True), 200, ("etag", f"W/{ETAG}")),
        (Faults(last_modified=0.0), 200, ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")),
    ],
)
def test_fault_shows_in_the_answer(
    origin: Origin, faults: Faults, status: int, header: tuple[str, str]
) -> None:
    origin.misbehave("/m", faults)
    answer = get(origin)
    assert answer.status_code == status
    assert answer.headers[header[0]] == header[1]


def test_rate_is_kept(origin: Origin) -> None:
    """At 2 MB/s, 400 kB come in four steps of a twentieth of a second."""
    origin.rate_bytes_per_second = 2_000_000
    origin.serve("/m", SyntheticContent(400_000))
    answer = get(origin)
    assert len(answer.content) == 400_000
    assert answer.elapsed.total_seconds() >= 0.15


def test_origins_do_not_share_a_port_and_leave_none_open() -> None:
    with Origin() as one, Origin() as other:
        assert one.url != other.url
    with pytest.raises(httpx.ConnectError):
        get(one)
