"""A crash with core dumps allowed writes nothing of what a real runtime has in memory to a disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import undercroft_client
from tests.support.other_user import refused
from tests.support.profiles import bundled, write_profile
from tests.support.runtime_process import LIMIT_SECONDS, RuntimeProcess, within

if sys.platform != "win32":
    import resource

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CANARY = "a thought that was never to reach a disk"

PROBE = '''
"""An actor that says whether the kernel may dump it."""

import ctypes

from bus.actor import Actor
from schemas.event import Event, Request


class ProbeAnsweredEvent(Event, frozen=True, kw_only=True, tag="app.probe_answered"):
    is_dumpable: int


class ProbeAskRequestEvent(Request[ProbeAnsweredEvent], frozen=True, kw_only=True, tag="app.probe_ask"):
    pass


class Probe(Actor[ProbeAskRequestEvent]):
    async def handle(self, event):
        return ProbeAnsweredEvent(is_dumpable=ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))


def build(context):
    return Probe(context)
'''


@pytest.fixture(params=["fork", "spawn"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RuntimeProcess]:
    """A runtime that was started with `ulimit -c unlimited`, where a dump would lie in tmp_path."""
    profile = write_profile(
        tmp_path / "profile",
        bundled("history"),
        {"name": "probe", "entry": "probe:build"},
        {"name": "sidecar", "command": ["sleep", "1000"], "ready": "started"},
        modules={"probe.py": PROBE},
    )
    former, here = resource.getrlimit(resource.RLIMIT_CORE), Path.cwd()
    if former[1] != resource.RLIM_INFINITY:
        pytest.skip("core dumps cannot be allowed here")
    resource.setrlimit(resource.RLIMIT_CORE, (former[1], former[1]))
    os.chdir(tmp_path)  # where the kernel writes a core, unless it is told otherwise
    try:
        found = RuntimeProcess(
            tmp_path / "home", profile, "--spawn", request.param, environment={"PYTHONPATH": str(here)}
        )
    finally:
        os.chdir(here)
        resource.setrlimit(resource.RLIMIT_CORE, former)
    found.wait_settled()
    yield found
    found.end()
    found.clean_up()


def limit_of(pid: int) -> list[str]:
    """Soft and hard limit of core dumps, as the kernel has them."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4:6]


def pids(runtime: RuntimeProcess) -> dict[str, int]:
    overview = json.loads(runtime.command("status", "--json").stdout)
    return {actor["actor"]: actor["pid"] for actor in overview["actors"]}


@pytest.mark.requirement("S0-11")
def test_a_crash_leaves_no_core_and_no_value_in_the_logs(runtime: RuntimeProcess, tmp_path: Path) -> None:
    with undercroft_client.connect(home=tmp_path / "home") as client:
        client.request({"type": "history.append", "text": CANARY})
        assert client.request({"type": "app.probe_ask"})["is_dumpable"] == 0
    before = pids(runtime)
    os.kill(before["history"], signal.SIGSEGV)
    assert within(LIMIT_SECONDS, lambda: pids(runtime)["history"] not in (0, before["history"]))
    assert "Segmentation fault" in runtime.command("logs", "history", "-n", "1000").stdout
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if path.name.startswith("core")]
    assert not [path for path in kept if CANARY.encode() in path.read_bytes()]
    assert CANARY not in runtime.command("logs", "-n", "1000", "--json").stdout


def test_the_processes_of_the_runtime_may_not_be_dumped_and_a_sidecar_keeps_its_limit(
    runtime: RuntimeProcess,
) -> None:
    found = pids(runtime)
    assert limit_of(runtime.pid) == ["0", "unlimited"]
    assert {name: limit_of(pid) for name, pid in found.items()} == {
        **dict.fromkeys(found, ["0", "0"]),
        "sidecar": ["unlimited", "unlimited"],
    }


def test_a_command_may_not_be_dumped(tmp_path: Path) -> None:
    program = "import actors.cli.main as m, resource; m.undercroft = lambda *_, **__: None; "
    program += "m._run = lambda _: print(resource.getrlimit(resource.RLIMIT_CORE)[0]); m.main(['status'])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout == "0\n", ran.stderr
    assert not refused(lambda: os.listdir("/proc/self/fd"))
