"""Faults in system calls: runs Python under strace, and makes the N-th call of a kind fail or kill.

    SCENE = Scene(setup="from actors.shared.durable.durable_write import replace_file", act="replace_file(root
    / 'a', b'new')", again="...") for fault in faults_of(SCENE, prepare, directory): outcome = play(SCENE,
    directory, fault)

`setup` runs undisturbed; then strace attaches, and `act` runs with the fault in it; `again` runs behind it in
the same process, undisturbed unless the fault is still to come. `root` is the directory, `report(text)` adds
to what
is reported.
"""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

WRITES = (
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "close",
    "ftruncate",
    "rename",
    "renameat2",
    "linkat",
    "link",
    "unlink",
    "unlinkat",
    "mkdir",
)
"""Calls that change something. Reading is left out: the stage itself reads while strace attaches."""

KILL = "KILL"
TIMEOUT_SECONDS = 60
ROOT = Path(__file__).parents[2]

STAGE = """
import ctypes, json, os, sys, traceback
from pathlib import Path
root = Path(sys.argv[1])
setup, act, again = json.loads(sys.argv[2])
reports = []
report = reports.append
scene = dict(globals())
exec(setup, scene)
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1))  # PR_SET_PTRACER_ANY: strace is no parent of ours
def take(code):
    try:
        exec(code, scene)
        return ["", ""]
    except BaseException as error:
        return [type(error).__name__, str(error) or repr(error)]
def tell(line):
    os.writev(1, [line.encode() + b"\\n"])  # a call that no fault is put into
tell("ready")
sys.stdin.readline()
os.access("/undercroft/begins", 0)
first = take(act)
os.access("/undercroft/ends", 0)
second = take(again)
tell(json.dumps([first, second, reports]))
os._exit(0)
"""

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None or sys.platform != "linux",
    reason="faults are injected by strace, on Linux only",
)


@dataclass(frozen=True)
class Scene:
    """What happens: three pieces of Python code."""

    setup: str
    act: str
    again: str = ""


@dataclass(frozen=True)
class Fault:
    """The `number`-th call of its kind, counted per thread, fails with an error such as `EIO`, or kills."""

    call: str
    number: int
    effect: str

    @property
    def kills(self) -> bool:
        """Whether the process ends at it."""
        return self.effect == KILL

    def __str__(self) -> str:
        return f"{self.call} {self.number} {self.effect}"


@dataclass(frozen=True)
class Outcome:
    """How a scene went.

    Attributes:
        killed: whether the fault ended the process.
        injected: whether the fault came to pass.
        error: class and words of what `act` raised; empty texts if it went well.
        again: the same of `again`.
        reports: what the code reported.
        trace: the system calls from the beginning to the end of `act`.
    """

    killed: bool
    injected: bool
    error: tuple[str, str]
    again: tuple[str, str]
    reports: tuple[str, ...]
    trace: tuple[str, ...]


def play(scene: Scene, directory: Path, fault: Fault | None = None, calls: Sequence[str] = WRITES) -> Outcome:
    """Run a scene on a directory, with a fault or without."""
    log = directory.with_name(directory.name + ".strace")
    command = [
        sys.executable,
        "-c",
        STAGE,
        str(directory),
        msgspec.json.encode([scene.setup, scene.act, scene.again]).decode(),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as actor:
        assert actor.stdin is not None
        assert actor.stdout is not None
        assert actor.stdout.readline() == "ready\n", "the setup failed"
        known = ",".join(f"?{call}" for call in (*calls, "access"))
        tracing = [
            "strace",
            "-f",
            "-qq",
            "-o",
            str(log),
            "-e",
            f"trace={known}",
            "-e",
            "signal=none",
            "-p",
            str(actor.pid),
        ]
        if fault is not None:
            effect = "signal=KILL" if fault.kills else f"error={fault.effect}"
            tracing[5:5] = ["-e", f"inject={fault.call}:{effect}:when={fault.number}"]
        with subprocess.Popen(tracing, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracer:
            _wait_until_traced(actor.pid, tracer)
            answer, _ = actor.communicate("go\n", timeout=TIMEOUT_SECONDS)
            tracer.wait(TIMEOUT_SECONDS)
    trace = tuple(_between(log.read_text(errors="replace").splitlines()))
    log.unlink()
    injected = any("(INJECTED)" in line for line in trace) or actor.returncode < 0
    if not answer:
        return Outcome(True, injected, ("", ""), ("", ""), (), trace)
    first, second, reports = msgspec.json.decode(
        answer, type=tuple[tuple[str, str], tuple[str, str], tuple[str, ...]]
    )
    return Outcome(False, injected, first, second, reports, trace)


def faults_of(
    scene: Scene,
    prepare: Callable[[], Path],
    effects: Sequence[str] = ("ENOSPC", "EIO", KILL),
    calls: Sequence[str] = WRITES,
) -> Iterator[Fault]:
    """Every fault that can meet a scene: each effect at each occurrence of each call that `act` makes."""
    undisturbed = play(scene, prepare(), calls=calls)
    assert undisturbed.error == ("", ""), undisturbed.error
    occurrences: dict[str, int] = collections.Counter()
    for (_, call), count in collections.Counter(
        re.findall(r"^(\d+) +(\w+)\(", line)[0] for line in undisturbed.trace if "(" in line
    ).items():
        occurrences[call] = max(occurrences[call], count)
    for call, count in sorted(occurrences.items()):
        if call in calls:
            yield from (Fault(call, number, effect) for number in range(1, count + 1) for effect in effects)


def _wait_until_traced(pid: int, tracer: subprocess.Popen[str]) -> None:
    """Wait for strace to hold all threads; where it may not, the test is skipped."""
    status = Path(f"/proc/{pid}/task")
    while True:
        if tracer.poll() is not None:
            assert tracer.stderr is not None
            pytest.skip(f"strace cannot attach here: {tracer.stderr.read().strip()}")
        if all("TracerPid:\t0" not in (task / "status").read_text() for task in status.iterdir()):
            return
        os.sched_yield()


def _between(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        if "/undercroft/begins" in line:
            inside = True
        elif "/undercroft/ends" in line:
            return
        elif inside:
            yield line
