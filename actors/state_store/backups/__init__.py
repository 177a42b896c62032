"""Backups of a store: made, verified, kept or pruned, restored, moved to another machine; and the check.

Owns `<state>/store/backups/` and `<state>/store/.upkeep.json`.

Promises: a backup shows the store at one moment, while others write. It is read back before it counts. A
restore is whole or not at all, and backs up the present first. The last good backup is never removed.

| layer | modules |
|---|---|
| requests, schedule | `backup_service.py`, `automatic_backups.py`, `backup_alerts.py` |
| jobs in a thread | `backup_jobs.py`, `background_job.py` |
| what a job does | `consistent_copy.py`, `restore.py`, `integrity_check.py`, `backup_pruning.py` |
| another machine | `backup_transfer.py` |
| repair on a read | `document_repair.py` |
| decisions, pure | `backup_schedule.py`, `backup_retention.py` |
| on disk | `repository.py`, `last_runs.py`, and the package `format` |

Begin with `repository.py`.
"""
