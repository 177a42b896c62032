"""What is remembered from one start to the next: which versions the schemas had, and when everything was last looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from actors.shared.durable.durable_write import replace_file

UPKEEP_NAME: Final = ".upkeep.json"
SIZE_LIMIT_BYTES: Final = 1024 * 1024


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered; `versions` of schemas by name, `checked_at` in seconds since the Unix epoch, 0 for never."""

    versions: dict[str, int] = {}
    checked_at: float = 0.0


def read_upkeep(root: Path) -> Upkeep:
    """What a former life of the store remembered; nothing, if that cannot be read."""
    try:
        with (root / UPKEEP_NAME).open("rb") as file:
            return msgspec.json.decode(file.read(SIZE_LIMIT_BYTES), type=Upkeep)
    except (OSError, msgspec.DecodeError):
        return Upkeep()


def write_upkeep(root: Path, upkeep: Upkeep) -> None:
    """Remember.

    Raises:
        DurableWriteFailed: it is not remembered.
    """
    replace_file(root / UPKEEP_NAME, msgspec.json.encode(upkeep) + b"\n")


def is_migrated(before: Upkeep, versions: dict[str, int]) -> bool:
    """Whether values of an older version may be there: a schema has a later one than it had when the store was last open."""
    return any(version > before.versions.get(name, 1) for name, version in versions.items())
