"""The directories of an app: below one home, where the platform keeps such files, or where a person chose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from bus.errors import OperatorError

HOME_VARIABLE = "UNDERCROFT_HOME"
PROBE_NAME = ".undercroft.probe"
NAME_LIMIT_BYTES = 255
PATH_LIMIT_BYTES = 3072
"""Longest chosen directory; files below it have room in the 4096 bytes that Linux takes."""


class LocationRefused(OperatorError):
    """A directory cannot be used for its category.

    Attributes:
        category: such as `models`.
        path: of the directory, as it was given.
        problem: why it cannot be used.
    """

    category: str
    path: str
    problem: str
    words = "{category}: {path!r} cannot be used: {problem}; name an absolute directory that you may write to"


@dataclass(frozen=True)
class Locations:
    """Directories of one app. None of them need exist yet.

    Attributes:
        config: holds `config.json`.
        state: what the runtime remembers by itself: `runtime.json`, records, state trees.
        logs: rotated log files, if a person asked for them.
        models: one directory for each installed model. Large, and can be fetched again, so never among user
            data.
        tools: programs that come with the app.
        workspace: database and artifacts of constructs.
    """

    config: Path
    state: Path
    logs: Path
    models: Path
    tools: Path
    workspace: Path


CATEGORIES = tuple(field.name for field in fields(Locations))


def places(locations: Locations) -> dict[str, str]:
    """What stands for each directory in logs and reports: its category, or `undercroft-home` for a home."""
    named = {str(getattr(locations, category)): category for category in CATEGORIES}
    if locations.config.parent == locations.state.parent:
        named.setdefault(str(locations.config.parent), "undercroft-home")
    return named


def locate(
    app: str, home: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ
) -> Locations:
    """Directories of an app: below `home`, or UNDERCROFT_HOME, or where the platform keeps each kind.

    Raises:
        LocationRefused: the app's name cannot name a directory.
    """
    if not app or app in (".", "..") or any(sign in app for sign in "/\\:\0"):
        raise LocationRefused(
            "app", app, "the name of an app holds no separators or colons, and not only dots"
        )
    root = home or environ.get(HOME_VARIABLE)
    if root:
        base = Path(root).expanduser().absolute()
        return Locations(**{category: base / category for category in CATEGORIES})
    import platformdirs

    data = Path(platformdirs.user_data_dir(app, appauthor=False))
    models = Path(platformdirs.user_cache_dir(app, appauthor=False)) / "models"
    if data in models.parents:  # on Windows, caches lie among the data of an app, and models must not
        models = data.with_name(f"{app}-models")
    return Locations(
        config=Path(platformdirs.user_config_dir(app, appauthor=False)),
        state=Path(platformdirs.user_state_dir(app, appauthor=False)),
        logs=Path(platformdirs.user_log_dir(app, appauthor=False)),
        models=models,
        tools=data / "tools",
        workspace=data / "workspace",
    )


def override(
    locations: Locations, root: str | None = None, paths: Mapping[str, str] | None = None
) -> Locations:
    """The same locations with a person's choices.

    Args:
        locations: without them.
        root: moves logs, models, tools and workspace. Config and state stay, because the choice lies there.
        paths: directories of single categories; they win over the root.

    Raises:
        LocationRefused: a category is unknown, or a path is not absolute.
    """
    chosen: dict[str, Path] = {}
    if root:
        base = absolute("root", root)
        chosen = {category: base / category for category in ("logs", "models", "tools", "workspace")}
    for category, path in (paths or {}).items():
        if category not in CATEGORIES:
            raise LocationRefused(
                category, path, f"there is no such category, expected one of {', '.join(CATEGORIES)}"
            )
        if path:
            chosen[category] = absolute(category, path)
    return replace(locations, **chosen)


def prepare(category: str, path: Path) -> None:
    """Create a directory if it is missing, and try to write to it, so that choosing it cannot fail later.

    Raises:
        LocationRefused: it is not a directory, cannot be created, or cannot be written to.
    """
    from actors.shared.durable.durable_write import make_directory
    from actors.shared.places.rooted_place import below

    try:
        make_directory(path)
    except OSError as error:
        raise LocationRefused(category, str(path), f"it cannot be created ({error.strerror})") from error
    try:  # permissions alone do not tell: a share may be read-only, and on Windows they say little
        probe = below(path) / PROBE_NAME
        probe.unlink(missing_ok=True)
        os.close(probe.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        probe.unlink()
    except OSError as error:
        raise LocationRefused(category, str(path), f"it cannot be written to ({error.strerror})") from error


def absolute(category: str, path: str) -> Path:
    """The path that a person named; expands `~`.

    Raises:
        LocationRefused: it is relative, or is no path at all.
    """
    if "\0" in path:
        raise LocationRefused(category, path, "a path holds no zero byte")
    if any(len(os.fsencode(part)) > NAME_LIMIT_BYTES for part in path.split(os.sep)):
        raise LocationRefused(category, path[:200], f"a name in it is longer than {NAME_LIMIT_BYTES} bytes")
    if len(os.fsencode(path)) > PATH_LIMIT_BYTES:
        raise LocationRefused(category, path[:200], f"it is longer than {PATH_LIMIT_BYTES} bytes")
    expanded = Path(os.path.expanduser(path))
    if not expanded.is_absolute():
        raise LocationRefused(category, path, "it is relative, and would mean another place in each process")
    return expanded
