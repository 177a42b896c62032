"""What a person chose of the locations, in a file of its own, and what that makes of them together with home and environment.

`<config>/locations.json` is read by the supervisor before any child starts, and written by the `locations`
actor alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import msgspec

from actors.shared.durable.durable_write import make_directory, replace_file
from actors.shared.locations.locations import CATEGORIES, LocationRefused, Locations, override
from schemas.paths import Origin

CHOICES_NAME = "locations.json"
CHOICES_LIMIT_BYTES = 64 * 1024
FORMAT = 1
ROOTED = ("logs", "models", "tools", "workspace")
"""Categories that can be chosen, and that a shared root moves."""


class LocationChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose; empty for nothing.

    Attributes:
        root: a directory with one directory for each of `ROOTED` below it.
        paths: directories of single categories, which win over the root.
        mounts: on which mount point each chosen directory was, by `root` or category: tells a removed drive
            from a removed directory.
    """

    format: int = FORMAT
    root: str = ""
    paths: dict[str, str] = {}
    mounts: dict[str, str] = {}

    def choosing(self, category: str, path: str, mount: str = "") -> LocationChoices:
        """The same with another choice for `root` or a category; an empty path takes it back."""
        mounts = {key: value for key, value in self.mounts.items() if key != category} | (
            {category: mount} if path and mount else {}
        )
        if category == "root":
            return msgspec.structs.replace(self, root=path, mounts=mounts)
        paths = {key: value for key, value in self.paths.items() if key != category} | (
            {category: path} if path else {}
        )
        return msgspec.structs.replace(self, paths=paths, mounts=mounts)

    def mount_of(self, category: str) -> str:
        """On which mount point the directory of a category was when it was chosen; empty if it was not chosen, or that is not known."""
        return self.mounts.get(category if self.paths.get(category) else "root", "")


@dataclass(frozen=True)
class LocationChoicesFound:
    """What lies in the file.

    Attributes:
        fault: why it could not be read; empty if it could, or if there is none.
    """

    choices: LocationChoices
    fault: str = ""


@dataclass(frozen=True)
class ResolvedLocations:
    """Where everything lies.

    Attributes:
        origins: who decided, by category.
        refused: choices and variables that cannot be taken, by the category they were for; without effect.
    """

    locations: Locations
    origins: Mapping[str, Origin]
    refused: Mapping[str, LocationRefused]


def read_choices(config: Path) -> LocationChoicesFound:
    """The choices kept in a directory of settings. Never raises: a runtime whose choices cannot be read still has to start and say so."""
    path = config / CHOICES_NAME
    try:
        with path.open("rb") as file:
            content = file.read(CHOICES_LIMIT_BYTES + 1)
        if len(content) > CHOICES_LIMIT_BYTES:
            return LocationChoicesFound(
                LocationChoices(),
                f"{path}: it has more than {CHOICES_LIMIT_BYTES} bytes; move it away and choose again",
            )
        choices = msgspec.json.decode(content, type=LocationChoices)
    except FileNotFoundError:
        return LocationChoicesFound(LocationChoices())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return LocationChoicesFound(
            LocationChoices(),
            f"{path}: cannot be read ({error}); defaults apply; move it away and choose again",
        )
    if choices.format != FORMAT:
        return LocationChoicesFound(
            LocationChoices(),
            f"{path}: has format {choices.format}, expected {FORMAT}; defaults apply; a later version wrote it, so use that one",
        )
    return LocationChoicesFound(choices)


def write_choices(config: Path, choices: LocationChoices) -> None:
    """Keep the choices, durably.

    Raises:
        OSError, DurableWriteFailed: the disk does not take them; the earlier ones are still there.
    """
    make_directory(config)
    replace_file(config / CHOICES_NAME, msgspec.json.format(msgspec.json.encode(choices)))


def resolve(
    defaults: Locations, choices: LocationChoices, environ: Mapping[str, str] = os.environ
) -> ResolvedLocations:
    """Where everything lies: a variable such as UNDERCROFT_MODELS wins over a choice for the category, that over the root, that over the default.

    What cannot be taken (a relative path) is left out and reported, so that one bad line does not stop the
    runtime.
    """
    by_default: Origin = "home" if is_below_one_home(defaults) else "platform"
    origins: dict[str, Origin] = dict.fromkeys(CATEGORIES, by_default)
    refused: dict[str, LocationRefused] = {}
    locations = defaults
    steps: list[tuple[Origin, str, str]] = [("root", "root", choices.root)]
    steps += [("override", category, path) for category, path in choices.paths.items()]
    steps += [("environment", category, environ.get(variable_of(category), "")) for category in ROOTED]
    for origin, category, path in steps:
        if not path:
            continue
        try:
            if category not in ("root", *ROOTED):
                raise LocationRefused(category, path, f"only {', '.join(ROOTED)} and root can be chosen")
            locations = (
                override(locations, root=path)
                if category == "root"
                else override(locations, paths={category: path})
            )
        except LocationRefused as error:
            refused[category] = error
            continue
        origins |= dict.fromkeys(ROOTED if category == "root" else (category,), origin)
    return ResolvedLocations(locations, origins, refused)


def variable_of(category: str) -> str:
    """Name of the environment variable that moves a category, for tests and for frozen bundles."""
    return f"UNDERCROFT_{category.upper()}"


def handed_over(
    at_start: Locations, defaults: Locations, environ: Mapping[str, str] = os.environ
) -> Locations:
    """What a child that starts now is given: everything as it was when the runtime started, except the models, which move while it runs."""
    return replace(
        at_start, models=resolve(defaults, read_choices(defaults.config).choices, environ).locations.models
    )


def is_below_one_home(locations: Locations) -> bool:
    """Whether `--home` or UNDERCROFT_HOME decided, and not the platform."""
    home = locations.config.parent
    return all(getattr(locations, field.name) == home / field.name for field in fields(Locations))
