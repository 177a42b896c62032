"""A child's pipes: nothing is lost, and nothing blocks."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from actors.runtime.supervisor.processes.child_process import ChildProcess
from actors.runtime.supervisor.processes.spawner import ChildPipes
from bus.lifeline import Lifeline, LifelineMessage

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.name != "posix", reason="uses a socket pair as a child's pipes"),
]


class Child:
    """Both ends of a child's pipes."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        log_out, self.log = os.pipe()
        fd = theirs.detach()
        self.lifeline = Lifeline(fd, fd)
        self.messages: asyncio.Queue[LifelineMessage] = asyncio.Queue()
        self.lines: list[str] = []
        self.problems: asyncio.Queue[str] = asyncio.Queue()
        parent = ours.detach()
        self.process = ChildProcess(
            "child",
            1,
            ChildPipes(to_child=parent, from_child=parent, log=log_out),
            lambda process, message: self.messages.put_nowait(message),
            lambda name, lines: self.lines.extend(lines),
            lambda process, problem: self.problems.put_nowait(problem),
        )


async def test_a_message_larger_than_the_pipe_arrives_whole_once_the_child_reads() -> None:
    child = Child()
    child.process.post(LifelineMessage(start={"secret": "x" * 900_000}))
    child.process.post(LifelineMessage(ping=1))
    start = await asyncio.to_thread(child.lifeline.wait_start)
    assert len(start["secret"]) == 900_000
    child.lifeline.send_pong(1)
    assert await asyncio.wait_for(child.messages.get(), 5) == LifelineMessage(pong=1)
    child.process.finish()
    child.lifeline.close()
    os.close(child.log)


async def test_the_last_lines_of_a_child_that_ended_are_not_lost() -> None:
    child = Child()
    os.write(child.log, b"one\ntwo\nlast words without an end")
    os.close(child.log)
    child.lifeline.close()
    child.process.finish()
    assert child.lines == ["one", "two", "last words without an end"]


async def test_a_child_that_writes_nonsense_on_its_lifeline_is_reported() -> None:
    child = Child()
    os.write(child.lifeline.fileno(), b"print was here\n")
    assert "expected a message, found b'print was here'" in await asyncio.wait_for(child.problems.get(), 5)
    child.process.finish()
    child.lifeline.close()
    os.close(child.log)


async def test_speaking_to_a_child_that_is_gone_is_no_error() -> None:
    child = Child()
    child.lifeline.close()
    child.process.post(LifelineMessage(ping=1))
    child.process.finish()
    os.close(child.log)
