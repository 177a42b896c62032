"""What backups are called. Pure: time, kind, slug and format, in signs that every file system keeps."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args

from schemas.backups import BackupKind

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
class Named:
    """What an id says; `created_at` in seconds since the Unix epoch."""

    id: str
    created_at: float
    kind: BackupKind
    slug: str
    format: int
    number: int


@dataclass(frozen=True)
class Former:
    """What the name of a former value (`backup` of a save) says: `stem` names its key, `kept_at` when it was replaced."""

    name: str
    stem: str
    kept_at: float
    revision: int


def make_id(created_at: float, kind: BackupKind, name: str, format: int, number: int = 1) -> str:
    """The id of a backup; `number` tells those of one second apart."""
    stamp = datetime.fromtimestamp(created_at, UTC).strftime(TIME_FORMAT)
    slug = slug_of(name)
    return f"{stamp}-{kind}{f'-{slug}' if slug else ''}-s{format}{f'.{number}' if number > 1 else ''}"


def parse_id(text: str) -> Named | None:
    """What an id says; None if it is none. Whatever is one leads out of no directory."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    created_at = _time(found[1])
    kind = next(kind for kind in KINDS if kind == found[2])
    return (
        None
        if created_at is None
        else Named(text, created_at, kind, found[3] or "", int(found[4]), int(found[5] or 1))
    )


def parse_former(name: str) -> Former | None:
    """What the name of a former value's file says; None if it is none."""
    found = _FORMER.fullmatch(name)
    kept_at = _time(found[2]) if found else None
    return Former(name, found[1], kept_at, int(found[3])) if found and kept_at is not None else None


def slug_of(name: str) -> str:
    """A name in small letters, digits and hyphens; empty if nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LIMIT].strip("-")


def division_of(kind: BackupKind) -> str:
    """The directory, of `auto` and `manual`, that backups of a kind lie in."""
    return "manual" if kind in BY_HAND else "auto"


def _time(stamp: str) -> float | None:
    try:
        return datetime.strptime(stamp, TIME_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
