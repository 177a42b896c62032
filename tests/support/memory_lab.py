"""Runs calls in children of a small process, each with a limit of memory, and says how much memory it took.

The process imports what is asked for, forks for each call, and writes one line about it. So the memory that
a call took can be told from that of pytest, and a call that takes too much ends with its child.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOM_BYTES = 1 << 30
"""What a call may take beyond what its process has; the system refuses more."""


class Taken(NamedTuple):
    """What became of a call.

    Attributes:
        error: name of the exception; empty if there was none.
        text: what it says, or what the call returned.
        peak_bytes: by how much the memory of the process grew at most.
        cpu_seconds: how long it computed.
    """

    error: str
    text: str
    peak_bytes: int
    cpu_seconds: float


class MemoryLab:
    """The process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, function: str, *arguments: Any) -> Taken:
        """Call a function.

        Args:
            function: `package.module:name`; it gets the arguments, and what it returns is turned into text.
            arguments: what JSON can hold.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([function, arguments]) + "\n")
        self._process.stdin.flush()
        return Taken(*json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def memory_lab() -> Iterator[MemoryLab]:
    """A lab that ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.memory_lab"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        yield MemoryLab(process)
        assert process.stdin
        process.stdin.close()


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _measured(function: str, arguments: list[Any]) -> Taken:
    import resource

    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    limit_bytes = _status("VmSize") + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    before_bytes, before = _status("VmRSS"), resource.getrusage(resource.RUSAGE_SELF)
    error = ""
    try:
        text = str(call(*arguments))
    except Exception as caught:
        error, text = type(caught).__name__, str(caught)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Taken(error, text[:2000], _status("VmHWM") - before_bytes, seconds)


def _serve() -> None:
    for line in sys.stdin:
        function, arguments = json.loads(line)
        importlib.import_module(function.partition(":")[0])
        sys.stdout.flush()
        reader, writer = os.pipe()
        if not (child := os.fork()):
            os.close(reader)
            os.write(writer, json.dumps(_measured(function, arguments)).encode())
            os._exit(0)
        os.close(writer)
        with open(reader, encoding="utf-8") as answer:
            found = answer.read()
        os.waitpid(child, 0)
        print(found or json.dumps(["Ended", "", 0, 0.0]), flush=True)


if __name__ == "__main__":
    _serve()
