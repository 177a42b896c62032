"""Brings the overrides of an earlier version of the app to the present one: only ever adding, one version at a time, with a backup first."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.config_store.schema.settings_schema import is_plain
from actors.shared.durable.durable_write import FILE_MODE, remove_file, sync_directory, sync_file
from bus.errors import OperatorError

if TYPE_CHECKING:
    from actors.shared.profile.profile import Profile

Migration = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Is handed the overrides of version N by dotted path, and returns what version N+1 has in addition."""


class MigrationFailed(OperatorError):
    """A migration of the app does not do what it should; the settings stay as they were.

    Attributes:
        version: from which version it leads on.
        detail: what was expected and what was found.
    """

    version: int
    detail: str
    words = (
        "settings of version {version} were not migrated: {detail}; they stay as they are and "
        "are tried again at the next start"
    )


def load_migrations(profile: Profile) -> dict[int, Migration]:
    """The table that the profile names, version to function; empty if it names none.

    Raises:
        ProfileError: the file cannot be imported.
        MigrationFailed: there is no such table in it.
    """
    if not profile.settings_migrations:
        return {}
    table = profile.load(profile.settings_migrations)
    if not isinstance(table, dict) or not all(
        isinstance(version, int) and callable(function) for version, function in table.items()
    ):
        raise MigrationFailed(
            1, f"expected {profile.settings_migrations} to be a table of version to function, found {table!r}"
        )
    return table


def migrate(
    overrides: Mapping[str, Any], version: int, wanted: int, table: Mapping[int, Migration]
) -> dict[str, Any]:
    """Go from one version to another, step by step. What was there stays as it was, so that the earlier version of the app still finds it.

    Raises:
        MigrationFailed: a step is missing, fails, or would change or lose what is there.
    """
    found = dict(overrides)
    for step in range(version, wanted):
        function = table.get(step)
        if function is None:
            raise MigrationFailed(step, f"there is no migration from version {step} to {step + 1}")
        try:
            result = dict(function(dict(found)))
        except Exception as error:  # an app's own code may raise anything; all of it means the same here
            raise MigrationFailed(step, f"{type(error).__name__}: {error}") from error
        for path, value in result.items():
            if not is_plain({path: value}):
                raise MigrationFailed(step, f"{path!r} is not a path with a value that JSON knows")
            if path in found and found[path] != value:
                raise MigrationFailed(
                    step, f"it changes {path!r}; a migration only adds, so a new meaning needs a new name"
                )
        found = {**result, **found}
    return found


def back_up(path: Path, version: int) -> Path:
    """Keep the file as `config.json.v3.bak`, or `.v3.bak.2` ... if that is taken by another content; durable once this returns.

    Raises:
        OSError: it cannot be read or written.
    """
    content = path.read_bytes()
    number = 1
    while True:
        target = path.with_name(f"{path.name}.v{version}.bak" + (f".{number}" if number > 1 else ""))
        try:
            descriptor = os.open(
                target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), FILE_MODE
            )
        except FileExistsError:
            if target.read_bytes() == content:
                return target
            number += 1
            continue
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                sync_file(file.fileno())
        except OSError:
            remove_file(target)
            raise
        sync_directory(path.parent)
        return target
