"""Entry point of a child process: waits for the start message, then becomes the broker or an actor."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.runtime import core_dumps, process_name
from actors.runtime.allocator import share_arenas
from actors.shared.context import ActorContext
from actors.shared.locations.locations import Locations, places
from actors.shared.profile.import_names import hidden_packages, hidden_words
from actors.shared.profile.profile import read_profile
from bus.discovery import Runtime
from bus.errors import OperatorError
from bus.lifeline import Lifeline, LifelineClosed, PumpedLifeline

if TYPE_CHECKING:
    from bus.actor import Actor, BusContext

PRIVATE_UMASK: Final = 0o077
CONNECT_TIMEOUT_SECONDS: Final = 60.0
"""Longer than a broker needs to come back. The start timeout of the child spec is usually shorter."""


class BrokerStart(msgspec.Struct, frozen=True, kw_only=True, tag="broker", tag_field="role"):
    """Become the broker.

    Attributes:
        options: those of `bus.broker.broker_process.BrokerOptions`; they hold the keys.
    """

    name: str
    options: dict[str, Any]


class ActorStart(msgspec.Struct, frozen=True, kw_only=True, tag="actor", tag_field="role"):
    """Become an actor.

    Attributes:
        entry: `package.module:build`.
        path: directory to append to the module search path; empty for none.
        profile: directory of the profile.
        locations: directory of each category.
        defaults: the directories without any choice; empty: the same.
        credential: proves to the broker that the process is who its name says.
    """

    name: str
    entry: str
    path: str
    profile: str
    locations: dict[str, str]
    runtime: Runtime
    defaults: dict[str, str] = {}
    credential: str = ""


StartMessage = BrokerStart | ActorStart


class EntryRefused(OperatorError):
    """An actor cannot be built from its entry.

    Attributes:
        entry: `package.module:build`.
        detail: what was expected and what was found.
    """

    entry: str
    detail: str
    words = "entry {entry!r}: {detail}; check 'entry' and 'path' of the child in profile.toml"


def load_entry(start: ActorStart) -> Callable[[BusContext], Actor[Any]]:
    """Import what the entry names; the result builds the actor once it has a connection to the bus.

    Raises:
        EntryRefused: there is no such module or function, it builds something else, or a package of the app
            has the name of one of Undercroft's.
        ProfileError: the profile cannot be read.
    """
    from bus.actor import Actor

    function = import_entry(start.entry, start.path)
    locations, profile = _locations_of(start.locations), read_profile(Path(start.profile))
    defaults = _locations_of(start.defaults) if start.defaults else None

    def build(bus: BusContext) -> Actor[Any]:
        context = ActorContext.on(bus, start.name, locations, profile, defaults)
        actor = function(context)
        if not isinstance(actor, Actor):
            raise EntryRefused(start.entry, f"expected it to build an Actor, found {type(actor).__name__}")
        return actor

    return build


def import_entry(entry: str, path: str) -> Callable[[ActorContext], object]:
    """Import the function that an entry names; it is not called.

    Args:
        entry: `package.module:build`.
        path: directory to append to the module search path; empty for none.

    Raises:
        EntryRefused: there is no such module or function, or a package of the app has the name of one of
            Undercroft's.
    """
    if path and path not in sys.path:
        for name in hidden_packages(Path(path)):
            raise EntryRefused(entry, hidden_words(Path(path), name))
        sys.path.append(path)
    module_name, _, function_name = entry.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise  # the module exists; something that it imports does not
        raise EntryRefused(entry, f"there is no module {error.name!r}") from error
    function: Callable[[ActorContext], object] | None = getattr(module, function_name, None)
    if not callable(function):
        raise EntryRefused(
            entry, f"expected a function {function_name!r} in {module_name}, found {function!r}"
        )
    return function


def _locations_of(paths: dict[str, str]) -> Locations:
    return Locations(**{category: Path(path) for category, path in paths.items()})


def run(lifeline: Lifeline) -> None:
    """Wait for the start message and do what it says until told to stop.

    A wrong entry ends the process with exit code 1.
    """
    core_dumps.forbid_for_good()
    try:
        start = msgspec.convert(lifeline.wait_start(), StartMessage)
    except LifelineClosed:
        return
    process_name.set_name(f"uc-{start.name}")
    try:
        if isinstance(start, BrokerStart):
            from bus.broker.broker_process import BrokerOptions
            from bus.broker.broker_process import run as run_broker

            run_broker(msgspec.convert(start.options, BrokerOptions), lifeline)
        else:
            import asyncio

            share_arenas()
            # On Windows the default loop has no add_reader.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(_run_actor(load_entry(start), start, lifeline))
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from error


async def _run_actor(
    build: Callable[[BusContext], Actor[Any]], start: ActorStart, lifeline: Lifeline | None
) -> None:
    from bus.actor_loop import ActorLoop
    from bus.client import connect
    from bus.telemetry.log_handler import logging_to, redactor_of_this_machine, salt_of

    redactor = redactor_of_this_machine(
        salt_of(start.runtime.token), places=places(_locations_of(start.locations))
    )
    redactor.add_secrets({start.runtime.token, start.credential})
    async with (
        connect(
            start.name,
            runtime=start.runtime,
            timeout_seconds=CONNECT_TIMEOUT_SECONDS,
            credential=start.credential,
        ) as peer,
        logging_to(peer, redactor, echo=_echo),
    ):
        loop = ActorLoop(build, peer)
        if lifeline is None:
            _stop_at_signals(loop.stop)
        await loop.run(lifeline)


def run_apart(start: ActorStart) -> None:
    """Be an actor without a supervisor, in the main thread, until a signal asks it to stop.

    A second signal interrupts whatever runs.

    Raises:
        EntryRefused, ProfileError: see `load_entry`.
        HelloRefused: the broker does not admit it.
    """
    import asyncio

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(_run_actor(load_entry(start), start, None))


def _stop_at_signals(stop: Callable[[], None]) -> None:
    """Stop at the first signal that asks for it; the second one interrupts whatever runs."""
    import asyncio
    import signal

    loop, asked = asyncio.get_running_loop(), threading.Event()

    def asked_to_stop(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        loop.call_soon_threadsafe(stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked_to_stop)


def _echo(lines: str) -> None:
    sys.stderr.write(lines)
    sys.stderr.flush()


def main() -> None:
    """Run in a fresh interpreter: stdin and stdout are the lifeline, stderr is the log."""
    write_fd = os.dup(1)
    os.dup2(2, 1)  # a stray print becomes a line of the log
    read_fd = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    import faulthandler

    faulthandler.enable(file=2, all_threads=True)
    if os.name == "posix":
        import signal

        os.umask(PRIVATE_UMASK)
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
        run(Lifeline(read_fd, write_fd))
    else:
        run(PumpedLifeline(read_fd, write_fd))


if __name__ == "__main__":
    main()
