"""The way to servers: few questions, bounded answers, redirects followed by hand so that no token leaves its origin."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import anyio

from actors.model_sources.errors import Offline, SourceRefused, SourceUnreachable
from actors.shared.credentials.environment_tokens import variable_of
from actors.shared.credentials.tls_trust import tls_context
from actors.shared.credentials.token_provider import TokenProvider
from actors.shared.http.urls import origin_of, shown_url, url_problem

if TYPE_CHECKING:
    import httpx

REDIRECTS_LIMIT: Final = 10
CONNECT_SECONDS: Final = 15.0
SILENCE_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 300.0
"""For one answer from the first byte asked to the last byte read: a server that drips does not hold anybody for longer."""
AGENT: Final = "undercroft"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Page:
    """An answer, whole."""

    content: bytes
    content_type: str


class Door:
    """Asks servers, unless the app is offline."""

    def __init__(
        self,
        wallet: TokenProvider,
        is_offline: Callable[[], bool] = lambda: False,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._wallet = wallet
        self._is_offline = is_offline
        self._environment = environment
        self._client: httpx.AsyncClient | None = None

    async def read(self, url: str, limit_bytes: int, accept: str = "*/*") -> Page:
        """Fetch a page of at most `limit_bytes`.

        Raises:
            Offline: the app is.
            SourceUnreachable: no answer, or one that says to come back later.
            SourceRefused: another status than 200, a page that is too long, or a redirect that is not safe.
            CertificatesUnreadable: see `tls_context`.
        """
        async with self._asked("GET", url, {"Accept": accept}) as response:
            if response.status_code != 200:
                raise self._refusal(url, response)
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > limit_bytes:
                    raise SourceRefused(shown_url(url), f"expected at most {limit_bytes} bytes, found more")
            return Page(bytes(content), response.headers.get("content-type", ""))

    async def size_of(self, url: str) -> int:
        """Length of a file in bytes: what HEAD says, else what a request for its first byte says.

        Raises:
            SourceRefused: the server does not tell; otherwise as `read`.
        """
        async with self._asked("HEAD", url, {}) as response:
            if response.status_code == 200 and not response.headers.get("content-encoding"):
                length = response.headers.get("content-length", "")
                if length.isdecimal() and int(length) > 0:
                    return int(length)
        async with self._asked("GET", url, {"Range": "bytes=0-0"}) as response:
            total = ""
            if response.status_code == 206:
                total = response.headers.get("content-range", "").rpartition("/")[2]
            elif response.status_code == 200 and not response.headers.get("content-encoding"):
                total = response.headers.get("content-length", "")
            elif response.status_code != 200:
                raise self._refusal(url, response)
            if not total.isdecimal():
                raise SourceRefused(
                    shown_url(url),
                    "the server does not say how long the file is; give its length with --size",
                )
            return int(total)

    async def close(self) -> None:
        """Close idle connections; the next question opens new ones."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @contextlib.asynccontextmanager
    async def _asked(self, method: str, url: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        import httpx

        if self._is_offline():
            raise Offline(shown_url(url))
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                response = await self._follow(await self._open(), method, url, headers)
                try:
                    yield response
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise SourceUnreachable(
                shown_url(url), f"{type(error).__name__} {str(error)[:200]}".strip()
            ) from error

    async def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            context = await anyio.to_thread.run_sync(tls_context, self._environment)
            timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
            self._client = httpx.AsyncClient(
                verify=context, timeout=timeout, follow_redirects=False, headers={"User-Agent": AGENT}
            )
        return self._client

    async def _follow(
        self, client: httpx.AsyncClient, method: str, url: str, headers: dict[str, str]
    ) -> httpx.Response:
        """Ask, answer a challenge once, follow redirects; the response is open."""
        here = url
        for _ in range(REDIRECTS_LIMIT + 1):
            asked = {"Accept-Encoding": "identity", **headers}
            response = await client.send(
                client.build_request(
                    method, here, headers=asked | self._wallet.headers(here, asked_first=url)
                ),
                stream=True,
            )
            if response.status_code == 401 and origin_of(here) == origin_of(url):
                challenges = response.headers.get_list("www-authenticate")
                if more := await self._wallet.answer(client, here, challenges):
                    await response.aclose()
                    response = await client.send(
                        client.build_request(method, here, headers=asked | more), stream=True
                    )
            target = response.headers.get("location", "")
            if response.status_code not in _REDIRECTS or not target:
                return response
            await response.aclose()
            here = self._next(url, urljoin(here, target))
        raise SourceRefused(shown_url(url), f"expected at most {REDIRECTS_LIMIT} redirects, found more")

    def _next(self, first: str, target: str) -> str:
        if problem := url_problem(target):
            raise SourceRefused(
                shown_url(first), f"it redirects to {shown_url(target)}, which is not asked: {problem}"
            )
        if urlsplit(first).scheme == "https" and urlsplit(target).scheme != "https":
            raise SourceRefused(
                shown_url(first),
                f"it redirects to {shown_url(target)}, from https to http, which is not followed",
            )
        return target

    def _refusal(self, url: str, response: httpx.Response) -> SourceRefused | SourceUnreachable:
        status = response.status_code
        if status in _TRANSIENT:
            return SourceUnreachable(shown_url(url), f"the server says {status} {response.reason_phrase}")
        if status in (401, 403):
            variable = variable_of(origin_of(url))
            words = f"it may be private, or its terms are not accepted yet; a token goes into HF_TOKEN (hub), {variable}, or the keychain"
            return SourceRefused(shown_url(url), f"the server says {status}: {words}", status)
        if status == 404:
            return SourceRefused(
                shown_url(url),
                "the server says 404: there is no such thing; check the name and the revision",
                status,
            )
        return SourceRefused(shown_url(url), f"expected 200, the server says {status}", status)
