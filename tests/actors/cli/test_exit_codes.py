"""How errors become exit codes and words."""

from __future__ import annotations

import json

import pytest

from actors.cli.exit_codes import DeadlinePassed, ExitCode, exit_code_of, report
from actors.runtime.supervisor.host.home.home_lock import AlreadyRunning
from actors.shared.profile.profile import ProfileError
from actors.state_store.backups.errors import TransferRefused
from bus.errors import NotRunning, RequestFailed, UndercroftError, UnsafePlace


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AlreadyRunning("/state", None), ExitCode.IN_USE),
        (NotRunning("/runtime.json", "there is none"), ExitCode.NOT_RUNNING),
        (UnsafePlace("/state", "it belongs to user 7", "chown"), ExitCode.REFUSED),
        (RequestFailed("refused", "no", "a.b"), ExitCode.REFUSED),
        (RequestFailed("invalid", "what", "a.b"), ExitCode.REFUSED),
        (RequestFailed("deadline", "late", "a.b"), ExitCode.DEADLINE),
        (RequestFailed("died", "gone", "a.b"), ExitCode.FAILED),
        (DeadlinePassed("x is not ready", 2.5, "look"), ExitCode.DEADLINE),
        (ProfileError("/profile.toml", "name", "wrong"), ExitCode.REFUSED),
        (UndercroftError(), ExitCode.FAILED),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: UndercroftError, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_a_person_reads_it_on_stderr_and_a_program_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    error = DeadlinePassed("x is not ready", 2.5, "look again")
    assert report(error, as_json=False) is ExitCode.DEADLINE
    assert capsys.readouterr() == ("", "undercroft: x is not ready: not within 2.5 s; look again\n")
    report(error, as_json=True)
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"error": str(error), "type": "DeadlinePassed", "exit_code": 5}, "")


def test_a_class_that_was_renamed_keeps_the_name_that_scripts_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report(TransferRefused("/notes.undercroft", "it is not an export"), as_json=True)
    assert json.loads(capsys.readouterr().out)["type"] == "CannotCarry"


def test_what_nobody_serves_is_told_with_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        report(RequestFailed("no_responder", "nobody serves logs.read_ring", "logs.read_ring"), as_json=False)
        is ExitCode.FAILED
    )
    words = capsys.readouterr().err
    assert (
        "nobody serves logs.read_ring; its actor has failed, or is not among the [[children]] of the profile"
        in words
    )
