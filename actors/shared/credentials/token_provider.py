"""Provides the token for a request: from the environment, the keychain, or lent by a registry for minutes."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from actors.shared.credentials.auth_challenge import ANSWER_LIMIT_BYTES, read_challenge, read_lent_token
from actors.shared.credentials.environment_tokens import (
    EnvironmentTokens,
    authorization,
    credentials_for,
    is_token,
)
from actors.shared.credentials.token_keychain import keychain_token
from actors.shared.http.redirects import may_get_credentials
from actors.shared.http.urls import origin_of

if TYPE_CHECKING:
    import httpx

EARLY_SECONDS: Final = 10.0
"""Stop using a lent token this long before it ends."""
_REPOSITORY: Final = re.compile(r"/v2/(.+)/(?:manifests|blobs)/[^/]+")


class TokenProvider:
    """Says which token a request carries, and how to answer a server that wants another one."""

    def __init__(
        self,
        tokens: EnvironmentTokens,
        keychain: Callable[[str], Awaitable[str]] = keychain_token,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nobody yet.

        Args:
            tokens: of the environment; they win over the keychain.
            keychain: the token that a person keeps for an origin; empty for none.
            clock: seconds, never set back.
        """
        self._tokens = tokens
        self._keychain = keychain
        self._clock = clock
        self._kept: dict[str, str] = {}
        self._lent: dict[tuple[str, str], tuple[str, float]] = {}

    def headers(self, url: str, *, asked_first: str = "") -> dict[str, str]:
        """The Authorization header of a request, as a map; empty for none.

        Args:
            url: of the request.
            asked_first: the URL that was asked before any redirect; empty if there was none.
        """
        if not may_get_credentials(url, first=asked_first):
            return {}
        origin = origin_of(url)
        token, until = self._lent.get((origin, repository_of(url)), ("", 0.0))
        if token and self._clock() < until:
            return {"Authorization": f"Bearer {token}"}
        if own := credentials_for(url, self._tokens):
            return own
        return {"Authorization": authorization(self._kept[origin])} if self._kept.get(origin) else {}

    async def answer(self, client: httpx.AsyncClient, url: str, challenges: Iterable[str]) -> dict[str, str]:
        """The headers to send after a 401; empty if there is nothing new to send.

        Asks the keychain, once for each origin, then the realm of a registry. The realm itself gets only a
        token for its own origin.

        Args:
            client: asks the realm.
            url: that answered with 401.
            challenges: its WWW-Authenticate headers.

        Raises:
            httpx.HTTPError: the realm cannot be reached.
        """
        if not may_get_credentials(url):
            return {}
        origin, sent = origin_of(url), self.headers(url)
        await self._look(origin)
        challenge = read_challenge(challenges)
        if challenge is not None:
            await self._look(origin_of(challenge.realm))
            if lent := await self._borrow(client, challenge.url):
                token, seconds = lent
                self._lent[origin, repository_of(url)] = token, self._clock() + seconds - EARLY_SECONDS
                return {"Authorization": f"Bearer {token}"}
        self._lent.pop((origin, repository_of(url)), None)
        found = self.headers(url)
        return found if found != sent else {}

    async def _look(self, origin: str) -> None:
        if origin not in self._kept:
            found = "" if self._tokens.of(origin) else await self._keychain(origin)
            self._kept[origin] = found if is_token(found) else ""

    async def _borrow(self, client: httpx.AsyncClient, url: str) -> tuple[str, float] | None:
        async with client.stream(
            "GET",
            url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **self.headers(url)},
            follow_redirects=False,
        ) as response:
            if response.status_code != 200:
                return None
            content = b""
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > ANSWER_LIMIT_BYTES:
                    return None
        return read_lent_token(content)


def repository_of(url: str) -> str:
    """The repository that a URL of a registry names, such as `library/tiny`; empty for any other URL."""
    found = _REPOSITORY.fullmatch(urlsplit(url).path)
    return found[1] if found else ""
