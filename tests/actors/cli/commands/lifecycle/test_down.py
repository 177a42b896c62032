"""`undercroft down`."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from bus.discovery import is_alive

pytestmark = pytest.mark.slow


def test_a_runtime_is_stopped_once_and_then_there_is_none(absent: Any) -> None:
    subprocess.run(absent.command("up", "--detach"), capture_output=True, timeout=60, check=True)
    (stopped,) = absent("down", "--json").documents
    assert stopped["stopped"]
    assert not is_alive(stopped["pid"])
    again = absent("down")
    assert (again.code, again.out) == (3, "")
    assert "start it with 'undercroft up'" in again.err
