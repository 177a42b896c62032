"""Output that never holds up the supervisor: a thread writes each stream, from a bounded queue.

A terminal that is stopped (Ctrl-S), a pipe that nobody reads and a full disk cost lines, never time. What was
dropped is counted, and a notice stands at its place once there is room again.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, TextIO, cast

LIMIT_BYTES: Final = 4 * 1024 * 1024
"""Minor lines (the output of children) take half of it at most; the rest is for the supervisor's own."""

WRITE_SIZE_BYTES: Final = 64 * 1024
STALL_SECONDS: Final = 0.5
"""At the end of the process: how long a reader may take nothing before what is left counts as dropped."""

DRAIN_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.01
NEWLINE: Final = ord("\n")

CLOSED: Final = frozenset(
    {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET, errno.ENOTCONN, errno.ESHUTDOWN}
)
"""Errors after which nobody can ever read the stream again: a closed pipe, a terminal that is gone."""


def default_notice(lines: int) -> str:
    """What stands in place of dropped lines."""
    return f"[{lines} lines were dropped here: nobody read them in time]\n"


class QueuedLines(NamedTuple):
    """Bytes to write: so many lines, or a notice that tells of so many dropped ones."""

    data: bytes
    lines: int
    told: int


class OutputSink:
    """One descriptor. `write` takes whole lines and never waits.

    Attributes:
        dropped: number of lines that were dropped so far.
        fault: why the stream does not take what is written, in words; empty while it does.
        notice: says in the stream itself that so many lines were dropped.
    """

    def __init__(self, write: Callable[[bytes], int], limit_bytes: int = LIMIT_BYTES) -> None:
        """Take nothing yet; the thread begins with the first line.

        Args:
            write: writes bytes, may wait, and returns how many it has written.
            limit_bytes: size of the queue.
        """
        self.dropped = 0
        self.fault = ""
        self.notice: Callable[[int], str] = default_notice
        self._write = write
        self._limit_bytes = limit_bytes
        self._queue: deque[QueuedLines] = deque()
        self._size_bytes = 0
        self._written_bytes = 0
        self._untold = 0
        self._overflows = {True: False, False: False}
        self._is_closed = False
        self._is_torn = False
        self._then: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    def write(self, data: bytes, *, is_minor: bool = False) -> bool:
        """Queue whole lines; False: there is no room, or nobody can read them any more."""
        lines = max(1, data.count(b"\n"))
        with self._changed:
            if self._is_closed or self._then is not None or not self._has_room(len(data), is_minor):
                self._drop(lines)
                return False
            self._tell_dropped()
            self._append(data, lines)
            if self._thread is None:
                self._start()
            self._changed.notify()
            return True

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="output", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # there are too many threads: the lines wait, and the next one tries again
        self._thread = thread

    def finish(self, then: Callable[[], object]) -> None:
        """Take nothing more. Once everything is written, the thread calls `then`."""
        with self._changed:
            self._then = then
            self._changed.notify()

    def drain(self, stall_seconds: float = STALL_SECONDS, limit_seconds: float = DRAIN_SECONDS) -> bool:
        """Wait until everything is written, or until nobody reads; call it at the end of the process only."""
        with self._changed:
            self._tell_dropped()
            self._changed.notify()
        began = moved = time.monotonic()
        written = -1
        while self._thread is not None and self._size_bytes and not self._is_closed:
            now = time.monotonic()
            if self._written_bytes != written:
                written, moved = self._written_bytes, now
            if now - moved > stall_seconds or now - began > limit_seconds:
                return False
            time.sleep(POLL_SECONDS)
        return not self._size_bytes

    def _has_room(self, size_bytes: int, is_minor: bool) -> bool:
        """Whether there is room. Once there was none, half has to be free again, lest notices fill it."""
        limit = self._limit_bytes // 2 if is_minor else self._limit_bytes
        if self._overflows[is_minor] and self._size_bytes > limit // 2:
            return False
        self._overflows[is_minor] = self._size_bytes + size_bytes > limit and self._size_bytes > 0
        return not self._overflows[is_minor]

    def _append(self, data: bytes, lines: int, told: int = 0) -> None:
        self._queue.append(QueuedLines(data, lines, told))
        self._size_bytes += len(data)

    def _drop(self, lines: int) -> None:
        self.dropped += lines
        self._untold += lines

    def _tell_dropped(self) -> None:
        if self._untold and not self._is_closed:
            lines, self._untold = self._untold, 0
            self._append(self.notice(lines).encode("utf-8", "backslashreplace"), 0, lines)

    # In the thread

    def _run(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # a job may write from the background, too
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        while True:
            with self._changed:
                while not self._queue:
                    if self._then is not None:
                        self._then()
                        return
                    self._changed.wait()
                batch = self._next_batch()
            written, error = self._write_whole(b"".join(queued.data for queued in batch))
            with self._changed:
                for queued in batch:
                    self._queue.popleft()
                    self._size_bytes -= len(queued.data)
                    written -= len(queued.data)
                    if written < 0:
                        self._drop(queued.lines)
                        self._untold += queued.told
                self._note(error)
                if self._is_closed:
                    return

    def _next_batch(self) -> list[QueuedLines]:
        """What is written at once. A line at a time would wait for the interpreter's lock before each."""
        batch: list[QueuedLines] = []
        size_bytes = 0
        for queued in self._queue:
            batch.append(queued)
            size_bytes += len(queued.data)
            if size_bytes >= WRITE_SIZE_BYTES:
                break
        return batch

    def _write_whole(self, data: bytes) -> tuple[int, OSError | None]:
        """Write all of it; returns how many of its bytes are written, and what went wrong with the next."""
        rest = memoryview(b"\n" + data if self._is_torn else data)
        try:
            while rest:
                written = self._write(bytes(rest[:WRITE_SIZE_BYTES]))
                if written:
                    self._is_torn = rest[written - 1] != NEWLINE
                self._written_bytes += written
                rest = rest[written:]
        except OSError as error:
            return len(data) - len(rest), error
        except ValueError:  # the stream object was closed
            return len(data) - len(rest), OSError(errno.EBADF, os.strerror(errno.EBADF))
        return len(data), None

    def _note(self, error: OSError | None) -> None:
        """After some errors nobody can read the stream any more."""
        self.fault = "" if error is None else error.strerror or str(error)
        if error is not None and error.errno in CLOSED:
            self._is_closed = True
            self._drop(sum(waiting.lines for waiting in self._queue))
            self._queue.clear()
            self._size_bytes = 0


class SinkStream(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr`. What cannot be encoded is escaped, so no write ever raises.

    Attributes:
        sink: takes the bytes.
    """

    def __init__(self, sink: OutputSink, former: TextIO) -> None:
        """Write to a sink in place of the former stream."""
        self.sink = sink
        self._former = former
        self._rest = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the former stream."""
        return self._former.encoding or "utf-8"

    def fileno(self) -> int:
        """That of the former stream."""
        return self._former.fileno()

    def isatty(self) -> bool:
        """Whether the former stream is a terminal."""
        return self._former.isatty()

    def write(self, text: str) -> int:
        """Queue what ends a line; the rest waits for its end or for `flush`."""
        self._rest += text
        head, newline, self._rest = self._rest.rpartition("\n")
        if newline:
            self.write_lines(head + newline)
        return len(text)

    def write_lines(self, text: str, *, is_minor: bool = False) -> None:
        """Queue whole lines; minor ones are dropped first where room is short."""
        with contextlib.suppress(LookupError):
            self.sink.write(text.encode(self.encoding, "backslashreplace"), is_minor=is_minor)

    def flush(self) -> None:
        """Queue what has no end of line yet. It is the thread that writes."""
        rest, self._rest = self._rest, ""
        if rest:
            self.write_lines(rest)


def sinks_for(out: TextIO, error: TextIO) -> tuple[TextIO, TextIO]:
    """Streams to put in the place of stdout and stderr. What they hold is written before the process ends.

    Use them after everything that forks has been forked: a forked process has no thread that would write.
    """
    for stream in (out, error):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    out_sink = OutputSink(_writer(out))
    error_sink = out_sink if _are_same(out, error) else OutputSink(_writer(error))
    for sink in {out_sink, error_sink}:
        atexit.register(sink.drain)
    streams = SinkStream(out_sink, out), SinkStream(error_sink, error)
    return cast("tuple[TextIO, TextIO]", streams)


def _writer(stream: TextIO) -> Callable[[bytes], int]:
    if os.name == "nt":
        raw = stream.buffer
        return lambda data: (raw.write(data), raw.flush())[0]
    descriptor = stream.fileno()
    return lambda data: _write_waiting(descriptor, data)


def _write_waiting(descriptor: int, data: bytes) -> int:
    """Write, and wait where another process that shares the stream has made it non-blocking."""
    while True:
        try:
            return os.write(descriptor, data)
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


def _are_same(one: TextIO, other: TextIO) -> bool:
    """Whether both lead to the same place (`2>&1`), so that their lines keep their order."""
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except (OSError, ValueError):
        return False
