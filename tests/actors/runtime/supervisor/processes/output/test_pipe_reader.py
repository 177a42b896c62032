"""What comes out of a pipe is read on the event loop, also where a thread has to wait for it."""

from __future__ import annotations

import asyncio
import os

import pytest

from actors.runtime.supervisor.processes.output.pipe_reader import DRAIN_LIMIT_BYTES, PipeReader

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.name != "posix", reason="waits on a pipe")]


@pytest.mark.parametrize("threaded", [False, True])
async def test_what_is_written_is_handed_on_on_the_event_loop(threaded: bool) -> None:
    out, into = os.pipe()
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    reader = PipeReader(out, heard.put_nowait, threaded=threaded)
    os.write(into, b"hello")
    assert await asyncio.wait_for(heard.get(), 5) == b"hello"
    reader.stop()
    os.close(into)
    if not threaded:
        os.close(out)


async def test_after_the_end_only_so_much_is_read_of_a_pipe_that_somebody_still_fills() -> None:
    zeros = os.open("/dev/zero", os.O_RDONLY)
    found: list[int] = []
    reader = PipeReader.__new__(PipeReader)
    reader._fd, reader._on_data, reader._threaded, reader._open = (
        zeros,
        lambda data: found.append(len(data)),
        False,
        True,
    )
    reader.drain()
    os.close(zeros)
    assert sum(found) == DRAIN_LIMIT_BYTES
