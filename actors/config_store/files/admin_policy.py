"""The administrator's policy: a file that forces values and locks settings."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from actors.config_store.dotted_paths import matches, spread
from actors.config_store.json_object import JsonFileWrong, read_object
from actors.config_store.schema.settings_schema import SettingsSchema

FORMAT: Final = 1


@dataclass(frozen=True)
class AdminPolicy:
    """What the policy file says.

    Attributes:
        source: the file; for people.
        values: dotted path to the value that is forced.
        locked: patterns of settings that no lower layer may change, even if no value is forced.
        message: whom to ask; part of every refusal.
    """

    source: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    locked: tuple[str, ...] = ()
    message: str = ""

    def locks(self, path: str) -> bool:
        """Whether user, environment and session have no say about this setting."""
        return path in self.values or matches(self.locked, path)


def policy_path(declared: str, name: str, config: Path) -> Path:
    """Where the policy file of an app lies.

    Args:
        declared: what the profile says, relative to the config directory; empty for the platform's place.
        name: of the profile.
        config: the config directory.
    """
    if declared:
        return config / declared
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / name / "policy.json"
    if sys.platform == "darwin":
        return Path("/Library/Application Support") / name / "policy.json"
    return Path("/etc") / name / "policy.json"


def read_policy(path: Path, schema: SettingsSchema) -> AdminPolicy:
    """What the policy file says; nothing if there is no file.

    `{"format": 1, "values": {...}, "locked": ["models.*"], "message": "ask IT"}`

    Raises:
        JsonFileWrong: it cannot be read, is not valid, or people other than its owner may write to it.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return AdminPolicy(str(path))
    except OSError as error:
        raise JsonFileWrong(str(path), f"cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise JsonFileWrong(
            str(path),
            f"users other than its owner may write to it (mode {mode & 0o777:o}), so it is ignored; "
            f"run 'chmod go-w {path}'",
        )
    content = read_object(path)
    values, locked, message = content.get("values", {}), content.get("locked", []), content.get("message", "")
    if content.get("format") != FORMAT:
        raise JsonFileWrong(str(path), f"expected 'format' {FORMAT}, found {content.get('format')!r:.80}")
    if not isinstance(values, dict) or not isinstance(message, str) or not _is_text_list(locked):
        raise JsonFileWrong(
            str(path), "expected an object 'values', a list of patterns 'locked' and a text 'message'"
        )
    return AdminPolicy(str(path), spread(schema.sections, values), tuple(locked), message)


def _is_text_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
