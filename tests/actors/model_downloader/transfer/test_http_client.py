"""The client: redirects by the rules, credentials for one origin only, drips and huge headers found, connections kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping

import pytest

from actors.model_downloader.transfer.cancel_token import CancelToken, FetchCancelled
from actors.model_downloader.transfer.http_client import (
    STALL_LEAST_BYTES,
    FetchFailed,
    HttpClient,
    StallWatch,
    open_client,
)
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_content import BytesContent
from tests.support.origin_faults import Faults
from tests.support.raw_http_server import Speaker

NAME = "m/model.bin"


@pytest.fixture
def origin() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        found.serve("/m", BytesContent(b"model"))
        yield found


@pytest.fixture
def other() -> Iterator[FaultyOrigin]:
    with FaultyOrigin() as found:
        found.serve("/m", BytesContent(b"model"))
        yield found


def token_for(origin: FaultyOrigin) -> HttpClient:
    def credentials(url: str, asked_first: str) -> Mapping[str, str]:
        return {"Authorization": "Bearer secret"} if url.startswith(origin.url + "/") else {}

    return HttpClient(1.0, credentials)


def body(client: HttpClient, url: str, resolved: str = "") -> bytes:
    answer = client.get(url, {}, CancelToken(), NAME, resolved=resolved)
    found = b""
    while piece := answer.read(100):
        found += piece
    answer.close()
    return found


def test_token_goes_to_its_origin_and_to_no_other_host_behind_a_redirect(
    origin: FaultyOrigin, other: FaultyOrigin
) -> None:
    origin.misbehave("/m", Faults(redirect=other.url + "/m"))
    client = token_for(origin)
    assert body(client, origin.url + "/m") == b"model"
    client.close()
    assert origin.requests[0].headers["authorization"] == "Bearer secret"
    assert "authorization" not in other.requests[0].headers


def test_relative_redirect_is_followed_and_the_answer_says_where_it_came_from(origin: FaultyOrigin) -> None:
    origin.serve("/blobs/m", BytesContent(b"blob"))
    origin.misbehave("/m", Faults(redirect="blobs/m"))
    client = open_client(1.0)
    answer = client.get(origin.url + "/m", {}, CancelToken(), NAME)
    assert (answer.url, answer.head.redirected, answer.read(10)) == (origin.url + "/blobs/m", True, b"blob")
    answer.close()
    assert body(client, origin.url + "/m", resolved=origin.url + "/blobs/m") == b"blob"
    client.close()
    assert [seen.path for seen in origin.requests] == ["/m", "/blobs/m", "/blobs/m"]


def test_circle_of_redirects_is_named(origin: FaultyOrigin) -> None:
    origin.misbehave("/m", Faults(redirect="/n"))
    origin.misbehave("/n", Faults(redirect="/m"))
    client = open_client(1.0)
    with pytest.raises(FetchFailed, match="in a circle") as caught:
        client.get(origin.url + "/m", {}, CancelToken(), NAME)
    client.close()
    assert caught.value.kind == "refused"


def test_long_chain_of_redirects_is_given_up(origin: FaultyOrigin) -> None:
    for number in range(20):
        origin.misbehave(f"/{number}", Faults(redirect=f"/{number + 1}"))
    client = open_client(1.0)
    with pytest.raises(FetchFailed, match="more than 10 redirects"):
        client.get(origin.url + "/0", {}, CancelToken(), NAME)
    client.close()


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/m", "https://user:secret@127.0.0.1/m", "http:///m", "nothing"]
)
def test_address_that_is_not_asked_for_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(FetchFailed, match="expected https or http") as caught:
        open_client(1.0).get(url, {}, CancelToken(), NAME)
    assert "secret" not in str(caught.value)
    assert caught.value.kind == "refused"


def test_offline_by_choice_asks_nobody_and_says_so(origin: FaultyOrigin) -> None:
    with pytest.raises(FetchFailed, match=r"offline by choice .*what was fetched is kept") as caught:
        HttpClient(1.0, offline=lambda: True).get(origin.url + "/m", {}, CancelToken(), NAME)
    assert caught.value.kind == "refused"
    assert origin.requests == []


def test_connection_is_kept_once_the_body_was_read_and_a_closed_one_is_replaced(origin: FaultyOrigin) -> None:
    client = open_client(1.0)
    for _ in range(3):
        assert body(client, origin.url + "/m") == b"model"
    kept = next(iter(client._idle.values()))
    assert len(kept) == 1
    assert kept[0].sock is not None
    kept[0].sock.shutdown(socket.SHUT_RDWR)
    assert body(client, origin.url + "/m") == b"model"
    client.close()


@pytest.mark.parametrize(
    "says",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(300)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=["many", "long"],
)
def test_huge_headers_are_bounded(says: bytes) -> None:
    speaker, client = Speaker(says), open_client(1.0)
    with pytest.raises(FetchFailed, match="more header fields than are read|interrupted") as caught:
        client.get(speaker.url, {}, CancelToken(), NAME)
    client.close()
    speaker.close()
    assert caught.value.kind in ("server", "network")


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x00\xff\x00\xff"])
def test_what_is_no_http_is_a_failure_of_the_network(says: bytes) -> None:
    speaker, client = Speaker(says), open_client(1.0)
    with pytest.raises(FetchFailed, match="interrupted") as caught:
        client.get(speaker.url, {}, CancelToken(), NAME)
    client.close()
    speaker.close()
    assert caught.value.kind == "network"


class LateAbort(CancelToken):
    """Is set in the moment in which a connection was made."""

    def __init__(self) -> None:
        super().__init__()
        self.found: socket.socket | None = None

    def watch(self, found: socket.socket | None) -> None:
        self.found = found
        self.cancel()
        super().watch(found)


@pytest.mark.parametrize("is_kept", [False, True], ids=["new", "kept"])
def test_abort_that_meets_a_connection_that_was_just_made_closes_it(
    origin: FaultyOrigin, is_kept: bool
) -> None:
    client, abort = open_client(1.0), LateAbort()
    if is_kept:
        assert body(client, origin.url + "/m") == b"model"
    with pytest.raises(FetchCancelled):
        client.get(origin.url + "/m", {}, abort, NAME)
    client.close()
    assert abort.found is not None
    assert abort.found.fileno() == -1


def test_drip_counts_as_a_stall_and_a_slow_line_does_not() -> None:
    watch = StallWatch(30.0)
    for _ in range(29):
        watch.received(1, 1.0)
    with pytest.raises(TimeoutError, match="only 30 bytes came in 30 s"):
        watch.received(1, 1.0)
    watch = StallWatch(30.0)
    for _ in range(100):
        watch.received(STALL_LEAST_BYTES, 29.0)
