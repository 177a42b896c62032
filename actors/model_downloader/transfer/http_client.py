"""Asks origins for model files: connections that are kept, proxies, redirects by the rules, and bodies without copies.

The standard library's client is used because it hands out a body as the socket gives it; see
docs/decisions/009.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.model_downloader.transfer.http_connector import Connector, ProxyUnknown, asks_proxy, proxy_headers
from actors.model_downloader.transfer.http_resume import FailureKind, ResponseHead
from actors.shared.credentials.tls_trust import CertificatesUnreadable
from bus.errors import UndercroftError

STALL_SECONDS = 30.0
CONNECT_SECONDS = 10.0
STALL_LEAST_BYTES = 1024
"""Less than this within the time of a stall counts as one: a server that drips would otherwise hold a download for ever."""

REDIRECT_LIMIT = 10
IDLE_MOST = 8
DRAIN_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class FetchFailed(UndercroftError):
    """An attempt to fetch a file ended without all of its bytes.

    Attributes:
        kind: decides whether another attempt makes sense.
        problem: a sentence for a person.
        retry_after: value of that header, if the server sent one.
        url: the URL that wants credentials, and in `challenges` the WWW-Authenticate headers it sent; empty
            for none.
    """

    def __init__(
        self,
        kind: FailureKind,
        problem: str,
        retry_after: str | None = None,
        url: str = "",
        challenges: tuple[str, ...] = (),
    ) -> None:
        super().__init__(kind, problem, retry_after, url, challenges)
        self.kind: FailureKind = kind
        self.problem = problem
        self.retry_after = retry_after
        self.url = url
        self.challenges = challenges

    def __str__(self) -> str:
        return self.problem


class HttpResponse:
    """An answer whose body is still to be read.

    Attributes:
        url: that gave it, after all redirects.
        head: status and header fields.
        challenges: its WWW-Authenticate headers.
    """

    def __init__(
        self,
        client: HttpClient,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
        url: str,
        redirected: bool,
    ) -> None:
        self._client = client
        self._connection = connection
        self._response = response
        self.url = url
        self.head = ResponseHead(
            response.status, {name.lower(): value for name, value in response.getheaders()}, redirected
        )
        self.challenges = tuple(response.headers.get_all("www-authenticate") or ())

    def read(self, most: int) -> bytes:
        """The next bytes of the body, as soon as there are any; none at its end.

        Raises:
            OSError, http.client.HTTPException: the connection broke, or nothing came for too long.
        """
        return self._response.read1(most)

    def close(self) -> None:
        """Keep the connection if the body was read to its end, drop it otherwise."""
        was_read = self._response.isclosed() or self._response.length == 0
        self._response.close()
        if was_read and not self._response.will_close and self._connection.sock is not None:
            self._client.keep(self.url, self._connection)
        else:
            self._connection.close()

    def drain(self) -> None:
        """Read a short body to its end, so that the connection can be used again."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            left = DRAIN_BYTES
            while left > 0 and (piece := self._response.read1(left)):
                left -= len(piece)
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
            stall_seconds: a connection that brings nothing for so long is given up.
            credentials: the headers to send to a URL; is told also the URL that was asked before any
                redirect.
            offline: whether nobody may be asked.
        """
        self.stall_seconds = stall_seconds
        self._credentials = credentials
        self._offline = offline
        self._connector = Connector()
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()

    def get(
        self, url: str, headers: Mapping[str, str], abort: CancelToken, path: str, *, resolved: str = ""
    ) -> HttpResponse:
        """Ask for a URL, and follow redirects by the rules.

        A redirect from https to http is refused. Credentials go to the origin that was asked first, and to no
        other host.

        Args:
            url: as the manifest has it.
            headers: of the request.
            abort: ends it.
            path: names the file in errors.
            resolved: where an earlier redirect of this URL led to, to be asked directly.

        Raises:
            FetchFailed: there is no answer, or one that may not be followed.
            Aborted: `abort` was set.
        """
        if self._offline():
            choice = "UNDERCROFT_OFFLINE, HF_HUB_OFFLINE, models.offline"
            raise FetchFailed(
                "refused", f"{path}: this runtime is offline by choice ({choice}); what was fetched is kept"
            )
        asked, seen = resolved or url, set()
        while True:
            abort.check()
            seen.add(asked)
            answer = self._ask(
                asked,
                {**headers, **self._credentials(asked, url)},
                abort,
                path,
                bool(resolved) or len(seen) > 1,
            )
            place = answer.head.fields.get("location", "")
            if answer.head.status not in _REDIRECTS or not place:
                return answer
            answer.drain()
            target = urljoin(asked, place)
            if urlsplit(asked).scheme == "https" and urlsplit(target).scheme == "http":
                raise FetchFailed(
                    "refused",
                    f"{path}: the server leads from https to http, which is refused; the manifest needs another address",
                )
            if target in seen:
                raise FetchFailed("refused", f"{path}: the redirects of the server lead in a circle")
            if len(seen) > REDIRECT_LIMIT:
                raise FetchFailed("refused", f"{path}: more than {REDIRECT_LIMIT} redirects")
            asked = target

    def keep(self, url: str, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next request to its origin."""
        with self._lock:
            idle = self._idle.setdefault(_origin(urlsplit(url)), [])
            if len(idle) < IDLE_MOST:
                idle.append(connection)
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
        self, url: str, headers: Mapping[str, str], abort: CancelToken, path: str, redirected: bool
    ) -> HttpResponse:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise FetchFailed(
                "refused",
                f"{path}: {parts.scheme or 'nothing'}://{parts.hostname or ''} cannot be fetched from; expected https or http",
            )
        with self._lock:
            idle = self._idle.get(_origin(parts), [])
            connection = idle.pop() if idle else None
        if connection is not None:
            try:
                return HttpResponse(
                    self, connection, self._send(connection, parts, url, headers, abort), url, redirected
                )
            except (OSError, http.client.HTTPException):
                connection.close()  # the server closed it meanwhile: ask once more on a new one
                abort.check()
            except BaseException:
                connection.close()
                raise
        connected = False
        try:
            connection = self._connector.connection(parts, min(CONNECT_SECONDS, self.stall_seconds))
        except (ProxyUnknown, CertificatesUnreadable) as refused:
            raise FetchFailed("refused", f"{path}: {refused}") from refused
        try:
            connection.connect()
            connected = True
            return HttpResponse(
                self, connection, self._send(connection, parts, url, headers, abort), url, redirected
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            abort.check()
            raise _failure(error, path, connected) from error
        except BaseException:  # aborted: nobody else would close it
            connection.close()
            raise

    def _send(
        self,
        connection: http.client.HTTPConnection,
        parts: SplitResult,
        url: str,
        headers: Mapping[str, str],
        abort: CancelToken,
    ) -> http.client.HTTPResponse:
        abort.watch(connection.sock)
        abort.check()
        connection.sock.settimeout(self.stall_seconds)
        target = (
            url
            if asks_proxy(connection)
            else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        )
        fields = {"User-Agent": "undercroft", "Accept": "*/*", **headers, **proxy_headers(connection)}
        connection.request("GET", target, headers=fields)
        return connection.getresponse()


def open_client(stall_seconds: float = STALL_SECONDS) -> HttpClient:
    """A client without credentials."""
    return HttpClient(stall_seconds)


class StallWatch:
    """Finds a body that drips: the time that is waited for bytes, not that in which they are written, counts."""

    def __init__(self, stall_seconds: float) -> None:
        self._stall_seconds = stall_seconds
        self._waited_seconds = 0.0
        self._bytes = 0

    def received(self, count: int, seconds: float) -> None:
        """So many bytes came after so many seconds.

        Raises:
            TimeoutError: hardly any came within the time of a stall.
        """
        self._waited_seconds += seconds
        self._bytes += count
        if self._waited_seconds < self._stall_seconds:
            return
        if self._bytes < STALL_LEAST_BYTES:
            raise TimeoutError(f"only {self._bytes} bytes came in {self._waited_seconds:.0f} s")
        self._waited_seconds, self._bytes = 0.0, 0


def transfer_failed(error: Exception, path: str) -> FetchFailed:
    """A body that broke off, in words."""
    if isinstance(error, TimeoutError) and str(error).startswith("only"):
        return FetchFailed("network", f"{path}: {error}; check the connection")
    return _failure(error, path, connected=True)


def _failure(error: Exception, path: str, connected: bool) -> FetchFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"the certificate of the server is not trusted ({error.verify_message}); for a private authority set SSL_CERT_FILE"
        return FetchFailed("refused", f"{path}: {words}")
    if isinstance(error, http.client.InvalidURL | ValueError) and not isinstance(error, OSError):
        return FetchFailed("refused", f"{path}: the address cannot be asked for ({error})")
    if isinstance(error, TimeoutError) and connected:
        return FetchFailed("network", f"{path}: no byte came for too long; check the connection")
    if not connected:
        return FetchFailed(
            "network",
            f"{path}: the server cannot be reached ({str(error) or 'timeout'}); check the connection",
        )
    if isinstance(error, http.client.LineTooLong) or (
        type(error) is http.client.HTTPException and "headers" in str(error)
    ):
        return FetchFailed("server", f"{path}: the server sends more header fields than are read ({error})")
    return FetchFailed(
        "network", f"{path}: the transfer was interrupted ({str(error) or type(error).__name__})"
    )


def _origin(parts: SplitResult) -> tuple[str, str]:
    return parts.scheme, parts.netloc.lower()
