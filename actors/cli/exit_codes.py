"""How a command ends: exit codes, and errors put into words."""

from __future__ import annotations

import enum
import sys
from typing import Any

import msgspec

from bus.errors import HelloRefused, NotRunning, OperatorError, RequestFailed, UndercroftError


class ExitCode(enum.IntEnum):
    """What `undercroft` tells the shell."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    REFUSED = 4
    DEADLINE = 5
    IN_USE = 6
    INTERRUPTED = 130


EXIT_CODES_HELP = """\b
Exit codes:
  0    done
  1    failed; for 'status': an actor is not as it should be
  2    the command line is wrong
  3    no runtime is up
  4    refused, or something a person has to put right first
  5    not done in time
  6    another runtime has this home
  130  interrupted"""


class DeadlinePassed(UndercroftError):
    """What was asked for goes on, but not within the time that was given.

    Attributes:
        what: what was waited for.
        timeout_seconds: for how long.
        advice: what to do next.
    """

    what: str
    timeout_seconds: float
    advice: str
    words = "{what}: not within {timeout_seconds:g} s; {advice}"


def exit_code_of(error: UndercroftError) -> ExitCode:
    """How the shell is told of an error."""
    from actors.runtime.supervisor.home_lock import AlreadyRunning

    match error:
        case AlreadyRunning():
            return ExitCode.IN_USE
        case NotRunning():
            return ExitCode.NOT_RUNNING
        case RequestFailed(kind="refused" | "invalid") | HelloRefused():
            return ExitCode.REFUSED
        case RequestFailed(kind="deadline") | DeadlinePassed():
            return ExitCode.DEADLINE
        case OperatorError():
            return ExitCode.REFUSED
        case _:
            return ExitCode.FAILED


def print_json(value: Any) -> None:
    """One JSON document on one line of stdout."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def report(error: UndercroftError, *, as_json: bool) -> ExitCode:
    """Say what went wrong, and return what to tell the shell."""
    code, words = exit_code_of(error), f"{error}{_advice(error)}"
    if as_json:
        print_json({"error": words, "type": type(error).__name__, "exit_code": int(code)})
    else:
        print(f"undercroft: {words}", file=sys.stderr)
    return code


def _advice(error: UndercroftError) -> str:
    """What to do about it, where the error itself cannot know."""
    if isinstance(error, RequestFailed) and error.kind == "no_responder":
        return "; its actor has failed, or is not among the [[children]] of the profile: 'undercroft status' lists those that are"
    return ""
