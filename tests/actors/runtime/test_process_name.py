"""What Linux does for a child whose parent ends."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from actors.runtime import process_name

pytestmark = pytest.mark.skipif(not process_name.IS_LINUX, reason="these calls are Linux's")

FAMILY = """
import os, sys, time
from actors.runtime import process_name as prctl
parent = os.getpid()
if os.fork() == 0:
    prctl.die_with_parent(parent)
    print(os.getpid(), flush=True)
    time.sleep(1000)
time.sleep(1000)
"""
LATE = """
import os
from actors.runtime import process_name as prctl
prctl.die_with_parent(os.getppid() + 1)
print("still here")
"""
NAMED = """
import os
from actors.runtime import process_name
process_name.set_name("undercroft-and-more")
print(open("/proc/self/comm").read().strip())
"""


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False).stdout


def test_a_child_goes_with_its_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        assert select.select([child], [], [], 5)[0]
        os.close(child)


def test_a_child_whose_parent_ended_before_leaves_by_itself() -> None:
    assert run(LATE) == ""


def test_a_name_is_cut_to_what_the_kernel_holds() -> None:
    assert run(NAMED) == "undercroft-and-\n"


def test_orphans_come_to_the_one_who_adopts_them() -> None:
    program = """
import os
from actors.runtime import process_name as prctl
assert prctl.adopt_orphans()
out, into = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.read(out, 1)
        os._exit(7)
    os._exit(0)
os.wait()
os.write(into, b"x")
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert run(program) == "7\n"


def test_a_child_that_took_it_back_outlives_its_parent() -> None:
    program = """
import os
from actors.runtime import process_name as prctl
out, into = os.pipe()
parent = os.fork()
if parent == 0:
    middle = os.getpid()
    prepared, tell = os.pipe()
    if os.fork() == 0:
        assert prctl.die_with_parent(middle)
        assert prctl.outlive_parent()
        os.write(tell, b"x")
        while os.getppid() == middle:
            os.sched_yield()
        os.write(into, b"alive")
        os._exit(0)
    os.read(prepared, 1)
    os._exit(0)
os.waitpid(parent, 0)
os.close(into)
print(os.read(out, 5).decode())
"""
    assert run(program) == "alive\n"
