"""The alerts about backups and checks, with their words and their advice."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from actors.state_store.backups.backup_schedule import HOUR_SECONDS
from actors.state_store.backups.integrity_check import CheckReport
from bus.telemetry.alert_book import Alerts

FAILED: Final = "state_persistence.backup_failed"
STALE: Final = "state_persistence.backup_stale"
SILENT: Final = "state_persistence.backups_silent"
UNSOUND: Final = "state_persistence.integrity"


class BackupAlerts:
    """Raises and clears the alerts about the backups of one store."""

    def __init__(self, alerts: Alerts, root: Path) -> None:
        """Make the alerts; none is raised yet.

        Args:
            alerts: those of the actor.
            root: directory of the backups.
        """
        self._alerts = alerts
        self._root = root

    async def backup_made(self) -> None:
        """A backup was made: earlier failures no longer matter."""
        await self._alerts.clear(FAILED)
        await self._alerts.clear(STALE)

    async def backup_failed(self, error: Exception) -> None:
        """A backup could not be made."""
        await self._alerts.raise_alert(
            FAILED,
            severity="error",
            message=str(error),
            advice="Free some space, check the disk, then make a backup.",
        )

    async def backup_stale(self, age_seconds: float | None, every_hours: float) -> None:
        """The schedule was missed; an age of None means that there is no backup."""
        newest = (
            "there is none"
            if age_seconds is None
            else f"the newest one is {age_seconds / HOUR_SECONDS:.0f} hours old"
        )
        await self._alerts.raise_alert(
            STALE,
            severity="warning",
            message=f"recent changes are in no backup: {newest}, expected one every {every_hours:g} hours",
            advice="Find out why backups fail, or make one.",
        )

    async def backup_current(self) -> None:
        """The newest backup is recent enough."""
        await self._alerts.clear(STALE)

    async def disk_silent(self) -> None:
        """The disk of the backups does not answer."""
        await self._alerts.raise_alert(
            SILENT,
            severity="error",
            message=f"{self._root}: the disk of the backups does not answer",
            advice="Check whether the disk or its server is available. The app goes on without backups.",
        )

    async def disk_answers(self) -> None:
        """The disk of the backups answers again."""
        await self._alerts.clear(SILENT)

    async def check_failed(self, error: Exception) -> None:
        """The check could not be carried out."""
        await self._alerts.raise_alert(
            UNSOUND, severity="error", message=f"not checked: {error}", advice="Check the disk."
        )

    async def checked(self, report: CheckReport) -> None:
        """The check was carried out."""
        if report.is_sound:
            await self._alerts.clear(UNSOUND)
            return
        first = report.findings[0]
        await self._alerts.raise_alert(
            UNSOUND,
            severity="error",
            message=f"{report.total} findings, the first of them: {first.path}: {first.problem}",
            advice="Run 'undercroft state check'.",
        )
