"""Crashes: how actors ended that were not meant to end, in files that outlive the runtime and in an event that says so."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

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

`exception`: an exception that nobody caught. `refused`: it said what a person has to change first, and left.
    `fatal_signal`: a
fault in native code (SIGSEGV, SIGABRT ...). `out_of_memory`: the kernel killed it, since there was no memory
left. `killed`: somebody else sent the signal. The supervisor itself ended it for a `hang` (pings unanswered),
a `start_timeout`, a
`memory_limit` of its child spec, or a `lifeline` on which it said what cannot be understood. `not_started`:
no process came to be.
`exit`: it left by itself and said nothing that tells why."""

CRASH_FORMAT: Final = 1


class CrashRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One crash, as it lies in `<state>/crashes/`; redacted.

    Attributes:
        at: when it ended, seconds since the Unix epoch.
        reason: in words.
        exit_code: None if a signal ended it, or if there was no process.
        signal: name of the signal; empty for none.
        was: state that the actor was in.
        uptime_seconds: from the order to start it until its end.
        restarts: how often it had been started again before.
        last_words: what of its last words tells why: tracebacks, stacks of its threads, a refusal. Other
            output, which may hold what somebody said, never gets onto disk; the supervisor has it in memory.
        oom_kills: how many processes the kernel killed for want of memory since the supervisor last looked;
            None where it does not tell.
        oom_source: who counted them: `cgroup` means the group of this runtime, `machine` means all processes.
        versions: of what the process was made of, by name.
    """

    format: int = CRASH_FORMAT
    actor: str
    at: float
    kind: CrashKind
    reason: str
    pid: int | None = None
    exit_code: int | None = None
    signal: str = ""
    was: str = ""
    uptime_seconds: float = 0.0
    restarts: int = 0
    last_words: str = ""
    oom_kills: int | None = None
    oom_source: str = ""
    versions: dict[str, str] = {}


class ActorCrashedEvent(Event, frozen=True, kw_only=True, tag="crashes.actor_crashed"):
    """An actor ended that was not meant to. Says nothing of what it wrote.

    Attributes:
        at: seconds since the Unix epoch.
        restarts: how often it had been started again before.
        record: name of the file in `<state>/crashes/`; empty if it could not be written.
    """

    actor: str
    kind: CrashKind
    at: float
    pid: int | None = None
    exit_code: int | None = None
    signal: str = ""
    uptime_seconds: float = 0.0
    restarts: int = 0
    record: str = ""
