"""A connection to an origin: direct or over a proxy, and with small buffers to servers on this machine."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import BinaryIO
from urllib.parse import SplitResult, unquote

from actors.model_downloader.transfer.cancel_token import CancelToken
from actors.shared.http.urls import WebUrl, read_url, url_parts
from bus.errors import UndercroftError

LOOPBACK_BUFFER_BYTES = 256 * 1024
"""The loopback interface has no distance to bridge. A small receive buffer limits what a kill loses."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
INTERIM_LIMIT = 16
TRAILERS_LIMIT = 100
LINE_LIMIT_BYTES = 65536


class ProxyUnknown(UndercroftError):
    """A proxy is of an unknown kind.

    Attributes:
        scheme: its kind.
        host: where it is.
    """

    scheme: str
    host: str
    words = "the proxy {scheme}://{host} is of a kind that is not known; expected http"


class HttpConnection:
    """Sends one request after the other to one origin."""

    def __init__(self, url: str, timeout_seconds: float, tls_context: Callable[[], ssl.SSLContext]) -> None:
        """Make no connection yet.

        Args:
            url: any URL of the origin.
            timeout_seconds: for making the connection.
            tls_context: called if the origin speaks https.

        Raises:
            UrlRefused: the URL cannot be asked.
            ProxyUnknown: the environment names a proxy that cannot be used.
            CertificatesUnreadable: the environment names certificates that cannot be read.
        """
        found = read_url(url)
        host, port = found.host, found.port_number
        proxy = proxy_of(found)
        place = (proxy.hostname or "", _port_of(proxy)) if proxy else (host, port)
        self._asks_proxy = proxy is not None and found.scheme != "https"
        self._proxy_headers = _authorization(proxy) if proxy else {}
        self._connection: http.client.HTTPConnection
        if found.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                *place, timeout=timeout_seconds, context=tls_context()
            )
            if proxy is not None:
                self._connection.set_tunnel(host, port, headers=self._proxy_headers)
        else:
            self._connection = http.client.HTTPConnection(*place, timeout=timeout_seconds)
        self._connection.response_class = BoundedResponse
        if host in _LOOPBACK:  # the buffer has to be set before the connection is made
            setattr(self._connection, "_create_connection", _connect_near)  # noqa: B010  # mypy knows no such name

    @property
    def socket(self) -> socket.socket | None:
        """Its socket; None before it is made and after it is closed."""
        return self._connection.sock

    def connect(self) -> None:
        """Make the connection.

        Raises:
            OSError: it cannot be made.
            http.client.HTTPException: the proxy refused a tunnel.
        """
        self._connection.connect()

    def get(
        self, url: str, headers: Mapping[str, str], token: CancelToken, stall_seconds: float
    ) -> http.client.HTTPResponse:
        """Ask for a URL of the origin; returns once the header fields of the answer are there.

        Args:
            url: what to ask for.
            headers: of the request.
            token: ends it; the socket is shut down then.
            stall_seconds: how long to wait for bytes, here and while the body is read.

        Raises:
            OSError: the connection broke, or no byte came.
            http.client.HTTPException: what came is no HTTP.
            FetchCancelled: the token was cancelled.
        """
        token.watch(self._connection.sock)
        token.check()
        self._connection.sock.settimeout(stall_seconds)
        path = read_url(url).target
        fields = {"User-Agent": "undercroft", "Accept": "*/*", **headers}
        if self._asks_proxy:
            path, fields = url, {**fields, **self._proxy_headers}
        self._connection.request("GET", path, headers=fields)
        return self._connection.getresponse()

    def close(self) -> None:
        """Close it; harmless if it is closed."""
        self._connection.close()


class _HeadLines:
    """The lines of a head. One that breaks off is none: half a length would be another length."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readline(self, limit: int = -1) -> bytes:
        line = self._stream.readline(limit)
        if not line.endswith(b"\n") and len(line) != limit:
            raise http.client.RemoteDisconnected("the head of the answer broke off")
        return line

    def close(self) -> None:
        self._stream.close()


class BoundedResponse(http.client.HTTPResponse):
    """Reads few interim answers before an answer and few trailers behind it. The library reads any number."""

    _interim = 0

    def begin(self) -> None:
        """Read the head."""
        stream, self.fp = self.fp, _HeadLines(self.fp)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:  # else it was closed
                self.fp = stream

    def _read_status(self) -> tuple[str, int, str]:
        self._interim += 1
        if self._interim > INTERIM_LIMIT:
            raise http.client.HTTPException(f"more than {INTERIM_LIMIT} interim answers")
        status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        return status

    def _read_and_discard_trailer(self) -> None:
        for _ in range(TRAILERS_LIMIT):
            line = self.fp.readline(LINE_LIMIT_BYTES)
            if line in (b"\r\n", b"\n", b""):
                return
        raise http.client.HTTPException(f"more than {TRAILERS_LIMIT} trailers")


def proxy_of(url: WebUrl) -> SplitResult | None:
    """The proxy for a URL by the usual variables or the system's settings; never one for this machine.

    Raises:
        ProxyUnknown: they name one that is no HTTP proxy.
    """
    import urllib.request  # late, since most starts download nothing

    if url.host in _LOOPBACK or urllib.request.proxy_bypass(url.place):
        return None
    proxies = urllib.request.getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named:
        return None
    proxy = url_parts(named if "://" in named else f"http://{named}")
    if proxy is None or proxy.scheme not in ("http", "https"):
        raise ProxyUnknown(proxy.scheme if proxy else "", (proxy.hostname or "") if proxy else "")
    return proxy


def _port_of(proxy: SplitResult) -> int:
    try:
        return proxy.port or 80
    except ValueError as error:
        raise ProxyUnknown(proxy.scheme, proxy.hostname or "") from error


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _connect_near(address: tuple[str, int], timeout: float, source: object = None) -> socket.socket:
    last: OSError | None = None
    for family, kind, protocol, _, place in socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LOOPBACK_BUFFER_BYTES)
            found.settimeout(timeout)
            found.connect(place)
            return found
        except OSError as error:
            found.close()
            last = error
    raise last or OSError(f"{address[0]} has no address")
