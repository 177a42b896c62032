"""URLs: which may be asked, what their origin is, who can listen on the way, and how they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.http.urls import (
    UrlRefused,
    WebUrl,
    encoded_location,
    is_this_machine,
    may_carry_secrets,
    origin_of,
    read_url,
    shown_url,
    url_parts,
    url_problem,
)


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


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://a:99999999/", "its port is '99999999', expected 1 to 65535"),
        ("http://a:" + "9" * 5000, "its port is '99999999999999999...', expected 1 to 65535"),
        ("http://a:x/", "its port is 'x', expected 1 to 65535"),
        ("http://a:0/", "its port is '0', expected 1 to 65535"),
        ("http://a b/", "it holds a character that has to be percent-encoded"),
        ("http://a/\x1b", "it holds a character that has to be percent-encoded"),
        ("http://a/" + "x" * 9000, "it has 9009 characters, expected at most 8192"),
        ("http://[::1", "it is no URL"),
        ("http://" + "a" * 64 + "/", f"its host {'a' * 57 + '...'!r} is no name that a host can have"),
        ("http://a..b/", "its host 'a..b' is no name that a host can have"),
        ("http://%31/", "its host '%31' is no name that a host can have"),
        ("http://@a/", "it holds credentials"),
    ],
)
def test_what_can_not_be_asked_is_named(url: str, problem: str) -> None:
    assert url_problem(url) == problem
    assert origin_of(url) == ""


@pytest.mark.parametrize("url", ["http://[::1%25eth0]/", "http://[1:2]/", "http://[]/", "http://[v1.x]/"])
def test_what_stands_in_brackets_is_an_ipv6_address(url: str) -> None:
    assert url_problem(url)


def test_a_url_is_taken_apart() -> None:
    assert read_url("HTTPS://A.example.:443/p?q=1#f") == WebUrl("https", "a.example", 443, "/p", "q=1")
    found = read_url("http://[::1]:8080")
    assert (found.host, found.port_number, found.place, found.target) == ("::1", 8080, "[::1]:8080", "/")
    assert read_url("https://a/?x").target == "/?x"


@pytest.mark.parametrize(
    ("location", "encoded"),
    [
        ("/caf\xe9 x", "/caf%E9%20x"),
        ("/%20%zz", "/%20%zz"),
        ("http://m\xc3\xbcnchen.example:8/\xff", "http://xn--mnchen-3ya.example:8/%FF"),
        ("http://m\xfcnchen.example/", "http://xn--mnchen-3ya.example/"),
        ("  b.bin\t", "b.bin"),
        ("\\\\evil\\x", "%5C%5Cevil%5Cx"),
    ],
)
def test_a_location_is_percent_encoded_and_its_host_named_in_ascii(location: str, encoded: str) -> None:
    assert encoded_location(location) == encoded


@pytest.mark.parametrize("location", ["/a\nb", "/\x00", "x" * 9000, "//" + "\xfc" * 300, "//\xfc..b/"])
def test_a_location_that_no_url_can_be_made_of_is_refused(location: str) -> None:
    with pytest.raises(UrlRefused):
        encoded_location(location)


@given(st.text(max_size=60) | st.text("htp:/[]@%.0123456789ab\\?#\x00 é", max_size=40))
def test_nothing_raises_anything_else(text: str) -> None:
    for function in (url_problem, origin_of, may_carry_secrets, shown_url, url_parts):
        function(text)
    assert shown_url(text).isprintable()
    try:
        assert encoded_location(text).isascii()
    except UrlRefused as refused:
        assert refused.problem.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.9.9.9:8/",
        "http://[::1]/",
        "http://localhost./",
        "http://a.localhost/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://[::]/",
    ],
)
def test_this_machine_has_many_names(url: str) -> None:
    assert is_this_machine(url)


@pytest.mark.parametrize(
    "url", ["http://a.org/", "http://10.0.0.1/", "http://localhost.a.org/", "http://[", ""]
)
def test_other_machines_are_others(url: str) -> None:
    assert not is_this_machine(url)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.256", "1.2.3.4.5", "a.1"]
)
def test_an_address_that_systems_read_in_their_own_ways_is_refused(host: str) -> None:
    assert url_problem(f"http://{host}/") == f"its host {host!r} is no IPv4 address"
