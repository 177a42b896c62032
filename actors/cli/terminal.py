"""The one place where text leaves for the terminal: what others wrote cannot steer it.

`main` puts a `TerminalStream` in the place of stdout and stderr, so every `print`, prompt, error and
traceback of a command goes through `cleaned`. Escapes of our own are an `Escape`, written by `show_parts`.
"""

from __future__ import annotations

import contextlib
import enum
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, cast

from actors.shared.steering_signs import cleaned as cleaned
from actors.shared.steering_signs import escaped_json as escaped_json


class Escape(enum.Enum):
    """What a command itself may tell the terminal."""

    BOLD = "\x1b[1m"
    NORMAL = "\x1b[0m"
    LINE_START = "\r"
    CLEAR_LINE = "\x1b[K"


class TerminalStream:
    """Text stream in front of stdout or stderr. It has no `buffer`, so nothing goes past it by accident.

    Attributes:
        beneath: the stream that it writes to.
    """

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    @property
    def encoding(self) -> str:
        """That of the stream beneath."""
        return self.beneath.encoding or "utf-8"

    @property
    def errors(self) -> str | None:
        """That of the stream beneath."""
        return self.beneath.errors

    @property
    def closed(self) -> bool:
        """Whether the stream beneath is closed."""
        return self.beneath.closed

    def write(self, text: str) -> int:
        """Write what is left of a text without characters that steer; what cannot be encoded is escaped."""
        self.write_raw(cleaned(text))
        return len(text)

    def write_raw(self, text: str) -> None:
        """Write a text as it is, except for what cannot be encoded."""
        try:
            self.beneath.write(text)
        except UnicodeEncodeError:
            self.beneath.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream beneath."""
        self.beneath.flush()

    def fileno(self) -> int:
        """Descriptor of the stream beneath."""
        return self.beneath.fileno()

    def isatty(self) -> bool:
        """Whether the stream beneath is a terminal."""
        return self.beneath.isatty()

    def writable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Never."""
        return False


@contextlib.contextmanager
def guarded_output() -> Iterator[None]:
    """Until the block ends, stdout and stderr take away what would steer the terminal."""
    former = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if stream is None else cast("TextIO", TerminalStream(stream)) for stream in former
    )
    try:
        yield
    finally:
        if sys.stdout is not None:  # a command whose reader has gone took it away
            sys.stdout = former[0]
        sys.stderr = former[1]


def replace_beneath(make: Callable[[TextIO, TextIO], tuple[TextIO, TextIO]]) -> None:
    """Put other streams beneath stdout and stderr, made from those that are there."""
    out, error = make(unguarded(sys.stdout), unguarded(sys.stderr))
    for name, stream in (("stdout", out), ("stderr", error)):
        guard = getattr(sys, name)
        if isinstance(guard, TerminalStream):
            guard.beneath = stream
        else:
            setattr(sys, name, stream)


def unguarded(stream: TextIO) -> TextIO:
    """The stream beneath, for a drawing whose texts are cleaned before."""
    return stream.beneath if isinstance(stream, TerminalStream) else stream


def sink_of_stdout() -> Any:
    """What takes the output of a supervisor in place of stdout itself; None: nothing does."""
    return getattr(unguarded(sys.stdout), "sink", None)


def print_minor(line: str) -> None:
    """Print a line that may be dropped, before others, where nobody reads."""
    beneath: Any = unguarded(sys.stdout)
    if sink_of_stdout() is None:
        print(line, flush=True)
    else:
        beneath.write_lines(cleaned(line) + "\n", is_minor=True)


def show_parts(parts: Iterable[str | Escape], *, to_stderr: bool = False, end: str = "\n") -> None:
    """Write a line of texts and of escapes of our own. The texts are cleaned, the escapes are not."""
    stream = sys.stderr if to_stderr else sys.stdout
    line = "".join(part.value if isinstance(part, Escape) else cleaned(part) for part in parts) + end
    if isinstance(stream, TerminalStream):
        stream.write_raw(line)
    else:
        stream.write(line)
    stream.flush()


def data_writer() -> Callable[[str], object]:
    """A function that writes data to stdout: exactly for a file or a program, cleaned for a terminal."""
    stream = sys.stdout
    if isinstance(stream, TerminalStream) and not stream.isatty():
        return stream.write_raw
    return stream.write
