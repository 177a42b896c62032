"""Exit codes of the command, and how it reports errors."""

from __future__ import annotations

import enum
import sys
from typing import Final

from actors.cli.output import print_json
from bus.errors import (
    HelloRefused,
    NotRunning,
    OperatorError,
    RequestFailed,
    UndercroftError,
    UnsafePlace,
)


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
  1    failed, or something is not as it should be
  2    wrong command line
  3    no runtime is up
  4    refused, or a person has to change something first
  5    not done in time
  6    another runtime has this home
  130  interrupted"""


class DetailedError(UndercroftError):
    """An error that tells a program more than its sentence."""

    def details(self) -> dict[str, object]:
        """Further keys of its JSON."""
        raise NotImplementedError


class DeadlinePassed(UndercroftError):
    """Something goes on, but was not done within the given time.

    Attributes:
        what: what was waited for.
        timeout_seconds: for how long.
        advice: what to do next.
    """

    what: str
    timeout_seconds: float
    advice: str
    words = "{what}: not within {timeout_seconds:g} s; {advice}"


class RuntimeSilent(UndercroftError):
    """A runtime holds the home, but cannot be asked.

    Attributes:
        state: the state directory.
        pid: of its process.
        detail: why not.
    """

    state: str
    pid: int
    detail: str
    words = (
        "{state}: process {pid} is its runtime, but does not answer: {detail}; try again, see 'undercroft "
        "doctor', or end it with 'undercroft down'"
    )


def exit_code_of(error: UndercroftError) -> ExitCode:
    """The exit code for an error."""
    from actors.runtime.supervisor.host.home.home_holder import HolderUnseen
    from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning

    match error:
        case AlreadyRunning():
            return ExitCode.IN_USE
        case UnsafePlace():
            return ExitCode.REFUSED
        case NotRunning():
            return ExitCode.NOT_RUNNING
        case RequestFailed(kind="refused" | "invalid") | HelloRefused() | HolderUnseen():
            return ExitCode.REFUSED
        case RequestFailed(kind="deadline") | DeadlinePassed() | RuntimeSilent():
            return ExitCode.DEADLINE
        case OperatorError():
            return ExitCode.REFUSED
        case _:
            return ExitCode.FAILED


TYPE_NAMES: Final = {
    "ConfigReadOnly": "ReadOnly",
    "DiskSilent": "PlaceSilent",
    "ImportFileWrong": "SettingsFileWrong",
    "JsonFileWrong": "PackagedFileWrong",
    "KeyUnavailable": "KeyNotToBeHad",
    "ReportFileExists": "FileExists",
    "ProfileMistaken": "ProfileError",
    "SourceEndpointRefused": "EndpointRefused",
    "TransferRefused": "CannotCarry",
    "UnsafeEndpoint": "EndpointRefused",
}
"""By class: the name that scripts know from `--json`, where the class was renamed since 0.1.0."""


def report(error: UndercroftError, *, as_json: bool) -> ExitCode:
    """Print what went wrong, and return the exit code."""
    code, words = exit_code_of(error), f"{error}{_advice(error)}"
    if as_json:
        name = type(error).__name__
        details = error.details() if isinstance(error, DetailedError) else {}
        print_json({"error": words, "type": TYPE_NAMES.get(name, name), "exit_code": int(code), **details})
    else:
        print(f"undercroft: {words}", file=sys.stderr)
    return code


def _advice(error: UndercroftError) -> str:
    """What to do about it, where the error itself cannot say."""
    if isinstance(error, RequestFailed) and error.kind == "no_responder":
        return (
            "; its actor has failed, or is not among the [[children]] of the profile: "
            "'undercroft status' lists them"
        )
    return ""
