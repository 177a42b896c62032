"""`locations.json`: the directories that a person chose, and how they combine with home and environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.quarantine import quarantine
from actors.shared.durable.record_file import RecordFile, RecordNotRead
from actors.shared.locations.locations import CATEGORIES, LocationRefused, Locations, override
from schemas.bounds import Count, Named, PlaceText
from schemas.paths import Origin

CHOICES_NAME: Final = "locations.json"
CHOICES_LIMIT_BYTES: Final = 64 * 1024
FORMAT: Final = 1
ROOTED: Final = ("logs", "models", "tools", "workspace")
"""Categories that can be chosen, and that a shared root moves."""


class LocationChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose; empty for nothing.

    Attributes:
        root: a directory with one directory for each category of `ROOTED`.
        paths: directories of single categories; they win over the root.
        mounts: mount point of each chosen directory, by `root` or category. Tells a removed drive from a
            removed directory.
    """

    format: Count = FORMAT
    root: PlaceText = ""
    paths: Named[PlaceText] = {}
    mounts: Named[PlaceText] = {}

    def choosing(self, category: str, path: str, mount: str = "") -> LocationChoices:
        """The choices with another one for `root` or a category; an empty path takes it back."""
        mounts = _with(self.mounts, category, mount if path else "")
        if category == "root":
            return msgspec.structs.replace(self, root=path, mounts=mounts)
        return msgspec.structs.replace(self, paths=_with(self.paths, category, path), mounts=mounts)

    def mount_of(self, category: str) -> str:
        """Mount point of a category's directory when that was chosen; empty if unknown or not chosen."""
        return self.mounts.get(category if self.paths.get(category) else "root", "")


@dataclass(frozen=True)
class LocationChoicesFound:
    """What lies in the file of choices.

    Attributes:
        choices: none if the file cannot be used.
        fault: why the file, or a part of it, cannot be used, as a sentence; empty if all of it can.
    """

    choices: LocationChoices
    fault: str = ""


@dataclass(frozen=True)
class ResolvedLocations:
    """Where everything lies, and why.

    Attributes:
        locations: the directories.
        origins: who decided, by category.
        refused: choices and variables without effect, because they cannot be used; by category.
    """

    locations: Locations
    origins: Mapping[str, Origin]
    refused: Mapping[str, LocationRefused]


def read_choices(config: Path) -> LocationChoicesFound:
    """The choices in a directory of settings. Never raises: the runtime starts and shows the fault."""
    found = _file_in(config).read()
    path = config / CHOICES_NAME
    match found.fault:
        case "":
            fault = f"{path}: {found.left_out[0]}; it counts for nothing" if found.left_out else ""
        case "other_format":
            advice = "a later version wrote it, so use that one"
            fault = f"{path}: has {found.detail}; defaults apply; {advice}"
        case _:
            fault = f"{path}: cannot be read ({found.detail}); defaults apply; move it away and choose again"
    return LocationChoicesFound(found.value or LocationChoices(), fault)


def write_choices(config: Path, choices: LocationChoices) -> None:
    """Keep the choices, durably. What cannot be read of the earlier ones, or only in part, is put aside.

    Raises:
        OSError, DurableWriteFailed: the disk refuses them; the earlier ones are still there.
    """
    file = _file_in(config)
    try:
        is_of_another_version = file.read_or_quarantine().fault == "other_format"
    except RecordNotRead:
        is_of_another_version = True
    if is_of_another_version:
        quarantine(config / CHOICES_NAME)
    file.write(choices)


def resolve(
    defaults: Locations, choices: LocationChoices, environ: Mapping[str, str] = os.environ
) -> ResolvedLocations:
    """Where everything lies.

    A variable such as UNDERCROFT_MODELS wins over a choice for the category, that over the shared root, and
    that over the default. What cannot be used, such as a relative path, is left out and reported, so that one
    bad line does not keep the runtime from starting.
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
            if category == "root":
                locations = override(locations, root=path)
            else:
                locations = override(locations, paths={category: path})
        except LocationRefused as error:
            refused[category] = error
            continue
        origins |= dict.fromkeys(ROOTED if category == "root" else (category,), origin)
    return ResolvedLocations(locations, origins, refused)


def variable_of(category: str) -> str:
    """Name of the environment variable that moves a category."""
    return f"UNDERCROFT_{category.upper()}"


def handed_over(
    at_start: Locations, defaults: Locations, environ: Mapping[str, str] = os.environ
) -> Locations:
    """The locations for a child that starts now: those of the start, but models may have moved.

    Args:
        at_start: locations when the runtime started.
        defaults: where everything lies without any choice.
        environ: variables that win over choices.
    """
    now = resolve(defaults, read_choices(defaults.config).choices, environ).locations
    return replace(at_start, models=now.models)


def is_below_one_home(locations: Locations) -> bool:
    """Whether `--home` or UNDERCROFT_HOME decided, rather than the platform."""
    home = locations.config.parent
    return all(getattr(locations, field.name) == home / field.name for field in fields(Locations))


def _file_in(config: Path) -> RecordFile[LocationChoices]:
    return RecordFile(
        config / CHOICES_NAME,
        LocationChoices,
        limit_bytes=CHOICES_LIMIT_BYTES,
        format=FORMAT,
        indent=2,
        creates_directory=True,
    )


def _with(entries: Mapping[str, str], key: str, value: str) -> dict[str, str]:
    """The entries with another value for a key; without the key if the value is empty."""
    others = {name: text for name, text in entries.items() if name != key}
    return {**others, key: value} if value else others
