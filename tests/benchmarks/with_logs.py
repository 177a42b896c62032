"""Those who play a part in the benchmark of logs."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from actors.diagnostics.actor import Diagnostics
from actors.diagnostics.report.report_builder import AppPaths, generate
from actors.shared.locations.locations import locate
from bus.actor_loop import ActorLoop
from bus.client import connect
from bus.discovery import Runtime
from bus.telemetry.log_handler import logging_to, redactor_of_this_machine

TICK_SECONDS = 0.01
log = logging.getLogger("benchmark")


def paths_in(directory: Path) -> AppPaths:
    """Where the files of an app lie that has a home of its own."""
    return AppPaths(locate("benchmark", directory), directory / "state" / "runtime.json")


def diagnostics(pipe: Connection, runtime: Runtime, directory: Path) -> None:
    """Be the diagnostics actor; asked with anything, tells the seconds of processor time it has taken."""

    async def run() -> None:
        async with connect("diagnostics", runtime=runtime) as peer:
            asyncio.get_running_loop().add_reader(
                pipe.fileno(), lambda: pipe.send((pipe.recv(), time.process_time())[1])
            )
            await ActorLoop(lambda context: Diagnostics(context, paths_in(directory)), peer).run()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


def actor(pipe: Connection, runtime: Runtime, per_second: int, seconds: float) -> None:
    """Be an actor that logs; tells its share of a core, and how many of its records went out."""

    async def run() -> None:
        went_out = 0

        def echo(lines: str) -> None:
            nonlocal went_out
            went_out += lines.count("\n")

        async with (
            connect("actor", runtime=runtime) as peer,
            logging_to(peer, redactor_of_this_machine(b"salt"), echo),
        ):
            share, noted = await _log(per_second, seconds)
        pipe.send((share, noted, went_out))

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


def stream(pipe: Connection, per_second: int, seconds: float) -> None:
    """Log to a stream, as `logging` does by itself: nothing is redacted, nothing is dropped."""

    async def run() -> None:
        with open(os.devnull, "w", encoding="utf-8") as null:
            handler = logging.StreamHandler(null)
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            logging.getLogger().addHandler(handler)
            logging.getLogger().setLevel(logging.INFO)
            share, noted = await _log(per_second, seconds)
        pipe.send((share, noted, noted))

    asyncio.run(run())


def report(pipe: Connection, runtime: Runtime, directory: Path, rounds: int) -> None:
    """Make reports; tells how long each took, in nanoseconds."""

    async def run() -> None:
        async with connect("reporter", runtime=runtime) as peer:
            pipe.send([await _timed(lambda: generate(paths_in(directory), peer)) for _ in range(rounds)])

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


async def _timed(what: Callable[[], object]) -> int:
    began = time.perf_counter_ns()
    await what()  # type: ignore[misc]  # a coroutine
    return time.perf_counter_ns() - began


async def _log(per_second: int, seconds: float) -> tuple[float, int]:
    """Log at a rate for so long; the share of a core that this took, and how many records it were."""
    noted, began, cpu_began = 0, time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - began) < seconds:
        while noted < passed * per_second:
            log.info("chunk %d of %s arrived after %.1f ms", noted, "/Users/anna/models/small.bin", 1.5)
            noted += 1
        await asyncio.sleep(TICK_SECONDS)
    return (time.process_time() - cpu_began) / (time.perf_counter() - began), noted
