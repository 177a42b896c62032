"""Private memory is read from /proc, and nothing is said where there is none."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.processes.process_memory import private_mib


def test_the_anonymous_part_is_what_counts(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "status").write_text("Name:\tx\nVmRSS:\t  900000 kB\nRssAnon:\t    2048 kB\n")
    assert private_mib(7, tmp_path) == 2.0


def test_a_process_that_is_gone_or_a_system_without_proc_says_nothing(tmp_path: Path) -> None:
    assert private_mib(7, tmp_path) is None
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "status").write_text("RssAnon:\n")
    assert private_mib(7, tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_our_own_memory_grows_with_what_we_take() -> None:
    before = private_mib(os.getpid()) or 0.0
    with mmap.mmap(
        -1, 32 * 1024 * 1024, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    ) as taken:  # new pages, not some that were given back before
        taken.write(b"x" * len(taken))
        assert (private_mib(os.getpid()) or 0.0) - before > 24
