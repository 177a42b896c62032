"""The clients under test, each behind a driver that speaks JSON lines."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRIVERS = Path(__file__).parent / "drivers"
FOREIGN_DRIVER = os.environ.get("UNDERCROFT_CLIENT_DRIVER", "")
"""Command of a driver for a client from elsewhere; if it is set, that client alone is tested."""


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


def python_driver(name: str) -> list[str]:
    """The command of a driver in Python."""
    return [sys.executable, "-P", "-W", "error", str(DRIVERS / name)]


COMMANDS = {
    "python": python_driver("sync_driver.py"),
    "asyncio": python_driver("aio_driver.py"),
    "node": [find_node() or "node", str(DRIVERS / "driver.mjs")],
}


def clients() -> list[object]:
    """The clients to test."""
    if FOREIGN_DRIVER:
        return ["foreign"]
    return ["python", "asyncio", pytest.param("node", marks=pytest.mark.node)]


@pytest.fixture(params=clients())
def client(request: pytest.FixtureRequest) -> list[str]:
    """The command of the driver of the client under test."""
    name: str = request.param
    if name == "foreign":
        return shlex.split(FOREIGN_DRIVER)
    if name == "node" and (why := why_no_node()):
        pytest.skip(why)
    return COMMANDS[name]
