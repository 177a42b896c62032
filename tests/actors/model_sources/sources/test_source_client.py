"""Against real servers: limited answers, safe redirects, tokens at home, proxies, private authorities."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from actors.model_sources.errors import Offline, SourceRefused, SourceUnreachable
from actors.model_sources.sources.source_client import SourceClient
from actors.shared.credentials.environment_tokens import EnvironmentTokens
from actors.shared.credentials.token_provider import TokenProvider
from actors.shared.http.answers.short_answers import open_client
from actors.shared.http.redirects import REDIRECT_LIMIT
from tests.support.http_servers import Answer, Proxy, Site, add_image, add_realm, private_ca, running_site
from tests.support.raw_http_server import Speaker

pytestmark = pytest.mark.anyio
SECRET = "hf_secret"


async def no_keychain(origin: str) -> str:
    return ""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as found:
        yield found


@pytest.fixture
def other() -> Iterator[Site]:
    with running_site() as found:
        yield found


@pytest.fixture
async def client(site: Site) -> AsyncIterator[SourceClient]:
    found = SourceClient(
        TokenProvider(EnvironmentTokens.read({"HF_TOKEN": SECRET}, hub=site.url), no_keychain), environment={}
    )
    yield found
    await found.close()


async def test_a_page_is_read_whole(site: Site, client: SourceClient) -> None:
    page = await client.read(site.put("/a", b"content", Content_Type="text/x"), 7)
    assert (page.content, page.content_type) == (b"content", "text/x")
    assert site.requests[0].headers["accept-encoding"] == "identity"


async def test_a_page_that_is_too_long_is_left(site: Site, client: SourceClient) -> None:
    with pytest.raises(SourceRefused, match="at most 6 bytes"):
        await client.read(site.put("/a", b"content"), 6)


async def test_a_redirect_within_the_origin_keeps_the_token(site: Site, client: SourceClient) -> None:
    site.put("/b", b"x")
    await client.read(site.redirect("/a", "/b"), 10)
    assert [seen.authorization for seen in site.requests] == [f"Bearer {SECRET}"] * 2


async def test_no_token_goes_along_to_another_host(site: Site, other: Site, client: SourceClient) -> None:
    other.put("/b", b"x")
    assert (await client.read(site.redirect("/a", other.url + "/b"), 10)).content == b"x"
    assert [seen.authorization for seen in other.requests] == [""]


async def test_not_even_when_the_way_leads_back_through_another_host_that_asks(
    site: Site, other: Site, client: SourceClient
) -> None:
    other.put("/b", b"", 401, WWW_Authenticate=f'Bearer realm="{other.url}/token"')
    add_realm(other)
    with pytest.raises(SourceRefused, match="401"):
        await client.read(site.redirect("/a", other.url + "/b"), 10)
    assert other.asked("/token") == []
    assert all(SECRET not in str(seen) for seen in other.requests)


async def test_from_https_no_redirect_to_http_is_followed(tmp_path: Path, site: Site) -> None:
    authority, context = private_ca(tmp_path)
    with running_site(context) as secure:
        client = SourceClient(
            TokenProvider(EnvironmentTokens(), no_keychain), environment={"SSL_CERT_FILE": str(authority)}
        )
        with pytest.raises(SourceRefused, match="from https to http"):
            await client.read(secure.redirect("/a", site.put("/b", b"x")), 10)
        await client.close()
    assert site.requests == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "https://user:pass@host/", "ftp://host/a"])
async def test_a_redirect_that_leaves_the_web_is_refused(
    site: Site, client: SourceClient, target: str
) -> None:
    with pytest.raises(SourceRefused, match="which is not followed"):
        await client.read(site.redirect("/a", target), 10)


async def test_a_loop_of_redirects_ends(site: Site, client: SourceClient) -> None:
    with pytest.raises(SourceRefused, match="redirects lead in a circle"):
        await client.read(site.redirect("/a", "/a"), 10)
    assert len(site.requests) == 1


async def test_a_long_chain_of_redirects_ends(site: Site, client: SourceClient) -> None:
    for number in range(REDIRECT_LIMIT + 5):
        site.redirect(f"/{number}", f"/{number + 1}")
    with pytest.raises(SourceRefused, match=f"more than {REDIRECT_LIMIT} redirects"):
        await client.read(f"{site.url}/0", 10)
    assert len(site.requests) == REDIRECT_LIMIT + 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_in_trouble_may_be_asked_again(site: Site, client: SourceClient, status: int) -> None:
    with pytest.raises(SourceUnreachable, match=str(status)):
        await client.read(site.put("/a", b"", status), 10)


async def test_a_refusal_says_where_a_token_goes_and_shows_none(site: Site, client: SourceClient) -> None:
    with pytest.raises(SourceRefused) as caught:
        await client.read(site.put("/a", b"", 403) + "?signature=secret", 10)
    assert "HF_TOKEN" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(SourceRefused, match="404: there is no such thing"):
        await client.read(f"{site.url}/missing", 10)


async def test_a_server_that_is_gone_is_unreachable(client: SourceClient) -> None:
    with running_site() as gone:
        url = gone.url
    with pytest.raises(SourceUnreachable, match="there is no connection"):
        await client.read(url, 10)


async def test_offline_no_server_is_asked(site: Site) -> None:
    client = SourceClient(TokenProvider(EnvironmentTokens(), no_keychain), {}, offline=True)
    with pytest.raises(Offline, match="UNDERCROFT_OFFLINE"):
        await client.read(site.put("/a", b"x"), 10)
    with pytest.raises(Offline):
        await client.size_of(f"{site.url}/a")
    assert site.requests == []


async def test_settings_switch_the_network_off_and_on(site: Site, client: SourceClient) -> None:
    url = site.put("/a", b"x")
    client.follow_settings(offline=True)
    with pytest.raises(Offline):
        await client.read(url, 10)
    client.follow_settings(offline=False)
    assert (await client.read(url, 10)).content == b"x"


async def test_the_size_comes_from_head_or_from_the_first_byte(site: Site, client: SourceClient) -> None:
    url = site.put("/a", b"x" * 1000)
    assert await client.size_of(url) == 1000
    assert [seen.method for seen in site.requests] == ["HEAD"]
    site.refuses_head = True
    assert await client.size_of(url) == 1000
    assert site.requests[-1].headers["range"] == "bytes=0-0"
    site.ranges = False
    assert await client.size_of(url) == 1000, "a server that ignores Range says the whole length"


async def test_a_server_that_does_not_say_a_size_is_not_believed(site: Site, client: SourceClient) -> None:
    site.refuses_head = True
    site.ranges = False
    site.routes["/a"] = lambda seen: Answer(b"x", 206, {"Content-Range": "bytes 0-0/*"})
    with pytest.raises(SourceRefused, match="--size"):
        await client.size_of(f"{site.url}/a")


async def test_a_registry_lends_its_token_on_the_way(site: Site, other: Site, client: SourceClient) -> None:
    add_image(other, "m", "1", [], realm=add_realm(other))
    assert b"layers" in (await client.read(f"{other.url}/v2/m/manifests/1", 10_000)).content


@pytest.mark.requirement("S1-33")
async def test_a_private_authority_and_a_proxy_work_by_the_usual_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = private_ca(tmp_path, "hub.internal")
    with running_site(context) as secure:
        secure.put("/a", b"through the proxy")
        proxy = Proxy({f"hub.internal:{secure.port}": secure.port})
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        client = SourceClient(
            TokenProvider(
                EnvironmentTokens.read({"HF_TOKEN": SECRET}, hub=f"https://hub.internal:{secure.port}"),
                no_keychain,
            ),
            environment={"SSL_CERT_FILE": str(authority)},
        )
        page = await client.read(f"https://hub.internal:{secure.port}/a", 100)
        await client.close()
        proxy.close()
    assert page.content == b"through the proxy"
    assert proxy.lines == [f"CONNECT hub.internal:{secure.port} HTTP/1.1"]
    assert secure.requests[0].authorization == f"Bearer {SECRET}"


async def test_a_host_of_no_proxy_is_asked_directly(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy({})
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    url = site.put("/a", b"x")
    client = SourceClient(TokenProvider(EnvironmentTokens(), no_keychain), environment={})
    with pytest.raises(SourceUnreachable, match="502"):
        await client.read(url, 10)
    await client.close()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert (await client.read(url, 10)).content == b"x"
    await client.close()
    proxy.close()
    assert len(proxy.lines) == 1


async def test_first_requests_at_the_same_time_share_one_client(
    site: Site, client: SourceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def counted(trust: Any) -> httpx.AsyncClient:
        opened.append(trust)
        return open_client(trust)

    monkeypatch.setattr("actors.model_sources.sources.source_client.open_client", counted)
    url = site.put("/a", b"x")
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(client.read, url, 10)
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000, "what it sends is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6", "what it sends is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br", "Content-Encoding is 'br', expected 'identity'"),
        (b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:99999999/", "its port is '99999999', expected 1 to"),
        (b"HTTP/1.1 302 X\r\nLocation: http://[", "which is not followed: it is no URL"),
        (b"\x16\x03\x01", "what it sends is no HTTP"),
    ],
)
async def test_what_can_not_be_right_is_refused_in_one_clean_sentence(
    client: SourceClient, says: bytes, words: str
) -> None:
    speaker = Speaker(says + b"\r\n\r\n")
    try:
        with pytest.raises(SourceRefused) as caught:
            await client.read(speaker.url, 100)
        assert words in str(caught.value)
        assert str(caught.value).startswith(speaker.url)
        assert str(caught.value).isprintable()
    finally:
        speaker.close()


async def test_an_address_that_can_not_be_asked_is_refused_before_anybody_is(client: SourceClient) -> None:
    with pytest.raises(SourceRefused, match="it cannot be asked: its port is '99999999'"):
        await client.read("http://127.0.0.1:99999999/", 100)
