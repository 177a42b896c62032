"""From names on a command line to a running supervisor, in the one order that is safe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable

from actors.runtime import core_dumps
from actors.runtime.supervisor.actor_apart import with_actor_apart
from actors.runtime.supervisor.code_watch import CodeWatch
from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.host.environment_credentials import take_peer_credentials
from actors.runtime.supervisor.host.home.home_lock import HomeLock, take_home
from actors.runtime.supervisor.host.home.runtime_file import own_runtime_path
from actors.runtime.supervisor.host.launcher.parent_watch import parent_watched
from actors.runtime.supervisor.host.launcher.process_limits import check_limits
from actors.runtime.supervisor.interfaces import SupervisorObserver
from actors.runtime.supervisor.profile_children import children_of, preloads_of
from actors.runtime.supervisor.reports.bus_reporter import BusReporter
from actors.runtime.supervisor.reports.bus_service import BusService
from actors.runtime.supervisor.supervisor import Supervisor
from actors.runtime.supervisor.supervisor_options import (
    DEFAULT_SPAWN_METHOD,
    DEFAULT_TRANSPORT,
    NOT_DEVELOPING,
    DeveloperOptions,
    SpawnMethod,
    SupervisorOptions,
    Transport,
)
from actors.shared.locations.location_choices import read_choices, resolve
from actors.shared.locations.locations import Locations, locate, places
from actors.shared.profile.profile import DEFAULT_PROFILE, find_profile, read_profile
from bus.discovery import DEFAULT_APP
from bus.own_places import check_own_directory


def run_supervisor(
    *,
    app: str | None = None,
    home: str | None = None,
    profile: str = DEFAULT_PROFILE,
    transport: Transport = DEFAULT_TRANSPORT,
    spawn_method: SpawnMethod = DEFAULT_SPAWN_METHOD,
    observers: Iterable[SupervisorObserver] = (),
    once_forked: Callable[[], object] = lambda: None,
    exit_with_parent: bool = False,
    developing: DeveloperOptions = NOT_DEVELOPING,
) -> None:
    """Run the children of a profile until asked to stop. Call it from a process that has one thread.

    Args:
        app: name of the app; None for the default.
        home: directory with everything of the app; None for UNDERCROFT_HOME or the platform's directories.
        profile: name or directory of the profile.
        transport: how peers reach the broker.
        spawn_method: how processes are created.
        observers: learn what happens.
        once_forked: called before the home is taken; it may start threads, and refuse to go on.
        exit_with_parent: stop when stdin ends or the parent is gone.
        developing: what the developer of the app wants.

    Raises:
        ProfileError, PeerCredentialsRefused: the profile, or credentials in the environment, cannot be used.
        AlreadyRunning: another supervisor has this home.
        UnsafePlace: others own the home, or can write to it.
        OperatorError: anything else that a person has to change first.
    """
    core_dumps.forbid()
    peer_credentials = take_peer_credentials(os.environ)
    found = with_actor_apart(read_profile(find_profile(profile)), developing.apart)
    specs = children_of(found)
    check_limits(len(specs))
    name = app or DEFAULT_APP
    defaults, locations = _own_locations(name, home)
    # Before the lock, which a forked process would share, and before any ZeroMQ context.
    server = _fork_server(specs, locations) if spawn_method == "fork" else None
    once_forked()
    os.umask(0o077)
    with take_home(locations.state, name) as home_lock:
        options = SupervisorOptions(
            app=name,
            home=str(home or os.environ.get("UNDERCROFT_HOME", "")),
            locations=locations,
            profile=found,
            runtime_path=own_runtime_path(name, home, locations.state),
            transport=transport,
            spawn_method=spawn_method,
            server=server,
            defaults=defaults,
            peer_credentials=peer_credentials,
            developing=developing,
            ends_process=True,
        )
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_run(options, observers, home_lock, exit_with_parent=exit_with_parent))


def _fork_server(specs: Iterable[ChildSpec], locations: Locations) -> tuple[int, socket.socket]:
    from actors.runtime.supervisor.processes.fork_server import fork_server

    return fork_server(preloads_of(specs), places(locations))


def _own_locations(app: str, home: str | None) -> tuple[Locations, Locations]:
    """The directories of an app, without and with the choices that a person made.

    Raises:
        UnsafePlace: others own the home, or can write to it; nothing in it is believed.
    """
    defaults = locate(app, home)
    for directory in (defaults.config, defaults.state):
        check_own_directory(directory)
    return defaults, resolve(defaults, read_choices(defaults.config).choices).locations


async def _run(
    options: SupervisorOptions,
    observers: Iterable[SupervisorObserver],
    home_lock: HomeLock,
    *,
    exit_with_parent: bool,
) -> None:
    """Wire supervisor and bus: the reporter observes the supervisor, the service controls it."""
    reporter = BusReporter()
    supervisor = Supervisor(options, [reporter, *observers], home_lock)
    service = BusService(supervisor, reporter)

    async def serve() -> None:
        await service.run(await supervisor.runtime(), supervisor.credential)

    serving = asyncio.ensure_future(serve())
    watching = asyncio.ensure_future(_watch_code(options, supervisor))
    watched = parent_watched(supervisor.stop) if exit_with_parent else contextlib.nullcontext()
    try:
        async with watched:
            await supervisor.run()
    finally:
        for task in (serving, watching):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _watch_code(options: SupervisorOptions, supervisor: Supervisor) -> None:
    if options.developing.reload:
        await CodeWatch(options.profile.directory, supervisor).run()
