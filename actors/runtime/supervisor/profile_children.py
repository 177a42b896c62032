"""Turns the children of a profile into child specs, with the broker in front."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from actors.runtime.supervisor.command_places import CommandPlaces
from actors.runtime.supervisor.core.child_spec import BROKER, ChildSpec, Readiness, SpecError, start_order
from actors.shared.profile.import_names import hidden_packages, hidden_words
from actors.shared.profile.profile import Profile, ProfileError
from actors.shared.profile.profile_tables import ChildTable

BROKER_SPEC = ChildSpec(name=BROKER, start_timeout_seconds=15.0, shutdown_timeout_seconds=2.0)

SETTINGS_MODULES: Final = ("pydantic.fields", "pydantic.types")
"""Modules of a settings model; pydantic imports these only when one is built."""

FURTHER_MODULES: Final = {
    "actors.config_store": ("actors.config_store.store_builder", *SETTINGS_MODULES),
    "actors.state_store": (*SETTINGS_MODULES, "actors.shared.keys.key_ring"),
}
"""What these actors import at every start, but late, since commands do without it."""


def children_of(profile: Profile, home: str = "") -> tuple[ChildSpec, ...]:
    """Specs of the broker and of all children, in start order. Every child depends on the broker.

    Args:
        profile: declares them.
        home: what `{home}` stands for.

    Raises:
        ProfileError: an option is out of range, a dependency is unknown, dependencies form a cycle, or
            Undercroft's own packages would hide one of the app.
    """
    try:
        return tuple(
            start_order([BROKER_SPEC, *(spec_of(profile, table, home) for table in profile.children)])
        )
    except SpecError as error:
        raise ProfileError(
            str(profile.file), f"children.{error.child}.{error.option}", error.detail
        ) from error


def preloads_of(specs: Iterable[ChildSpec]) -> list[str]:
    """Modules to import before any child is forked: Undercroft's only. App code may do anything on import."""
    modules = [spec.entry.split(":")[0] for spec in specs if spec.entry.startswith("actors.")]
    names = [name for module in modules for name in (module, f"{module}.actor")]
    names += [name for module in modules for name in FURTHER_MODULES.get(module, ())]
    return list(dict.fromkeys(names))


def spec_of(profile: Profile, table: ChildTable, home: str = "") -> ChildSpec:
    """The spec of one child.

    Raises:
        SpecError: an option is out of range.
        ProfileError: Undercroft's own packages would hide one of the app.
    """
    places = CommandPlaces(profile.directory, home)
    ready: Readiness = table.ready or ("started" if table.command else "message")
    return ChildSpec(
        name=table.name,
        entry=table.entry,
        command=_command_of(places, table),
        directory=profile.directory / places.fill(table.cwd) if table.command else None,
        path=_path_of(profile, table),
        restart=table.restart,
        depends_on=(BROKER, *(name for name in table.depends_on if name != BROKER)),
        ready=ready,
        start_timeout_seconds=table.start_timeout_seconds,
        shutdown_timeout_seconds=table.shutdown_timeout_seconds,
        heartbeat_timeout_seconds=table.heartbeat_timeout_seconds,
        memory_limit_mib=table.memory_limit_mib,
        intensity=table.intensity,
        period_seconds=table.period_seconds,
        environment=MappingProxyType({name: places.fill(value) for name, value in table.environment.items()}),
    )


def _path_of(profile: Profile, table: ChildTable) -> Path | None:
    if not table.path:
        return None
    path = profile.directory / table.path
    for name in hidden_packages(path):
        raise ProfileError(str(profile.file), f"children.{table.name}.path", hidden_words(path, name))
    return path


def _command_of(places: CommandPlaces, table: ChildTable) -> tuple[str, ...]:
    """The command. A program with a separator in its name is relative to the profile, others are in PATH."""
    if not table.command:
        return ()
    program, *arguments = map(places.fill, table.command)
    if os.sep in program or "/" in program:
        program = str(places.profile / program)
    return (program, *arguments)
