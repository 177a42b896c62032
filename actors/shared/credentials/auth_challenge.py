"""Reads the WWW-Authenticate headers of a 401 strictly (RFC 9110 section 11.6.1). Pure.

A registry of the distribution specification lends a token that is good for minutes. Its `Bearer` challenge
names the `realm` to ask for the token, with `service` and `scope`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import quote_plus

import msgspec

from actors.shared.http.answers.json_answers import JsonUnreadable, read_json
from actors.shared.http.urls import may_carry_secrets, origin_of

HEADER_LIMIT_CHARACTERS: Final = 8192
ANSWER_LIMIT_BYTES: Final = 64 * 1024
LEAST_SECONDS: Final = 60.0
"""Lifetime of a lent token that states none (distribution specification, token authentication)."""
MOST_SECONDS: Final = 3600.0

_PART: Final = re.compile(
    r"""\s*(?:,\s*)?(?:(?P<name>[A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*)"|(?P<bare>[^\s",=]+))"""
    r"""|(?P<scheme>[A-Za-z0-9!#$%&'*+.^_`|~-]+)(?=\s|,|$)(?:\s+(?P<token68>[A-Za-z0-9._~+/-]+=*)(?=\s*(?:,|$)))?)"""
)


@dataclass(frozen=True)
class Challenge:
    """A `Bearer` challenge of a registry.

    Attributes:
        realm: URL to ask for a token.
        service: name of the registry there.
        scope: what the token must allow, such as `repository:library/tiny:pull`.
    """

    realm: str
    service: str = ""
    scope: str = ""

    @property
    def url(self) -> str:
        """URL to ask for a token, with service and scope in the query."""
        base, _, query = self.realm.partition("#")[0].partition("?")
        asked = [("service", self.service), ("scope", self.scope)]
        more = [f"{name}={quote_plus(value)}" for name, value in asked if value]
        joined = "&".join([*(part for part in [query.strip("&")] if part), *more])
        return f"{base}?{joined}" if joined else base


class LentToken(msgspec.Struct, frozen=True):
    """The realm's answer; `token` and `access_token` mean the same."""

    token: Annotated[str, msgspec.Meta(max_length=ANSWER_LIMIT_BYTES)] = ""
    access_token: Annotated[str, msgspec.Meta(max_length=ANSWER_LIMIT_BYTES)] = ""
    expires_in: float | None = None


def read_challenge(headers: Iterable[str]) -> Challenge | None:
    """The first `Bearer` challenge with a usable realm; None if there is none.

    A realm is usable if it is an https URL, or a URL of this machine.
    """
    for header in headers:
        for scheme, parameters in _challenges(header[:HEADER_LIMIT_CHARACTERS]):
            realm = parameters.get("realm", "")
            if scheme == "bearer" and origin_of(realm) and may_carry_secrets(realm):
                return Challenge(
                    realm=realm, service=parameters.get("service", ""), scope=parameters.get("scope", "")
                )
    return None


def read_lent_token(content: bytes) -> tuple[str, float] | None:
    """The token, and for how many seconds it is good; None if the answer holds no token."""
    try:
        found = read_json(content, LentToken, ANSWER_LIMIT_BYTES)
    except JsonUnreadable:
        return None
    token = found.token or found.access_token
    if not token or not re.fullmatch(r"[\x21-\x7e]+", token):
        return None
    return token, min(max(found.expires_in or LEAST_SECONDS, LEAST_SECONDS), MOST_SECONDS)


def _challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    """Scheme and parameters of each challenge in one header, up to the first part that cannot be read."""
    found: list[tuple[str, dict[str, str]]] = []
    at = 0
    while at < len(header) and (part := _PART.match(header, at)) and part.end() > at:
        at = part.end()
        if part["scheme"] is not None:
            found.append((part["scheme"].lower(), {}))
        elif found:
            value = part["bare"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
            found[-1][1].setdefault(part["name"].lower(), value)
    return found
