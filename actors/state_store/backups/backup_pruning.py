"""Removes the backups, and the single former values, that the retention of the profile does not keep."""

from __future__ import annotations

from actors.shared.durable.durable_write import remove_file
from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.backups.backup_names import BY_HAND
from actors.state_store.backups.backup_retention import Candidate, Retention, judge
from actors.state_store.backups.repository import Vault
from schemas.backups import BackupKept, BackupsPrunedEvent


def prune(vault: Vault, table: BackupsTable, *, dry_run: bool) -> BackupsPrunedEvent:
    """Remove what is not kept, or only tell what that would be. What is damaged or of a later version is left alone. For a thread.

    Raises:
        OSError: something cannot be read or removed.
    """
    retention = Retention(
        table.keep_last, table.keep_hourly, table.keep_daily, table.keep_weekly, table.keep_monthly
    )
    kept, removed = [], []
    candidates = [
        Candidate(one.id, one.created_at, is_exempt=one.kind in BY_HAND) for one in vault.listed().manifests
    ]
    for verdict in judge(candidates, retention):
        if verdict.is_kept:
            kept.append(BackupKept(id=verdict.id, reasons=list(verdict.reasons)))
            continue
        removed.append(verdict.id)
        if not dry_run:
            vault.remove(verdict.id)
    former = former_to_go(vault, retention)
    for name in () if dry_run else former:
        remove_file(vault.root / "auto" / name)
    return BackupsPrunedEvent(kept=kept, removed=removed, former_values=len(former), dry_run=dry_run)


def former_to_go(vault: Vault, retention: Retention) -> list[str]:
    """Names of the files of former values that are not kept: the rules hold for each key by itself.

    Raises:
        OSError: the directory cannot be read.
    """
    by_stem: dict[str, list[Candidate]] = {}
    for one in vault.former_values():
        by_stem.setdefault(one.stem, []).append(
            Candidate(one.name, one.kept_at + one.revision * 1e-9)
        )  # several of one second are told apart
    return [
        verdict.id
        for several in by_stem.values()
        for verdict in judge(several, retention)
        if not verdict.is_kept
    ]
