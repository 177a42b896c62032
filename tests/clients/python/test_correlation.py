"""The id that follows one matter: set for a block, within a task, and within its limits."""

from __future__ import annotations

import asyncio

import pytest

from undercroft_client.correlation import LIMIT_CHARACTERS, correlated, correlation

pytestmark = pytest.mark.anyio


def test_a_block_sets_it_and_gives_back_what_was_before() -> None:
    with correlated("outer"):
        with correlated("inner") as found:
            assert (found, correlation.get()) == ("inner", "inner")
        assert correlation.get() == "outer"
    assert correlation.get() is None


def test_a_new_matter_gets_an_id_of_its_own() -> None:
    with correlated() as first, correlated() as second:
        assert first
        assert first != second


def test_an_id_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="128 characters"), correlated("x" * (LIMIT_CHARACTERS + 1)):
        pass


async def test_tasks_do_not_disturb_one_another() -> None:
    async def work(id: str) -> str | None:
        with correlated(id):
            await asyncio.sleep(0)
            return correlation.get()

    assert await asyncio.gather(*(work(str(n)) for n in range(5))) == [str(n) for n in range(5)]
