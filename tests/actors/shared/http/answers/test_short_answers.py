"""Short answers are read as they come over the wire, in bounds, without cookies or redirects."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from actors.shared.http.answers import short_answers
from actors.shared.http.answers.short_answers import (
    AnswerRefused,
    ask,
    body_of,
    failure_words,
    head_of,
    open_client,
)
from tests.support.http_servers import Site, running_site
from tests.support.raw_http_server import Speaker

pytestmark = pytest.mark.anyio


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as found:
        yield found


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(False) as found:
        yield found


async def test_a_body_is_read_whole_or_named(site: Site, client: httpx.AsyncClient) -> None:
    url = site.put("/a", b"12345", ETag='"x"')
    response = await ask(client, "GET", url, {})
    assert (head_of(response).status, head_of(response).fields["content-length"]) == (200, "5")
    assert await body_of(response, 5) == b"12345"
    with pytest.raises(AnswerRefused, match="at most 4 bytes, found more"):
        await body_of(await ask(client, "GET", url, {}), 4)


async def test_nothing_is_unpacked(site: Site, client: httpx.AsyncClient) -> None:
    url = site.put("/a", gzip.compress(bytes(1_000_000)), Content_Encoding="gzip")
    with pytest.raises(AnswerRefused, match="Content-Encoding is 'gzip', expected 'identity'"):
        await body_of(await ask(client, "GET", url, {}), 2_000_000)


async def test_cookies_are_neither_kept_nor_sent(site: Site, client: httpx.AsyncClient) -> None:
    url = site.put("/a", b"", Set_Cookie="a=b; Path=/")
    for _ in range(2):
        await (await ask(client, "GET", url, {})).aclose()
    assert not any("cookie" in seen.headers for seen in site.requests)


@pytest.mark.parametrize("location", ["http://127.0.0.1:99999999/x", "http://[", "/caf\xe9"])
async def test_a_redirect_is_handed_on_as_it_came(
    site: Site, client: httpx.AsyncClient, location: str
) -> None:
    response = await ask(client, "GET", site.redirect("/a", location), {})
    assert head_of(response).fields["location"] == location
    await response.aclose()


async def test_a_length_that_is_no_number_is_no_answer(client: httpx.AsyncClient) -> None:
    speaker = Speaker(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
    try:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await ask(client, "GET", speaker.url, {})
        assert failure_words(caught.value) == ("what it sends is no HTTP (bad Content-Length)", False)
    finally:
        speaker.close()


async def test_a_head_that_never_ends_is_given_up(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_answers, "HEAD_SECONDS", 0.0)
    speaker = Speaker(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
    try:
        with pytest.raises(TimeoutError) as caught:
            await ask(client, "GET", speaker.url, {})
        assert failure_words(caught.value) == ("no answer came in time", True)
    finally:
        speaker.close()


def test_failures_have_words_and_say_whether_to_try_again() -> None:
    assert failure_words(httpx.ConnectError("refused\x1b[31m")) == (
        "there is no connection (refused [31m)",
        True,
    )
    assert failure_words(httpx.ReadTimeout("")) == ("no answer came in time", True)
    assert failure_words(httpx.ReadError("")) == ("the connection broke", True)
    ended = httpx.RemoteProtocolError("Server disconnected without sending a response.")
    assert failure_words(ended) == ("the connection ended before the answer did", True)
    assert failure_words(httpx.InvalidURL("x"))[1] is False
