"""Decides what kind of crash an unexpected end was. Pure."""

from __future__ import annotations

import signal
from typing import Final

from actors.runtime.supervisor.core.last_output import FATAL_HEADS, TRACEBACK
from actors.runtime.supervisor.core.supervision_events import ExitStatus, RecordCrash
from schemas.operations.crashes import CrashKind

FATAL_SIGNALS: Final = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"})
NTSTATUS_ERROR: Final = 0xC0000000
"""Windows has no signals: a broken process ends with one of the codes from here on ([MS-ERREF] 2.3)."""


def crash_kind(end: RecordCrash, own_words: str, oom_kills: int | None) -> CrashKind:
    """Tell the kind of an end: by the supervisor's own reason, else by the signal, else by the last output.

    Args:
        end: what the policy knows of it.
        own_words: what the process wrote last, without its log records: it survived a logged traceback.
        oom_kills: how many processes the kernel killed for lack of memory just before; None if unknown.
    """
    if end.kill_reason:
        return end.kill_reason
    if end.status is None:
        return "not_started"
    if end.status.signal is not None:
        return _kind_of_signal(signal_name(end.status), oom_kills)
    code = end.status.code or 0
    if not 0 <= code < NTSTATUS_ERROR or any(head in own_words for head in FATAL_HEADS):
        return "fatal_signal"
    if not end.is_actor:
        return "exit"
    if code and TRACEBACK in own_words:
        return "exception"
    return "refused" if code == 1 and own_words.strip() else "exit"


def signal_name(status: ExitStatus | None) -> str:
    """Name of the signal that ended a process; empty if none did."""
    if status is None or status.signal is None:
        return ""
    try:
        return signal.Signals(status.signal).name
    except ValueError:
        return f"signal {status.signal}"


def _kind_of_signal(name: str, oom_kills: int | None) -> CrashKind:
    if name in FATAL_SIGNALS:
        return "fatal_signal"
    return "out_of_memory" if name == "SIGKILL" and oom_kills else "killed"
