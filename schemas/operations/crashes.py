"""Crashes: how actors ended unexpectedly, in an event and in files that outlive the runtime."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from schemas.bounds import Count, ExitCode, Named, PlaceText, ProcessId, Seconds, Sentence, UnixSeconds, Word
from schemas.event import Event

CrashKind = Literal[
    "exception",
    "refused",
    "fatal_signal",
    "out_of_memory",
    "killed",
    "hang",
    "start_timeout",
    "memory_limit",
    "lifeline",
    "not_started",
    "exit",
]
"""Why an actor ended.

`exception`: an exception was not caught. `refused`: it said what a person has to change first, and ended.
`fatal_signal`: a fault in native code (SIGSEGV, SIGABRT ...). `out_of_memory`: the kernel killed it for want
of memory. `killed`: another process sent the signal. The supervisor itself ended it for a `hang` (unanswered
pings), a `start_timeout`, the `memory_limit` of its child spec, or an unreadable message on the `lifeline`.
`not_started`: there was no process. `exit`: it ended by itself and gave no reason."""

CRASH_FORMAT: Final = 1


class CrashRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One crash, as recorded in `<state>/crashes/`, redacted.

    Attributes:
        at: when it ended, seconds since the Unix epoch.
        reason: in words.
        exit_code: None: a signal ended it, or there was no process.
        signal: name of the signal; empty: none.
        was: state of the actor before.
        uptime_seconds: from the order to start it until its end.
        restarts: how often it had been started again before.
        last_words: the part of its last output that explains the end: tracebacks, stacks of its threads, a
            refusal. Other output may hold what a person said; it stays in memory and never reaches the disk.
        oom_kills: processes that the kernel killed for want of memory since the supervisor last looked; None:
            the platform does not report it.
        oom_source: what they are counted over: `cgroup`: this runtime; `machine`: all processes.
        versions: versions of the software in the process, by name.
        acknowledged_at: when a person said that it needs no more attention, seconds since the Unix epoch;
            None: nobody did.
    """

    format: Count = CRASH_FORMAT
    actor: Word
    at: UnixSeconds
    kind: CrashKind
    reason: Sentence
    pid: ProcessId | None = None
    exit_code: ExitCode | None = None
    signal: Word = ""
    was: Sentence = ""
    uptime_seconds: Seconds = 0.0
    restarts: Count = 0
    last_words: Sentence = ""
    oom_kills: Count | None = None
    oom_source: Word = ""
    versions: Named[Word] = {}
    acknowledged_at: UnixSeconds | None = None


class ActorCrashedEvent(Event, frozen=True, kw_only=True, tag="crashes.actor_crashed"):
    """An actor ended unexpectedly. The event holds no output of it.

    Attributes:
        at: seconds since the Unix epoch.
        restarts: how often it had been started again before.
        record: name of the file in `<state>/crashes/`; empty: it could not be written.
    """

    actor: Word
    kind: CrashKind
    at: UnixSeconds
    pid: ProcessId | None = None
    exit_code: ExitCode | None = None
    signal: Word = ""
    uptime_seconds: Seconds = 0.0
    restarts: Count = 0
    record: PlaceText = ""
