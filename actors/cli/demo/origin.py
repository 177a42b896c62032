"""HTTP origin on the loopback interface: serves files with ranges and validators, and counts what it sent."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from actors.cli.demo.origin_content import OriginContent

STEPS_PER_SECOND: Final = 20
"""A rate limit is kept in steps of this many a second."""

SEND_STEP_BYTES: Final = 64 * 1024
SEND_BUFFER_BYTES: Final = 128 * 1024
"""Small, so that what counts as sent has nearly reached the client."""

RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class RequestSeen:
    """One request as the origin saw it.

    Attributes:
        headers: by name in lower case.
        sent_bytes: of the body; grows while it is sent.
    """

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent_bytes: int = 0

    @property
    def range_start(self) -> int | None:
        """First byte of the range that was asked for; None without a range."""
        found = RANGE.fullmatch(self.headers.get("range", ""))
        return int(found[1]) if found else None

    def range_within(self, size_bytes: int) -> tuple[int, int] | None:
        """Range [start, end) that was asked for, cut to this size; None without a single simple range."""
        found = RANGE.fullmatch(self.headers.get("range", ""))
        if found is None:
            return None
        return int(found[1]), min(int(found[2]) + 1, size_bytes) if found[2] else size_bytes


class OriginHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server: OriginServer

    def setup(self) -> None:
        """Send small pieces at once."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: `Origin.requests` keeps the requests."""

    def do_HEAD(self) -> None:
        """Answer a HEAD request."""
        self._note_and_respond()

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._note_and_respond()

    def _note_and_respond(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = RequestSeen(self.command, self.path, headers)
        self.server.origin.note(seen)
        self.respond(seen)

    def respond(self, seen: RequestSeen) -> None:
        """Send the file, the part of it that was asked for, or why not."""
        content = self.server.origin.content_at(seen.path)
        if content is None:
            self.send_plain(seen, 404, {})
            return
        etag = f'"{content.etag}"'
        wanted = seen.range_within(content.size_bytes)
        if wanted is None or seen.headers.get("if-range", etag) != etag:
            start, end, seen.status = 0, content.size_bytes, 200
        else:
            start, end, seen.status = *wanted, 206
        if seen.status == 206 and start >= end:
            self.send_plain(seen, 416, {"Content-Range": f"bytes */{content.size_bytes}"})
            return
        self.send_response(seen.status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        if seen.status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{content.size_bytes}")
        self.send_header("ETag", etag)
        self.end_headers()
        if self.command == "GET":
            self._send_at_rate(seen, content, start, end)

    def _send_at_rate(self, seen: RequestSeen, content: OriginContent, start: int, end: int) -> None:
        origin = self.server.origin
        while start < end:
            step_end = origin.step_end(start, end)
            for piece in content.read(start, step_end):
                self.send_piece(seen, memoryview(piece))
                if origin.is_closed:
                    break
            start = step_end
            if not origin.pause_for_rate():
                self.close_connection = True
                return

    def send_piece(self, seen: RequestSeen, piece: memoryview) -> None:
        """Send in steps, so that the count is right when the client goes away."""
        for position in range(0, len(piece), SEND_STEP_BYTES):
            step = piece[position : position + SEND_STEP_BYTES]
            self.connection.sendall(self.framed(step))
            seen.sent_bytes += len(step)

    def framed(self, step: memoryview) -> memoryview | bytes:
        """What goes over the wire for these bytes of the body."""
        return step

    def send_plain(self, seen: RequestSeen, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """Send a whole short answer."""
        seen.status = status
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET" and body:
            self.wfile.write(body)
            seen.sent_bytes += len(body)


class OriginServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 and a free port; a thread for each connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, origin: Origin, handler: type[OriginHandler]) -> None:
        self.origin = origin
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is not worth a traceback."""


class Origin:
    """An HTTP server in threads of this process. A subclass may give other types of server and handler.

    Attributes:
        rate_bytes_per_second: limit for each connection; None for none. May change while bytes flow.
        requests: every request so far, oldest first.
    """

    scheme: ClassVar = "http"
    server_type: ClassVar[type[OriginServer]] = OriginServer
    handler_type: ClassVar[type[OriginHandler]] = OriginHandler

    def __init__(self, rate_bytes_per_second: float | None = None) -> None:
        """Listens at once."""
        self.rate_bytes_per_second = rate_bytes_per_second
        self.requests: list[RequestSeen] = []
        self._contents: dict[str, OriginContent] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = self.server_type(self, self.handler_type)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="origin", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the origin listens, without a trailing slash."""
        return f"{self.scheme}://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, path: str, content: OriginContent) -> str:
        """Serve this content at a path such as `/tiny.bin`, in place of any other; returns its URL."""
        with self._lock:
            self._contents[path] = content
        return self.url + path

    def sent_bytes(self, path: str) -> int:
        """Bytes of bodies that were handed to the network for a path, over all requests."""
        with self._lock:
            return sum(seen.sent_bytes for seen in self.requests if seen.path == path)

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

    # For handlers

    def note(self, seen: RequestSeen) -> None:
        """Keep a request."""
        with self._lock:
            self.requests.append(seen)

    def content_at(self, path: str) -> OriginContent | None:
        """What is served at a path; None for nothing."""
        with self._lock:
            return self._contents.get(path)

    def step_end(self, start: int, end: int) -> int:
        """End of the bytes that may be sent before the next pause."""
        rate = self.rate_bytes_per_second
        return end if rate is None else min(end, start + max(1, int(rate / STEPS_PER_SECOND)))

    def pause_for_rate(self) -> bool:
        """Wait for the next step; False once the origin is closed."""
        if self.rate_bytes_per_second is None:
            return not self.is_closed
        return self.wait(1 / STEPS_PER_SECOND)

    def wait(self, seconds: float) -> bool:
        """Wait, but not beyond the end of the origin; False once it is closed."""
        return not self._stopping.wait(seconds)

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._stopping.is_set()
