"""The script of the tour on real runtimes: in order, and no step after one that failed, except the last."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.cli.demo.tour_models import serve_models, synthetic_model, write_tour_profile
from actors.cli.demo.tour_report import StepOutcome
from actors.cli.demo.tour_script import TourScript
from schemas.models import ModelDownloadProgressedEvent
from tests.support.faulty_origin import FaultyOrigin
from tests.support.origin_faults import Faults

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="real runtimes are started on Linux only"),
]


class NotingObserver:
    """Remembers how the steps went."""

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


@pytest.mark.slow
@pytest.mark.requirement("C-4", "S0-9", "S1-26")
async def test_every_step_is_proven_with_a_smaller_file(tmp_path: Path) -> None:
    observer, model = NotingObserver(), synthetic_model(12 << 20)
    with FaultyOrigin(rate_bytes_per_second=6 << 20) as origin:
        serve_models([model], origin)
        write_tour_profile(tmp_path / "profile", [model], origin)
        steps = await TourScript(tmp_path, tmp_path / "profile", [model], origin, observer).run()
    assert [step.name for step in steps if not step.held] == [], steps
    assert observer.outcomes == steps
    assert observer.titles == [step.title for step in steps]
    assert observer.most == 12 << 20


@pytest.mark.slow
async def test_an_origin_that_gives_nothing_out_is_said_and_everything_is_stopped_all_the_same(
    tmp_path: Path,
) -> None:
    observer, model = NotingObserver(), synthetic_model(1 << 20)
    with FaultyOrigin() as origin:
        serve_models([model], origin)
        origin.misbehave(model.url_path, Faults(status=404))
        write_tour_profile(tmp_path / "profile", [model], origin)
        steps = await TourScript(tmp_path, tmp_path / "profile", [model], origin, observer).run()
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
        steps = await TourScript(
            tmp_path, tmp_path / "nowhere", [synthetic_model(1)], origin, NotingObserver()
        ).run()
    assert [step.held for step in steps] == [False, *[None] * 10]
    assert "nowhere" in steps[0].detail
