"""Processes of a program that Undercroft was frozen into: it starts itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.frozen_program import MODULE_OPTION, MODULES, interpreter_command, run_frozen_module
from tests.support.profiles import write_profile

FROZEN = """#!{python} -P
import sys
sys.frozen, sys.executable = True, __file__
sys.path.insert(0, {root!r})
from actors.cli.main import main
main()
"""


def test_interpreters_start_with_safe_path_so_that_nothing_of_the_current_directory_shadows_ours() -> None:
    assert interpreter_command("some.module", "x") == [sys.executable, "-P", "-m", "some.module", "x"]


def test_a_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert interpreter_command("actors", "up") == [sys.executable, MODULE_OPTION, "actors", "up"]


def test_nothing_is_run_unless_a_frozen_program_was_started_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run_frozen_module([MODULE_OPTION, "actors", "--help"])
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    run_frozen_module(["up"])
    with pytest.raises(KeyError):
        run_frozen_module([MODULE_OPTION, "some.other.module"])


def test_everything_that_may_be_run_has_a_main() -> None:
    import importlib

    assert all(callable(importlib.import_module(module).main) for module in MODULES.values())


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a script stands for the program")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_frozen_program_runs_a_whole_runtime(method: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(FROZEN.format(python=sys.executable, root=str(Path(__file__).parents[3])))
    program.chmod(0o700)
    sleeper = {"name": "sleeper", "command": ["sleep", "1000"]}
    profile = write_profile(tmp_path / "profile", "state_store", sleeper)
    home = str(tmp_path / "home")

    def run(*arguments: str) -> Any:
        command = [str(program), "--home", home, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    overview = run("--profile", str(profile), "up", "--detach", "--spawn", method, "--json")
    try:
        assert {actor["state"] for actor in overview["actors"]} == {"ready"}
    finally:
        run("down", "--json")
