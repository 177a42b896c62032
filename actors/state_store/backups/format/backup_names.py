"""Names of backups and of former values: time, kind, slug and format. Pure; valid on every file system."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args

from schemas.backups import BackupKind
from schemas.bounds import LAST_UNIX_SECOND

SLUG_LIMIT: Final = 40
TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
BY_HAND: Final[tuple[BackupKind, ...]] = ("manual", "imported")
PARTIAL: Final = ".partial"
KINDS: Final[tuple[BackupKind, ...]] = get_args(BackupKind)

_ID = re.compile(
    rf"(\d{{8}}T\d{{6}}Z)-({'|'.join(KINDS)})(?:-([a-z0-9]+(?:-[a-z0-9]+)*))?-s(\d{{1,4}})(?:\.(\d{{1,4}}))?"
)
_FORMER = re.compile(r"(.+)@(\d{8}T\d{6}Z)-r(\d{1,18})\.json", re.DOTALL)


@dataclass(frozen=True)
class BackupName:
    """What an id says.

    Attributes:
        created_at: seconds since the Unix epoch.
        number: tells backups of the same second apart.
    """

    id: str
    created_at: float
    kind: BackupKind
    slug: str
    format: int
    number: int


@dataclass(frozen=True)
class FormerValue:
    """What the file name of a former value says (`backup` of a save).

    Attributes:
        name: the file name.
        stem: names the key.
        kept_at: when the value was replaced, seconds since the Unix epoch.
    """

    name: str
    stem: str
    kept_at: float
    revision: int


def make_id(created_at: float, kind: BackupKind, name: str, format: int) -> str:
    """The id of a backup; further ones of the same second append `.2`, `.3` and so on."""
    stamp = datetime.fromtimestamp(created_at, UTC).strftime(TIME_FORMAT)
    slug = slug_of(name)
    return f"{stamp}-{kind}{f'-{slug}' if slug else ''}-s{format}"


def parse_id(text: str) -> BackupName | None:
    """What an id says; None if the text is not an id. An id never leads out of its directory."""
    found = _ID.fullmatch(text)
    created_at = _time(found[1]) if found else None
    if found is None or created_at is None:
        return None
    kind = next(kind for kind in KINDS if kind == found[2])
    return BackupName(text, created_at, kind, found[3] or "", int(found[4]), int(found[5] or 1))


def parse_former_value(name: str) -> FormerValue | None:
    """What the file name of a former value says; None if it is not one."""
    found = _FORMER.fullmatch(name)
    kept_at = _time(found[2]) if found else None
    return FormerValue(name, found[1], kept_at, int(found[3])) if found and kept_at is not None else None


def slug_of(name: str) -> str:
    """A name in small letters, digits and hyphens; empty if none of these are left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LIMIT].strip("-")


def division_of(kind: BackupKind) -> str:
    """The directory of a kind: `manual` or `auto`."""
    return "manual" if kind in BY_HAND else "auto"


def _time(stamp: str) -> float | None:
    try:
        found = datetime.strptime(stamp, TIME_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return found if 0 <= found < LAST_UNIX_SECOND else None
