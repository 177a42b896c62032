"""A process is told from another one that has its number now."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.shared.durable.process_identity import is_same_process, start_mark

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_process_keeps_its_mark_and_no_other_has_it() -> None:
    own = start_mark(os.getpid())
    assert own == start_mark(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        mark = start_mark(other.pid)
        assert mark not in ("", own)
        assert is_same_process(other.pid, mark)
        assert not is_same_process(other.pid, own)
        assert is_same_process(other.pid, "")
        other.communicate()
    assert not is_same_process(other.pid, mark)


def test_a_zombie_is_no_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mark = start_mark(child.pid)
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_mark(child.pid) == ""
        assert not is_same_process(child.pid, mark)
        assert not is_same_process(child.pid, "")


def test_the_name_of_a_program_may_hold_anything(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a) b (c)) S " + " ".join(str(n) for n in range(4, 40)))
    assert start_mark(7, tmp_path).endswith(":22")
    (tmp_path / "7" / "stat").write_text("7 (cut off")
    assert start_mark(7, tmp_path) == ""
