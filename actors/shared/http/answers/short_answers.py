"""The client for short answers, and the only reader of them: heads, bodies in bounds, and failures in words.

It keeps no cookies and follows no redirect by itself. A body is read as it comes over the wire: nothing is
unpacked, so no answer grows beyond what was sent.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio

from actors.shared.http.answers.field_values import field_problem, known_fields, length_problem
from actors.shared.http.answers.stranger_text import quoted
from bus.errors import UndercroftError

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS: Final = 15.0
SILENCE_SECONDS: Final = 30.0
HEAD_SECONDS: Final = 30.0
"""Limit for the head of an answer, however slowly it comes and however many interim answers precede it."""
AGENT: Final = "undercroft"
_FIELDS: Final = "undercroft_fields"


class AnswerRefused(UndercroftError):
    """An answer cannot be right.

    Attributes:
        problem: which field or part of it, what was expected, and what was found.
    """

    problem: str
    words = "{problem}"


@dataclass(frozen=True)
class AnswerHead:
    """Status and fields of an answer.

    Attributes:
        fields: those that are read, by name in lower case.
        challenges: its WWW-Authenticate fields.
    """

    status: int
    fields: dict[str, str]
    challenges: tuple[str, ...] = ()


def open_client(trust: ssl.SSLContext | bool) -> httpx.AsyncClient:
    """A client without connections.

    Args:
        trust: the certificates to trust.
    """
    from http.cookiejar import CookieJar  # late, as httpx is: most starts ask nobody

    import httpx

    class NoCookies(CookieJar):
        """Keeps nothing, so that no server can fill it or recognize a later request."""

        def extract_cookies(self, response: Any, request: Any) -> None:
            """Look at no cookie."""

    return httpx.AsyncClient(
        verify=trust,
        timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
        cookies=NoCookies(),
        event_hooks={"response": [_take_fields]},
    )


async def ask(client: httpx.AsyncClient, method: str, url: str, headers: dict[str, str]) -> httpx.Response:
    """Send a request; returns the open answer once its head is there.

    Args:
        client: from `open_client`.
        method: such as `GET`.
        url: was read by `read_url`.
        headers: of the request.

    Raises:
        httpx.HTTPError, httpx.InvalidURL, TimeoutError: there is no answer; see `failure_words`.
    """
    with anyio.fail_after(HEAD_SECONDS):
        return await client.send(client.build_request(method, url, headers=headers), stream=True)


def head_of(response: httpx.Response) -> AnswerHead:
    """What the head of an answer says.

    Raises:
        AnswerRefused: nobody can tell where its body ends.
    """
    fields: dict[str, str] = response.extensions.get(_FIELDS) or _fields(response)
    if problem := length_problem(fields):
        raise AnswerRefused(problem)
    challenges = [
        value.decode("latin-1") for name, value in response.headers.raw if name.lower() == b"www-authenticate"
    ]
    return AnswerHead(response.status_code, fields, tuple(challenges))


async def body_of(response: httpx.Response, limit_bytes: int) -> bytes:
    """The whole body as it was sent.

    Raises:
        AnswerRefused: it is encoded although that was not asked for, or longer.
        httpx.HTTPError: it broke off.
    """
    encoding = head_of(response).fields.get("content-encoding", "")
    if encoding.lower() not in ("", "identity"):
        raise AnswerRefused(field_problem("Content-Encoding", encoding, "'identity', as was asked for"))
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > limit_bytes:
            raise AnswerRefused(f"expected an answer of at most {limit_bytes} bytes, found more")
    return bytes(content)


def failure_words(error: Exception) -> tuple[str, bool]:
    """What an error of the client means, in words, and whether another attempt may succeed."""
    import httpx

    detail = quoted(str(error))
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "no answer came in time", True
    if isinstance(error, httpx.RemoteProtocolError):
        if "disconnect" in detail or "closed connection" in detail:
            return "the connection ended before the answer did", True
        return f"what it sends is no HTTP ({detail})", False
    if isinstance(error, httpx.ConnectError):
        return f"there is no connection ({detail})", True
    if isinstance(error, httpx.NetworkError):
        return "the connection broke", True
    return f"the request cannot be sent ({detail or type(error).__name__})", False


async def _take_fields(response: httpx.Response) -> None:
    """Keep the fields as they came, and hide the Location, which the client would parse by itself."""
    response.extensions[_FIELDS] = _fields(response)
    if "location" in response.headers:
        del response.headers["location"]


def _fields(response: httpx.Response) -> dict[str, str]:
    return known_fields(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw
    )
