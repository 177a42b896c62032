"""The origin that misbehaves on demand: each fault shows in its answers, as often as it should."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent
from tests.support.origin_faults import Faults

BODY = bytes(range(256)) * 400
ETAG = f'"{BytesContent(BODY).etag}"'


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        found.serve("/m", BytesContent(BODY))
        yield found


def get(origin: FaultyOrigin, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False, headers={"Accept-Encoding": "identity"}) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get(origin.url + "/m", headers=named)


def test_if_range_gives_the_whole_where_the_validator_is_weak(origin: FaultyOrigin) -> None:
    origin.misbehave("/m", Faults(weak_etag=True))
    assert get(origin, Range="bytes=5-", If_Range=ETAG).status_code == 200


def test_fault_lasts_for_as_many_requests_as_it_is_told(origin: FaultyOrigin) -> None:
    origin.misbehave("/m", Faults(times=2, status=503, retry_after="1"))
    assert [get(origin).status_code for _ in range(3)] == [503, 503, 200]
    assert origin.requests[0].headers["accept-encoding"] == "identity"


def test_cut_connection_has_sent_exactly_so_much(origin: FaultyOrigin) -> None:
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
    origin: FaultyOrigin, faults: Faults, status: int, header: tuple[str, str]
) -> None:
    origin.misbehave("/m", faults)
    answer = get(origin)
    assert answer.status_code == status
    assert answer.headers[header[0]] == header[1]
