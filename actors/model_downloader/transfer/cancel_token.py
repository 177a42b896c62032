"""Cancels a fetch from another thread at once, by shutting down the socket that it waits for."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from bus.errors import UndercroftError


class FetchCancelled(UndercroftError):
    """A fetch ended because its token was cancelled."""

    words = "the fetch was cancelled"


class CancelToken:
    """Belongs to one connection; safe to use from several threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._deadline: float | None = None
        self._has_expired = False

    def cancel(self) -> None:
        """End the fetch."""
        with self._lock:
            self._event.set()
            self._shut()

    @property
    def is_cancelled(self) -> bool:
        """Whether the fetch is to end."""
        return self._event.is_set()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A block that is to be over in time: else `expire` ends its wait for the socket."""
        with self._lock:
            self._deadline, self._has_expired = time.monotonic() + seconds, False
        try:
            yield
        finally:
            with self._lock:
                self._deadline = None

    def expire(self, now: float) -> None:
        """Shut the socket down if a block of `within` took too long.

        Args:
            now: seconds on the monotonic clock.
        """
        with self._lock:
            if self._deadline is not None and now > self._deadline:
                self._has_expired = True
                self._shut()

    @property
    def has_expired(self) -> bool:
        """Whether the last block of `within` took too long."""
        return self._has_expired

    def check(self) -> None:
        """Do nothing while the fetch may go on.

        Raises:
            FetchCancelled: it may not.
        """
        if self._event.is_set():
            raise FetchCancelled

    def wait(self, seconds: float) -> None:
        """Wait this long, or until the fetch is to end."""
        self._event.wait(seconds)

    def watch(self, found: socket.socket | None) -> None:
        """Remember the socket that the fetch waits for now."""
        with self._lock:
            self._socket = found
            if self._event.is_set():
                self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
