"""The client: redirects by the rule, credentials for one origin only, bounded headers, kept connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping

import pytest

from actors.model_downloader.transfer.cancel_token import CancelToken, FetchCancelled
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.http.http_client import HEAD_SECONDS, IDLE_ORIGINS_MOST, HttpClient
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
    response = client.get(url, {}, CancelToken(), NAME, resolved=resolved)
    found = b""
    while content := response.read(100):
        found += content
    response.close()
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


def test_relative_redirect_is_followed_and_the_response_says_where_it_came_from(origin: FaultyOrigin) -> None:
    origin.serve("/blobs/m", BytesContent(b"blob"))
    origin.misbehave("/m", Faults(redirect="blobs/m"))
    client = HttpClient(1.0)
    response = client.get(origin.url + "/m", {}, CancelToken(), NAME)
    assert (response.url, response.head.redirected, response.read(10)) == (
        origin.url + "/blobs/m",
        True,
        b"blob",
    )
    response.close()
    assert body(client, origin.url + "/m", resolved=origin.url + "/blobs/m") == b"blob"
    client.close()
    assert [seen.path for seen in origin.requests] == ["/m", "/blobs/m", "/blobs/m"]


def test_circle_of_redirects_is_named(origin: FaultyOrigin) -> None:
    origin.misbehave("/m", Faults(redirect="/n"))
    origin.misbehave("/n", Faults(redirect="/m"))
    client = HttpClient(1.0)
    with pytest.raises(FetchFailed, match="in a circle") as caught:
        client.get(origin.url + "/m", {}, CancelToken(), NAME)
    client.close()
    assert caught.value.kind == "refused"


def test_long_chain_of_redirects_is_given_up(origin: FaultyOrigin) -> None:
    for number in range(20):
        origin.misbehave(f"/{number}", Faults(redirect=f"/{number + 1}"))
    client = HttpClient(1.0)
    with pytest.raises(FetchFailed, match="more than 10 redirects"):
        client.get(origin.url + "/0", {}, CancelToken(), NAME)
    client.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://127.0.0.1/m", "its scheme is 'ftp', expected 'https' or 'http'"),
        ("https://user:secret@127.0.0.1/m", "it holds credentials"),
        ("http:///m", "it names no host"),
        ("nothing", "its scheme is '', expected 'https' or 'http'"),
    ],
)
def test_address_that_is_not_asked_for_is_refused_without_its_secrets(url: str, words: str) -> None:
    with pytest.raises(FetchFailed, match=f"cannot be fetched from: {words}") as caught:
        HttpClient(1.0).get(url, {}, CancelToken(), NAME)
    assert "secret" not in str(caught.value)
    assert caught.value.kind == "refused"


def test_offline_by_choice_asks_nobody_and_says_so(origin: FaultyOrigin) -> None:
    with pytest.raises(FetchFailed, match=r"offline by choice .*what was fetched is kept") as caught:
        HttpClient(1.0, offline=lambda: True).get(origin.url + "/m", {}, CancelToken(), NAME)
    assert caught.value.kind == "refused"
    assert origin.requests == []


def test_connection_is_kept_once_the_body_was_read_and_a_closed_one_is_replaced(origin: FaultyOrigin) -> None:
    client = HttpClient(1.0)
    for _ in range(3):
        assert body(client, origin.url + "/m") == b"model"
    kept = next(iter(client._idle.values()))
    assert len(kept) == 1
    assert kept[0].socket is not None
    kept[0].socket.shutdown(socket.SHUT_RDWR)
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
    speaker, client = Speaker(says), HttpClient(1.0)
    with pytest.raises(FetchFailed, match="more header fields than are read|interrupted") as caught:
        client.get(speaker.url, {}, CancelToken(), NAME)
    client.close()
    speaker.close()
    assert caught.value.kind in ("server", "network")


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x00\xff\x00\xff"])
def test_what_is_no_http_is_a_failure_of_the_network(says: bytes) -> None:
    speaker, client = Speaker(says), HttpClient(1.0)
    with pytest.raises(FetchFailed, match="interrupted") as caught:
        client.get(speaker.url, {}, CancelToken(), NAME)
    client.close()
    speaker.close()
    assert caught.value.kind == "network"


class LateCancel(CancelToken):
    """Is set in the moment in which a connection was made."""

    def __init__(self) -> None:
        super().__init__()
        self.found: socket.socket | None = None

    def watch(self, found: socket.socket | None) -> None:
        self.found = found
        self.cancel()
        super().watch(found)


@pytest.mark.parametrize("is_kept", [False, True], ids=["new", "kept"])
def test_cancelling_that_meets_a_connection_that_was_just_made_closes_it(
    origin: FaultyOrigin, is_kept: bool
) -> None:
    client, token = HttpClient(1.0), LateCancel()
    if is_kept:
        assert body(client, origin.url + "/m") == b"model"
    with pytest.raises(FetchCancelled):
        client.get(origin.url + "/m", {}, token, NAME)
    client.close()
    assert token.found is not None
    assert token.found.fileno() == -1


def test_a_head_that_drips_is_given_up_once_its_time_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client, token, failures = HttpClient(), CancelToken(), []
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/m"

        def ask() -> None:
            try:
                client.get(url, {}, token, NAME)
            except FetchFailed as failed:
                failures.append(failed)

        thread = threading.Thread(target=ask)
        thread.start()
        found, _ = listener.accept()
        found.recv(65536)
        found.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: y")
        token.expire(time.monotonic() + HEAD_SECONDS + 1)
        thread.join(20)
        found.close()
    assert [str(failure) for failure in failures] == [f"{NAME}: no whole head came in 60 s"]
    assert failures[0].kind == "network"


def test_connections_to_few_origins_are_kept() -> None:
    client = HttpClient()
    speakers = [Speaker(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmodel") for _ in range(20)]
    for speaker in speakers:
        assert body(client, speaker.url) == b"model"
    assert len(client._idle) == IDLE_ORIGINS_MOST
    client.close()
    for speaker in speakers:
        speaker.close()
