"""Fetches one file over HTTP into a partial: streams in a worker thread, with bounded memory, and can be aborted."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from actors.model_downloader.partial import DiskFailed, PartialFile
from actors.model_downloader.policy import (
    Append,
    Ask,
    AskAgain,
    Fail,
    FailureKind,
    Head,
    Partial,
    StartOver,
    first_ask,
    next_step,
    strong_validator,
)
from bus.errors import UndercroftError

if TYPE_CHECKING:
    import httpx

STALL_SECONDS = 30.0
CONNECT_SECONDS = 10.0
REDIRECT_LIMIT = 10
LOOPBACK_BUFFER_BYTES = 256 * 1024


class FetchFailed(UndercroftError):
    """An attempt to fetch a file ended without all of its bytes.

    Attributes:
        kind: decides whether another attempt makes sense.
        problem: a sentence for a person.
        retry_after: value of that header, if the server sent one.
    """

    def __init__(self, kind: FailureKind, problem: str, retry_after: str | None = None) -> None:
        super().__init__(kind, problem, retry_after)
        self.kind: FailureKind = kind
        self.problem = problem
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.problem


class Aborted(UndercroftError):
    """Somebody asked for the fetch to end."""


class Abort:
    """Ends a fetch from another thread, at once: a socket that waits for bytes is shut down under it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def set(self) -> None:
        """End the fetch."""
        with self._lock:
            self._event.set()
            self._shut()

    @property
    def is_set(self) -> bool:
        """Whether the fetch is to end."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises Aborted if the fetch is to end."""
        if self._event.is_set():
            raise Aborted("the fetch was aborted")

    def watch(self, event: str, details: dict[str, Any]) -> None:
        """Take note of the socket of a new connection; a `trace` callback of httpcore."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            found = details["return_value"].get_extra_info("socket")
            with self._lock:
                self._socket = found
                if self._event.is_set():
                    self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


Source = Callable[[dict[str, Any]], None]
"""Is told url, etag, last_modified and validator before the first byte of an answer is written."""


def open_client(stall_seconds: float = STALL_SECONDS) -> httpx.Client:
    """A client for model files.

    Proxies are taken from the environment, but never for the loopback interface, which has no distance to bridge either: a
    small receive buffer there keeps down what is under way, and lost, when this process is killed.
    """
    import httpx

    def loopback() -> httpx.HTTPTransport:
        return httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, LOOPBACK_BUFFER_BYTES)])

    return httpx.Client(
        timeout=httpx.Timeout(stall_seconds, connect=min(CONNECT_SECONDS, stall_seconds)),
        follow_redirects=True,
        max_redirects=REDIRECT_LIMIT,
        limits=httpx.Limits(max_keepalive_connections=0),
        mounts={"all://127.0.0.1": loopback(), "all://localhost": loopback()},
        headers={"User-Agent": "undercroft", "Accept": "*/*"},
    )


def fetch_file(client: httpx.Client, url: str, partial: Partial, sink: PartialFile, on_source: Source, abort: Abort) -> int:
    """Fetch what is missing of a file; returns how many bytes came over the network. Blocks: call it in a worker thread.

    Raises:
        FetchFailed: this attempt is over; what was written before stays.
        Aborted: `abort` was set.
        DiskFailed: the bytes could not be kept.
    """
    import httpx

    before = sink.position
    ask = first_ask(partial)
    try:
        while ask is not None:
            abort.check()
            with client.stream("GET", url, headers=ask.headers(), extensions={"trace": abort.watch}) as response:
                abort.check()
                ask = _take(response, partial, ask, sink, on_source, url, abort)
                if ask is not None and ask.start == 0 and sink.position:
                    sink.start_over()
                    partial = replace(partial, have_bytes=0, validator=None)
    except (httpx.TransportError, httpx.TooManyRedirects, httpx.InvalidURL) as error:
        abort.check()
        kind: FailureKind = "network"
        if isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects | httpx.InvalidURL):
            kind = "refused"
        raise FetchFailed(kind, f"{partial.path}: {_words(error)}") from error
    return max(0, sink.position - before)


def _take(response: httpx.Response, partial: Partial, ask: Ask, sink: PartialFile, on_source: Source, url: str, abort: Abort) -> Ask | None:
    """Act on one answer; returns what to ask next, None if the file is complete."""
    head = Head(response.status_code, {name.lower(): value for name, value in response.headers.items()}, bool(response.history))
    step = next_step(partial, ask, head)
    if isinstance(step, AskAgain):
        return step.ask
    if isinstance(step, Fail):
        raise FetchFailed(step.kind, step.problem, step.retry_after)
    if isinstance(step, StartOver) and sink.position:
        sink.start_over()
    on_source(
        {
            "url": url,
            "etag": head.fields.get("etag", ""),
            "last_modified": head.fields.get("last-modified", ""),
            "validator": strong_validator(head.fields) or (partial.validator if isinstance(step, Append) else None),
        }
    )
    _receive(response, partial, sink, abort)
    return None


def _receive(response: httpx.Response, partial: Partial, sink: PartialFile, abort: Abort) -> None:
    """Write the body as it comes, and stop at the first byte that was not promised."""
    for piece in response.iter_raw():
        abort.check()
        room = partial.size_bytes - sink.position
        if len(piece) > room:
            raise FetchFailed("mismatch", f"{partial.path}: the server sends more than the {partial.size_bytes} bytes that were promised")
        sink.write(piece)
    abort.check()
    if sink.position < partial.size_bytes:
        raise FetchFailed("network", f"{partial.path}: the transfer ended at byte {sink.position} of {partial.size_bytes}")


def _words(error: Exception) -> str:
    """What httpx has to say, which is nothing for some timeouts."""
    import httpx

    if isinstance(error, httpx.ReadTimeout):
        return "no byte came for too long; check the connection"
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return f"the server cannot be reached ({str(error) or 'timeout'}); check the connection"
    if isinstance(error, httpx.TooManyRedirects):
        return f"more than {REDIRECT_LIMIT} redirects"
    return f"the transfer was interrupted ({str(error) or type(error).__name__})"


__all__ = ["Abort", "Aborted", "DiskFailed", "FetchFailed", "fetch_file", "open_client"]
