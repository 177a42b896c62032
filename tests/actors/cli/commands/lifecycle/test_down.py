"""`undercroft down`."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from actors.cli.commands.lifecycle.down import wait_for_end

pytestmark = pytest.mark.slow


def test_the_end_of_a_process_is_waited_for_but_not_for_ever() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert not wait_for_end(process.pid, 0.0)
        process.communicate()
    assert wait_for_end(process.pid, 0.0)


def test_a_runtime_is_stopped_once_and_then_there_is_none(absent: Any) -> None:
    subprocess.run(absent.command("up", "--detach"), capture_output=True, timeout=60, check=True)
    (stopped,) = absent("down", "--json").documents
    assert stopped["stopped"]
    assert wait_for_end(stopped["pid"], 0.0)
    again = absent("down")
    assert (again.code, again.out) == (3, "")
    assert "start it with 'undercroft up'" in again.err
