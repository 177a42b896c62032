"""A process notices that its parent is gone: by the end of its stdin, or because it has another parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import IO

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills parents")

WATCH = """
import asyncio
from actors.runtime.supervisor.host.launcher.parent_watch import parent_watched

async def main():
    gone = asyncio.Event()
    def told(reason):
        print(reason, flush=True)
        gone.set()
    async with parent_watched(told):
        print("watching", flush=True)
        try:
            await asyncio.wait_for(gone.wait(), TIMEOUT)
        except TimeoutError:
            print("nobody has gone", flush=True)

asyncio.run(main())
"""

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.DEVNULL)
time.sleep(60)
"""
LIMIT_SECONDS = 20.0


def _line(stream: IO[bytes] | None) -> str:
    assert stream is not None
    assert select.select([stream], [], [], LIMIT_SECONDS)[0]
    return stream.readline().decode().strip()


def _program(timeout_seconds: float) -> str:
    return WATCH.replace("TIMEOUT", str(timeout_seconds))


def test_the_end_of_stdin_is_the_end_of_the_parent_and_what_comes_before_is_thrown_away() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _program(LIMIT_SECONDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as watcher:
        assert _line(watcher.stdout) == "watching"
        assert watcher.stdin is not None
        watcher.stdin.write(b"x" * 300_000)
        watcher.stdin.close()
        assert _line(watcher.stdout) == "its stdin has ended"


def test_a_parent_that_was_killed_is_missed_although_stdin_is_no_pipe() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, _program(LIMIT_SECONDS)], stdout=subprocess.PIPE
    ) as parent:
        assert _line(parent.stdout) == "watching"
        parent.send_signal(signal.SIGKILL)
        assert _line(parent.stdout) == f"its parent (process {parent.pid}) is gone"


@pytest.mark.parametrize("stdin", ["null", "file", "closed"])
def test_a_stdin_that_is_no_channel_says_nothing(stdin: str, tmp_path: object) -> None:
    with open(os.devnull if stdin != "file" else __file__, "rb") as source:
        watcher = subprocess.run(
            [sys.executable, "-c", _program(1.0)],
            stdin=source,
            stdout=subprocess.PIPE,
            timeout=LIMIT_SECONDS,
            check=True,
            preexec_fn=(lambda: os.close(0)) if stdin == "closed" else None,
        )
    assert watcher.stdout.decode().split("\n")[1] == "nobody has gone"
