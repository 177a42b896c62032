"""How origins are reached: over proxies of the environment, and with the authorities that a person trusts."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.http.fetch_failure import FetchFailed
from actors.model_downloader.transfer.http.http_client import HttpClient
from actors.shared.credentials.tls_trust import DIRECTORY_VARIABLE, FILE_VARIABLES
from tests.support.faulty_origin import FaultyOrigin
from tests.support.http_servers import Proxy, private_ca
from tests.support.origin_content import BytesContent
from tests.support.raw_http_server import Speaker

NAME = "m/model.bin"


def body(client: HttpClient, url: str) -> bytes:
    response = client.get(url, {}, CancelToken(), NAME)
    found = b""
    while content := response.read(100):
        found += content
    response.close()
    return found


def test_proxy_of_the_environment_is_asked_for_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Speaker(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmodel")
    monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://user:pass@").removesuffix("/m"))
    monkeypatch.delenv("no_proxy", raising=False)
    client = HttpClient(1.0)
    assert body(client, "http://models.example/m?x=1") == b"model"
    client.close()
    proxy.close()
    assert proxy.asked.startswith(b"GET http://models.example/m?x=1 HTTP/1.1\r\nHost: models.example\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz" in proxy.asked


def test_proxy_of_an_unknown_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(FetchFailed, match="socks5://127.0.0.1 is of a kind that is not known"):
        HttpClient(1.0).get("http://models.example/m", {}, CancelToken(), NAME)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_authority_of_ones_own_is_trusted_once_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    authority, context = private_ca(tmp_path)
    for name in (*FILE_VARIABLES, DIRECTORY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with FaultyOrigin(tls=context) as origin:
        url = origin.serve("/m", BytesContent(b"model"))
        client = HttpClient(1.0)
        with pytest.raises(
            FetchFailed, match="certificate of the server is not trusted .* set SSL_CERT_FILE"
        ) as caught:
            client.get(url, {}, CancelToken(), NAME)
        assert caught.value.kind == "refused"
        client.close()
        monkeypatch.setenv(variable, str(authority))
        client = HttpClient(1.0)
        assert body(client, url) == b"model"
        client.close()


def test_authorities_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(FetchFailed, match=r"m/model.bin: SSL_CERT_FILE: .*missing.pem") as caught:
        HttpClient(1.0).get("https://127.0.0.1:9/m", {}, CancelToken(), NAME)
    assert caught.value.kind == "refused"


def test_server_behind_a_proxy_is_reached_through_a_tunnel_and_its_own_certificate_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority, context = private_ca(tmp_path, "models.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with FaultyOrigin(tls=context) as origin:
        origin.serve("/m", BytesContent(b"model"))
        proxy = Proxy({"models.example:443": int(origin.url.rpartition(":")[2])})
        monkeypatch.setenv("https_proxy", proxy.url)
        client = HttpClient(1.0)
        assert body(client, "https://models.example/m") == b"model"
        client.close()
        proxy.close()


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "more than 16 interim answers"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500, "got more than 100 headers"),
    ],
)
def test_what_comes_before_an_answer_has_an_end(says: bytes, words: str) -> None:
    speaker = Speaker(says)
    client = HttpClient()
    with pytest.raises(FetchFailed, match=words) as caught:
        client.get(speaker.url, {}, CancelToken(), NAME)
    assert caught.value.kind == "server"
    client.close()
    speaker.close()


def test_a_few_interim_answers_are_passed_over() -> None:
    speaker = Speaker(
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmodel"
    )
    client = HttpClient()
    assert body(client, speaker.url) == b"model"
    client.close()
    speaker.close()


def test_a_head_that_breaks_off_says_nothing() -> None:
    speaker = Speaker(b"HTTP/1.1 200 OK\r\nContent-Length: 5")
    client = HttpClient()
    with pytest.raises(FetchFailed, match="the head of the answer broke off") as caught:
        client.get(speaker.url, {}, CancelToken(), NAME)
    assert caught.value.kind == "network"
    client.close()
    speaker.close()


def test_trailers_have_an_end() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nmodel\r\n0\r\n"
    client = HttpClient()
    few, many = Speaker(chunked + b"X: y\r\n" * 3 + b"\r\n"), Speaker(chunked + b"X: y\r\n" * 500)
    assert body(client, few.url) == b"model"
    response = client.get(many.url, {}, CancelToken(), NAME)
    assert response.read(100) == b"model"
    with pytest.raises(http.client.HTTPException, match="more than 100 trailers"):
        response.read(100)
    response.close()
    client.close()
    few.close()
    many.close()


def test_a_proxy_whose_port_no_proxy_can_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:99999999")
    with pytest.raises(FetchFailed, match="the proxy http://127.0.0.1 is of a kind that is not known"):
        HttpClient(1.0).get("http://models.example/m", {}, CancelToken(), NAME)
