"""Numbers names, so that nothing is ever put over something else: `name`, `name.2`, `name.3`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from actors.shared.places.rooted_place import RootedPlace

PlaceT = TypeVar("PlaceT", Path, RootedPlace)


def candidates(path: PlaceT) -> Iterator[PlaceT]:
    """The path itself, then `<name>.2`, `<name>.3` and so on without end."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.name}.{number}")


def first_free(path: PlaceT) -> PlaceT:
    """The first candidate under which nothing lies, not even a broken link.

    Nobody is kept from taking it meanwhile; for that, create the file exclusively (`quarantine`).
    """
    return next(candidate for candidate in candidates(path) if not _is_taken(candidate))


def taken(path: Path) -> list[Path]:
    """Every candidate under which something lies, in the order of their numbers; gaps do not end it.

    None where the directory cannot be listed.
    """
    found: list[tuple[int, Path]] = []
    try:
        names = os.listdir(path.parent)
    except OSError:
        return []
    for name in names:
        rest = name.removeprefix(path.name)
        if name == path.name:
            found.append((1, path))
        elif rest != name and rest.startswith(".") and rest[1:].isdecimal():
            found.append((int(rest[1:]), path.with_name(name)))
    return [entry for _, entry in sorted(found)]


def _is_taken(path: Path | RootedPlace) -> bool:
    return path.is_there() if isinstance(path, RootedPlace) else os.path.lexists(path)
