"""Every command, asked of a runtime that lies: none hands on what would steer the terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from actors.cli.main import undercroft
from actors.cli.terminal import cleaned
from tests.hostile.poisoned_runtime import MARK, POISON
from tests.support.runtime_process import undercroft_command

pytestmark = pytest.mark.slow

FOLLOW_SECONDS = 3.0
"""A command that goes on for ever is ended so long after it began to write."""

SILENT_SECONDS = 45.0
"""One that writes nothing is ended after so long."""

OWN = re.compile(r"\x1b\[[0-9;]*[mAKG]|\x1b\[\?25[lh]|\r")
"""What commands themselves write: colours, one line up, clear the line, the cursor off and on."""

WITHOUT_DATA = {"demo": "half a minute, with data of its own", "contract": "prints what ships with it"}

ARGUMENTS: dict[str, list[str]] = {
    "up": [],
    "down": ["--timeout", "1"],
    "status": [],
    "restart": [POISON, "--timeout", "1"],
    "ready": ["--wait", "1"],
    "config edit": [],
    "config explain": [POISON],
    "config export": ["--all", "--format", "toml"],
    "config get": [POISON],
    "config import": ["poison.json"],
    "config list": [],
    "config reset": [POISON],
    "config secret": [POISON, "--reveal"],
    "config set": [f"{POISON}={POISON}"],
    "config watch": ["-n", "1"],
    "models accept": [POISON],
    "models add": [POISON],
    "models cancel": [POISON],
    "models collect": [],
    "models install": [POISON, "--wait"],
    "models lease": [POISON],
    "models list": [],
    "models partials": [],
    "models pause": [POISON],
    "models refresh": [],
    "models release": [POISON, POISON],
    "models remove": [POISON],
    "models repair": [POISON],
    "models resolve": [POISON],
    "models resume": [POISON],
    "models rollback": [POISON],
    "models verify": [POISON],
    "models withdraw": [POISON],
    "paths cancel": [],
    "paths reset": ["models"],
    "paths set": ["models", f"/tmp/{POISON}"],  # noqa: S108 - the runtime only lies about it
    "state check": [],
    "state delete": [POISON],
    "state get": [POISON],
    "state list": [],
    "state set": [POISON, json.dumps(POISON)],
    "state watch": ["-n", "1"],
    "history add": [POISON],
    "history clear": ["--yes"],
    "history delete": [POISON],
    "history edit": [POISON, POISON],
    "history export": [],
    "history keep": [],
    "history list": [],
    "history prune": ["--yes"],
    "history purge": ["--yes"],
    "history search": [MARK],
    "history show": [POISON],
    "history status": [],
    "history tail": ["-n", "1"],
    "backup create": [POISON],
    "backup export": [POISON, "poison.backup", "--yes"],
    "backup import": ["poison.json", "--yes"],
    "backup list": [],
    "backup prune": ["--yes"],
    "backup restore": [POISON, "--yes"],
    "backup verify": [POISON],
    "keys recovery-code": [],
    "keys restore": [],
    "keys rotate": [],
    "keys status": [],
    "keys unlock": ["--timeout", "1"],
    "doctor": [],
    "check": ["."],
    "init": [POISON],
    "call": [POISON],
    "publish": [POISON],
    "topics": [],
    "run-actor": [POISON],
    "logs": ["-f"],
    "watch": ["-n", "40"],
    "trace": [POISON],
    "metrics": [],
    "diagnostics": ["--preview"],
}
"""What each command is called with; it ends by itself, or is ended."""

EXACT = ("config secret", "history export")
"""Commands whose data goes to a file or a program as it is."""

SHOWING = ("status", "logs", "watch", "trace", "models list", "history list", "backup list")
"""Commands that show texts of others, so the test can tell that the poison got that far."""


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands that do something."""
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a home of a runtime that lies."""
    found = tmp_path_factory.mktemp("p")
    (found / "poison.json").write_text(json.dumps({POISON: POISON}))
    profile = found / "profile"
    profile.mkdir()
    talker = json.dumps(["sh", "-c", f"printf '%s\\n' '{POISON}'; exec sleep 1000"])
    child = f'[[children]]\nname = "talker"\ncommand = {talker}\nready = "started"\n'
    (profile / "profile.toml").write_text(f'name = "poisoned"\ntitle = {json.dumps(POISON)}\n{child}')
    command = [sys.executable, "-P", "-m", "tests.hostile.poisoned_runtime", str(found / "home")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runtime:
        assert runtime.stdout is not None
        assert runtime.stdout.readline() == "it serves\n"
        yield found
        runtime.communicate(timeout=30)


def call(directory: Path, name: str, *, on_terminal: bool, as_json: bool = False) -> str:
    """Run a command, and return everything that it wrote."""
    home, profile = directory / ("up" if name == "up" else "home"), directory / "profile"
    words = [*name.split(), *ARGUMENTS[name], *(["--json"] if as_json else [])]
    reader, writer = pty.openpty() if on_terminal else os.pipe()
    if on_terminal:
        mode = termios.tcgetattr(writer)
        mode[1] &= ~termios.OPOST  # what is written is what is read
        termios.tcsetattr(writer, termios.TCSANOW, mode)
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLUMNS": "200",
        "EDITOR": "cat",
        "UNDERCROFT_KEYCHAIN": f"file:{directory / 'keychain.json'}",
        "UNDERCROFT_OFFLINE": "1",
    }
    process = subprocess.Popen(
        undercroft_command(home, *words, profile=profile),
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    try:
        return _read(reader, process).decode("utf-8", "replace")
    finally:
        os.close(reader)
        if process.poll() is None:
            process.kill()
        process.wait()


def _read(reader: int, process: subprocess.Popen[bytes]) -> bytes:
    """Read until the command has ended, or has been told to."""
    written, ends = b"", time.monotonic() + SILENT_SECONDS
    while True:
        if not select.select([reader], [], [], max(0.0, ends - time.monotonic()))[0]:
            process.send_signal(signal.SIGTERM)
            ends = time.monotonic() + FOLLOW_SECONDS
            if not select.select([reader], [], [], FOLLOW_SECONDS)[0]:
                return written
        with contextlib.suppress(OSError):  # a terminal whose other side is closed
            if data := os.read(reader, 65536):
                if not written:
                    ends = time.monotonic() + FOLLOW_SECONDS
                written += data
                continue
        return written


def test_each_command_is_tried() -> None:
    assert set(leaves(undercroft)) == ARGUMENTS.keys() | WITHOUT_DATA.keys()


@pytest.mark.parametrize("name", sorted(ARGUMENTS, key=lambda name: (name == "down", name)))
def test_no_command_lets_others_steer_the_terminal(directory: Path, name: str) -> None:
    for on_terminal in (True, False):
        shown = call(directory, name, on_terminal=on_terminal)
        left = OWN.sub("", shown) if on_terminal else shown
        assert "Traceback" not in left
        assert cleaned(left) == left or (name in EXACT and not on_terminal)
        assert MARK in left or name not in SHOWING
    for line in call(directory, name, on_terminal=False, as_json=True).splitlines():
        assert cleaned(line) == line or name in EXACT
        assert "Traceback" not in line
