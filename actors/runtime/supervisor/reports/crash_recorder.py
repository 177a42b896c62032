"""Writes a record of each unexpected end: its kind, and what the process wrote last."""

from __future__ import annotations

import asyncio
import platform
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from actors.runtime.supervisor.core.crash_kind import crash_kind, signal_name
from actors.runtime.supervisor.core.last_output import exit_evidence
from actors.runtime.supervisor.core.supervision_events import RecordCrash
from actors.runtime.supervisor.processes.oom_watch import OomCount, OomWatch
from actors.runtime.supervisor.reports.log_ring import LogRings
from actors.runtime.supervisor.reports.supervisor_log import SupervisorLog
from actors.runtime.supervisor.reports.verdicts import closing_words, end_in_words
from actors.shared.crash_files import keep_crash
from actors.shared.durable.durable_write import DurableWriteFailed
from bus.error_words import in_words
from schemas.operations.crashes import ActorCrashedEvent, CrashRecord
from schemas.operations.supervision import ActorEnd


class CrashRecorder:
    """Writes crash records in threads, and announces each once it is written."""

    def __init__(
        self,
        state: Path,
        logs: LogRings,
        log: SupervisorLog,
        version: str,
        announce: Callable[[ActorCrashedEvent], None],
    ) -> None:
        """Be ready to record.

        Args:
            state: the state directory; records lie below it.
            logs: what processes wrote.
            log: takes a verdict on each end, and why one could not be recorded.
            version: of Undercroft.
            announce: called on the event loop once a record is written, or could not be.
        """
        self._state = state
        self._logs = logs
        self._log = log
        self._ends: dict[str, tuple[int, ActorEnd]] = {}
        self._version = version
        self._announce = announce
        self._oom = OomWatch()
        self._writing: set[asyncio.Task[None]] = set()

    def refresh(self) -> None:
        """Read the kernel's count of kills. Call it regularly."""
        self._oom.refresh(time.monotonic())

    def capture(self, end: RecordCrash, lines_before: int) -> None:
        """Take what is known of an end, and begin to write it.

        Args:
            end: what the policy knows of it.
            lines_before: how many lines its former lives wrote.
        """
        words = self._logs.final_words(end.actor, lines_before)
        oom = self._oom_kills(end)
        kind = crash_kind(end, words, oom.kills if oom else None)
        reason, at = self._logs.redact(end.reason), time.time()
        self._note(end.actor, ActorEnd(at=at, kind=kind, reason=reason, words=closing_words(words, kind)))
        record = CrashRecord(
            actor=end.actor,
            at=at,
            kind=kind,
            reason=reason,
            pid=end.pid,
            exit_code=end.status.code if end.status else None,
            signal=signal_name(end.status),
            was=end.was,
            uptime_seconds=round(end.uptime_seconds, 3),
            restarts=end.restarts,
            last_words=exit_evidence(words, is_refusal=kind == "refused"),
            oom_kills=oom.kills if oom else None,
            oom_source=oom.source if oom else "",
        )
        task = asyncio.ensure_future(self._keep(record))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def ends_of(self, actor: str) -> tuple[int, ActorEnd | None]:
        """How often an actor ended unexpectedly so far, and how it last did."""
        return self._ends.get(actor, (0, None))

    async def finish(self) -> None:
        """Wait until everything captured is written."""
        while self._writing:
            await asyncio.gather(*self._writing)

    def _note(self, actor: str, end: ActorEnd) -> None:
        self._ends[actor] = (self.ends_of(actor)[0] + 1, end)
        self._log.verdict(actor, end_in_words(end))

    def _oom_kills(self, end: RecordCrash) -> OomCount | None:
        if end.kill_reason or end.status is None or end.status.signal is None:
            return None
        return self._oom.claim() if end.status.signal == getattr(signal, "SIGKILL", None) else None

    async def _keep(self, record: CrashRecord) -> None:
        try:
            name = await asyncio.to_thread(self._write, record)
        except (DurableWriteFailed, OSError) as error:
            self._log.say(f"the crash of {record.actor} is not on record: {in_words(error)}")
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
        # Redacted once more as one text: a key of several lines does not show line by line.
        words = self._logs.redact(record.last_words)
        changed = msgspec.structs.replace(record, last_words=words, versions=versions(self._version))
        return keep_crash(self._state, changed)


def versions(undercroft: str) -> dict[str, str]:
    """Versions of what runs in an actor's process."""
    from importlib import metadata  # late: it imports email and zipfile

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
