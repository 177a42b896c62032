"""The command line from outside: help, exit codes, errors for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from actors.cli.main import COMMANDS
from actors.cli.main import undercroft as group
from actors.shared.version import VERSION


def undercroft(*arguments: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "actors", *(["--home", str(home)] if home else []), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_help_names_every_command_and_every_exit_code() -> None:
    shown = undercroft("--help").stdout
    assert all(f"\n  {name} " in shown for section in COMMANDS.values() for name in section)
    assert all(f"\n    {code} " in shown for code in ("0", "1", "2", "3", "4", "5", "6", "130"))


def test_it_says_its_version() -> None:
    assert undercroft("--version").stdout == f"undercroft {VERSION}\n"


def test_every_command_of_the_table_is_there_under_its_name() -> None:
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    assert [name for name, command in found.items() if command is None or command.name != name] == []
    assert group.get_command(context, "statux") is None


@pytest.mark.parametrize("name", ["up", "down", "status", "restart", "logs", "watch"])
def test_every_command_has_examples_and_answers_in_json(name: str) -> None:
    shown = undercroft(name, "--help").stdout
    assert f"Examples:\n    undercroft {name}" in shown
    assert "--json" in shown


@pytest.mark.parametrize(
    "arguments", [["statux"], ["status", "--colour"], ["restart"], ["logs", "-n", "many"]]
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    assert undercroft(*arguments).returncode == 2


@pytest.mark.parametrize("arguments", [["status"], ["down"], ["restart", "x"], ["logs"], ["watch"]])
def test_without_a_runtime_the_exit_code_is_3_and_the_next_step_is_named(
    arguments: list[str], tmp_path: Path
) -> None:
    ended = undercroft(*arguments, home=tmp_path)
    assert ended.returncode == 3
    assert "start it with 'undercroft up'" in ended.stderr
    assert ended.stdout == ""


def test_with_json_an_error_is_json_too_wherever_the_flag_stands(tmp_path: Path) -> None:
    for arguments in (["--json", "status"], ["status", "--json"]):
        told = json.loads(undercroft(*arguments, home=tmp_path).stdout)
        assert (told["type"], told["exit_code"]) == ("NotRunning", 3)


def test_a_profile_that_does_not_exist_is_exit_code_4(tmp_path: Path) -> None:
    ended = undercroft("--profile", str(tmp_path / "nothing"), "up", home=tmp_path)
    assert ended.returncode == 4
    assert "profile.toml" in ended.stderr


def test_starting_the_command_line_imports_nothing_heavy() -> None:
    program = """
import sys, actors.cli.main
print([name for name in ("zmq", "asyncio", "pydantic", "rich", "httpx") if name in sys.modules])
"""
    command = [sys.executable, "-P", "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
