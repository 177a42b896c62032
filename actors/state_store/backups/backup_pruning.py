"""Removes the backups and the former values that the retention of the profile does not keep."""

from __future__ import annotations

from actors.shared.durable.durable_write import remove_file
from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.backups.backup_retention import BackupRetention, RetentionCandidate, judge
from actors.state_store.backups.format.backup_names import BY_HAND
from actors.state_store.backups.repository import BackupRepository
from schemas.backups import BackupKept, BackupsPrunedEvent


def prune(repository: BackupRepository, table: BackupsTable, *, dry_run: bool) -> BackupsPrunedEvent:
    """Remove what is not kept. Damaged backups, and those of a later version, are left alone. For a thread.

    Args:
        repository: the backups.
        table: the retention.
        dry_run: only tell what would be removed.

    Raises:
        OSError: something cannot be read or removed.
    """
    rules = BackupRetention(
        table.keep_last, table.keep_hourly, table.keep_daily, table.keep_weekly, table.keep_monthly
    )
    kept, removed = [], []
    candidates = [
        RetentionCandidate(one.id, one.created_at, is_exempt=one.kind in BY_HAND)
        for one in repository.listing().manifests
    ]
    for verdict in judge(candidates, rules):
        if verdict.is_kept:
            kept.append(BackupKept(id=verdict.id, reasons=list(verdict.reasons)))
            continue
        removed.append(verdict.id)
        if not dry_run:
            repository.remove(verdict.id)
    former = former_values_to_remove(repository, rules)
    for name in () if dry_run else former:
        remove_file(repository.root / "auto" / name)
    return BackupsPrunedEvent(kept=kept, removed=removed, former_values=len(former), dry_run=dry_run)


def former_values_to_remove(repository: BackupRepository, rules: BackupRetention) -> list[str]:
    """File names of former values that are not kept. The rules apply to each key by itself.

    Raises:
        OSError: the directory cannot be read.
    """
    by_stem: dict[str, list[RetentionCandidate]] = {}
    for one in repository.former_values():
        made_at = one.kept_at + one.revision % 10**9 * 1e-9  # tells several of one second apart
        by_stem.setdefault(one.stem, []).append(RetentionCandidate(one.name, made_at))
    return [
        verdict.id for several in by_stem.values() for verdict in judge(several, rules) if not verdict.is_kept
    ]
