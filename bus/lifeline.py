"""The private pipes between the supervisor and one child: JSON lines, and an end of file when either is gone.

Parent to child: first `{"start": {...}}` (what the child becomes; secrets travel here, never in argv), then
`{"ping": 7}` and `{"stop": {"returning": true}}`; to the broker also `{"roster": {...}}`, when the profile
was read anew, and `{"ask_peer": {"peer": "tray", "number": 7}}`. Child to parent: `{"pong": 7}` and
`{"ready": {...}}`; from the broker also `{"peer_answered": {"peer": "tray", "number": 7}}`.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import threading
from typing import Any, Final

import msgspec

from bus.errors import UndercroftError

MESSAGE_LIMIT_BYTES: Final = 1024 * 1024
READ_SIZE_BYTES: Final = 64 * 1024


class StopMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Stop cleanly. `returning`: the child will be started again, so others may wait for it."""

    returning: bool = False


class LifelineMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the lifeline. Exactly one field is set; fields of a later version are skipped."""

    start: dict[str, Any] | None = None
    ping: int | None = None
    stop: StopMessage | None = None
    roster: dict[str, Any] | None = None
    ask_peer: dict[str, Any] | None = None
    peer_answered: dict[str, Any] | None = None
    pong: int | None = None
    ready: dict[str, Any] | None = None


class LifelineClosed(UndercroftError):
    """The other end is gone. For a child this means: the supervisor ended, so end at once."""

    def __str__(self) -> str:
        return "the lifeline is closed: the process at its other end is gone"


class LifelineBroken(UndercroftError):
    """A line that is not a message.

    Attributes:
        detail: what was found and what was expected.
    """

    detail: str
    words = "lifeline: {detail}"


def encode(message: LifelineMessage) -> bytes:
    """Encode a message as a line.

    Raises:
        LifelineBroken: it would be longer than MESSAGE_LIMIT_BYTES.
    """
    line = msgspec.json.encode(message) + b"\n"
    if len(line) > MESSAGE_LIMIT_BYTES:
        raise LifelineBroken(f"message of {len(line)} bytes; expected at most {MESSAGE_LIMIT_BYTES}")
    return line


class LineDecoder:
    """Turns bytes into messages. Pure."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._decoder: msgspec.json.Decoder[LifelineMessage] = msgspec.json.Decoder(LifelineMessage)

    def feed(self, data: bytes) -> list[LifelineMessage]:
        """Take bytes, and return the messages that they complete.

        Raises:
            LifelineBroken: a line is too long, or is no message.
        """
        self._rest += data
        lines: list[bytes] = []
        if b"\n" in data:
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
        if max(len(self._rest), *map(len, lines), 0) >= MESSAGE_LIMIT_BYTES:
            raise LifelineBroken(f"line of more than {MESSAGE_LIMIT_BYTES} bytes")
        return [self._decode(line) for line in lines]

    def _decode(self, line: bytes) -> LifelineMessage:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LifelineBroken(f"expected a message, found {line[:80]!r} ({error})") from error


