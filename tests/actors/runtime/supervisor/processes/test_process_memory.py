"""Private memory is read from /proc, and nothing is said where there is none."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.runtime.supervisor.processes.process_memory import family_mib, private_mib


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
def test_a_family_counts_what_its_descendants_have_for_themselves() -> None:
    program = "import sys; held = b'x' * (32 * 1024 * 1024); print(flush=True); sys.stdin.read()"
    script = '"$0" -c "$1" & wait'
    with subprocess.Popen(
        ["sh", "-c", f"exec 3<&0; {script.replace('&', '<&3 &')}", sys.executable, program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as family:
        assert family.stdout is not None
        family.stdout.readline()
        own, whole = private_mib(family.pid), family_mib(family.pid)
        family.communicate()
    assert own is not None
    assert whole is not None
    assert own < 8
    assert whole - own > 30
    assert family_mib(family.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_our_own_memory_grows_with_what_we_take() -> None:
    before = private_mib(os.getpid()) or 0.0
    with mmap.mmap(
        -1, 32 * 1024 * 1024, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    ) as taken:  # new pages, not some that were given back before
        taken.write(b"x" * len(taken))
        assert (private_mib(os.getpid()) or 0.0) - before > 24
