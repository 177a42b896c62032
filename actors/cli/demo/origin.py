"""A real HTTP origin on the loopback interface, which can be told to misbehave in the ways that origins and networks do.

It serves model files with ranges and validators, and counts what it sent.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from actors.cli.demo.content import Content
from actors.cli.demo.faults import SOUND
from actors.cli.demo.faults import Faults as Faults

PORTAL = b"<!DOCTYPE html><html><head><title>Welcome to our network</title></head><body>Please sign in.</body></html>"
STEPS_PER_SECOND = 20
"""A rate is kept in steps of this many a second."""
DRIP_SECONDS = 0.1
SEND_STEP_BYTES = 64 * 1024
SEND_BUFFER_BYTES = 128 * 1024
"""Small, so that what counts as sent has nearly reached the client."""


@dataclass
class RequestSeen:
    """One request as the origin saw it; `sent_bytes` counts the body and grows while it is sent, until `is_over`."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent_bytes: int = 0
    is_over: bool = False

    @property
    def range_start(self) -> int | None:
        """First byte that was asked for; None without a range."""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return int(found[1]) if found else None


class Origin:
    """An HTTP server on 127.0.0.1 and a port of the system's choice, in threads of this process.

    Attributes:
        rate_bytes_per_second: limit for each connection; None for none. May be changed while bytes flow.
        requests: every request so far, oldest first.
        handshake_delay_seconds: how long a client of TLS waits for the first word.
    """

    def __init__(self, rate_bytes_per_second: float | None = None, tls: ssl.SSLContext | None = None) -> None:
        """Listen at once; `tls`: speak https with the certificate of this context."""
        self._tls = tls
        self.handshake_delay_seconds = 0.0
        self.rate_bytes_per_second = rate_bytes_per_second
        self.requests: list[RequestSeen] = []
        self._contents: dict[str, Content] = {}
        self._faults: dict[str, Faults] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="origin", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the origin listens, without a trailing slash."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, path: str, content: Content) -> str:
        """Serve (or replace) what lies at a path such as `/tiny.bin`; returns its URL."""
        with self._lock:
            self._contents[path] = content
        return self.url + path

    def misbehave(self, path: str, faults: Faults) -> None:
        """Have a path misbehave from the next request on."""
        with self._lock:
            self._faults[path] = faults

    def sent_bytes(self, path: str) -> int:
        """Bytes of bodies that were handed to the network for a path, over all requests."""
        with self._lock:
            return sum(seen.sent_bytes for seen in self.requests if seen.path == path)

    def flowing(self, path: str) -> int:
        """How many bodies of a path are being sent now."""
        with self._lock:
            return sum(not seen.is_over for seen in self.requests if seen.path == path)

    def forget(self) -> None:
        """Serve nothing any more, behave, and know of no request."""
        with self._lock:
            self.requests.clear()
            self._contents.clear()
            self._faults.clear()

    def close(self) -> None:
        """Stop listening and cut what still flows."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, seen: RequestSeen) -> tuple[Content | None, Faults]:
        """Note a request, and say what it is for and how to misbehave."""
        with self._lock:
            self.requests.append(seen)
            faults = self._faults.get(seen.path, SOUND)
            if faults.times is not None and seen.method == "GET":
                if faults.times <= 0:
                    return self._contents.get(seen.path), SOUND
                faults.times -= 1
            return self._contents.get(seen.path), faults

    def _wait(self, seconds: float) -> bool:
        """Wait, but not beyond the end of the origin; False once it ends."""
        return not self._stopping.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Speak TLS first, if it is to be spoken; in the thread of the connection."""
        if self.origin._tls is None:
            super().finish_request(request, client_address)
            return
        self.origin._wait(self.origin.handshake_delay_seconds)
        with self.origin._tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is not worth a traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the requests are kept in `Origin.requests`."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        seen = RequestSeen(
            self.command, self.path, {name.lower(): value for name, value in self.headers.items()}
        )
        try:
            self._answer_to(seen)
        finally:
            seen.is_over = True

    def _answer_to(self, seen: RequestSeen) -> None:
        content, faults = self.server.origin._take(seen)
        if faults.redirect:
            self._plain(seen, 302, {"Location": faults.redirect})
        elif faults.portal:
            self._plain(seen, 200, {"Content-Type": "text/html"}, PORTAL)
        elif faults.refuses_head and self.command == "HEAD":
            self._plain(seen, 405, {})
        elif faults.status is not None:
            named = {"Retry-After": faults.retry_after, "WWW-Authenticate": faults.challenge}
            self._plain(seen, faults.status, {name: value for name, value in named.items() if value})
        elif content is None:
            self._plain(seen, 404, {})
        else:
            self._serve(seen, content, faults)

    def _serve(self, seen: RequestSeen, content: Content, faults: Faults) -> None:
        start, stop = self._part(seen, content, faults)
        if start is None:
            self._plain(seen, 416, {"Content-Range": f"bytes */{content.size_bytes}"})
            return
        partial = "range" in seen.headers and not (
            start == 0 and stop == content.size_bytes and self._ignores_range(seen, content, faults)
        )
        self._send_head(seen, content, faults, start, stop, partial)
        if self.command == "GET":
            self._send_body(seen, content, faults, start, stop)

    def _part(self, seen: RequestSeen, content: Content, faults: Faults) -> tuple[int | None, int]:
        """Which bytes to send; (None, 0) if the range cannot be satisfied."""
        if "range" not in seen.headers or self._ignores_range(seen, content, faults):
            return 0, content.size_bytes
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", seen.headers["range"])
        if not found:
            return 0, content.size_bytes
        start, stop = (
            int(found[1]),
            min(int(found[2]) + 1, content.size_bytes) if found[2] else content.size_bytes,
        )
        return (start, stop) if start < stop else (None, 0)

    def _ignores_range(self, seen: RequestSeen, content: Content, faults: Faults) -> bool:
        """Whether the whole is sent to a request for a part (RFC 9110 sections 13.1.5 and 14.2)."""
        condition = seen.headers.get("if-range")
        if faults.no_ranges or re.fullmatch(r"bytes=\d+-\d*", seen.headers.get("range", "")) is None:
            return True
        if condition is None:
            return False
        return faults.full_on_if_range or condition not in self._strong_validators(content, faults)

    def _strong_validators(self, content: Content, faults: Faults) -> list[str]:
        if faults.no_validator:
            return []
        strong = [] if faults.weak_etag else [f'"{content.etag}"']
        return (
            strong
            if faults.last_modified is None
            else [*strong, formatdate(faults.last_modified, usegmt=True)]
        )

    def _send_head(
        self, seen: RequestSeen, content: Content, faults: Faults, start: int, stop: int, partial: bool
    ) -> None:
        seen.status = 206 if partial else 200
        self.send_response(seen.status)
        self.send_header("Content-Type", "application/octet-stream")
        if faults.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(stop - start + faults.surplus_bytes + faults.lie_bytes))
        for number in range(faults.header_count):
            self.send_header(f"X-{number}", "y")
        if not faults.no_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if partial:
            first, last = start + faults.shift_content_range, stop - 1 + faults.shift_content_range_end
            self.send_header(
                "Content-Range",
                f"bytes {first}-{last}/{content.size_bytes + faults.shift_content_range_total}",
            )
        if not faults.no_validator:
            self.send_header("ETag", f'W/"{content.etag}"' if faults.weak_etag else f'"{content.etag}"')
            if faults.last_modified is not None:
                self.send_header("Last-Modified", formatdate(faults.last_modified, usegmt=True))
        if faults.content_encoding:
            self.send_header("Content-Encoding", faults.content_encoding)
        self.end_headers()

    def _send_body(self, seen: RequestSeen, content: Content, faults: Faults, start: int, stop: int) -> None:
        if self._send_until_fault(seen, content, faults, start, stop):
            surplus = bytes(faults.surplus_bytes)
            if faults.chunked:
                surplus = (_chunk(surplus) if surplus else b"") + b"0\r\n\r\n"
            self.connection.sendall(surplus)
            self.close_connection = self.close_connection or faults.lie_bytes != 0
        else:
            self._reset()

    def _send_until_fault(
        self, seen: RequestSeen, content: Content, faults: Faults, start: int, stop: int
    ) -> bool:
        """Send the body at the rate; False if a fault or the end of the origin cut it short."""
        origin = self.server.origin
        position = start
        while position < stop:
            rate = origin.rate_bytes_per_second
            step = stop if rate is None else min(stop, position + max(1, int(rate / STEPS_PER_SECOND)))
            for limit in (faults.cut_after_bytes, faults.stall_after_bytes):
                if limit is not None:
                    step = min(step, start + limit)
            if faults.drip_after_bytes is not None:
                is_dripping = position >= start + faults.drip_after_bytes
                step = position + 1 if is_dripping else min(step, start + faults.drip_after_bytes)
                if is_dripping and not origin._wait(DRIP_SECONDS):
                    return False
            for piece in content.read(position, step):
                self._send_piece(seen, memoryview(piece), chunked=faults.chunked)
                if origin._stopping.is_set():
                    return False
            position = step
            if faults.cut_after_bytes is not None and position - start >= faults.cut_after_bytes:
                return False
            if faults.stall_after_bytes is not None and position - start >= faults.stall_after_bytes:
                origin._wait(3600)
                return False
            if rate is not None and not origin._wait(1 / STEPS_PER_SECOND):
                return False
        return True

    def _send_piece(self, seen: RequestSeen, piece: memoryview, *, chunked: bool = False) -> None:
        """Send in steps, so that a client that goes away leaves a count of what it was sent."""
        for position in range(0, len(piece), SEND_STEP_BYTES):
            step = piece[position : position + SEND_STEP_BYTES]
            self.connection.sendall(step if not chunked else _chunk(bytes(step)))
            seen.sent_bytes += len(step)

    def _plain(self, seen: RequestSeen, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        seen.status = status
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET" and body:
            self.wfile.write(body)
            seen.sent_bytes += len(body)

    def _reset(self) -> None:
        """End the connection with a reset instead of an orderly end, as a failing network does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _chunk(content: bytes) -> bytes:
    """One chunk of a body (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(content), content)
