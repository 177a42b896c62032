"""Changes that come while a write is under way share the next one, and each is told its own outcome."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.config_store.files import write_behind as module
from actors.config_store.files.write_behind import WriteBehind

pytestmark = pytest.mark.anyio


class Disk:
    """Writes the latest value when it is let; `full` makes it fail."""

    def __init__(self) -> None:
        self.latest = 0
        self.written: list[int] = []
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_writing = asyncio.Event()
        self.full = False
        self.faults = 0
        self.recoveries = 0
        self.write_behind = WriteBehind()

    async def run(self) -> None:
        while True:
            number = await self.write_behind.due()
            try:
                await self.write()
            except OSError:
                self.faults += 1
                self.write_behind.failed(number)
            else:
                self.recoveries += not self.write_behind.is_durable
                self.write_behind.written(number)

    async def write(self) -> None:
        value = self.latest
        self.is_writing.set()
        await self.is_open.wait()
        self.is_writing.clear()
        if self.full:
            raise OSError(errno.ENOSPC, "no space")
        self.written.append(value)

    def change(self, path: str = "") -> int:
        self.latest += 1
        return self.write_behind.change([path or str(self.latest)])


@asynccontextmanager
async def running() -> AsyncIterator[Disk]:
    disk = Disk()
    task = asyncio.create_task(disk.run())
    yield disk
    task.cancel()


async def test_what_came_while_a_write_was_under_way_shares_the_next() -> None:
    async with running() as disk:
        disk.is_open.clear()
        first = disk.change()
        await disk.is_writing.wait()
        others = [disk.change() for _ in range(50)]
        disk.is_open.set()
        assert await disk.write_behind.outcome(first)
        assert all([await disk.write_behind.outcome(number) for number in others])
        assert disk.written == [1, 51]


async def test_nobody_is_told_durable_by_a_write_that_began_before_the_change() -> None:
    async with running() as disk:
        disk.is_open.clear()
        disk.change()
        await disk.is_writing.wait()
        late = asyncio.ensure_future(disk.write_behind.outcome(disk.change()))
        assert not disk.write_behind.is_settled
        disk.is_open.set()
        assert await late
        assert disk.written[-1] == 2
        assert disk.write_behind.is_settled


async def test_a_disk_that_fails_is_told_tried_again_and_told_to_be_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.0,))
    async with running() as disk:
        disk.full = True
        assert not await disk.write_behind.outcome(disk.change())
        assert (disk.write_behind.is_durable, disk.write_behind.is_settled, disk.faults > 0) == (
            False,
            False,
            True,
        )
        disk.full = False
        while not disk.write_behind.is_settled:
            await asyncio.sleep(0)
        assert (disk.written, disk.recoveries) == ([1], 1)
        assert await disk.write_behind.outcome(1)


async def test_closing_writes_what_is_left_without_lingering() -> None:
    async with running() as disk:
        for _ in range(20):
            number = disk.change("slider")
        await disk.write_behind.close()
        assert await disk.write_behind.outcome(number)
        assert disk.written[-1] == 20


async def test_a_stream_of_one_setting_costs_few_writes_and_ends_on_its_last_value() -> None:
    async with running() as disk:
        outcomes = []
        for _ in range(100):
            outcomes.append(asyncio.ensure_future(disk.write_behind.outcome(disk.change("slider"))))
            for _ in range(20):  # turns of the loop in which a write gets done, if one is begun
                await asyncio.sleep(0)
        assert all(await asyncio.gather(*outcomes))
        assert disk.written[-1] == 100
        assert len(disk.written) < 25
