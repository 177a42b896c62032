"""Tokens of the environment, each bound to the one origin it is meant for. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from actors.shared.http.urls import may_carry_secrets, origin_of

HUB_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""The first that is set holds the token of the hub (the names that the hub's own tools use)."""

HOST_PREFIX: Final = "UNDERCROFT_TOKEN_"
"""`UNDERCROFT_TOKEN_<HOST>` holds the token of another host: in capitals, `_` for a dot, `__` for a dash, a port behind a `_`
(`ghcr.io` is `UNDERCROFT_TOKEN_GHCR_IO`). A value `user:password` is sent as Basic, any other as Bearer."""

TOKEN_LIMIT_CHARACTERS: Final = 8192
_USABLE: Final = re.compile(r"[\x21-\x7e]+")


def variable_of(origin: str) -> str:
    """The environment variable that holds the token of an origin."""
    host = origin.partition("://")[2].upper().replace("-", "__")
    return HOST_PREFIX + re.sub(r"[^A-Z0-9_]", "_", host)


@dataclass(frozen=True)
class EnvironmentTokens:
    """Who may be told what.

    Attributes:
        hub_origin: where the token of the hub belongs.
        variables: tokens by environment variable; never shown.
        problems: one sentence for each variable that holds no token.
    """

    hub_origin: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str], *, hub: str) -> Self:
        """Take the tokens of an environment; `hub` is the endpoint that the token of the hub belongs to."""
        found, problems = {}, []
        for name, value in environment.items():
            token = value.strip()
            if not (name in HUB_VARIABLES or name.startswith(HOST_PREFIX)) or not token:
                continue
            if not is_token(token):
                problems.append(
                    f"{name}: holds no token: expected up to {TOKEN_LIMIT_CHARACTERS} printable ASCII characters without spaces; it is not used"
                )
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
    """The Authorization header of a request, as a map to add to its headers; empty if there is no token that may be sent there.

    A token goes to its own origin only, over https or to this machine. `asked_first` is the URL that was
    asked before any
    redirect: behind a redirect to another origin (another host, port, or http instead of https) nothing is
        sent
    (RFC 9110 section 15.4), whatever tokens there are for it.
    """
    origin = origin_of(url)
    if not origin or not may_carry_secrets(url) or (asked_first and origin_of(asked_first) != origin):
        return {}
    token = tokens.of(origin)
    return {"Authorization": authorization(token)} if token else {}


def is_token(text: str) -> bool:
    """Whether a text can stand in a header: printable ASCII without spaces, not too long."""
    return len(text) <= TOKEN_LIMIT_CHARACTERS and _USABLE.fullmatch(text) is not None


def authorization(token: str) -> str:
    """Value of the Authorization header: Basic for `user:password` (RFC 7617), Bearer for anything else (RFC 6750)."""
    if ":" in token:
        return f"Basic {base64.b64encode(token.encode()).decode()}"
    return f"Bearer {token}"
