"""A server that says exactly what it is told, for answers that no server library would give."""

from __future__ import annotations

import socket
import threading


class Speaker:
    """Says its piece once for each connection, to one after the other, and keeps what it was asked.

    Attributes:
        asked: what the last connection asked.
        count: how many there were.
    """

    def __init__(self, says: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/m"
        self.asked = b""
        self.count = 0
        self._says = says
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def _speak(self) -> None:
        while True:
            try:
                found, _ = self._listener.accept()
            except OSError:
                return
            with found:
                self.asked = found.recv(65536)
                self.count += 1
                found.sendall(self._says)

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
