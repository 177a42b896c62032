"""Another user of the machine gets at nothing: not at files, sockets or processes, and plants nothing."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import undercroft_client
import undercroft_client.aio
from bus.client import connect
from bus.errors import UnsafePlace
from schemas.operations.supervision import SupervisorStatusRequestEvent
from tests.clients.conftest import DRIVERS, find_node, why_no_node
from tests.hostile.conftest import World
from tests.support.other_user import STRANGER, as_user, common_ground, needs_other_user, refused
from tests.support.runtime_process import LIMIT_SECONDS, undercroft_command

pytestmark = [
    needs_other_user,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.anyio,
]

PTRACE_ATTACH = 16
EPERM = 1
SIGNALS = (0, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL, signal.SIGUSR1, signal.SIGHUP)
HIDDEN = ("environ", "mem", "maps", "auxv", "smaps_rollup")
GUESSES = ("state", "config", "state/runtime.json", "state/run/lane", "state/.undercroft.lock", "stderr.log")


@pytest.fixture(scope="module")
def open_world() -> Iterator[World]:
    """A runtime in a place that others can enter, as they can enter most homes."""
    for directory in common_ground():
        (directory / "home").mkdir(mode=0o755)
        found = World(directory)
        yield found
        found.process.end()
        found.process.clean_up()


def test_another_user_reads_no_file_of_a_home(open_world: World) -> None:
    files = [path for path in open_world.home.rglob("*") if path.is_file() and path.name != "stderr.log"]
    assert len(files) > 5

    def read() -> set[str]:
        told = {refused(path.read_bytes) for path in files}
        return told | {refused(lambda: os.listdir(open_world.home / "state"))}

    assert as_user(read) == {"PermissionError"}


def test_another_user_connects_to_no_socket(open_world: World) -> None:
    def connected(endpoint: str) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(endpoint.removeprefix("ipc://"))

    endpoints = [open_world.runtime["lane"], open_world.runtime["feed"]]
    attempts = [partial(connected, endpoint) for endpoint in endpoints]
    assert [refused(attempt) for attempt in attempts] == ["", ""], "we can"
    assert as_user(lambda: [refused(attempt) for attempt in attempts]) == ["PermissionError"] * 2


def test_another_user_plants_removes_and_renames_nothing(open_world: World) -> None:
    home = open_world.home

    attempts: list[Callable[[], object]] = [partial(os.mkdir, home / "other")]
    for name in GUESSES:
        attempts += [
            partial(os.symlink, "/etc/passwd", home / f"{name}.tmp"),
            partial(os.unlink, home / name),
            partial(os.rename, home / name, home / "taken"),
            partial(os.chmod, home / name, 0o777),
        ]

    def tried() -> set[str]:
        return {refused(attempt) for attempt in attempts}

    assert as_user(tried) == {"PermissionError"}


def test_another_user_ends_stops_and_looks_into_no_process(open_world: World) -> None:
    pids = open_world.process.look() | {open_world.process.pid}
    assert len(pids) > 6

    def attach(pid: int) -> str:
        found = ctypes.CDLL(None, use_errno=True).ptrace(PTRACE_ATTACH, pid, 0, 0)
        return "PermissionError" if found == -1 and ctypes.get_errno() == EPERM else "attached"

    def tried() -> set[str]:
        told = {attach(pid) for pid in pids}
        for pid in pids:
            told |= {refused(partial(os.kill, pid, number)) for number in SIGNALS}
            told |= {refused(Path(f"/proc/{pid}/{name}").read_bytes) for name in HIDDEN}
            told.add(refused(partial(os.listdir, f"/proc/{pid}/fd")))
        return told

    assert as_user(tried) == {"PermissionError"}
    assert {actor["state"] for actor in open_world.actors().values()} == {"ready"}


def test_what_another_user_sees_of_processes_holds_no_secret(open_world: World) -> None:
    pids = open_world.process.look() | {open_world.process.pid}
    seen = as_user(
        lambda: b"".join(
            Path(f"/proc/{pid}/{name}").read_bytes() for pid in pids for name in ("cmdline", "comm", "status")
        )
    )
    for secret in (open_world.runtime["token"], open_world.credential_of_tray()):
        assert secret.encode() not in seen


# -- an attacker who may write to the home, as one that was made by `mkdir -m 777` lets everybody


class SwappedSockets:
    """The directory of the sockets is another one now, in which another user listens.

    Attributes:
        home: in which the attacker could do that.
    """

    def __init__(self, world: World) -> None:
        self.home = world.home
        self._run = world.home / "state" / "run"
        self._away = world.home / "state" / "run.away"
        self._listeners = {name: socket.socket(socket.AF_UNIX) for name in ("lane", "feed")}
        (world.home / "state").chmod(0o777)
        as_user(self._swap)

    def _swap(self) -> None:
        """What the attacker does."""
        self._run.rename(self._away)
        self._run.mkdir(mode=0o777)
        for name, listener in self._listeners.items():
            listener.bind(str(self._run / name))
            listener.listen()
            (self._run / name).chmod(0o777)

    def heard_anybody(self) -> bool:
        """Whether anybody has connected to the attacker."""
        for listener in self._listeners.values():
            listener.setblocking(False)
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                continue
            return True
        return False

    def close(self) -> None:
        """Put everything back."""
        for listener in self._listeners.values():
            listener.close()
        shutil.rmtree(self._run, ignore_errors=True)
        if self._away.exists():
            self._away.rename(self._run)
        (self.home / "state").chmod(0o700)


@pytest.fixture
def swapped(open_world: World) -> Iterator[SwappedSockets]:
    open_world.actors()
    found = SwappedSockets(open_world)
    yield found
    found.close()


@pytest.fixture
def refuses(swapped: SwappedSockets) -> Callable[[str], None]:
    """Checks that a client said what is wrong and how to mend it, and that the attacker got nothing."""

    def check(words: str) -> None:
        assert f"run: chmod go-w {swapped.home}/state" in words
        assert not swapped.heard_anybody()

    return check


async def test_with_swapped_sockets_no_peer_shows_its_token(
    swapped: SwappedSockets, refuses: Callable[[str], None]
) -> None:
    with pytest.raises(UnsafePlace) as caught:
        async with connect(home=swapped.home) as peer:
            await peer.request(SupervisorStatusRequestEvent())
    refuses(str(caught.value))


async def test_with_swapped_sockets_no_python_client_shows_its_token(
    swapped: SwappedSockets, refuses: Callable[[str], None]
) -> None:
    with pytest.raises(undercroft_client.UnsafePlace) as caught:
        undercroft_client.connect(home=swapped.home)
    refuses(str(caught.value))
    with pytest.raises(undercroft_client.UnsafePlace) as caught:
        async with undercroft_client.aio.connect(home=swapped.home):
            pass
    refuses(str(caught.value))


@pytest.mark.node
def test_with_swapped_sockets_no_node_client_shows_its_token(
    swapped: SwappedSockets, refuses: Callable[[str], None]
) -> None:
    if (why := why_no_node()) is not None:
        pytest.skip(why)
    ran = subprocess.run(
        [find_node() or "node", str(DRIVERS / "driver.mjs")],
        input='{"do": "connect", "of": [], "with": {"name": "me"}}\n',
        env={**os.environ, "UNDERCROFT_HOME": str(swapped.home)},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert '"error":"UnsafePlace"' in ran.stdout, ran.stderr
    (answer,) = ran.stdout.splitlines()
    refuses(f"run: {json.loads(answer)['fails']['command']}")


@pytest.mark.parametrize("words", [("status",), ("config", "list"), ("down",), ("up", "--detach")])
def test_with_swapped_sockets_no_command_shows_its_token_or_sends_a_value(
    swapped: SwappedSockets, refuses: Callable[[str], None], words: tuple[str, ...]
) -> None:
    ran = subprocess.run(
        undercroft_command(swapped.home, *words),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert ran.returncode == 4, ran.stdout
    refuses(ran.stderr)


def test_a_forged_note_of_the_lock_has_no_process_of_ours_ended(open_world: World) -> None:
    with subprocess.Popen(["sleep", "1000"]) as ours:
        for directory in common_ground():
            state = directory / "home" / "state"
            state.mkdir(parents=True)
            state.chmod(0o777)
            note = f'{{"pid": {ours.pid}, "name": "the supervisor of x", "since": 0}}'
            as_user(lambda: (state / ".undercroft.holder.json").write_text(note))  # noqa: B023 - called at once
            as_user(lambda: (state / ".undercroft.lock").touch())  # noqa: B023 - called at once
            command = undercroft_command(directory / "home", "down")
            ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
            assert ran.returncode == 4, ran.stderr
        assert ours.poll() is None
        ours.kill()


def test_a_home_that_belongs_to_another_user_starts_nothing_for_us() -> None:
    for directory in common_ground():
        home = directory / "home"
        (home / "state").mkdir(parents=True)
        for path in (home, home / "state"):
            os.chown(path, STRANGER, STRANGER)
        command = undercroft_command(home, "up", "--detach")
        ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
        assert (ran.returncode, ran.stdout) == (4, "")
        assert f"run: chown -h 0 {home}" in ran.stderr
        assert list(home.rglob("*")) == [home / "state"]


def test_files_of_a_home_are_for_one_user_alone(open_world: World) -> None:
    for path in (open_world.home / "state").rglob("*"):
        found = path.lstat()
        if not stat.S_ISSOCK(found.st_mode):
            assert (found.st_mode & 0o077, found.st_uid) == (0, os.geteuid()), path
