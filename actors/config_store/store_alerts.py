"""The alerts of the store: which exist, what they say, and when they are raised and cleared."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from actors.config_store.files.config_file import ConfigFile
from bus.telemetry.alert_book import Alerts
from schemas.config import SettingProblem

log = logging.getLogger(__name__)

NOT_DURABLE_SECONDS: Final = 0.9
"""A failing disk is reported at most this often; less than the shortest delay before a retry."""


class StoreAlerts:
    """Raises and clears the alerts of one store."""

    def __init__(self, alerts: Alerts) -> None:
        """Start without an alert of this life.

        Args:
            alerts: of the actor.
        """
        self._alerts = alerts
        self._is_file_invalid = False
        self._is_read_only = False
        self._not_durable_at = float("-inf")

    async def started(self, file: ConfigFile, problems: Sequence[SettingProblem], policy_path: str) -> None:
        """Report what could not be used at the start; clear the alerts of a former life.

        Args:
            file: the settings file after it was read.
            problems: the values that do not count. The path of a faulty policy is that of its file.
            policy_path: the policy file.
        """
        log_ignored(problems)
        in_policy = [problem.problem for problem in problems if problem.path == policy_path]
        ignored = [f"{one.path}: {one.problem}" for one in problems if one.path != policy_path]
        renamed = f"{file.path}: {file.fault}; it was renamed to {file.renamed_to}" if file.renamed_to else ""
        await self._set(
            "config.file_corrupt", renamed, "look into the renamed file; the defaults are in effect"
        )
        advice = "make the file readable" if file.unreadable else "update the app"
        self._is_read_only = bool(file.read_only)
        await self._set("config.read_only", file.read_only, advice)
        await self._set("config.migration_failed", file.migration_fault, "tell the app's developer")
        await self._set(
            "config.policy_invalid",
            in_policy[0] if in_policy else "",
            "correct the policy file; until then no policy is in effect",
        )
        await self._alerts.clear("config.file_invalid")
        await self._alerts.clear("config.not_durable")
        if not ignored:
            await self._alerts.clear("config.settings_ignored")
            return
        await self._alerts.raise_alert(
            "config.settings_ignored",
            severity="warning",
            message="; ".join(ignored),
            advice="run 'undercroft config explain' to see why",
        )

    async def file_invalid(self, fault: str) -> None:
        """An edit of the file cannot be used."""
        self._is_file_invalid = True
        log.error("%s; the edit is not in effect, the last valid settings are", fault)
        await self._alerts.raise_alert(
            "config.file_invalid",
            severity="warning",
            message=fault,
            advice="correct the file; any other change of settings renames it and writes a new one",
        )

    async def file_valid(self) -> None:
        """The file has the settings that are in effect."""
        if self._is_file_invalid:
            self._is_file_invalid = False
            await self._alerts.clear("config.file_invalid")

    async def may_write(self, read_only: str) -> None:
        """The file was read; `read_only` says why it must not be written, if that is so."""
        if self._is_read_only and not read_only:
            self._is_read_only = False
            await self._alerts.clear("config.read_only")

    async def policy_invalid(self, fault: str) -> None:
        """A new policy cannot be used."""
        await self._alerts.raise_alert(
            "config.policy_invalid",
            severity="error",
            message=fault,
            advice="correct the policy file; until then the former policy stays in effect",
        )

    async def policy_valid(self) -> None:
        """A new policy is in effect."""
        await self._alerts.clear("config.policy_invalid")

    async def not_durable(self, error: Exception, now: float) -> None:
        """A write failed.

        Args:
            error: why.
            now: monotonic seconds.
        """
        if now - self._not_durable_at < NOT_DURABLE_SECONDS:
            return
        self._not_durable_at = now
        message = f"settings are in effect but not durable: {error}"
        log.error("%s", message)
        await self._alerts.raise_alert(
            "config.not_durable",
            severity="error",
            message=message,
            advice="free some space or make the directory writable; the store keeps trying",
        )

    async def durable(self) -> None:
        """A write succeeded after others had failed."""
        log.warning("settings are durable again")
        await self._alerts.clear("config.not_durable")

    async def _set(self, name: str, message: str, advice: str) -> None:
        if not message:
            await self._alerts.clear(name)
            return
        log.error("%s", message)
        await self._alerts.raise_alert(name, severity="error", message=message, advice=advice)


def log_ignored(problems: Sequence[SettingProblem]) -> None:
    """Log the values that do not count."""
    for problem in problems:
        log.warning("setting %r is not in effect: %s; it stays where it is", problem.path, problem.problem)
