"""`down`, `status` and `restart` reach the runtime that holds the home, and never another process."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.discovery import Runtime, is_alive
from tests.support.profiles import write_profile
from tests.support.runtime_process import LIMIT_SECONDS, RuntimeProcess, undercroft_command, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for the holder of a lock"),
]

Start = Callable[..., RuntimeProcess]
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
SLEEPER = {"name": "sleeper", "command": ["sleep", "1000"]}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return write_profile(tmp_path / "profile", SLEEPER)


@pytest.fixture
def runtime(start: Start, profile: Path) -> RuntimeProcess:
    found = start(profile)
    found.wait_settled()
    return found


def _pid_of_another_app(path: Path) -> None:
    """A valid file of a process that lives, but holds another home."""
    found = Runtime(
        app="other",
        pid=os.getppid(),
        started_at=1.0,
        lane="ipc:///nowhere/lane",
        feed="ipc:///n/feed",
        token="t",
    )
    path.write_bytes(json.dumps({name: getattr(found, name) for name in found.__struct_fields__}).encode())
    path.chmod(0o600)


SPOILERS: dict[str, Callable[[Path], object]] = {
    "runtime.json removed": lambda state: (state / "runtime.json").unlink(),
    "runtime.json emptied": lambda state: (state / "runtime.json").write_text(""),
    "runtime.json of another app": lambda state: _pid_of_another_app(state / "runtime.json"),
    "runtime.json open to all": lambda state: (state / "runtime.json").chmod(0o666),
    "runtime.json closed": lambda state: (state / "runtime.json").chmod(0),
    "note of the holder removed": lambda state: (state / ".undercroft.holder.json").unlink(missing_ok=True),
    "lock removed": lambda state: (state / ".undercroft.lock").unlink(),
    "all files removed": lambda state: [file.unlink() for file in state.iterdir() if file.is_file()],
}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
def test_each_command_reaches_it_all_the_same(
    runtime: RuntimeProcess, spoil: Callable[[Path], object]
) -> None:
    state = runtime.home / "state"
    spoil(state)
    assert within(LIMIT_SECONDS, lambda: runtime.command("status").returncode == 0)
    spoil(state)
    assert within(LIMIT_SECONDS, lambda: runtime.command("restart", "sleeper").returncode == 0)
    spoil(state)
    assert within(LIMIT_SECONDS, lambda: runtime.command("down").returncode == 0)
    assert runtime.process.wait(LIMIT_SECONDS) == 0
    assert runtime.command("status").returncode == 3


@pytest.mark.parametrize("command", [["status"], ["restart", "sleeper"], ["down"]])
@pytest.mark.parametrize("gone", ["run", "."])
def test_removed_directories_come_back(runtime: RuntimeProcess, command: list[str], gone: str) -> None:
    shutil.rmtree(runtime.home / "state" / gone)
    assert within(LIMIT_SECONDS, lambda: (runtime.home / "state" / "runtime.json").exists())
    assert within(LIMIT_SECONDS, lambda: runtime.command(*command).returncode == 0)


def test_the_file_is_back_within_a_second_or_two(runtime: RuntimeProcess) -> None:
    path = runtime.home / "state" / "runtime.json"
    before = path.read_bytes()
    path.unlink()
    assert within(3.0, lambda: path.exists() and path.read_bytes() == before)
    logs = runtime.command("logs", "supervisor").stdout
    assert "runtime.json was removed or changed; it is written anew" in logs


def test_up_and_down_never_send_a_person_in_a_circle(runtime: RuntimeProcess, profile: Path) -> None:
    (runtime.home / "state" / "runtime.json").unlink()
    up = subprocess.run(
        undercroft_command(runtime.home, "up", profile=profile),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert up.returncode == 6
    assert f"process {runtime.pid}" in up.stderr
    assert runtime.command("down").returncode == 0


def test_down_ends_a_runtime_whose_broker_does_not_answer(runtime: RuntimeProcess) -> None:
    broker = runtime.pid_of("uc-broker")
    assert broker is not None
    os.kill(broker, signal.SIGSTOP)
    assert runtime.command("down").returncode == 0
    assert runtime.process.wait(LIMIT_SECONDS) == 0


def test_down_twice_at_once_is_one_orderly_stop(runtime: RuntimeProcess) -> None:
    command = undercroft_command(runtime.home, "down")
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        process.communicate(timeout=LIMIT_SECONDS)
    assert {process.returncode for process in both} <= {0, 3}
    assert runtime.process.wait(LIMIT_SECONDS) == 0


def test_a_copied_home_leads_nobody_to_the_original(
    runtime: RuntimeProcess, start: Start, profile: Path
) -> None:
    copy = runtime.home.with_name("copy")
    shutil.copytree(
        runtime.home,
        copy,
        ignore=lambda directory, names: [name for name in names if name in ("lane", "feed")],
    )
    for command in (["status"], ["restart", "sleeper"], ["down"]):
        found = subprocess.run(
            undercroft_command(copy, *command),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert (found.returncode, "does not hold this home" in found.stderr) == (3, True)
    second = start(profile, copy)
    second.wait_settled()
    assert json.loads(second.command("status", "--json").stdout)["pid"] == second.pid
    assert json.loads(runtime.command("status", "--json").stdout)["pid"] == runtime.pid
    assert second.command("down").returncode == 0
    assert runtime.process.poll() is None


def test_a_stranger_that_has_the_number_now_is_left_alone(runtime: RuntimeProcess) -> None:
    """After a kill the file names a number that another process may get; here it is that of a bystander."""
    runtime.kill()
    file = runtime.home / "state" / "runtime.json"
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        try:
            for name in ("runtime.json", ".undercroft.holder.json"):
                path = file.with_name(name)
                path.write_text(path.read_text().replace(str(runtime.pid), str(stranger.pid)))
            for command in (["down"], ["status"], ["restart", "sleeper"]):
                assert runtime.command(*command).returncode == 3
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_zombie_is_no_runtime(runtime: RuntimeProcess) -> None:
    runtime.look()
    os.kill(runtime.pid, signal.SIGKILL)
    os.waitid(os.P_PID, runtime.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(runtime.pid)
    assert runtime.command("status").returncode == 3


def _obey_modes() -> None:
    """Give up the right of root to ignore them, from the next exec on (capabilities(7))."""
    library = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "this process cannot give up capabilities")


@pytest.mark.parametrize("closed", ["state", "state/runtime.json", "state/.undercroft.lock"])
def test_modes_that_keep_even_the_owner_out(tmp_path: Path, profile: Path, closed: str) -> None:
    home = tmp_path / "home"
    obey = _obey_modes if os.geteuid() == 0 else None

    def command(*arguments: str) -> int:
        run = subprocess.run(
            undercroft_command(home, *arguments), preexec_fn=obey, capture_output=True, check=False
        )
        return run.returncode

    with subprocess.Popen(
        undercroft_command(home, "up", "--settled-to-stdout", profile=profile),
        preexec_fn=obey,
        stdout=subprocess.PIPE,
    ) as up:
        assert up.stdout is not None
        assert up.stdout.readline()
        try:
            (home / closed).chmod(0)
            assert within(LIMIT_SECONDS, lambda: command("status") == 0)
            (home / closed).chmod(0)
            assert within(LIMIT_SECONDS, lambda: command("down") == 0)
            assert up.wait(LIMIT_SECONDS) == 0
        finally:
            up.kill()
