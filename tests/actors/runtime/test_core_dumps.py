"""What a process has in memory goes into no core dump, and a program that it starts gets its limit back."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from actors.runtime import process_name

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no limits")

PROGRAM = """
import ctypes, json, os, resource, subprocess, sys
from actors.runtime import core_dumps

def found():
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else None
    return [resource.getrlimit(resource.RLIMIT_CORE)[0], dumpable]

def of_a_program(prepare):
    command = [sys.executable, "-c", "import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])"]
    return int(subprocess.run(command, preexec_fn=prepare, capture_output=True, check=True).stdout)

def of_a_fork():
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, json.dumps(found()).encode())
        os._exit(0)
    os.close(write)
    return json.loads(os.read(read, 100))

resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.getrlimit(resource.RLIMIT_CORE)[1]))
told = {"before": found()}
core_dumps.restore_for_program()  # nothing was lowered yet
core_dumps.forbid()
core_dumps.forbid()
told |= {"after": found(), "fork": of_a_fork(), "program": of_a_program(core_dumps.restore_for_program)}
told["own_files"] = len(os.listdir("/proc/self/fd")) > 2 if sys.platform == "linux" else True
core_dumps.forbid_for_good()
told["hard"] = resource.getrlimit(resource.RLIMIT_CORE)[1]
told["later"] = of_a_program(core_dumps.restore_for_program)
print(json.dumps(told))
"""


def told() -> dict[str, Any]:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_dumps_are_off_in_the_process_and_its_forks_and_on_again_in_a_program_that_it_starts() -> None:
    hidden, shown = (0, 1) if process_name.IS_LINUX else (None, None)
    assert told() == {
        "before": [4096, shown],
        "after": [0, hidden],
        "fork": [0, hidden],
        "program": 4096,
        "own_files": True,
        "hard": 0,
        "later": 0,
    }
