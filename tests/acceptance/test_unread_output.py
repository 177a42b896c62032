"""Whatever becomes of its stdout and stderr, a runtime starts, watches, restarts, answers and ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.profiles import write_profile
from tests.support.runtime_process import LIMIT_SECONDS, undercroft_command, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="has pseudo terminals and /dev/full"),
]

CHATTY = {
    "name": "chatty",
    "command": ["sh", "-c", "seq 1 20000; echo 'Grüße ●'; exec sleep 1000"],
    "restart": "permanent",
}


class Started:
    """One `undercroft up` with an output of our choice."""

    def __init__(self, home: Path, profile: Path, *arguments: str, **options: Any) -> None:
        self.home = home
        command = undercroft_command(home, "up", *arguments, profile=profile)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = undercroft_command(self.home, *arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)

    def actors(self) -> dict[str, dict[str, Any]]:
        found = self.ask("status", "--json")
        document = json.loads(found.stdout) if found.stdout else {}
        return {actor["actor"]: actor for actor in document.get("actors", [])}

    def is_ready(self, after: int | None = None) -> bool:
        chatty = self.actors().get("chatty", {})
        return chatty.get("state") == "ready" and chatty.get("pid") != after

    def check_that_it_works(self) -> None:
        """It supervises: a killed child is started again, and TERM ends it all."""
        assert within(LIMIT_SECONDS, self.is_ready)
        pid = self.actors()["chatty"]["pid"]
        os.kill(pid, signal.SIGKILL)
        assert within(LIMIT_SECONDS, lambda: self.is_ready(after=pid))
        self.process.terminate()
        assert self.process.wait(LIMIT_SECONDS) == 0


Start = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Started] = []
    profile = write_profile(tmp_path / "profile", CHATTY)

    def run(*arguments: str, **options: Any) -> Started:
        started.append(Started(tmp_path / "home", profile, *arguments, **options))
        return started[-1]

    yield run
    for runtime in started:
        if runtime.process.poll() is None:
            runtime.process.kill()
        runtime.process.communicate()


@pytest.mark.parametrize("arguments", [("--logs",), ("--json", "--logs"), ("--json",)])
def test_a_pipe_that_nobody_reads(start: Start, arguments: tuple[str, ...]) -> None:
    runtime = start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    runtime.check_that_it_works()


def test_a_reader_that_pauses_hears_how_much_it_missed(start: Start, tmp_path: Path) -> None:
    says_last = "while [ ! -e read ]; do sleep 0.1; done; echo last; exec sleep 1000"
    (tmp_path / "profile" / "profile.toml").write_text(
        'name = "probe"\n[[children]]\nname = "chatty"\n'
        f'command = ["sh", "-c", "seq 1 30000; touch said; {says_last}"]\n'
    )
    runtime = start("--json", "--logs", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert within(LIMIT_SECONDS, lambda: (tmp_path / "profile" / "said").exists() and runtime.is_ready())
    assert runtime.process.stdout is not None
    shown, dropped = 0, 0
    for line in runtime.process.stdout:
        found = json.loads(line)
        shown += found["type"] == "log"
        dropped += found.get("dropped", 0)
        if shown == 14_000:
            (tmp_path / "profile" / "read").touch()  # from here on there is room
        if found.get("text") == "last":
            break
    assert dropped > 0
    assert shown + dropped == 30_001
    runtime.process.terminate()
    runtime.process.communicate(timeout=LIMIT_SECONDS)
    assert runtime.process.returncode == 0


def test_a_reader_that_is_gone(start: Start) -> None:
    reading, writing = os.pipe()
    runtime = start("--json", "--logs", stdout=writing, stderr=writing)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    runtime.check_that_it_works()


@pytest.mark.parametrize("arguments", [("--logs",), ("--json", "--logs")])
def test_a_disk_that_is_full(start: Start, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        runtime = start(*arguments, stdout=full, stderr=full)
        runtime.check_that_it_works()


@pytest.mark.parametrize("arguments", [("--logs",), ("--json", "--logs")])
def test_streams_that_are_closed(start: Start, arguments: tuple[str, ...]) -> None:
    def close() -> None:
        for descriptor in (0, 1, 2):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    runtime = start(*arguments, preexec_fn=close)
    runtime.check_that_it_works()


def test_streams_that_are_closed_do_not_end_in_a_file_of_ours(start: Start) -> None:
    runtime = start("--json", "--logs", preexec_fn=lambda: os.close(1))
    assert within(LIMIT_SECONDS, runtime.is_ready)
    assert os.readlink(f"/proc/{runtime.process.pid}/fd/1") == os.devnull
    runtime.check_that_it_works()


@pytest.mark.parametrize("arguments", [(), ("--json", "--logs")])
def test_a_terminal_that_is_stopped(start: Start, arguments: tuple[str, ...]) -> None:
    terminal, its_end = pty.openpty()
    try:
        runtime = start(*arguments, stdout=its_end, stderr=its_end, env={**os.environ, "TERM": "xterm"})
        assert select.select([terminal], [], [], LIMIT_SECONDS)[0]
        termios.tcflow(its_end, termios.TCOOFF)  # what Ctrl-S does
        runtime.check_that_it_works()
    finally:
        os.close(terminal)
        os.close(its_end)


@pytest.mark.parametrize("arguments", [(), ("--json", "--logs")])
def test_a_terminal_that_is_gone(start: Start, arguments: tuple[str, ...]) -> None:
    terminal, its_end = pty.openpty()
    runtime = start(*arguments, stdout=its_end, stderr=its_end, env={**os.environ, "TERM": "xterm"})
    assert select.select([terminal], [], [], LIMIT_SECONDS)[0]
    os.close(its_end)
    os.close(terminal)
    runtime.check_that_it_works()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_that_cannot_encode_what_a_child_writes(start: Start, encoding: str) -> None:
    runtime = start(
        "--json",
        "--logs",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert runtime.process.stdout is not None
    for line in runtime.process.stdout:
        if "Gr" in (found := json.loads(line.decode(encoding))).get("text", ""):
            break
    assert found["text"] == "Grüße ●"
    runtime.process.terminate()
    runtime.process.communicate(timeout=LIMIT_SECONDS)
    assert runtime.process.returncode == 0


def test_the_background_outlives_a_command_that_was_killed_while_it_waited(start: Start) -> None:
    runtime = start("--detach", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    runtime.process.kill()
    runtime.process.communicate()
    if not runtime.actors():
        return  # it was killed before there was a background
    assert within(LIMIT_SECONDS, runtime.is_ready)
    assert runtime.ask("down").returncode == 0
