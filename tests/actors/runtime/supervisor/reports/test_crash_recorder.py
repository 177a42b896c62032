"""Crashes are recorded, redacted and announced; at the end on real processes that end in every way."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.runtime.supervisor.reports.crash_recorder import CrashRecorder
from actors.runtime.supervisor.reports.log_ring import LogRings
from actors.runtime.supervisor.reports.supervisor_log import SupervisorLog
from actors.shared import crash_files
from actors.shared.crash_files import read_crashes
from bus.client import connect
from schemas.operations.crashes import ActorCrashedEvent, CrashKind, CrashRecord
from tests.support.crashes import crash
from tests.support.runtime_process import within

GROUP_BYTES = 256 * 1024 * 1024
TRACEBACK = 'Traceback (most recent call last):\n  File "store.py", line 3, in run\nValueError: no'


def _recorder(state: Path, told: list[ActorCrashedEvent], logs: LogRings) -> CrashRecorder:
    return CrashRecorder(state, logs, SupervisorLog(logs, lambda _: None), "9.9.9", told.append)


@pytest.mark.anyio
async def test_a_record_holds_what_is_known_and_the_announcement_names_it(tmp_path: Path) -> None:
    told: list[ActorCrashedEvent] = []
    logs = LogRings()
    logs.write("a", ["an earlier life"], 1.0)
    logs.write("a", TRACEBACK.splitlines(), 2.0)
    recorder = _recorder(tmp_path, told, logs)
    recorder.capture(crash(1), lines_before=1)
    await recorder.finish()
    ((name, record),) = read_crashes(tmp_path)
    assert record is not None
    assert (record.kind, record.exit_code, record.signal, record.pid) == ("exception", 1, "", 7)
    assert (record.uptime_seconds, record.restarts, record.last_words) == (1.5, 2, TRACEBACK)
    assert record.versions["undercroft"] == "9.9.9"
    assert {"python", "pyzmq", "msgspec", "platform"} <= set(record.versions)
    assert [(event.actor, event.kind, event.record) for event in told] == [("a", "exception", name)]


@pytest.mark.anyio
async def test_a_secret_of_several_lines_is_taken_out(tmp_path: Path) -> None:
    logs = LogRings(lambda text: text.replace("one\n  two", "<key>"))
    logs.write("a", ["Traceback (most recent call last):", "  one", "  two", "ValueError: three"], 2.0)
    recorder = _recorder(tmp_path, [], logs)
    recorder.capture(crash(3), lines_before=0)
    await recorder.finish()
    assert [record.last_words for _, record in read_crashes(tmp_path) if record] == [
        "Traceback (most recent call last):\n  <key>\nValueError: three"
    ]


@pytest.mark.anyio
async def test_a_disk_that_takes_nothing_costs_the_record_and_not_the_announcement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    told: list[ActorCrashedEvent] = []
    monkeypatch.setattr(crash_files, "claim_directory", full)
    recorder = _recorder(tmp_path, told, LogRings())
    recorder.capture(crash(number=9), lines_before=0)
    await asyncio.wait_for(recorder.finish(), 5)
    assert [(event.kind, event.record) for event in told] == [("killed", "")]
    assert "the crash of a is not on record" in capsys.readouterr().err


CRASHERS = '''
"""Actors that end as their name says."""

import asyncio
import ctypes
import os
import time

from bus.actor import Actor
from schemas.config import SettingsChangedEvent

TOKEN = "hf_canaryCANARYcanaryCANARY"


class Crasher(Actor[SettingsChangedEvent]):
    def __init__(self, context, end):
        super().__init__(context)
        self.end = end

    async def prepare(self):
        asyncio.get_running_loop().call_later(0.05, self.go)

    def go(self):
        print("transcript: CANARY said this")
        held_in_a_local = TOKEN
        self.end()

    async def handle(self, event):
        return None


def grow():
    Crasher.kept = bytearray(64 * 1024 * 1024)


def devour():
    Crasher.kept = bytearray(512 * 1024 * 1024)


def nothing():
    pass


class Raiser(Crasher):
    async def prepare(self):
        raise ValueError("the token is " + TOKEN)


def raising(context): return Raiser(context, None)
def aborting(context): return Crasher(context, os.abort)
def segfaulting(context): return Crasher(context, lambda: ctypes.string_at(0))
def hanging(context): return Crasher(context, lambda: time.sleep(1000))
def growing(context): return Crasher(context, grow)
def devouring(context): return Crasher(context, devour)
def steady(context): return Crasher(context, nothing)


def refusing(context):
    from actors.runtime.child_main import EntryRefused
    raise EntryRefused("the:entry", "somebody has to change this first")
'''

ENDS: dict[str, tuple[CrashKind, str, str]] = {
    "raising": ("exception", "", "ValueError: the token is <"),
    "aborting": ("fatal_signal", "SIGABRT", "Fatal Python error: Aborted"),
    "segfaulting": ("fatal_signal", "SIGSEGV", "Fatal Python error: Segmentation fault"),
    "hanging": ("hang", "SIGKILL", "in <lambda>"),
    "refusing": ("refused", "", "somebody has to change this first"),
    "steady": ("killed", "SIGKILL", ""),
    "absent": ("not_started", "", "no-such-program-xyz: cannot be run"),
}


def _child(name: str) -> dict[str, Any]:
    if name == "absent":
        return {"name": name, "command": ["no-such-program-xyz"], "restart": "temporary"}
    return {
        "name": name,
        "entry": f"crashers:{name}",
        "restart": "temporary",
        "heartbeat_timeout_seconds": 0.5 if name == "hanging" else 10.0,
    }


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux", reason="ends processes by signals, and reads their ends from the fork server"
)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_every_way_to_end_is_told_apart_on_real_processes(start: Any, profile: Any, method: str) -> None:
    directory = profile(*(_child(name) for name in ENDS))
    (directory / "crashers.py").write_text(CRASHERS)
    runtime = start(directory, "--spawn", method)
    runtime.wait_state("steady", "ready")
    os.kill(runtime.pids["steady"], signal.SIGKILL)
    while any(runtime.states.get(name) not in ("stopped", "failed") for name in ENDS):
        runtime.next()
    assert runtime.end() == 0  # what was captured is written by then
    records = {record.actor: record for _, record in read_crashes(runtime.home / "state") if record}
    for name, (kind, number, words) in ENDS.items():
        assert (name, records[name].kind, records[name].signal) == (name, kind, number)
        assert words in records[name].reason + records[name].last_words
    assert "crashers.py" in records["segfaulting"].last_words  # the dump of the fault handler names the line
    assert b"CANARY" not in msgspec.json.encode(records)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process is measured by way of /proc")
def test_an_actor_over_its_memory_limit_is_recorded_as_such_and_announced(start: Any, profile: Any) -> None:
    directory = profile(
        {"name": "growing", "entry": "crashers:growing", "restart": "temporary", "memory_limit_mib": 48}
    )
    (directory / "crashers.py").write_text(CRASHERS)
    runtime = start(directory)
    runtime.wait_state("growing", "stopped")
    assert runtime.end() == 0
    ((_, record),) = read_crashes(runtime.home / "state")
    assert isinstance(record, CrashRecord)
    assert record.kind == "memory_limit"
    assert "limit is 48 MiB" in record.reason


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group for processes that may have 256 MiB together."""
    place = _memory_group()
    if place is None:
        pytest.skip(
            "no control group can be made here: it takes root, and a kernel that counts memory by group"
        )
    limits = {
        "memory.limit_in_bytes": GROUP_BYTES,
        "memory.memsw.limit_in_bytes": GROUP_BYTES,
        "memory.max": GROUP_BYTES,
        "memory.swap.max": 0,
    }
    for name, limit in limits.items():
        if (place / name).exists():
            (place / name).write_text(str(limit))
    yield place
    place.rmdir()


