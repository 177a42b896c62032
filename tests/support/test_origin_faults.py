"""What an origin does when it is told to misbehave, as a plain client sees it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent
from tests.support.origin_faults import SOUND, Faults

BODY = bytes(range(256)) * 4


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        found.serve("/m", BytesContent(BODY))
        yield found


def ask(
    origin: FaultyOrigin, faults: Faults, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    origin.misbehave("/m", faults)
    connection = http.client.HTTPConnection(urlsplit(origin.url).netloc, timeout=5)
    try:
        connection.request(method, "/m", headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_what_it_is_told_to_forget_it_neither_serves_nor_knows(origin: FaultyOrigin) -> None:
    ask(origin, Faults(status=500))
    origin.forget()
    assert origin.requests == []
    assert ask(origin, SOUND)[0] == 404


def test_by_default_it_does_not_misbehave(origin: FaultyOrigin) -> None:
    assert ask(origin, SOUND)[::2] == (200, BODY)


def test_content_range_lies_at_its_end_and_of_the_total(origin: FaultyOrigin) -> None:
    faults = Faults(shift_content_range_end=1, shift_content_range_total=2)
    assert ask(origin, faults, Range="bytes=24-")[1]["content-range"] == "bytes 24-1024/1026"


def test_chunks_add_up_to_the_body_and_one_that_is_cut_is_incomplete(origin: FaultyOrigin) -> None:
    status, fields, body = ask(origin, Faults(chunked=True))
    assert (status, body, "content-length" in fields) == (200, BODY, False)
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        ask(origin, Faults(chunked=True, cut_after_bytes=100))


def test_length_that_is_a_lie_leaves_a_body_that_ends_too_soon(origin: FaultyOrigin) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(origin, Faults(lie_bytes=10))


def test_head_is_refused_and_a_challenge_made(origin: FaultyOrigin) -> None:
    assert ask(origin, Faults(refuses_head=True), "HEAD")[0] == 405
    status, fields, _ = ask(origin, Faults(status=401, challenge="Bearer realm=x"))
    assert (status, fields["www-authenticate"]) == (401, "Bearer realm=x")


def test_drip_lets_one_byte_through_at_a_time(origin: FaultyOrigin) -> None:
    origin.misbehave("/m", Faults(drip_after_bytes=len(BODY) - 1))
    assert ask(origin, Faults(drip_after_bytes=len(BODY) - 1))[2] == BODY
    while origin.flowing("/m"):  # the last byte is counted once it is sent, and may have been read by then
        pass
    assert origin.requests[-1].sent_bytes == len(BODY)


def test_more_header_fields_than_anybody_reads(origin: FaultyOrigin) -> None:
    with pytest.raises(http.client.HTTPException, match="headers"):
        ask(origin, Faults(header_count=300))
