"""What may be written, and how. Pure: what is asked, what the namespace says and what is there, to what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

from actors.state_store.engine.key_index import Entry
from actors.state_store.errors import QuotaExceeded, RevisionConflict, SaveFailed
from actors.state_store.namespaces import Namespace


@dataclass(frozen=True)
class Treatment:
    """How a value is to lie on disk, and whether the one that it replaces is kept."""

    encrypt: bool
    compress: bool
    backup: bool


def treatment(
    namespace: Namespace,
    present: Entry | None,
    encrypt: bool | None,
    compress: bool | None,
    backup: bool | None,
) -> Treatment:
    """What was asked for, unless the namespace is stricter.

    What is encrypted stays so unless it is asked for otherwise, and a value of an older schema is always
    kept.
    """
    was_encrypted = present is not None and present.is_encrypted
    return Treatment(
        encrypt=namespace.encrypt or (was_encrypted if encrypt is None else encrypt),
        compress=namespace.compress or bool(compress),
        backup=namespace.backup or bool(backup) or (present is not None and present.is_older),
    )


def check_replaceable(key: str, present: Entry | None, expected_revision: int | None) -> None:
    """See that what is there may be replaced.

    Raises:
        SaveFailed: a later version wrote it.
        RevisionConflict: it is not the revision that the writer has seen.
    """
    if present is not None and present.newer:
        raise SaveFailed(key, f"it is read-only: {present.newer}")
    revision = present.revision if present is not None else 0
    if expected_revision is not None and expected_revision != revision:
        raise RevisionConflict(key, expected_revision, revision)


@dataclass(frozen=True)
class Room:
    """How much is taken and how much may be; a quota of 0 is none.

    Attributes:
        subject: name of the namespace, or `total`.
        taken_bytes: as it is now.
    """

    subject: str
    taken_bytes: int
    quota_bytes: int


def check_room(key: str, growth_bytes: int, rooms: tuple[Room, ...]) -> None:
    """See that there is room; what does not grow always has some.

    Raises:
        QuotaExceeded: there is none.
    """
    if growth_bytes <= 0:
        return
    for room in rooms:
        needed = room.taken_bytes + growth_bytes
        if room.quota_bytes and needed > room.quota_bytes:
            raise QuotaExceeded(key, room.subject, needed, room.quota_bytes)
