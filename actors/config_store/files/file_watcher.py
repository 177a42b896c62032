"""What others do to the store's files: a person edits `config.json`, an administrator the policy. Both are looked at twice a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

from actors.config_store import setting_changes
from actors.config_store.files import packaged_settings
from actors.config_store.files.config_document import ConfigUnreadable
from actors.config_store.files.config_file import SettingsFile, signature_of
from actors.config_store.files.write_behind import Commits
from bus.alert_book import Alerts
from schemas.config import SettingProblem

LOOK_SECONDS: Final = 0.5
GONE_SECONDS: Final = 1.0
"""A file that is gone is written again after so long, if its directory is still there: it may be an editor that replaces it, or somebody
who removes the whole home."""

log = logging.getLogger(__name__)


class Store(Protocol):
    """What of the actor is needed here."""

    now: setting_changes.Configuration
    problems: tuple[SettingProblem, ...]
    commits: Commits
    alerts: Alerts

    async def announce(self, reason: Any, changed: Mapping[str, Any], restart: list[str]) -> None:
        """Tell everybody."""

    async def look(self) -> None:
        """Call `take_file` while nobody writes."""


class Outsiders:
    """Looks for what others did, and brings it to the store."""

    def __init__(
        self, store: Store, file: SettingsFile, policy_path: Path | None, look_seconds: float
    ) -> None:
        self._store = store
        self._file = file
        self._policy_path = policy_path
        self._policy_signature = signature_of(policy_path) if policy_path else None
        self._look_seconds = look_seconds
        self._gone_seconds = min(GONE_SECONDS, 2 * look_seconds)
        self._fault = ""
        self._gone_at: float | None = None

    async def watch(self) -> None:
        """Look again and again, until cancelled. A look costs two calls of `stat`."""
        while True:
            await asyncio.sleep(self._look_seconds)
            if self._file.has_changed():
                await self._store.look()
            if (
                self._gone_at is not None
                and asyncio.get_running_loop().time() - self._gone_at >= self._gone_seconds
            ):
                self._write_again()
            if self._policy_path is not None and signature_of(self._policy_path) != self._policy_signature:
                await self._take_policy(self._policy_path)

    async def take_file(self) -> None:
        """See what somebody else did to the file, and let it be in effect if it is good; nobody writes meanwhile."""
        try:
            found = self._file.look()
        except ConfigUnreadable as error:
            self._file.refuse()
            await self._tell_fault(str(error))
            return
        if found is None:
            await self.saved()
            return
        if found.document is None:
            if found.fault:
                self._file.refuse()
                await self._tell_fault(f"{self._file.path}: {found.fault}")
            else:
                self._gone_at = asyncio.get_running_loop().time()
            return
        verdict = setting_changes.take_file(
            self._store.now, self._file.known.overrides, found.document.overrides
        )
        if not verdict.is_taken:
            self._file.refuse()
            await self._tell_fault(
                f"{self._file.path}: "
                + "; ".join(f"{problem.path}: {problem.problem}" for problem in verdict.problems)
            )
            return
        self._file.take(found.document)
        log.info("%s was edited: %d settings changed", self._file.path, len(verdict.changed))
        self._store.now = verdict.after
        if verdict.after.stored != dict(found.document.overrides):
            self._store.commits.change(())
        if verdict.changed:
            await self._store.announce("file", verdict.changed, verdict.restart)
        await self.saved()

    async def saved(self) -> None:
        """The file is as it should be."""
        if self._fault:
            self._fault = ""
            await self._store.alerts.clear("config.file_invalid")

    async def tell_start(self) -> None:
        """Say what of the files could not be taken at the start."""
        alerts, known = self._store.alerts, self._file.known
        for problem in self._store.problems:
            log.warning(
                "setting %r is not in effect: %s; it stays where it is", problem.path, problem.problem
            )
        wrong_policy = [problem for problem in self._store.problems if problem.path == str(self._policy_path)]
        ignored = [problem for problem in self._store.problems if problem not in wrong_policy]
        told = {
            "config.file_corrupt": (
                f"{self._file.path}: {known.fault}; it was put aside as {known.put_aside}"
                if known.put_aside
                else "",
                "look into it",
            ),
            "config.read_only": (self._file.read_only, "update the app"),
            "config.migration_failed": (self._file.migration_fault, "tell the app's developer"),
            "config.policy_invalid": (
                wrong_policy[0].problem if wrong_policy else "",
                "put the policy file right; until then it does not hold",
            ),
            "config.settings_ignored": (
                "; ".join(f"{one.path}: {one.problem}" for one in ignored),
                "'undercroft config explain' tells more",
            ),
            "config.file_invalid": ("", ""),
            "config.not_durable": ("", ""),
        }
        for name, (message, advice) in told.items():
            if not message:
                await alerts.clear(name)
                continue
            if name != "config.settings_ignored":
                log.error("%s", message)
            await alerts.raise_alert(
                name,
                severity="warning" if name == "config.settings_ignored" else "error",
                message=message,
                advice=advice,
            )

    async def _take_policy(self, path: Path) -> None:
        self._policy_signature = signature_of(path)
        now = self._store.now
        try:
            managed = packaged_settings.read_policy(path, now.ground.schema)
        except packaged_settings.PackagedFileWrong as error:
            advice = "put the policy file right; until then what it said before holds"
            await self._store.alerts.raise_alert(
                "config.policy_invalid", severity="error", message=str(error), advice=advice
            )
            return
        await self._store.alerts.clear("config.policy_invalid")
        verdict, problems = setting_changes.reground(now, replace(now.ground, managed=managed))
        for problem in problems:
            log.warning(
                "setting %r is not in effect: %s; it stays where it is", problem.path, problem.problem
            )
        self._store.now = verdict.after
        if verdict.changed:
            await self._store.announce("policy", verdict.changed, verdict.restart)

    def _write_again(self) -> None:
        """The file is gone. What is in effect stays so and is written again, unless its directory is gone too."""
        self._gone_at = None
        if self._file.path.parent.is_dir() and not self._file.path.exists():
            log.warning(
                "%s is gone; what is in effect is written again; 'undercroft config reset --all' is the way to the defaults",
                self._file.path,
            )
            self._store.commits.change(())

    async def _tell_fault(self, fault: str) -> None:
        self._fault = fault
        log.error("%s; the edit is not in effect, the last good settings are", fault)
        advice = "put the file right; a change of settings by other means puts this one aside"
        await self._store.alerts.raise_alert(
            "config.file_invalid", severity="warning", message=fault, advice=advice
        )
