"""Puts into a sentence what the supervisor does to an actor, and how an actor ended. Pure."""

from __future__ import annotations

import re
from typing import Final

from actors.runtime.supervisor.core.child_state import ChildState
from actors.runtime.supervisor.core.supervision_events import Effect, PublishStatus, SendSignal
from schemas.operations.crashes import CrashKind
from schemas.operations.supervision import ActorEnd

WORDS_LIMIT: Final = 500
FRAME: Final = " \t|"
RULE: Final = re.compile(r"[\s|]*\+-")
"""What Python draws around groups of exceptions."""

KINDS: Final[dict[str, str]] = {
    "exception": "ended with an exception",
    "refused": "refused to start or to go on",
    "fatal_signal": "crashed in native code",
    "out_of_memory": "was killed by the system for want of memory",
    "killed": "was killed by somebody",
    "not_started": "could not be started",
    "exit": "ended by itself",
}
"""How an actor ended. Of a kind that is missing here, the reason says it all."""


def verdict_on(effect: Effect, child: ChildState) -> str:
    """What the supervisor is about to do to an actor; empty for what needs no words."""
    match effect:
        case PublishStatus() if (
            child.state == "stopping" and child.kill_reason and child.reason == child.fault
        ):
            how = "it is asked to stop" if child.kill_reason == "memory_limit" else "it is killed"
            return f"{child.fault}; {how}"
        case SendSignal(_, "kill") if child.pid is None:
            return f"was not created within {child.spec.start_timeout_seconds:g} s; it is given up"
        case SendSignal(_, "kill") if child.kills <= 1 and child.kill_reason in ("", "memory_limit"):
            return "does not end when asked; it is killed"
        case SendSignal(_, "terminate") if child.spec.has_lifeline:
            seconds = child.spec.shutdown_timeout_seconds
            return f"has not stopped within {seconds:g} s; it gets TERM"
    return ""


def end_in_words(end: ActorEnd) -> str:
    """How an actor ended, for people."""
    kind = KINDS.get(end.kind)
    head = end.reason if kind is None else f"{kind} ({end.reason})"
    return f"{head}: {end.words}" if end.words else head


def closing_words(output: str, kind: CrashKind) -> str:
    """The sentence with which an actor explained its end: the last line of a refusal or of a traceback.

    Args:
        output: what it wrote last, without log records.
        kind: of the end. Of other kinds the last line may be anything, so it says nothing.
    """
    if kind not in ("refused", "exception", "not_started"):
        return ""
    lines = [bare for line in output.splitlines() if (bare := line.strip(FRAME)) and not RULE.match(line)]
    return lines[-1][:WORDS_LIMIT] if lines else ""
