"""A step is proven within its time, or says what it found instead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from actors.cli.demo.tour_report import NotProven
from actors.cli.demo.tour_step import TourStep, run_step, skipped

pytestmark = pytest.mark.anyio


def step(prove: Callable[[], Awaitable[str]], deadline_seconds: float = 1.0) -> TourStep:
    return TourStep("x", "X", deadline_seconds, prove)


async def measured() -> str:
    return "3 ms"


async def broken() -> str:
    raise NotProven("found 3, expected 4")


async def endless() -> str:
    await asyncio.sleep(3600)
    return ""


async def test_a_step_that_takes_too_long_does_not_hold() -> None:
    outcome = await run_step(step(endless, 0.01))
    assert (outcome.held, outcome.detail) == (False, "not within 0.01 s")


async def test_a_step_says_what_it_measured_or_what_it_found_instead() -> None:
    assert (await run_step(step(measured))).detail == "3 ms"
    outcome = await run_step(step(broken))
    assert (outcome.held, outcome.detail) == (False, "found 3, expected 4")


async def test_a_step_that_was_not_tried_neither_held_nor_failed() -> None:
    outcome = skipped(step(measured))
    assert (outcome.name, outcome.title, outcome.held) == ("x", "X", None)
