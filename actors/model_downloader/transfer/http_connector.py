"""Makes connections to origins: directly or over a proxy, with the authorities that a person trusts, and near ones with small buffers."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import threading
from urllib.parse import SplitResult, unquote, urlsplit

from actors.shared.credentials.tls_trust import tls_context
from bus.errors import UndercroftError

LOOPBACK_BUFFER_BYTES = 256 * 1024
"""The loopback interface has no distance to bridge: a small receive buffer keeps down what a killed process loses."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ProxyUnknown(UndercroftError):
    """A proxy is of a kind that is not known.

    Attributes:
        scheme: its kind.
        host: where it is.
    """

    scheme: str
    host: str
    words = "the proxy {scheme}://{host} is of a kind that is not known; expected http"


class Connector:
    """Makes the connections of one client; safe to use from several threads."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def connection(self, parts: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
        """A connection to the origin of a URL, not yet made.

        Raises:
            ProxyUnknown: the environment names a proxy that cannot be used.
            CertificatesUnreadable: the environment names authorities that cannot be read.
        """
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        proxy = _proxy(parts)
        if proxy is not None and proxy.scheme not in ("", "http", "https"):
            raise ProxyUnknown(proxy.scheme, proxy.hostname or "")
        at, on = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        found: http.client.HTTPConnection
        if parts.scheme == "https":
            found = http.client.HTTPSConnection(at, on, timeout=timeout_seconds, context=self._tls())
        else:
            found = http.client.HTTPConnection(at, on, timeout=timeout_seconds)
        if proxy is not None and parts.scheme == "https":
            found.set_tunnel(host, port, headers=_authorization(proxy))
        elif proxy is not None:
            setattr(found, "asks_proxy", True)  # noqa: B010  # a note to ourselves
            setattr(found, "proxy_headers", _authorization(proxy))  # noqa: B010
        if host in _LOOPBACK:
            setattr(found, "_create_connection", _connect_near)  # noqa: B010  # the buffer has to be set before the connection is made
        return found

    def _tls(self) -> ssl.SSLContext:
        """Made once: it reads every authority there is."""
        with self._lock:
            if self._context is None:
                self._context = tls_context(os.environ)
            return self._context


def asks_proxy(connection: http.client.HTTPConnection) -> bool:
    """Whether a connection leads to a proxy, which is asked for whole URLs."""
    return getattr(connection, "asks_proxy", False)


def proxy_headers(connection: http.client.HTTPConnection) -> dict[str, str]:
    """What the proxy at the other end wants to be told with each request."""
    found: dict[str, str] = getattr(connection, "proxy_headers", {})
    return found


def _proxy(parts: SplitResult) -> SplitResult | None:
    """The proxy for a URL by the usual variables or the system's settings; never one for the loopback interface."""
    import urllib.request  # late, since most starts download nothing

    host = parts.hostname or ""
    if host in _LOOPBACK or urllib.request.proxy_bypass(parts.netloc):
        return None
    proxies = urllib.request.getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return urlsplit(found if "://" in found else f"http://{found}") if found else None


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
