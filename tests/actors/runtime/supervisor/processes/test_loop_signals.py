"""Signals arrive on the event loop, and go back to what they were."""

from __future__ import annotations

import asyncio
import functools
import os
import signal

import pytest

from actors.runtime.supervisor.processes.loop_signals import handled_signals

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="sends itself signals")]


async def test_term_int_and_hup_are_told_apart_and_afterwards_nothing_is_handled() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    before = signal.getsignal(signal.SIGHUP)
    with handled_signals(
        asyncio.get_running_loop(),
        *(functools.partial(heard.put_nowait, name) for name in ("stop", "interrupt", "reload")),
    ):
        for number, expected in (
            (signal.SIGTERM, "stop"),
            (signal.SIGINT, "interrupt"),
            (signal.SIGHUP, "reload"),
        ):
            os.kill(os.getpid(), number)
            assert await heard.get() == expected
    assert signal.getsignal(signal.SIGHUP) == before


async def test_where_the_process_ends_with_it_a_late_term_means_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        calls = (lambda: None, lambda: None, lambda: None)
        with handled_signals(asyncio.get_running_loop(), *calls, ignores_later=True):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
