"""Reads tokens from the environment, and says which request may carry which. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from actors.shared.http.redirects import may_get_credentials
from actors.shared.http.urls import origin_of

HUB_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""The first one that is set holds the token of the hub. The hub's own tools use these names."""

HOST_PREFIX: Final = "UNDERCROFT_TOKEN_"
"""`UNDERCROFT_TOKEN_<HOST>` holds the token of another host: `UNDERCROFT_TOKEN_GHCR_IO` that of `ghcr.io`.
The host is in capitals, with `_` for a dot, `__` for a dash, and a port behind a `_`. A value `user:password`
is sent as Basic, any other as Bearer."""

TOKEN_LIMIT_CHARACTERS: Final = 8192
_USABLE: Final = re.compile(r"[\x21-\x7e]+")


def variable_of(origin: str) -> str:
    """The environment variable that holds the token of an origin."""
    host = origin.partition("://")[2].upper().replace("-", "__")
    return HOST_PREFIX + re.sub(r"[^A-Z0-9_]", "_", host)


@dataclass(frozen=True)
class EnvironmentTokens:
    """The tokens that the environment holds.

    Attributes:
        hub_origin: to which the token of the hub belongs.
        variables: tokens by environment variable; never shown.
        problems: one sentence for each variable that holds no token.
    """

    hub_origin: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str], *, hub: str) -> Self:
        """Read the tokens of an environment.

        Args:
            environment: the variables.
            hub: URL of the endpoint to which the token of the hub belongs.
        """
        found, problems = {}, []
        for name, value in environment.items():
            token = value.strip()
            if not (name in HUB_VARIABLES or name.startswith(HOST_PREFIX)) or not token:
                continue
            if not is_token(token):
                expected = f"up to {TOKEN_LIMIT_CHARACTERS} printable ASCII characters without spaces"
                problems.append(f"{name}: holds no token: expected {expected}; it is not used")
            else:
                found[name] = token
        return cls(hub_origin=origin_of(hub), variables=found, problems=tuple(problems))

    def of(self, origin: str) -> str:
        """The token of an origin; empty for none."""
        if own := self.variables.get(variable_of(origin), ""):
            return own
        if origin and origin == self.hub_origin:
            return next((self.variables[name] for name in HUB_VARIABLES if name in self.variables), "")
        return ""


def credentials_for(url: str, tokens: EnvironmentTokens, *, asked_first: str = "") -> dict[str, str]:
    """The Authorization header of a request, as a map to add to its headers; empty if no token may be sent.

    Args:
        url: of the request.
        tokens: of the environment.
        asked_first: the URL that was asked before any redirect; empty if there was none. See
            `may_get_credentials`.
    """
    if not may_get_credentials(url, first=asked_first):
        return {}
    token = tokens.of(origin_of(url))
    return {"Authorization": authorization(token)} if token else {}


def is_token(text: str) -> bool:
    """Whether a text can be sent in a header: printable ASCII without spaces, not too long."""
    return len(text) <= TOKEN_LIMIT_CHARACTERS and _USABLE.fullmatch(text) is not None


def authorization(token: str) -> str:
    """Value of the Authorization header: Basic for `user:password` (RFC 7617), else Bearer (RFC 6750)."""
    if ":" in token:
        return f"Basic {base64.b64encode(token.encode()).decode()}"
    return f"Bearer {token}"
