"""From names on a command line to a supervisor that runs, in the one order that is safe."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from actors.runtime.supervisor.broker_endpoints import DEFAULT_TRANSPORT, Transport
from actors.runtime.supervisor.home_lock import take_home
from actors.runtime.supervisor.interfaces import Watcher
from actors.runtime.supervisor.processes.process_table import DEFAULT_SPAWN_METHOD, SpawnMethod
from actors.runtime.supervisor.profile_children import children_of, preloads_of
from actors.runtime.supervisor.supervisor import Supervisor, SupervisorOptions
from actors.shared.locations.location_choices import read_choices, resolve
from actors.shared.locations.locations import locate, places
from actors.shared.profile.profile import DEFAULT_PROFILE, find_profile, read_profile
from bus.discovery import DEFAULT_APP, runtime_path


def run_supervisor(
    *,
    app: str | None = None,
    home: str | None = None,
    profile: str = DEFAULT_PROFILE,
    transport: Transport = DEFAULT_TRANSPORT,
    spawn_method: SpawnMethod = DEFAULT_SPAWN_METHOD,
    watchers: Iterable[Watcher] = (),
) -> None:
    """Run the children of a profile until somebody asks to stop. To be called from a process that has one thread.

    Raises:
        ProfileError: the profile cannot be used.
        AlreadyRunning: another supervisor has this home.
        OperatorError: anything else that a person has to change first.
    """
    found = read_profile(find_profile(profile))
    specs = children_of(found)
    name = app or DEFAULT_APP
    defaults = locate(name, home)
    locations = resolve(defaults, read_choices(defaults.config).choices).locations
    server = None
    if spawn_method == "fork":
        from actors.runtime.supervisor.processes.fork_server import fork_server

        # Before the lock, which a forked process would share, and before any ZeroMQ context.
        server = fork_server(preloads_of(specs), places(locations))
    os.umask(0o077)
    with take_home(locations.state, name):
        options = SupervisorOptions(
            app=name,
            home=str(home or os.environ.get("UNDERCROFT_HOME", "")),
            locations=locations,
            profile=found,
            runtime_path=Path(runtime_path(name, home)),
            transport=transport,
            spawn_method=spawn_method,
            server=server,
            defaults=defaults,
        )
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_run(options, watchers))


async def _run(options: SupervisorOptions, watchers: Iterable[Watcher]) -> None:
    await Supervisor(options, watchers).run()
