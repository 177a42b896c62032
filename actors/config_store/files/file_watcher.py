"""Notices changes from outside: a user edits `config.json`, an administrator the policy file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.config_store.files.admin_policy import AdminPolicy, read_policy
from actors.config_store.files.config_file import (
    ConfigFile,
    FileEdited,
    FileMissing,
    FileUnchanged,
    FileUnusable,
)
from actors.config_store.json_object import JsonFileWrong
from actors.config_store.schema.settings_schema import SettingsSchema
from actors.shared.durable.file_identity import FileIdentity

LOOK_SECONDS: Final = 0.5
"""Pause between two looks."""

MISSING_SECONDS: Final = 1.0
"""How long the file has to be missing before that is reported: an editor may be replacing it."""


@dataclass(frozen=True)
class PolicyEdited:
    """The policy file was written or removed, and can be used."""

    policy: AdminPolicy


@dataclass(frozen=True)
class PolicyUnusable:
    """The policy file was written and cannot be used; `fault` says why, with its path."""

    fault: str


OutsideChange = FileEdited | FileUnusable | FileMissing | FileUnchanged | PolicyEdited | PolicyUnusable


class FileWatcher:
    """Returns what it saw, and changes neither files nor settings. Synchronous; one call at a time."""

    def __init__(
        self,
        file: ConfigFile,
        policy_path: Path | None,
        schema: SettingsSchema,
        missing_seconds: float = MISSING_SECONDS,
    ) -> None:
        """Remember the policy file as it is now.

        Args:
            file: the settings file.
            policy_path: the administrator's file; None: there is no such place.
            schema: the settings of the app, to read the policy.
            missing_seconds: how long the settings file has to be missing before that is reported.
        """
        self._file = file
        self._policy_path = policy_path
        self._policy_identity = FileIdentity.seen_at(policy_path) if policy_path else None
        self._schema = schema
        self._missing_seconds = missing_seconds
        self._missing_since: float | None = None

    def look(self, now: float) -> list[OutsideChange]:
        """What happened since the last look. If nothing did, that costs two calls of `stat`.

        Args:
            now: monotonic seconds.
        """
        found: list[OutsideChange] = []
        if self._file.has_changed():
            found += self.look_at_file(now)
        found += self._look_for_missing_file(now)
        found += self._look_at_policy()
        return found

    def look_at_file(self, now: float) -> list[OutsideChange]:
        """What happened to the settings file. A missing file is reported by a later `look`.

        Args:
            now: monotonic seconds.
        """
        found = self._file.look()
        if isinstance(found, FileMissing):
            self._missing_since = now
            return []
        return [found]

    def _look_for_missing_file(self, now: float) -> Iterator[OutsideChange]:
        """Report a file that is missing for long, unless the whole directory was removed."""
        if self._missing_since is None or now - self._missing_since < self._missing_seconds:
            return
        self._missing_since = None
        if self._file.path.parent.is_dir() and not self._file.path.exists():
            yield FileMissing()

    def _look_at_policy(self) -> Iterator[OutsideChange]:
        path = self._policy_path
        if path is None or (identity := FileIdentity.seen_at(path)) == self._policy_identity:
            return
        self._policy_identity = identity
        try:
            yield PolicyEdited(read_policy(path, self._schema))
        except JsonFileWrong as error:
            yield PolicyUnusable(str(error))
