"""The origin of the tour, and the one that can misbehave: both follow RFC 9110 and count what they sent."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from actors.cli.demo.origin import Origin
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent, SyntheticContent

BODY = bytes(range(256)) * 400
ETAG = f'"{BytesContent(BODY).etag}"'


@pytest.fixture(params=[Origin, FaultyOrigin])
def origin(request: pytest.FixtureRequest) -> Iterator[Origin]:
    with request.param() as found:
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


def test_unknown_path_is_not_found(origin: Origin) -> None:
    assert get(origin, "/absent").status_code == 404


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


def test_what_still_flows_is_cut_when_the_origin_closes() -> None:
    with Origin(rate_bytes_per_second=1) as origin:
        origin.serve("/m", BytesContent(BODY))
        with httpx.Client(trust_env=False) as client, client.stream("GET", origin.url + "/m") as answer:
            parts = answer.iter_raw()
            next(parts)
            origin.close()
            with pytest.raises(httpx.TransportError):
                list(parts)
