"""One step of the tour: it proves a promise within its time, or says what it found instead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from actors.cli.demo.tour_report import NotProven, StepOutcome
from bus.error_words import in_words
from bus.errors import UndercroftError
from schemas.models import ModelDownloadProgressedEvent


class TourStep(NamedTuple):
    """A step that is to be run.

    Attributes:
        name: for programs.
        title: for people.
        deadline_seconds: how long it may take.
        prove: returns what it measured, or raises what it found instead.
    """

    name: str
    title: str
    deadline_seconds: float
    prove: Callable[[], Awaitable[str]]


class StepObserver(Protocol):
    """Learns how the steps go."""

    def began(self, title: str) -> None:
        """A step begins."""

    def progressed(self, event: ModelDownloadProgressedEvent) -> None:
        """More bytes of a model are durable."""

    def ended(self, outcome: StepOutcome) -> None:
        """A step has ended."""


async def run_step(step: TourStep) -> StepOutcome:
    """Run a step within its time."""
    began = time.monotonic()
    held = False
    try:
        async with asyncio.timeout(step.deadline_seconds):
            detail = await step.prove()
        held = True
    except TimeoutError:
        detail = f"not within {step.deadline_seconds:g} s"
    except (NotProven, UndercroftError, OSError, EOFError) as error:
        detail = in_words(error)
    seconds = round(time.monotonic() - began, 3)
    return StepOutcome(name=step.name, title=step.title, held=held, detail=detail, seconds=seconds)


def skipped(step: TourStep) -> StepOutcome:
    """The outcome of a step that was not tried."""
    detail = "not tried, because an earlier step failed"
    return StepOutcome(name=step.name, title=step.title, held=None, detail=detail, seconds=0.0)
