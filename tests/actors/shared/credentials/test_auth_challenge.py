"""A challenge is read as RFC 9110 section 11 writes it, and only one that can be trusted is answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.credentials.auth_challenge import (
    LEAST_SECONDS,
    MOST_SECONDS,
    Challenge,
    read_challenge,
    read_lent_token,
)

REALM = "https://auth.example.org/token"


@pytest.mark.parametrize(
    "header",
    [
        f'Bearer realm="{REALM}",service="registry",scope="repository:a/b:pull"',
        f'bearer  realm="{REALM}" , SERVICE=registry ,scope="repository:a/b:pull"',
        f'Basic realm="here", Bearer realm="{REALM}",service="registry",scope="repository:a/b:pull",'
        'error="insufficient_scope"',
        f'Negotiate abc==, Bearer realm="{REALM}",service="registry",scope="repository:a/b:pull"',
        f'Negotiate, Bearer realm="{REALM}",service="reg\\istry",scope="repository:a/b:pull"',
    ],
)
def test_a_bearer_challenge_is_found_among_others(header: str) -> None:
    assert read_challenge([header]) == Challenge(REALM, "registry", "repository:a/b:pull")
    assert read_challenge(["Basic realm=x", header]) == Challenge(REALM, "registry", "repository:a/b:pull")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic realm=x",
        "Bearer",
        'Bearer realm="http://auth.example.org/token"',
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="https://u:p@a/"',
        'realm="x"',
        'Bearer realm="x',
    ],
)
def test_no_realm_is_asked_that_is_not_https(header: str) -> None:
    assert read_challenge([header]) is None


def test_service_and_scope_go_into_the_query_beside_what_is_there() -> None:
    url = Challenge(f"{REALM}?account=me#x", "my registry", "repository:a/b:pull").url
    assert url == f"{REALM}?account=me&service=my+registry&scope=repository%3Aa%2Fb%3Apull"
    assert Challenge(REALM).url == REALM


@given(st.text(max_size=300))
def test_any_header_is_read_without_an_error(header: str) -> None:
    read_challenge([header, f"Bearer {header}"])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"token": "t", "expires_in": 300, "issued_at": "now"}', ("t", 300.0)),
        (b'{"access_token": "t"}', ("t", LEAST_SECONDS)),
        (b'{"token": "t", "expires_in": 1e12}', ("t", MOST_SECONDS)),
        (b'{"token": "t", "expires_in": -5}', ("t", LEAST_SECONDS)),
        (b'{"token": ""}', None),
        (b'{"token": "a b"}', None),
        (b'{"token": "a\\r\\nX: y"}', None),
        (b'{"token": 1}', None),
        (b"\xff", None),
        (b"[" * 10_000, None),
    ],
)
def test_an_answer_of_the_realm_holds_a_token_or_none(
    content: bytes, found: tuple[str, float] | None
) -> None:
    assert read_lent_token(content) == found
