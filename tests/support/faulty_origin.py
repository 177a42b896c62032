"""An HTTP origin that misbehaves on demand, in the ways that origins and networks do."""

from __future__ import annotations

import socket
import ssl
import struct
from email.utils import formatdate
from typing import Any

from actors.cli.demo.origin import Origin, OriginHandler, OriginServer, RequestSeen
from actors.cli.demo.origin_content import OriginContent, sha256_of
from schemas.manifest import FilePromise, ModelEntry
from tests.support.origin_faults import SOUND, Faults

PORTAL = (
    b"<!DOCTYPE html><html><head><title>Welcome to our network</title></head>"
    b"<body>Please sign in.</body></html>"
)
DRIP_SECONDS = 0.1
STALL_SECONDS = 3600


class FaultyHandler(OriginHandler):
    """Answers as the faults of the path say."""

    server: FaultyServer
    faults = SOUND

    def respond(self, seen: RequestSeen) -> None:
        try:
            self._respond(seen)
        finally:
            self.server.origin.note_end(seen)

    def _respond(self, seen: RequestSeen) -> None:
        content = self.server.origin.content_at(seen.path)
        self.faults = faults = self.server.origin.faults_for(seen)
        if faults.redirect:
            self.send_plain(seen, 302, {"Location": faults.redirect})
        elif faults.portal:
            self.send_plain(seen, 200, {"Content-Type": "text/html"}, PORTAL)
        elif faults.refuses_head and self.command == "HEAD":
            self.send_plain(seen, 405, {})
        elif faults.status is not None:
            named = {"Retry-After": faults.retry_after, "WWW-Authenticate": faults.challenge}
            self.send_plain(seen, faults.status, {name: value for name, value in named.items() if value})
        elif content is None:
            self.send_plain(seen, 404, {})
        else:
            self._send(seen, content)

    def _send(self, seen: RequestSeen, content: OriginContent) -> None:
        start, end = 0, content.size_bytes
        wanted = seen.range_within(content.size_bytes)
        is_partial = wanted is not None and self._honours_range(seen, content)
        if wanted is not None and is_partial:
            start, end = wanted
        if is_partial and start >= end:
            self.send_plain(seen, 416, {"Content-Range": f"bytes */{content.size_bytes}"})
            return
        self._send_head(seen, content, start, end, is_partial)
        if self.command == "GET":
            self._send_body(seen, content, start, end)

    def _honours_range(self, seen: RequestSeen, content: OriginContent) -> bool:
        """Whether a request for a part gets a part (RFC 9110 sections 13.1.5 and 14.2)."""
        condition = seen.headers.get("if-range")
        if self.faults.no_ranges:
            return False
        if condition is None:
            return True
        return not self.faults.full_on_if_range and condition in self._strong_validators(content)

    def _strong_validators(self, content: OriginContent) -> list[str]:
        faults = self.faults
        if faults.no_validator:
            return []
        strong = [] if faults.weak_etag else [f'"{content.etag}"']
        if faults.last_modified is not None:
            strong.append(formatdate(faults.last_modified, usegmt=True))
        return strong

    def _send_head(
        self, seen: RequestSeen, content: OriginContent, start: int, end: int, is_partial: bool
    ) -> None:
        faults = self.faults
        seen.status = 206 if is_partial else 200
        self.send_response(seen.status)
        self.send_header("Content-Type", "application/octet-stream")
        if faults.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(end - start + faults.surplus_bytes + faults.lie_bytes))
        for number in range(faults.header_count):
            self.send_header(f"X-{number}", "y")
        if not faults.no_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if is_partial:
            first, last = start + faults.shift_content_range, end - 1 + faults.shift_content_range_end
            total = content.size_bytes + faults.shift_content_range_total
            self.send_header("Content-Range", f"bytes {first}-{last}/{total}")
        if not faults.no_validator:
            self.send_header("ETag", f'W/"{content.etag}"' if faults.weak_etag else f'"{content.etag}"')
            if faults.last_modified is not None:
                self.send_header("Last-Modified", formatdate(faults.last_modified, usegmt=True))
        if faults.content_encoding:
            self.send_header("Content-Encoding", faults.content_encoding)
        self.end_headers()

    def _send_body(self, seen: RequestSeen, content: OriginContent, start: int, end: int) -> None:
        if not self._send_until_fault(seen, content, start, end):
            self._reset()
            return
        surplus = bytes(self.faults.surplus_bytes)
        if self.faults.chunked:
            surplus = (_chunk(surplus) if surplus else b"") + b"0\r\n\r\n"
        self.connection.sendall(surplus)
        self.close_connection = self.close_connection or self.faults.lie_bytes != 0

    def _send_until_fault(self, seen: RequestSeen, content: OriginContent, start: int, end: int) -> bool:
        """Send the body at the rate; False if a fault or the end of the origin cut it short."""
        origin, faults = self.server.origin, self.faults
        position = start
        while position < end:
            step_end = origin.step_end(position, end)
            for limit in (faults.cut_after_bytes, faults.stall_after_bytes):
                if limit is not None:
                    step_end = min(step_end, start + limit)
            if faults.drip_after_bytes is not None:
                is_dripping = position >= start + faults.drip_after_bytes
                step_end = position + 1 if is_dripping else min(step_end, start + faults.drip_after_bytes)
                if is_dripping and not origin.wait(DRIP_SECONDS):
                    return False
            for piece in content.read(position, step_end):
                self.send_piece(seen, memoryview(piece))
                if origin.is_closed:
                    return False
            position = step_end
            if faults.cut_after_bytes is not None and position - start >= faults.cut_after_bytes:
                return False
            if faults.stall_after_bytes is not None and position - start >= faults.stall_after_bytes:
                origin.wait(STALL_SECONDS)
                return False
            if not origin.pause_for_rate():
                return False
        return True

    def framed(self, step: memoryview) -> memoryview | bytes:
        return _chunk(bytes(step)) if self.faults.chunked else step

    def _reset(self) -> None:
        """End the connection with a reset instead of an orderly end, as a failing network does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class FaultyServer(OriginServer):
    """Speaks TLS first, if it is to be spoken."""

    origin: FaultyOrigin

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Runs in the thread of the connection."""
        if self.origin.tls is None:
            super().finish_request(request, client_address)
            return
        self.origin.wait(self.origin.handshake_delay_seconds)
        with self.origin.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


