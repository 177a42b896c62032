"""A move waits for the changes that are under way, but not for ever."""

from __future__ import annotations

import anyio
import pytest

from actors.model_downloader.relocation.change_gate import ChangeGate

pytestmark = pytest.mark.anyio


async def test_without_changes_nothing_is_waited_for() -> None:
    assert await ChangeGate().until_none(0.0)


async def test_move_begins_after_the_last_change() -> None:
    gate, ended = ChangeGate(), list[str]()

    async def change(name: str, until: anyio.Event) -> None:
        with gate.change():
            await until.wait()
        ended.append(name)

    first, second = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(change, "first", first)
        group.start_soon(change, "second", second)
        await anyio.wait_all_tasks_blocked()
        assert not await gate.until_none(0.01)
        first.set()
        assert not await gate.until_none(0.01)
        second.set()
        assert await gate.until_none(20.0)
    assert ended == ["first", "second"]


async def test_change_that_fails_is_over() -> None:
    gate = ChangeGate()
    with pytest.raises(ValueError, match="no"), gate.change():
        raise ValueError("no")
    assert await gate.until_none(0.0)
