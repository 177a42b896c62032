"""Asks servers about models: limited answers, and redirects by a rule that keeps tokens at their origin."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio

from actors.model_sources.errors import Offline, SourceRefused, SourceUnreachable
from actors.shared.credentials.environment_tokens import variable_of
from actors.shared.credentials.tls_trust import tls_context
from actors.shared.credentials.token_provider import TokenProvider
from actors.shared.http.answers.field_values import read_content_range, read_number
from actors.shared.http.answers.short_answers import (
    AnswerHead,
    AnswerRefused,
    ask,
    body_of,
    failure_words,
    head_of,
    open_client,
)
from actors.shared.http.redirects import (
    REDIRECT_STATUSES,
    RedirectChain,
    RedirectRefused,
    may_get_credentials,
)
from actors.shared.http.urls import origin_of, shown_url, url_problem

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS: Final = 300.0
"""Limit for one answer, so that a server which sends a byte now and then blocks nobody for longer."""
_ASK_OTHERS: Final = "tell those who run this server, or take another source"
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class SourcePage:
    """A complete answer."""

    content: bytes
    content_type: str


class SourceClient:
    """Asks servers, unless the app is offline."""

    def __init__(
        self, tokens: TokenProvider, environment: Mapping[str, str] = os.environ, *, offline: bool = False
    ) -> None:
        """Make a client without connections.

        Args:
            tokens: provides the tokens to send.
            environment: names certificates.
            offline: whether the environment switches the network off.
        """
        self._tokens = tokens
        self._environment = environment
        self._offline_by_environment = offline
        self._offline_by_settings = False
        self._client: httpx.AsyncClient | None = None
        self._opening = anyio.Lock()

    def follow_settings(self, *, offline: bool) -> None:
        """Let the settings switch the network off or on."""
        self._offline_by_settings = offline

    async def read(self, url: str, limit_bytes: int, accept: str = "*/*") -> SourcePage:
        """Fetch a page.

        Args:
            url: of the page.
            limit_bytes: most bytes of the page.
            accept: media types that the server may choose from.

        Raises:
            Offline: the app is offline.
            SourceUnreachable: there is no answer, or one that says to try later.
            SourceRefused: the status is not 200, the page is too long, or a redirect is not safe.
            CertificatesUnreadable: see `tls_context`.
        """
        async with self._answer("GET", url, {"Accept": accept}) as (response, head):
            if head.status != 200:
                raise _refusal(url, head)
            content = await body_of(response, limit_bytes)
            return SourcePage(content, head.fields.get("content-type", ""))

    async def size_of(self, url: str) -> int:
        """Return the length of a file in bytes, from HEAD or from a request for its first byte.

        Raises:
            SourceRefused: the server does not say it; otherwise as `read`.
        """
        async with self._answer("HEAD", url, {}) as (_, head):
            if head.status == 200 and (length := _length(head)):
                return length
        async with self._answer("GET", url, {"Range": "bytes=0-0"}) as (_, head):
            if head.status not in (200, 206):
                raise _refusal(url, head)
            found = read_content_range(head.fields.get("content-range", ""))
            total = (found.total if found else None) if head.status == 206 else _length(head)
            if total is None:
                raise SourceRefused(
                    shown_url(url), "the server does not say how long the file is; say it with --size"
                )
            return total

    async def close(self) -> None:
        """Close idle connections. The next request opens new ones."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @contextlib.asynccontextmanager
    async def _answer(
        self, method: str, url: str, headers: dict[str, str]
    ) -> AsyncIterator[tuple[httpx.Response, AnswerHead]]:
        import httpx

        if self._offline_by_environment or self._offline_by_settings:
            raise Offline(shown_url(url))
        if problem := url_problem(url):
            raise SourceRefused(shown_url(url), f"it cannot be asked: {problem}")
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                response = await self._follow(await self._open(), method, url, headers)
                try:
                    yield response, head_of(response)
                finally:
                    await response.aclose()
        except AnswerRefused as error:
            raise SourceRefused(shown_url(url), f"{error.problem}; {_ASK_OTHERS}") from error
        except RedirectRefused as error:
            detail = f"it redirects to {error.target}, which is not followed: {error.problem}"
            raise SourceRefused(error.first, detail) from error
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            detail, may_succeed = failure_words(error)
            if not may_succeed:
                raise SourceRefused(shown_url(url), f"{detail}; {_ASK_OTHERS}") from error
            raise SourceUnreachable(shown_url(url), detail) from error

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:  # two first requests share one client, and none is left open
            if self._client is None:
                self._client = open_client(await anyio.to_thread.run_sync(tls_context, self._environment))
            return self._client

    async def _follow(
        self, client: httpx.AsyncClient, method: str, url: str, headers: dict[str, str]
    ) -> httpx.Response:
        """Ask, answer one challenge, follow redirects. The response is open."""
        chain = RedirectChain(url)
        while True:
            response = await self._ask(client, method, chain, headers)
            try:
                head = head_of(response)
                location = head.fields.get("location", "")
                if head.status not in REDIRECT_STATUSES or not location:
                    return response
                chain.follow(location)
            except BaseException:
                await response.aclose()
                raise
            await response.aclose()

    async def _ask(
        self, client: httpx.AsyncClient, method: str, chain: RedirectChain, headers: dict[str, str]
    ) -> httpx.Response:
        here = chain.here
        known = self._tokens.headers(here, asked_first=chain.first)
        response = await ask(client, method, here, headers | known)
        if response.status_code == 401 and may_get_credentials(here, first=chain.first):
            try:
                more = await self._tokens.answer(client, here, head_of(response).challenges)
            except BaseException:
                await response.aclose()
                raise
            if more:
                await response.aclose()
                return await ask(client, method, here, headers | more)
        return response


def _length(head: AnswerHead) -> int | None:
    """The length that the head of a whole file says, if the file comes as it is."""
    if head.fields.get("content-encoding", "identity").lower() not in ("", "identity"):
        return None
    return read_number(head.fields.get("content-length", ""))


def _refusal(url: str, head: AnswerHead) -> SourceRefused | SourceUnreachable:
    status, shown = head.status, shown_url(url)
    if status in _TRANSIENT:
        return SourceUnreachable(shown, f"the server says {status}")
    if status in (401, 403):
        detail = (
            f"the server says {status}: it may be private, or its terms are not accepted yet; "
            f"a token goes into HF_TOKEN (hub), {variable_of(origin_of(url))}, or the keychain"
        )
        return SourceRefused(shown, detail, status)
    if status == 404:
        detail = "the server says 404: there is no such thing; check the name and the revision"
        return SourceRefused(shown, detail, status)
    return SourceRefused(shown, f"expected 200, the server says {status}", status)
