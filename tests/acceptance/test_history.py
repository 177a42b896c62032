"""The history of a real runtime: nothing on disk in memory mode, nothing acknowledged lost after a kill."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.cli.connection import ask
from bus.client import Peer, connect
from bus.errors import RequestFailed
from schemas.history import (
    HistoryAppendRequestEvent,
    HistoryDeleteRequestEvent,
    HistoryEditRequestEvent,
    HistoryPageEvent,
    HistoryQueryRequestEvent,
    HistoryStatusRequestEvent,
)
from tests.acceptance.conftest import Start
from tests.support.profiles import MANY_RESTARTS, bundled, write_profile
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

SETTINGS = """
from typing import Literal
from pydantic import BaseModel, Field

class History(BaseModel):
    persistence_mode: Literal["memory", "disk"] = "{mode}"
    max_entries: int = 10_000

class Settings(BaseModel):
    history: History = Field(default_factory=History)
"""
COMM = "uc-history"
KILLS = 5
WRITERS = 6
LONGEST_PAUSE_SECONDS = 0.15
TIMEOUT_SECONDS = 20.0
CHANGING = (
    "openat,open,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat,symlink,"
    "write,pwrite64,writev,pwritev,ftruncate,mmap"
)
HARMLESS = ("<socket:", "<UNIX", "<pipe:", "<anon_inode:", "<TCP", "</dev/null>", "</dev/pts")


def profile_of(directory: Path, mode: str) -> Path:
    history = bundled("history", depends_on=["config_store"], intensity=MANY_RESTARTS)
    return write_profile(directory, "config_store", history, settings=SETTINGS.replace("{mode}", mode))


def pid_of(runtime: RuntimeProcess) -> int:
    assert within(20.0, lambda: runtime.pid_of(COMM) is not None)
    pid = runtime.pid_of(COMM)
    assert pid is not None
    return pid


async def all_of(peer: Peer) -> dict[str, str]:
    """Texts by id, of all entries."""
    found, before = dict[str, str](), ""
    while True:
        page: HistoryPageEvent = await ask(
            peer, HistoryQueryRequestEvent(limit=1000, before=before), TIMEOUT_SECONDS
        )
        found |= {entry.id: entry.text for entry in page.entries}
        before = page.next_before
        if not before:
            return found


async def after_kill(peer: Peer) -> dict[str, str]:
    """Ask, and again if the killed process had the question."""
    while True:
        try:
            return await all_of(peer)
        except RequestFailed as failed:
            assert failed.kind == "died", failed


@pytest.mark.skipif(shutil.which("strace") is None, reason="looks at system calls with strace")
@pytest.mark.requirement("S0-11", "S0-20")
async def test_in_memory_mode_the_process_writes_to_nothing_but_its_pipes_and_sockets(
    tmp_path: Path, start: Start
) -> None:
    runtime = start(profile_of(tmp_path / "profile", "memory"))
    await asyncio.to_thread(runtime.wait_settled)
    log = tmp_path / "trace"
    pid = pid_of(runtime)
    command = ["strace", "-f", "-y", "-qq", "-o", str(log), "-e", f"trace={CHANGING}", "-p", str(pid)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracer:
        await asyncio.to_thread(_wait_until_traced, pid, tracer)
        async with connect(home=runtime.home) as peer:
            ids = [
                (await peer.request(HistoryAppendRequestEvent(text=f"private {number}"))).entry.id
                for number in range(50)
            ]
            await peer.request(HistoryEditRequestEvent(id=ids[0], text="edited"))
            await peer.request(HistoryDeleteRequestEvent(ids=ids[1:5]))
        tracer.send_signal(signal.SIGINT)
        await asyncio.to_thread(tracer.wait, 20)
    lines = log.read_text(errors="replace").splitlines()
    assert any("write" in line or "send" in line for line in lines), "strace saw something"
    for line in lines:
        call = re.search(r"(\w+)\(", line)
        if call is None or "resumed" in line or call[1] == "mmap":
            assert "MAP_SHARED" not in line or "PROT_WRITE" not in line or "anon" in line.lower(), line
        elif call[1] in ("openat", "open"):
            assert not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE", line), line
        else:
            assert call[1] in ("write", "writev", "pwrite64"), line
            assert any(sign in line for sign in HARMLESS), line
    assert not (runtime.home / "state" / "history").exists()
    assert runtime.end() == 0
    found = [path for path in runtime.home.rglob("*") if path.is_file() and b"private 7" in path.read_bytes()]
    assert found == []


@pytest.mark.requirement("S0-11")
async def test_a_history_in_memory_comes_back_when_its_process_is_killed_and_is_gone_on_quit(
    tmp_path: Path, start: Start
) -> None:
    profile = profile_of(tmp_path / "profile", "memory")
    runtime = start(profile)
    await asyncio.to_thread(runtime.wait_settled)
    async with connect(home=runtime.home) as peer:
        acknowledged = dict[str, str]()
        for life in range(3):
            for number in range(100):
                answer = await ask(peer, HistoryAppendRequestEvent(text=f"{life} {number}"), TIMEOUT_SECONDS)
                acknowledged[answer.entry.id] = answer.entry.text
            os.kill(pid_of(runtime), signal.SIGKILL)
            assert await after_kill(peer) == acknowledged
    assert runtime.end() == 0
    again = start(profile, runtime.home)
    await asyncio.to_thread(again.wait_settled)
    async with connect(home=runtime.home) as peer:
        assert await all_of(peer) == {}
    assert again.end() == 0


@pytest.mark.requirement("S0-12", "S3-25")
async def test_a_history_on_disk_that_is_killed_under_load_keeps_every_acknowledged_entry(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'chain'}")
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"KILL_SEED={seed}")
    dice = random.Random(seed)
    profile = profile_of(tmp_path / "profile", "disk")
    runtime = start(profile)
    await asyncio.to_thread(runtime.wait_settled)
    acknowledged, deleted = dict[str, str](), set[str]()

    async def write(peer: Peer, name: int) -> None:
        number = 0
        while True:
            number += 1
            try:
                answer = await ask(peer, HistoryAppendRequestEvent(text=f"{name} {number}"), TIMEOUT_SECONDS)
                assert answer.storage == "encrypted"
                acknowledged[answer.entry.id] = answer.entry.text
                if number % 7 == 0:
                    oldest = next(iter(acknowledged))
                    del acknowledged[oldest]
                    await ask(peer, HistoryDeleteRequestEvent(ids=[oldest]), TIMEOUT_SECONDS)
                    deleted.add(oldest)
            except RequestFailed as failed:
                assert failed.kind in ("died", "restarting", "no_responder"), failed

    async with connect(home=runtime.home) as peer:
        tasks = [asyncio.create_task(write(peer, name)) for name in range(WRITERS)]
        for _ in range(KILLS):
            before = len(acknowledged) + len(deleted)
            while len(acknowledged) + len(deleted) < before + 20:
                for task in tasks:
                    assert not task.done(), task.exception()
                await asyncio.sleep(0.005)
            await asyncio.sleep(dice.random() * LONGEST_PAUSE_SECONDS)  # a random moment for the kill
            os.kill(await asyncio.to_thread(pid_of, runtime), signal.SIGKILL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    runtime.kill()
    assert await asyncio.to_thread(within, 5.0, lambda: runtime.pid_of(COMM) is None)
    again = start(profile, runtime.home)
    await asyncio.to_thread(again.wait_settled)
    async with connect(home=again.home) as peer:
        found = await after_kill(peer)
        status = await ask(peer, HistoryStatusRequestEvent(), TIMEOUT_SECONDS)
    assert {identity: found.get(identity) for identity in acknowledged} == acknowledged
    assert deleted.isdisjoint(found)
    assert [finding for finding in status.findings if ": torn:" not in finding] == []
    print(f"{len(acknowledged)} entries acknowledged, {len(deleted)} deletions")
    assert again.end() == 0


def _wait_until_traced(pid: int, tracer: subprocess.Popen[str]) -> None:
    while True:
        if tracer.poll() is not None:
            assert tracer.stderr is not None
            pytest.skip(f"strace cannot attach here: {tracer.stderr.read().strip()}")
        if all(
            "TracerPid:\t0" not in (task / "status").read_text()
            for task in Path(f"/proc/{pid}/task").iterdir()
        ):
            return
        os.sched_yield()
