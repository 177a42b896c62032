"""Sockets that were left, directories that are not ours alone, paths that no address holds."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from actors.cli.doctor.checks.socket_check import SocketFacts, check, look
from actors.cli.doctor.problems import ExaminedHome, RemoveFile, SetMode

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="sockets in directories are a matter of POSIX"
)


def test_without_a_directory_there_is_nothing_to_say(home: ExaminedHome) -> None:
    assert check(look(home)) == []


def test_sockets_of_a_runtime_that_is_gone_can_be_removed_and_those_of_one_that_is_up_are_well(
    home: ExaminedHome, change: Callable[..., ExaminedHome], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.run_directory.mkdir(mode=0o700)
    monkeypatch.chdir(home.run_directory)
    for name in ("lane", "feed"):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(name)
    (home.run_directory / "notes").write_text("somebody's")
    (problem,) = check(look(home))
    assert problem.severity == "info"
    assert problem.repairs == tuple(
        RemoveFile(path=str(home.run_directory / name)) for name in ("lane", "feed")
    )
    assert check(look(change(is_up=True))) == []


def test_a_directory_that_others_may_enter_is_an_error(home: ExaminedHome) -> None:
    home.run_directory.mkdir()
    home.run_directory.chmod(0o755)
    (problem,) = check(look(home))
    assert (problem.severity, problem.found) == ("error", "0755")
    assert problem.repairs == (SetMode(path=str(home.run_directory), mode=0o700),)


def test_what_is_no_directory_is_an_error(home: ExaminedHome) -> None:
    home.run_directory.write_text("in the way")
    (problem,) = check(look(home))
    assert "it is not a directory" in problem.what
    assert not problem.is_fixable


def test_a_path_that_no_address_holds_is_an_error(
    home: ExaminedHome, change: Callable[..., ExaminedHome]
) -> None:
    deep = home.locations.state / ("x" * 120)
    (problem,) = check(look(change(run_directory=deep)))
    assert problem.found == f"{len(os.fsencode(deep / 'lane'))} bytes"
    fitting = SocketFacts("/t", "", None, (), 107, is_up=False)
    assert [check(replace(fitting, longest_bytes=length)) == [] for length in (103, 108)] == [True, False]
