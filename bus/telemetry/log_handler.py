"""Publishes what a process logs: redacted, in batches, and never faster than the bus can take it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import hashlib
import logging
import os
import socket
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bus.peer.matter import correlation
from bus.peer.peer import Peer
from bus.plain_text import plain_line, plain_text
from bus.telemetry.redaction import Redactor
from bus.telemetry.secret_names import is_secret_name
from schemas.operations.logs import ALL_ACTORS, LogLevel, LogLevelChangedEvent, LogRecord, LogRecordedEvent

RATE_PER_SECOND: Final = 200.0
BURST: Final = 1000
GATHER_SECONDS: Final = 0.05
"""Records of this span leave together. An error leaves at once."""

BATCH: Final = 200
MESSAGE_LIMIT: Final = 4000
REDACTED_LIMIT: Final = 2 * MESSAGE_LIMIT
"""As much of a message is redacted, before it is cut: a cut secret would not be recognised."""

FIELDS_LIMIT: Final = 20
NAME_LIMIT: Final = 256
TRACEBACK_LIMIT: Final = 16_000
TRACEBACK_FRAMES: Final = 30
DEFAULT_LEVEL: Final = logging.INFO

VERBOSE_LIBRARIES: Final = ("httpx", "httpcore", "asyncio")
"""Libraries that log every step. Only their warnings are taken, unless the level is `debug`."""

ECHO: Final = "\x1e"
"""Begins a line on stderr that repeats a record, which the supervisor gets even while the bus is down.
Between two of these signs stands its correlation id; its text follows."""

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS: dict[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


@dataclass
class LogBudget:
    """A token bucket for records. Pure.

    Attributes:
        rate_per_second: how fast it fills.
        burst: how much it holds at most.
    """

    rate_per_second: float = RATE_PER_SECOND
    burst: float = BURST
    _left: float = BURST
    _at: float | None = None

    def spend(self, now: float) -> bool:
        """Take one token; False: none is left.

        Args:
            now: seconds of a clock that never goes back.
        """
        if self._at is not None:
            self._left = min(self.burst, self._left + (now - self._at) * self.rate_per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class LogLevels:
    """The level of one actor: its own, else that of all actors, else the default. Pure."""

    def __init__(self, actor: str) -> None:
        self._actor = actor
        self._levels: dict[str, LogLevel | None] = {}

    def change(self, event: LogLevelChangedEvent) -> int:
        """Take in a change, and return the level that applies now, as a number of `logging`."""
        if event.actor in (self._actor, ALL_ACTORS):
            self._levels[event.actor] = event.level
        level = self._levels.get(self._actor) or self._levels.get(ALL_ACTORS)
        return _LEVELS[level] if level else DEFAULT_LEVEL


class BusLogHandler(logging.Handler):
    """Takes records from any thread, and publishes them in batches, with the number of dropped ones."""

    def __init__(self, peer: Peer, redactor: Redactor, echo: Callable[[str], object]) -> None:
        super().__init__()
        self._peer = peer
        self._echo = echo
        self._redactor = redactor
        self._budget = LogBudget()
        self._waiting: deque[logging.LogRecord] = deque()
        self._dropped = 0
        self._is_due = False
        self._running = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record, or count it as dropped."""
        if not self._budget.spend(time.monotonic()):
            self._dropped += 1
            return
        record.correlation = correlation.get() or ""
        self._waiting.append(record)
        if record.levelno >= logging.ERROR:
            self._soon(self.publish)
        elif not self._is_due:
            self._is_due = True
            self._soon(self._gather)

    def publish(self) -> None:
        """Publish the records that wait. Only from the thread of the loop."""
        self._is_due = False
        while self._waiting:
            records = [self._of(self._waiting.popleft()) for _ in range(min(BATCH, len(self._waiting)))]
            self._echo("".join(map(line_of, records)))
            if self._peer.has_room:
                dropped, self._dropped = self._dropped, 0
                self._peer.post(LogRecordedEvent(records=records, dropped=dropped))
            else:  # the broker is down or slow: what it cannot take now is dropped
                self._dropped += len(records)

    def _gather(self) -> None:
        self._running.call_later(GATHER_SECONDS, self.publish)

    def _soon(self, what: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._running.call_soon_threadsafe(what)

    def _of(self, record: logging.LogRecord) -> LogRecord:
        redactor = self._redactor
        fields = {
            name: value for name, value in vars(record).items() if name not in _OWN and name != "correlation"
        }
        return LogRecord(
            actor=self._peer.name,
            at=record.created,
            level=level_of(record.levelno),
            logger=plain_line(record.name, NAME_LIMIT),
            message=redactor.text(plain_text(_message(record), REDACTED_LIMIT))[:MESSAGE_LIMIT],
            fields={
                plain_line(name, NAME_LIMIT): plain_text(
                    str(redactor.data(_plain(value), name)), MESSAGE_LIMIT
                )
                for name, value in list(fields.items())[:FIELDS_LIMIT]
            },
            correlation=plain_line(getattr(record, "correlation", "") or "", NAME_LIMIT),
            traceback=redactor.text(plain_text(traceback_of(record.exc_info[1]), TRACEBACK_LIMIT))
            if record.exc_info and record.exc_info[1]
            else "",
        )


def _plain(value: Any) -> Any:
    """Before secrets are looked for: what is taken out could hide one."""
    return plain_text(value, REDACTED_LIMIT) if isinstance(value, str) else value


def line_of(record: LogRecord) -> str:
    """A record as one line for stderr. Further lines of its words are indented: none looks like a record."""
    fields = "".join(f" {name}={value}" for name, value in record.fields.items())
    text = f"{record.level} {record.logger}: {record.message}{fields}".replace("\n", "\n    ")
    head = f"{ECHO}{record.correlation}{ECHO}"
    return head + "\n".join([text, *record.traceback.splitlines()]).replace("\n", f"\n{head}") + "\n"


def echoed(line: str) -> tuple[str, str]:
    """Correlation id and text of a line that begins with ECHO."""
    correlation, mark, text = line.removeprefix(ECHO).partition(ECHO)
    return (correlation, text) if mark else ("", correlation)


def salt_of(token: str) -> bytes:
    """The salt with which all processes of one runtime redact, made from the token that only they know."""
    return hashlib.sha256(f"undercroft redaction {token}".encode()).digest()


def level_of(number: int) -> LogLevel:
    """The name of the highest level that is at most this number of `logging`."""
    return next((name for name, least in reversed(_LEVELS.items()) if number >= least), "debug")


def traceback_of(error: BaseException) -> str:
    """Where an exception came from: files, lines and functions, without source text and without values.

    It ends with the message of the exception, so it has to be redacted.
    """
    frames = traceback.extract_tb(error.__traceback__)[-TRACEBACK_FRAMES:]
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([*lines, f"{type(error).__name__}: {error}"])


def redactor_of_this_machine(
    salt: bytes, environ: Mapping[str, str] = os.environ, places: Mapping[str, str] | None = None
) -> Redactor:
    """A redactor that knows this machine.

    It takes out the account, its home directory, the name of the machine, and secrets of the environment.

    Args:
        salt: keys the tokens.
        environ: environment to look for secrets in.
        places: directories of the app, to what stands for each.
    """
    users: list[str] = []
    with contextlib.suppress(OSError, KeyError, ImportError):
        users.append(getpass.getuser())
    homes: list[str] = []
    with contextlib.suppress(RuntimeError):
        homes.append(str(Path.home()))
    name = socket.gethostname()
    secrets = [value for variable, value in environ.items() if is_secret_name(variable)]
    return Redactor(
        salt,
        homes=homes,
        users=[user for user in users if user not in ("root", "user")],
        hosts=[host for host in {name, name.split(".")[0]} if host != "localhost"],
        secrets=secrets,
        places=places,
    )


@contextlib.asynccontextmanager
async def logging_to(
    peer: Peer, redactor: Redactor, echo: Callable[[str], object] = lambda _: None
) -> AsyncIterator[None]:
    """Publish everything that this process logs, until the block ends, from the level of this actor on.

    Args:
        peer: publishes the records.
        redactor: takes secrets and private things out of them.
        echo: gets the same records as lines; an actor writes them to stderr.
    """
    handler, root, levels = BusLogHandler(peer, redactor, echo), logging.getLogger(), LogLevels(peer.name)
    before = root.level
    _apply(DEFAULT_LEVEL)
    root.addHandler(handler)

    async def follow() -> None:
        async with peer.subscribe(LogLevelChangedEvent) as events:
            async for event in events:
                if isinstance(event, LogLevelChangedEvent):
                    _apply(levels.change(event))

    following = asyncio.ensure_future(follow())
    try:
        yield
    finally:
        handler.publish()
        root.removeHandler(handler)
        root.setLevel(before)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


def _apply(level: int) -> None:
    logging.getLogger().setLevel(level)
    for name in VERBOSE_LIBRARIES:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # a wrong call of a logger must not end the actor
        return f"{record.msg} (its arguments do not fit: {type(error).__name__})"
