"""Makes a crash record of an end that was not meant to be: what kind it was, and what the process said last."""

from __future__ import annotations

import asyncio
import platform
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from actors.runtime.supervisor.core.supervision_events import ExitStatus, Record
from actors.runtime.supervisor.last_output import FATAL_HEADS, TRACEBACK, evidence
from actors.runtime.supervisor.log_ring import Logs
from actors.runtime.supervisor.processes.oom_watch import OomWatch
from actors.shared.crash_files import keep_crash
from actors.shared.durable.durable_write import DurableWriteFailed
from schemas.operations.crashes import ActorCrashedEvent, CrashKind, CrashRecord

FATAL_SIGNALS: Final = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"})
NTSTATUS_ERROR: Final = 0xC0000000
"""Windows has no signals: a process that broke ends with one of the codes from here on ([MS-ERREF] 2.3)."""

CANNOT_RUN: Final = 127


def kind_of(end: Record, own_words: str, oom_kills: int | None) -> CrashKind:
    """What kind of end it was. The supervisor knows why it ended a process itself; else the signal tells, then the last words.

    Args:
        end: what the policy knows of it.
        own_words: what the process wrote last, without what it logged: a logged traceback was survived.
        oom_kills: how many processes the kernel killed for want of memory in the moment before; None if it
            does not tell.
    """
    if end.blame:
        return end.blame
    if end.status is None:
        return "not_started"
    if end.status.signal is not None:
        return _kind_of_signal(_signal_name(end.status), oom_kills)
    code = end.status.code or 0
    if not 0 <= code < NTSTATUS_ERROR or any(head in own_words for head in FATAL_HEADS):
        return "fatal_signal"
    if not end.is_actor:
        return "not_started" if code == CANNOT_RUN and "cannot be run" in own_words else "exit"
    if code and TRACEBACK in own_words:
        return "exception"
    return "refused" if code == 1 and own_words.strip() else "exit"


def _kind_of_signal(name: str, oom_kills: int | None) -> CrashKind:
    if name in FATAL_SIGNALS:
        return "fatal_signal"
    return "out_of_memory" if name == "SIGKILL" and oom_kills else "killed"


def _signal_name(status: ExitStatus) -> str:
    if status.signal is None:
        return ""
    try:
        return signal.Signals(status.signal).name
    except ValueError:
        return f"signal {status.signal}"


class CrashDesk:
    """Writes crash records, beside the event loop, and has each announced once it is written."""

    def __init__(
        self, state: Path, logs: Logs, version: str, announce: Callable[[ActorCrashedEvent], None]
    ) -> None:
        self._state = state
        self._logs = logs
        self._version = version
        self._announce = announce
        self._oom = OomWatch()
        self._writing: set[asyncio.Task[None]] = set()

    def refresh(self) -> None:
        """Look at what the kernel counts; to be called every now and then."""
        self._oom.refresh(time.monotonic())

    def capture(self, end: Record, began_at: float) -> None:
        """Keep what is known of an end.

        Args:
            end: what the policy knows of it.
            began_at: when the process was ordered, seconds since the Unix epoch.
        """
        words = self._logs.final_words(end.actor, began_at)
        oom = (
            self._oom.claim()
            if end.status is not None
            and end.status.signal == getattr(signal, "SIGKILL", None)
            and not end.blame
            else None
        )
        kind = kind_of(end, words, oom.kills if oom else None)
        record = CrashRecord(
            actor=end.actor,
            at=time.time(),
            kind=kind,
            reason=self._logs.redact(end.reason),
            pid=end.pid,
            exit_code=end.status.code if end.status else None,
            signal=_signal_name(end.status) if end.status else "",
            was=end.was,
            uptime_seconds=round(end.uptime_seconds, 3),
            restarts=end.restarts,
            last_words=evidence(words, is_refusal=kind == "refused"),
            oom_kills=oom.kills if oom else None,
            oom_source=oom.source if oom else "",
        )
        task = asyncio.ensure_future(self._keep(record))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def finish(self) -> None:
        """Wait until all that was captured is written."""
        while self._writing:
            await asyncio.gather(*self._writing)

    async def _keep(self, record: CrashRecord) -> None:
        try:
            name = await asyncio.to_thread(self._write, record)
        except (DurableWriteFailed, OSError) as error:
            sys.stderr.write(f"supervisor: the crash of {record.actor} is not on record: {error}\n")
            name = ""
        self._announce(
            ActorCrashedEvent(
                actor=record.actor,
                kind=record.kind,
                at=record.at,
                pid=record.pid,
                exit_code=record.exit_code,
                signal=record.signal,
                uptime_seconds=record.uptime_seconds,
                restarts=record.restarts,
                record=name,
            )
        )

    def _write(self, record: CrashRecord) -> str:
        words = self._logs.redact(
            record.last_words
        )  # once more as one text: line by line, a key of several lines does not show
        return keep_crash(
            self._state, msgspec.structs.replace(record, last_words=words, versions=versions(self._version))
        )


def versions(undercroft: str) -> dict[str, str]:
    """What an actor's process is made of."""
    from importlib import metadata  # late: it brings email and zipfile along

    found = {
        "undercroft": undercroft,
        "python": platform.python_version(),
        "platform": sys.platform,
        "machine": platform.machine(),
    }
    for name in ("pyzmq", "msgspec"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # frozen into a bundle without its metadata
    return found