def _memory_group() -> Path | None:
    for line in Path("/proc/self/cgroup").read_text().splitlines() if sys.platform == "linux" else []:
        _, controllers, own = line.split(":", 2)
        root = Path("/sys/fs/cgroup") / ("memory" if controllers == "memory" else "")
        place = root / own.lstrip("/") / f"crash-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            if controllers in ("memory", ""):
                place.mkdir()
                if (place / "memory.events").exists() or (place / "memory.oom_control").exists():
                    return place
                place.rmdir()
    return None


@pytest.mark.slow
def test_an_actor_that_the_kernel_killed_for_want_of_memory_is_recorded_as_such(
    profile: Any, tmp_path: Path, small_group: Path
) -> None:
    directory = profile({"name": "devouring", "entry": "crashers:devouring", "restart": "temporary"})
    (directory / "crashers.py").write_text(CRASHERS)
    home = tmp_path / "home"
    command = [sys.executable, "-P", "-m", "actors", "--home", str(home), "--profile", str(directory), "up"]
    join = f'echo $$ > {small_group}/cgroup.procs && exec "$@"'
    runtime = subprocess.Popen(
        ["sh", "-c", join, "sh", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        assert within(20.0, lambda: bool(read_crashes(home / "state")))
    finally:
        runtime.terminate()
        runtime.wait(20)
    ((_, record),) = read_crashes(home / "state")
    assert record is not None
    assert (record.kind, record.signal, record.oom_kills, record.oom_source) == (
        "out_of_memory",
        "SIGKILL",
        1,
        "cgroup",
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ends processes by signals")
def test_peers_hear_of_a_crash_and_the_broker_counts_as_one_of_the_actors(start: Any, profile: Any) -> None:
    directory = profile({"name": "steady", "entry": "probe_actor:steady"})
    runtime = start(directory)
    runtime.wait_settled()

    async def hear() -> list[tuple[str, str, str]]:
        async with connect(home=runtime.home) as peer, peer.subscribe(ActorCrashedEvent) as events:
            heard = []
            for name in ("steady", "broker"):
                os.kill(runtime.pids[name], signal.SIGKILL)
                while not isinstance(event := await anext(events), ActorCrashedEvent):
                    pass
                heard.append((event.actor, event.kind, event.record.rpartition("-")[2]))
            return heard

    with asyncio.Runner() as runner:
        assert runner.run(asyncio.wait_for(hear(), 20)) == [
            ("steady", "killed", "steady.json"),
            ("broker", "killed", "broker.json"),
        ]
    assert runtime.end() == 0
