"""The clients under test, each behind a driver that speaks JSON lines."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DRIVERS = Path(__file__).parent / "drivers"


def find_node() -> str | None:
    """Node.js on the path, or beside this interpreter."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


def why_no_node() -> str | None:
    """Why the JavaScript client cannot be tested here; None if it can."""
    if find_node() is None:
        return "there is no Node.js here"
    if not (ROOT / "clients" / "js" / "node_modules" / "zeromq").is_dir():
        return "run 'npm ci' in clients/js first"
    return None


COMMANDS = {
    "python": [sys.executable, "-P", "-W", "error", str(DRIVERS / "sync_driver.py")],
    "asyncio": [sys.executable, "-P", "-W", "error", str(DRIVERS / "aio_driver.py")],
    "node": [find_node() or "node", str(DRIVERS / "driver.mjs")],
}


class Driver:
    """A process that drives one client."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, client: str, environ: dict[str, str]) -> Driver:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("UNDERCROFT_", "XDG_STATE"))
        }
        process = await asyncio.create_subprocess_exec(
            *COMMANDS[client],
            env={**kept, **environ},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=16 * 1024 * 1024,
        )
        return cls(process)

    def begin(self, do: str, of: list[Any], options: dict[str, Any]) -> None:
        """Give a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "of": of, "with": options}).encode() + b"\n")

    async def outcome(self) -> dict[str, Any]:
        """What came of the command that was given last."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the driver ended; what it wrote to stderr says why"
        outcome: dict[str, Any] = json.loads(line)
        return outcome

    async def end(self) -> None:
        """Close its input, and wait until it has left by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert await self._process.wait() == 0

    def kill(self) -> None:
        """End it if it has not left."""
        if self._process.returncode is None:
            self._process.kill()


@pytest.fixture(params=["python", "asyncio", pytest.param("node", marks=pytest.mark.node)])
def client(request: pytest.FixtureRequest) -> str:
    """Which client is under test."""
    name: str = request.param
    if name == "node" and (why := why_no_node()):
        pytest.skip(why)
    return name
