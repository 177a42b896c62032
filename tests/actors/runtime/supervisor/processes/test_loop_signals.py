"""Signals arrive on the event loop, and go back to what they were."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from actors.runtime.supervisor.processes.loop_signals import handled_signals

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="sends itself signals")]


async def test_term_and_int_stop_and_hup_reloads_and_afterwards_nothing_is_handled() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    before = signal.getsignal(signal.SIGHUP)
    with handled_signals(
        asyncio.get_running_loop(), lambda: heard.put_nowait("stop"), lambda: heard.put_nowait("reload")
    ):
        for number, expected in (
            (signal.SIGTERM, "stop"),
            (signal.SIGINT, "stop"),
            (signal.SIGHUP, "reload"),
        ):
            os.kill(os.getpid(), number)
            assert await heard.get() == expected
    assert signal.getsignal(signal.SIGHUP) == before