class Lifeline:
    """The child's end, for a poll loop and for `add_reader`.

    `wait_start` reads no byte beyond the start message, so later messages still make `fileno()` readable.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._decoder = LineDecoder()
        self._send_lock = threading.Lock()

    def fileno(self) -> int:
        """The descriptor to wait on before `receive()`."""
        return self._read_fd

    def wait_start(self) -> dict[str, Any]:
        """Block until the first message says what this process becomes.

        Raises:
            LifelineClosed: the supervisor ended before.
            LifelineBroken: the first message is another one.
        """
        messages: list[LifelineMessage] = []
        while not messages:
            select.select([self], [], [])
            peeked = self._peek()
            size_bytes = 1 if not peeked else peeked.index(b"\n") + 1 if b"\n" in peeked else len(peeked)
            data = self._read(size_bytes)
            if data == b"":
                raise LifelineClosed
            messages = self._decoder.feed(data or b"")
        if messages[0].start is None:
            raise LifelineBroken(
                f"expected the start message first, found {msgspec.to_builtins(messages[0])}"
            )
        return messages[0].start

    def receive(self) -> list[LifelineMessage]:
        """Return the messages that have arrived, without waiting.

        Raises:
            LifelineClosed: the supervisor is gone; an earlier call returned its last messages.
            LifelineBroken: it sent a line that is no message.
        """
        messages: list[LifelineMessage] = []
        while data := self._read(READ_SIZE_BYTES):
            messages += self._decoder.feed(data)
            if len(data) < READ_SIZE_BYTES:
                break
        if data == b"" and not messages:
            raise LifelineClosed
        return messages

    def send_ready(self, details: dict[str, Any] | None = None) -> None:
        """Tell the supervisor that this child serves from now on.

        Raises:
            LifelineClosed: the supervisor is gone.
        """
        self._send(LifelineMessage(ready=details or {}))

    def send_pong(self, number: int) -> None:
        """Answer a ping with its number. Called only from the loop that does the work, so that a hang shows.

        Raises:
            LifelineClosed: the supervisor is gone.
        """
        self._send(LifelineMessage(pong=number))

    def send_peer_answered(self, answer: dict[str, Any]) -> None:
        """Tell the supervisor that a peer answered what it asked through the broker.

        Raises:
            LifelineClosed: the supervisor is gone.
        """
        self._send(LifelineMessage(peer_answered=answer))

    def close(self) -> None:
        """Close both pipes."""
        for fd in {self._read_fd, self._write_fd}:
            os.close(fd)

    def _peek(self) -> bytes:
        """What can be read next, without reading it; empty for a pipe, which cannot be peeked into."""
        if not stat.S_ISSOCK(os.fstat(self._read_fd).st_mode):
            return b""
        with socket.socket(fileno=os.dup(self._read_fd)) as looked_at:
            return looked_at.recv(READ_SIZE_BYTES, socket.MSG_PEEK)

    def _read(self, size_bytes: int) -> bytes | None:
        """Read some bytes; empty: end of file; None: there are none now."""
        readable, _, _ = select.select([self._read_fd], [], [], 0)
        if not readable:
            return None
        try:
            return os.read(self._read_fd, size_bytes)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            return b""

    def _send(self, message: LifelineMessage) -> None:
        rest = memoryview(encode(message))
        with self._send_lock:
            try:
                while rest:
                    select.select([], [self._write_fd], [])
                    rest = rest[os.write(self._write_fd, rest) :]
            except (BrokenPipeError, ConnectionResetError) as error:
                raise LifelineClosed from error


class PumpedLifeline(Lifeline):
    """For Windows, where a program cannot wait on a pipe: a thread copies its bytes into a socket pair."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        super().__init__(read_fd, write_fd)
        self._out, pump_end = socket.socketpair()
        self._out.setblocking(False)
        threading.Thread(target=self._pump, args=(pump_end,), name="lifeline", daemon=True).start()

    def fileno(self) -> int:
        """The reading end of the socket pair."""
        return self._out.fileno()

    def close(self) -> None:
        """Close the socket pair and the writing pipe."""
        self._out.close()
        os.close(self._write_fd)  # the pump owns the read end: closing it under a blocked read would hang

    def _pump(self, pump_end: socket.socket) -> None:
        with pump_end:
            try:
                while data := os.read(self._read_fd, READ_SIZE_BYTES):
                    pump_end.sendall(data)
            except OSError:
                return  # either end is gone; closing the pair shows the reader

    def _peek(self) -> bytes:
        return self._out.recv(READ_SIZE_BYTES, socket.MSG_PEEK)

    def _read(self, size_bytes: int) -> bytes | None:
        try:
            return self._out.recv(size_bytes)
        except BlockingIOError:
            return None

    def _send(self, message: LifelineMessage) -> None:
        try:
            with self._send_lock:
                os.write(self._write_fd, encode(message))  # a pipe in blocking mode takes all of it
        except OSError as error:
            raise LifelineClosed from error
