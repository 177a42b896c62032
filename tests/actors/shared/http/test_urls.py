"""URLs: which may be asked, what their origin is, who can listen on the way, and how they are shown."""

from __future__ import annotations

import pytest

from actors.shared.http.urls import may_carry_secrets, origin_of, shown_url, url_problem


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/b",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@host/a",
        "//host/a",
        "http://[::1",
        "http://host:99999/",
    ],
)
def test_url_of_another_kind_or_with_credentials_is_refused(url: str) -> None:
    assert url_problem(url)


@pytest.mark.parametrize(
    "url", ["https://host", "http://127.0.0.1:8080/a?b", "HTTPS://host/a#b", "http://[::1]/a"]
)
def test_a_url_of_the_web_may_be_asked(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://huggingface.co/a?b#c", "https://huggingface.co"),
        ("HTTPS://HuggingFace.co:443/a", "https://huggingface.co"),
        ("https://huggingface.co./a", "https://huggingface.co"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080/a", "http://[::1]:8080"),
        ("https://user:pass@huggingface.co/a", ""),
        ("https://huggingface.co:port/", ""),
        ("https://huggingface.co:0/", ""),
        ("file:///a", ""),
        ("ftp://a", ""),
        ("//huggingface.co", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("https://hugg\u0131ngface.co/", ""),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url", ["https://host/", "http://localhost/", "http://127.0.0.2:1/", "http://[::1]:8080/"]
)
def test_over_https_and_within_this_machine_nobody_listens(url: str) -> None:
    assert may_carry_secrets(url)


@pytest.mark.parametrize(
    "url", ["http://host/", "http://127.0.0.1.evil.org/", "http://localhost.evil.org/", "http://10.0.0.1/"]
)
def test_over_plain_http_to_another_machine_somebody_may(url: str) -> None:
    assert not may_carry_secrets(url)


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert shown_url("https://user:secret@host:1/a/b?X-Signature=secret#secret") == "https://host:1/a/b"
    assert shown_url("https://[") == "(no URL)"