class FaultyOrigin(Origin):
    """An origin whose paths can be told to misbehave.

    Attributes:
        tls: speak https with the certificate of this context; None for http.
        handshake_delay_seconds: how long a TLS client waits for the first answer.
    """

    server_type = FaultyServer
    handler_type = FaultyHandler

    def __init__(self, rate_bytes_per_second: float | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.scheme = "https" if tls else "http"
        self.handshake_delay_seconds = 0.0
        self._faults: dict[str, Faults] = {}
        self._unfinished: list[RequestSeen] = []
        super().__init__(rate_bytes_per_second)

    def misbehave(self, path: str, faults: Faults) -> None:
        """Have a path misbehave from the next request on."""
        with self._lock:
            self._faults[path] = faults

    def flowing(self, path: str) -> int:
        """Number of bodies of a path that are being sent now."""
        with self._lock:
            return sum(seen.path == path for seen in self._unfinished)

    def note(self, seen: RequestSeen) -> None:
        with self._lock:
            self.requests.append(seen)
            self._unfinished.append(seen)

    def note_end(self, seen: RequestSeen) -> None:
        """The answer has been sent, or the connection was lost."""
        with self._lock:
            self._unfinished = [other for other in self._unfinished if other is not seen]

    def forget(self) -> None:
        """Serve nothing, behave, and remember no request."""
        with self._lock:
            self.requests.clear()
            self._unfinished.clear()
            self._contents.clear()
            self._faults.clear()

    def faults_for(self, seen: RequestSeen) -> Faults:
        """How this request is to be answered; counts down the faults that last for some requests only."""
        with self._lock:
            faults = self._faults.get(seen.path, SOUND)
            if faults.times is None or seen.method != "GET":
                return faults
            if faults.times <= 0:
                return SOUND
            faults.times -= 1
            return faults


def _chunk(content: bytes) -> bytes:
    """One chunk of a body (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def serve_model(origin: Origin, model_id: str, content: OriginContent) -> ModelEntry:
    """Have an origin serve a model of one file; returns its entry for a manifest."""
    url = origin.serve(f"/{model_id}.bin", content)
    promise = FilePromise(
        path="model.bin", size_bytes=content.size_bytes, sha256=sha256_of(content), urls=[url]
    )
    return ModelEntry(id=model_id, name=model_id.title(), category="stt", licence="MIT", files=[promise])
