"""Migrates the overrides of an earlier app: one version at a time, only adding, with a backup first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.config_store.schema.plain_values import is_plain
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import FILE_MODE, remove_file, sync_directory, sync_file
from actors.shared.durable.numbered_name import candidates
from bus.errors import OperatorError

if TYPE_CHECKING:
    from actors.shared.profile.profile import Profile

Migration = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Gets the overrides of version N by dotted path, and returns what version N+1 has in addition."""


class MigrationFailed(OperatorError):
    """A migration of the app failed, or broke the rules; the settings stay as they were.

    Attributes:
        version: that it starts from.
        detail: what was expected and what was found.
    """

    version: int
    detail: str
    words = (
        "settings of version {version} were not migrated: {detail}; they stay as they are, and "
        "the next start tries again"
    )


def load_migrations(profile: Profile) -> dict[int, Migration]:
    """The table of version to function that the profile names; empty if it names none.

    Raises:
        ProfileError: the file cannot be imported.
        MigrationFailed: it has no such table.
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
    """Add what later versions need, step by step. Existing values stay, so the earlier app still finds them.

    Args:
        overrides: dotted path to value.
        version: of the overrides.
        wanted: version to reach.
        table: version to the function that leads to the next one.

    Raises:
        MigrationFailed: a step is missing or fails, or would change an existing value.
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
                raise MigrationFailed(step, f"the value of {path!r} is not JSON")
            if path in found and found[path] != value:
                raise MigrationFailed(
                    step, f"it changes {path!r}; a migration may only add, so a new meaning needs a new name"
                )
        found = {**result, **found}
    return found


def back_up(path: Path, version: int) -> Path:
    """Copy the file to `config.json.v3.bak`, durably; a backup with other content is never overwritten.

    Returns:
        The backup; an earlier one if it has the same content.

    Raises:
        FileUnreadable: the file cannot be read.
        OSError: the backup cannot be written.
    """
    content = read_file(path, follows_link=True) or b""
    for target in candidates(path.with_name(f"{path.name}.v{version}.bak")):
        try:
            descriptor = os.open(
                target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), FILE_MODE
            )
        except FileExistsError:
            with contextlib.suppress(FileUnreadable):
                if read_file(target) == content:
                    return target
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
    raise AssertionError("candidates never end")
