"""Asks origins for model files: kept connections, redirects by the one rule, and bodies without copies.

The standard library's client is used because it hands out a body as the socket gives it; see decision 009 in
docs/decisions.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import ssl
import threading
from collections.abc import Callable, Mapping

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.http.fetch_failure import (
    FetchFailed,
    connecting_failed,
    transfer_failed,
)
from actors.model_downloader.transfer.http.http_connection import HttpConnection, ProxyUnknown
from actors.model_downloader.transfer.http.http_resume import ResponseHead
from actors.shared.credentials.tls_trust import CertificatesUnreadable, tls_context
from actors.shared.http.answers.field_values import known_fields
from actors.shared.http.redirects import REDIRECT_STATUSES, RedirectChain, RedirectRefused
from actors.shared.http.urls import origin_of, shown_url, url_problem

STALL_SECONDS = 30.0
CONNECT_SECONDS = 10.0
HEAD_SECONDS = 60.0
"""Limit for one head, and for what follows the bytes that are wanted, however slowly they drip."""
IDLE_MOST = 8
IDLE_ORIGINS_MOST = 16
DRAIN_BYTES = 64 * 1024


class HttpResponse:
    """An answer whose body is still to be read.

    Attributes:
        url: the URL that gave it, after all redirects.
        head: status and header fields.
        challenges: its WWW-Authenticate headers.
    """

    def __init__(
        self,
        client: HttpClient,
        connection: HttpConnection,
        response: http.client.HTTPResponse,
        url: str,
        redirected: bool,
    ) -> None:
        self._client = client
        self._connection = connection
        self._response = response
        self.url = url
        self.head = ResponseHead(response.status, known_fields(response.getheaders()), redirected)
        self.challenges = tuple(response.headers.get_all("www-authenticate") or ())

    def read(self, most: int) -> bytes:
        """The next bytes of the body, as soon as there are any; none at its end.

        Raises:
            OSError: the connection broke, or nothing came for too long.
            http.client.HTTPException: what came is no HTTP.
        """
        return self._response.read1(most)

    def close(self) -> None:
        """Keep the connection if the body was read to its end, close it otherwise."""
        was_read = self._response.isclosed() or self._response.length == 0
        self._response.close()
        if was_read and not self._response.will_close and self._connection.socket is not None:
            self._client.keep(self.url, self._connection)
        else:
            self._connection.close()

    def drain(self) -> None:
        """Read a short body to its end, so that the connection can be used again, and close."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            left = DRAIN_BYTES
            while left > 0 and (content := self._response.read1(left)):
                left -= len(content)
        self.close()


class HttpClient:
    """One for all installs; safe to use from several threads."""

    def __init__(
        self,
        stall_seconds: float = STALL_SECONDS,
        credentials: Callable[[str, str], Mapping[str, str]] = lambda url, asked_first: {},
        offline: Callable[[], bool] = lambda: False,
    ) -> None:
        """Make no connection yet.

        Args:
            stall_seconds: a connection that brings nothing for this long is given up.
            credentials: the headers to send to a URL; its second argument is the URL that was asked before
                any redirect.
            offline: whether no server may be asked.
        """
        self.stall_seconds = stall_seconds
        self._credentials = credentials
        self._offline = offline
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[str, list[HttpConnection]] = {}
        self._lock = threading.Lock()

    def get(
        self, url: str, headers: Mapping[str, str], token: CancelToken, path: str, *, resolved: str = ""
    ) -> HttpResponse:
        """Ask for a URL, and follow redirects by the rule of `actors.shared.http.redirects`.

        Args:
            url: as the manifest has it.
            headers: of the request.
            token: cancels it.
            path: names the file in errors.
            resolved: where an earlier redirect of this URL led to, to be asked directly.

        Raises:
            FetchFailed: there is no answer, or a redirect that may not be followed.
            FetchCancelled: the token was cancelled.
        """
        if self._offline():
            choice = "UNDERCROFT_OFFLINE, HF_HUB_OFFLINE, models.offline"
            problem = f"this runtime is offline by choice ({choice}); what was fetched is kept"
            raise FetchFailed("refused", f"{path}: {problem}")
        chain = RedirectChain(url, resolved)
        while True:
            token.check()
            sent = {**headers, **self._credentials(chain.here, url)}
            with token.within(HEAD_SECONDS):
                response = self._ask(chain.here, sent, token, path, chain.is_redirected)
                location = response.head.fields.get("location", "")
                if response.head.status not in REDIRECT_STATUSES or not location:
                    return response
                response.drain()
            try:
                chain.follow(location)
            except RedirectRefused as refused:
                raise FetchFailed("refused", f"{path}: {refused}") from refused

    def keep(self, url: str, connection: HttpConnection) -> None:
        """Keep a connection for the next request to its origin, unless many are kept."""
        with self._lock:
            origin = origin_of(url)
            idle = self._idle.get(origin, [])
            has_room = idle or sum(map(bool, self._idle.values())) < IDLE_ORIGINS_MOST
            if origin and has_room and len(idle) < IDLE_MOST:
                self._idle.setdefault(origin, []).append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            kept = [connection for idle in self._idle.values() for connection in idle]
            self._idle.clear()
        for connection in kept:
            connection.close()

    def _ask(
        self, url: str, headers: Mapping[str, str], token: CancelToken, path: str, redirected: bool
    ) -> HttpResponse:
        if problem := url_problem(url):
            raise FetchFailed("refused", f"{path}: {shown_url(url)} cannot be fetched from: {problem}")
        with self._lock:
            idle = self._idle.get(origin_of(url), [])
            connection = idle.pop() if idle else None
            if not idle:
                self._idle.pop(origin_of(url), None)
        if connection is not None:
            try:
                response = connection.get(url, headers, token, self.stall_seconds)
                return HttpResponse(self, connection, response, url, redirected)
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()  # the server has closed it meanwhile: ask once more on a new one
                token.check()
            except BaseException:
                connection.close()
                raise
        connection = self._connect(url, token, path)
        try:
            response = connection.get(url, headers, token, self.stall_seconds)
            return HttpResponse(self, connection, response, url, redirected)
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            token.check()
            if token.has_expired:
                raise FetchFailed("network", f"{path}: no whole head came in {HEAD_SECONDS:.0f} s") from error
            raise transfer_failed(error, path) from error
        except BaseException:  # cancelled: nobody else would close it
            connection.close()
            raise

    def _connect(self, url: str, token: CancelToken, path: str) -> HttpConnection:
        try:
            connection = HttpConnection(url, min(CONNECT_SECONDS, self.stall_seconds), self._tls_context)
        except (ProxyUnknown, CertificatesUnreadable) as refused:
            raise FetchFailed("refused", f"{path}: {refused}") from refused
        try:
            connection.connect()
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            token.check()
            raise connecting_failed(error, path) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        """Made once, since making it reads every certificate that the system trusts."""
        with self._lock:
            if self._tls is None:
                self._tls = tls_context(os.environ)
            return self._tls
