"""Idle reading: lowest priority, waiting for downloads, and an end that does not hang."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import threading

import pytest

from actors.model_verifier.idle_reader import QUIET_SECONDS, IdleReadAbandoned, IdleReader, pause_seconds

pytestmark = pytest.mark.anyio


def test_idle_reading_waits_until_no_download_told_of_progress_for_a_while() -> None:
    assert pause_seconds(None, 5.0) == 0
    assert pause_seconds(5.0, 5.0) == QUIET_SECONDS
    assert pause_seconds(5.0, 5.0 + QUIET_SECONDS) == 0


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="reads priorities as Linux on x86-64 has them",
)
async def test_its_thread_has_the_lowest_priority_and_the_others_keep_theirs() -> None:
    import ctypes

    def priorities() -> tuple[int, int]:
        niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return niceness, ctypes.CDLL(None).syscall(252, 1, 0) >> 13  # ioprio_get

    before = priorities()
    reader = IdleReader()
    assert await reader.run(priorities) == (19, 3)
    assert priorities() == before
    reader.close()


async def test_it_waits_while_a_download_runs_and_goes_on_afterwards() -> None:
    time = 100.0
    reader = IdleReader(now=lambda: time)
    reader.pause()
    reader.download_progressed()
    work = asyncio.ensure_future(reader.run(reader.pause))
    waited = await asyncio.wait([work], timeout=0.05)
    assert waited[1] == {work}
    time += QUIET_SECONDS
    with reader._changed:
        reader._changed.notify_all()
    async with asyncio.timeout(10):
        await work
    reader.close()


async def test_who_waits_is_freed_when_the_verifier_stops() -> None:
    reader = IdleReader(now=lambda: 0.0)
    reader.download_progressed()
    work = asyncio.ensure_future(reader.run(reader.pause))
    await asyncio.sleep(0)
    reader.close()
    with pytest.raises(IdleReadAbandoned):
        await work
    with pytest.raises(IdleReadAbandoned):
        await reader.run(reader.pause)
