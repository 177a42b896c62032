"""A redirect is followed within the web and never down to http; credentials stay at the first origin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.http.redirects import (
    REDIRECT_LIMIT,
    RedirectChain,
    RedirectRefused,
    may_get_credentials,
    next_hop,
)

FIRST = "https://hub.example.org/org/model/resolve/main/a.bin"
SECOND = "https://cdn.example.org/blobs/1"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("b.bin", "https://hub.example.org/org/model/resolve/main/b.bin"),
        ("/b.bin?sign=1", "https://hub.example.org/b.bin?sign=1"),
        ("//cdn.example.org/b", "https://cdn.example.org/b"),
        (SECOND, SECOND),
    ],
)
def test_a_location_may_be_relative_or_whole(location: str, target: str) -> None:
    assert next_hop(FIRST, FIRST, location) == target


def test_from_http_to_https_is_followed() -> None:
    assert next_hop("http://a.org/", "http://a.org/", "https://a.org/") == "https://a.org/"
    assert next_hop("http://a.org/", "http://a.org/", "http://b.org/") == "http://b.org/"


@pytest.mark.parametrize(
    ("first", "here"),
    [
        ("https://a.org/", "https://a.org/"),
        ("https://a.org/", "https://b.org/"),
        ("http://a.org/", "https://b.org/"),
        ("https://a.org/", "http://b.org/"),
    ],
)
def test_once_under_https_no_hop_leads_to_http(first: str, here: str) -> None:
    with pytest.raises(RedirectRefused, match="it leads from https to http"):
        next_hop(first, here, "http://b.org/x")


@pytest.mark.parametrize(
    "location",
    [
        "ftp://a.org/b",
        "file:///etc/passwd",
        "https://user:secret@a.org/",
        "https://[::1",
        "https://a.org:99999/",
        "https://a.org:0/",
        "javascript:alert(1)",
    ],
)
def test_every_hop_is_a_url_of_the_web_without_credentials(location: str) -> None:
    for here in (FIRST, SECOND):
        with pytest.raises(RedirectRefused) as caught:
            next_hop(FIRST, here, location)
        assert "secret" not in str(caught.value)


def test_the_words_name_both_ends_without_what_may_be_secret() -> None:
    with pytest.raises(RedirectRefused) as caught:
        next_hop(FIRST + "?key=secret", FIRST, "http://cdn.example.org/b?sign=secret")
    assert str(caught.value) == (
        f"{FIRST}: it redirects to http://cdn.example.org/b, which is not followed: "
        "it leads from https to http"
    )


@pytest.mark.parametrize(
    ("here", "may"),
    [
        ("https://hub.example.org/elsewhere", True),
        ("https://hub.example.org:443/", True),
        ("https://hub.example.org:8443/", False),
        ("http://hub.example.org/", False),
        ("https://cdn.example.org/", False),
        ("https://hub.example.org.evil.org/", False),
        ("https://user@hub.example.org/", False),
    ],
)
def test_credentials_go_to_the_first_origin_alone(here: str, may: bool) -> None:
    assert may_get_credentials(here, first=FIRST) is may


def test_without_a_redirect_https_and_this_machine_may_get_credentials() -> None:
    assert may_get_credentials(FIRST)
    assert may_get_credentials("http://127.0.0.1:8080/", first="http://127.0.0.1:8080/")
    assert not may_get_credentials("http://hub.example.org/", first="http://hub.example.org/")


def test_urls_without_an_origin_get_none() -> None:
    assert not may_get_credentials("file:///a", first="file:///a")
    assert not may_get_credentials("https://user@hub.example.org/")


@given(st.text(max_size=40), st.sampled_from(["https://a.org/", "https://a.org/b?c", "https://[::1]:8/"]))
def test_no_location_leads_out_of_https(location: str, here: str) -> None:
    try:
        target = next_hop(here, here, location)
    except RedirectRefused:
        return
    assert target.lower().startswith("https://")


def test_a_chain_follows_hop_by_hop() -> None:
    chain = RedirectChain(FIRST)
    assert (chain.here, chain.is_redirected) == (FIRST, False)
    assert chain.follow(SECOND) == SECOND
    assert chain.follow("2") == "https://cdn.example.org/blobs/2"
    assert (chain.first, chain.here, chain.is_redirected) == (FIRST, "https://cdn.example.org/blobs/2", True)


def test_a_chain_may_go_on_where_an_earlier_one_led_to() -> None:
    chain = RedirectChain("http://a.org/", SECOND)
    assert (chain.here, chain.is_redirected) == (SECOND, True)
    with pytest.raises(RedirectRefused, match="from https to http"):
        chain.follow("http://a.org/b")


def test_a_circle_is_named() -> None:
    chain = RedirectChain(FIRST)
    chain.follow(SECOND)
    with pytest.raises(RedirectRefused, match="the redirects lead in a circle"):
        chain.follow(FIRST)
    with pytest.raises(RedirectRefused, match="the redirects lead in a circle"):
        RedirectChain(FIRST).follow(FIRST)


def test_one_hop_too_many_ends_it() -> None:
    chain = RedirectChain(FIRST)
    for number in range(REDIRECT_LIMIT):
        chain.follow(f"/{number}")
    with pytest.raises(RedirectRefused, match="more than 10 redirects"):
        chain.follow("/last")


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/", "http://0.0.0.0/"]
)
def test_no_other_machine_leads_to_this_one(target: str) -> None:
    with pytest.raises(RedirectRefused, match="it leads from another machine to this one"):
        next_hop("http://a.org/", "http://a.org/", target)
    assert next_hop("http://127.0.0.1:1/", "http://localhost:2/", target) == target
