"""A server on the loopback interface that answers as `lies` says, and sometimes slowly or not at all."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final

from tests.fuzz import lies

HANG_SECONDS: Final = 2.0
"""How long it keeps a connection without a word."""


class LyingDoor:
    """Answers each connection once.

    Attributes:
        told: how many answers it gave.
        port: where it listens.
    """

    def __init__(self, seed: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.told = 0
        self._seed = seed
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError, IndexError):
            client.settimeout(HANG_SECONDS)
            asked = client.recv(65_536)
            path = asked.split(b" ")[1].decode("latin-1")
            self.told += 1
            if "hang" in path:
                self._closing.wait(HANG_SECONDS)
                return
            client.sendall(lies.answer(self._seed, path, self.port))
