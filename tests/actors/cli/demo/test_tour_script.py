"""The steps of a tour: in order, each within its time, and none after one that did not hold."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from actors.cli.demo import tour_script as tour_module
from actors.cli.demo.tour_fixtures import hang, synthetic_exhibit, write_profile
from actors.cli.demo.tour_report import NotProven, StepOutcome
from actors.cli.demo.tour_script import Tour
from schemas.models import ModelDownloadProgressedEvent
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_faults import Faults

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="real runtimes are started on Linux only"),
]


class Noted:
    """A view that remembers."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.outcomes: list[StepOutcome] = []
        self.most = 0

    def began(self, title: str) -> None:
        self.titles.append(title)

    def progressed(self, event: ModelDownloadProgressedEvent) -> None:
        self.most = max(self.most, event.durable_bytes)

    def ended(self, outcome: StepOutcome) -> None:
        self.outcomes.append(outcome)


async def test_a_step_that_takes_too_long_does_not_hold() -> None:
    outcome = await tour_module._outcome("x", "X", 0.01, lambda: asyncio.sleep(3600))
    assert (outcome.held, outcome.detail) == (False, "not within 0.01 s")


async def test_a_step_tells_what_it_measured_or_what_it_found_instead() -> None:
    async def measured() -> str:
        return "3 ms"

    async def broken() -> str:
        raise NotProven("found 3, expected 4")

    assert (await tour_module._outcome("x", "X", 1, measured)).detail == "3 ms"
    outcome = await tour_module._outcome("x", "X", 1, broken)
    assert (outcome.held, outcome.detail) == (False, "found 3, expected 4")
    assert (await tour_module._outcome("x", "X", 1, None)).held is None


@pytest.mark.slow
@pytest.mark.requirement("C-4", "S0-9", "S1-26")
async def test_every_step_is_proven_with_a_smaller_file(tmp_path: Path) -> None:
    view, exhibit = Noted(), synthetic_exhibit(12 << 20)
    with FaultyOrigin(rate_bytes_per_second=6 << 20) as origin:
        hang([exhibit], origin)
        write_profile(tmp_path / "profile", [exhibit], origin)
        steps = await Tour(tmp_path, tmp_path / "profile", [exhibit], origin, view).run()
    assert [step.name for step in steps if not step.held] == [], steps
    assert view.outcomes == steps
    assert view.titles == [step.title for step in steps]
    assert view.most == 12 << 20


@pytest.mark.slow
async def test_an_origin_that_gives_nothing_out_is_said_and_everything_is_stopped_all_the_same(
    tmp_path: Path,
) -> None:
    view, exhibit = Noted(), synthetic_exhibit(1 << 20)
    with FaultyOrigin() as origin:
        hang([exhibit], origin)
        origin.misbehave(exhibit.url_path, Faults(status=404))
        write_profile(tmp_path / "profile", [exhibit], origin)
        steps = await Tour(tmp_path, tmp_path / "profile", [exhibit], origin, view).run()
    held = {step.name: step.held for step in steps}
    assert held == {"up": True, "install": False, "down": True} | dict.fromkeys(
        (
            "kill_downloader",
            "resume",
            "verify",
            "activate",
            "readiness",
            "settings",
            "kill_state",
            "kill_broker",
        )
    )
    assert "404" in next(step.detail for step in steps if step.name == "install")


@pytest.mark.slow
async def test_a_runtime_that_does_not_start_is_said_with_its_own_words(tmp_path: Path) -> None:
    with FaultyOrigin() as origin:
        steps = await Tour(tmp_path, tmp_path / "nowhere", [synthetic_exhibit(1)], origin, Noted()).run()
    assert [step.held for step in steps] == [False, *[None] * 10]
    assert "nowhere" in steps[0].detail
