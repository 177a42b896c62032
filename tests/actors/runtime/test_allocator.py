"""Threads of an actor share a few arenas, so that freed memory is not kept many times over."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from actors.runtime.allocator import ARENAS

MANY_THREADS = """
import ctypes, sys, threading
from actors.runtime.allocator import share_arenas
if "shared" in sys.argv:
    assert share_arenas()
meet = threading.Barrier(9)
def work():
    kept = [bytearray(2000) for _ in range(100)]
    meet.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
meet.wait()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="arenas are glibc's")
def test_many_threads_share_few_arenas() -> None:
    def arenas(*arguments: str) -> int:
        command = [sys.executable, "-c", MANY_THREADS, *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        return len(re.findall(r"^Arena \d+:", ended.stderr, re.MULTILINE))

    if arenas() < 3:
        pytest.skip("this C library has no arenas for threads")
    assert arenas("shared") <= ARENAS
