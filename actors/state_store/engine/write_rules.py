"""What may be written, and how. Pure: from the request, the rules of the namespace and the present value."""

from __future__ import annotations

from dataclasses import dataclass

from actors.state_store.engine.key_index import KeyEntry
from actors.state_store.engine.namespaces import Namespace
from actors.state_store.errors import QuotaExceeded, RevisionConflict, SaveFailed


@dataclass(frozen=True)
class Treatment:
    """How a value is written, and whether the value that it replaces is kept."""

    encrypt: bool
    compress: bool
    backup: bool


def treatment(
    namespace: Namespace,
    present: KeyEntry | None,
    encrypt: bool | None,
    compress: bool | None,
    backup: bool | None,
) -> Treatment:
    """What was asked for, unless the namespace is stricter.

    An encrypted value stays encrypted unless the request says otherwise. A value of an older schema is always
    kept when it is replaced.
    """
    was_encrypted = present is not None and present.is_encrypted
    return Treatment(
        encrypt=namespace.encrypt or (was_encrypted if encrypt is None else encrypt),
        compress=namespace.compress or bool(compress),
        backup=namespace.backup or bool(backup) or (present is not None and present.is_older),
    )


def check_replaceable(key: str, present: KeyEntry | None, expected_revision: int | None) -> None:
    """Check that the present value may be replaced.

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
class QuotaUse:
    """How much of a quota is taken; a quota of 0 has no limit.

    Attributes:
        subject: name of the namespace, or `total`.
        taken_bytes: before the write.
    """

    subject: str
    taken_bytes: int
    quota_bytes: int


def check_quotas(key: str, growth_bytes: int, uses: tuple[QuotaUse, ...]) -> None:
    """Check that a value fits into the quotas. A value that does not grow always fits.

    Raises:
        QuotaExceeded: it does not fit.
    """
    if growth_bytes <= 0:
        return
    for use in uses:
        needed = use.taken_bytes + growth_bytes
        if use.quota_bytes and needed > use.quota_bytes:
            raise QuotaExceeded(key, use.subject, needed, use.quota_bytes)
