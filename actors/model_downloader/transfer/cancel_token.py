"""Ends a fetch from another thread, at once: a socket that waits for bytes is shut down under it."""

from __future__ import annotations

import contextlib
import socket
import threading

from bus.errors import UndercroftError


class FetchCancelled(UndercroftError):
    """Somebody asked for the fetch to end."""


class CancelToken:
    """One for each connection."""

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
        """Raises FetchCancelled if the fetch is to end."""
        if self._event.is_set():
            raise FetchCancelled("the fetch was aborted")

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the fetch is to end."""
        self._event.wait(seconds)

    def watch(self, found: socket.socket | None) -> None:
        """Take note of the socket that is waited on now."""
        with self._lock:
            self._socket = found
            if self._event.is_set():
                self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
