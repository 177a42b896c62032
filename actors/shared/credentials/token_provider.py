"""Provides the token for a request: from the environment, the keychain, or lent by a registry for minutes."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import anyio

from actors.shared.credentials.auth_challenge import ANSWER_LIMIT_BYTES, read_challenge, read_lent_token
from actors.shared.credentials.environment_tokens import (
    EnvironmentTokens,
    authorization,
    credentials_for,
    is_token,
)
from actors.shared.credentials.token_keychain import keychain_token
from actors.shared.http.answers.short_answers import AnswerRefused, ask, body_of, failure_words, head_of
from actors.shared.http.redirects import may_get_credentials
from actors.shared.http.urls import is_this_machine, origin_of, shown_url, url_parts, url_problem
from bus.errors import TransientError

if TYPE_CHECKING:
    import httpx

EARLY_SECONDS: Final = 10.0
"""Stop using a lent token this long before it ends."""
KNOWN_MOST: Final = 256
LEND_SECONDS: Final = 120.0
"""How long a realm may take for its whole answer."""
_REPOSITORY: Final = re.compile(r"/v2/(.+)/(?:manifests|blobs)/[^/]+")


class RealmRefused(TransientError):
    """The server that lends tokens for a registry cannot be used.

    Attributes:
        url: of the realm, without its query.
        problem: what it did, or did not.
    """

    url: str
    problem: str
    words = "{url}: no token was lent: {problem}; try again, or tell those who run the registry"


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
            RealmRefused: the realm cannot be reached, or does not answer as it should.
        """
        if not may_get_credentials(url):
            return {}
        origin, sent = origin_of(url), self.headers(url)
        await self._look(origin)
        challenge = read_challenge(challenges)
        if challenge is not None and is_this_machine(challenge.realm) and not is_this_machine(url):
            raise RealmRefused(shown_url(challenge.realm), "another machine names this one as its realm")
        if challenge is not None:
            await self._look(origin_of(challenge.realm))
            if lent := await self._borrow(client, challenge.url):
                token, seconds = lent
                _make_room(self._lent)
                self._lent[origin, repository_of(url)] = token, self._clock() + seconds - EARLY_SECONDS
                return {"Authorization": f"Bearer {token}"}
        self._lent.pop((origin, repository_of(url)), None)
        found = self.headers(url)
        return found if found != sent else {}

    async def _look(self, origin: str) -> None:
        if origin not in self._kept:
            found = "" if self._tokens.of(origin) else await self._keychain(origin)
            _make_room(self._kept)
            self._kept[origin] = found if is_token(found) else ""

    async def _borrow(self, client: httpx.AsyncClient, url: str) -> tuple[str, float] | None:
        import httpx

        if url_problem(url):
            return None
        try:
            with anyio.fail_after(LEND_SECONDS):
                response = await ask(client, "GET", url, {"Accept": "application/json", **self.headers(url)})
                try:
                    if head_of(response).status != 200:
                        return None
                    return read_lent_token(await body_of(response, ANSWER_LIMIT_BYTES))
                finally:
                    await response.aclose()
        except AnswerRefused as error:
            raise RealmRefused(shown_url(url), error.problem) from error
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise RealmRefused(shown_url(url), failure_words(error)[0]) from error


def _make_room(known: dict[Any, Any]) -> None:
    """Forget the oldest entry of a full map: servers name as many origins and repositories as they like."""
    if len(known) >= KNOWN_MOST:
        del known[next(iter(known))]


def repository_of(url: str) -> str:
    """The repository that a URL of a registry names, such as `library/tiny`; empty for any other URL."""
    parts = url_parts(url)
    found = _REPOSITORY.fullmatch(parts.path) if parts else None
    return found[1] if found else ""
