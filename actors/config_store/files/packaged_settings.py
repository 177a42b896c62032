"""Files that come with the app or from its administrator: presets, and the managed policy."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from actors.config_store.dotted_paths import spread
from actors.config_store.schema.settings_schema import SettingsSchema
from actors.config_store.setting_layers import Ground, Managed, Preset, path_problem
from actors.shared.durable.strict_json import NotStrictJson, parse
from bus.errors import OperatorError

SIZE_LIMIT_BYTES: Final = 1024 * 1024
PRESETS: Final = "presets"
POLICY_FORMAT: Final = 1


class PackagedFileWrong(OperatorError):
    """A preset or a policy file cannot be used.

    Attributes:
        path: the file.
        detail: what was expected and what was found.
    """

    path: str
    detail: str
    words = "{path}: {detail}"


def read_presets(directory: Path, schema: SettingsSchema, preset_setting: str) -> dict[str, Preset]:
    """The presets of a profile: `presets/<name>.json`, each `{"title": ..., "settings": {...}}`.

    Raises:
        PackagedFileWrong: one of them is not valid; the app's developer has to put it right.
    """
    if preset_setting and preset_setting not in schema.fields:
        raise PackagedFileWrong(
            str(directory / "profile.toml"), f"preset_setting: there is no setting {preset_setting!r}"
        )
    folder = directory / PRESETS
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return {path.stem: _preset(path, schema, preset_setting) for path in found}


def _preset(path: Path, schema: SettingsSchema, preset_setting: str) -> Preset:
    content = _object(path)
    title, settings = content.get("title", path.stem), content.get("settings")
    if not isinstance(title, str) or not isinstance(settings, dict) or set(content) - {"title", "settings"}:
        raise PackagedFileWrong(
            str(path), "expected an object with an object 'settings', and perhaps a 'title'"
        )
    values = spread(schema.sections, settings)
    for name in values:
        words = path_problem(Ground(schema), name)
        if words or name == preset_setting or schema.fields[name].is_secret:
            raise PackagedFileWrong(str(path), words or f"{name} cannot be part of a preset")
    problems = schema.judge(values).problems
    if problems:
        raise PackagedFileWrong(str(path), f"{problems[0].path}: {problems[0].problem}")
    return Preset(path.stem, title, values)


def policy_path(declared: str, name: str, config: Path) -> Path:
    """Where the policy of an app lies: as its profile says (relative to the config directory), else where the platform's administrator keeps such."""
    if declared:
        return config / declared
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / name / "policy.json"
    if sys.platform == "darwin":
        return Path("/Library/Application Support") / name / "policy.json"
    return Path("/etc") / name / "policy.json"


def read_policy(path: Path, schema: SettingsSchema) -> Managed:
    """What the administrator's file says; nothing if there is no file.

    `{"format": 1, "values": {...}, "locked": ["models.*"], "message": "ask IT"}`

    Raises:
        PackagedFileWrong: it cannot be read, is not valid, or others than its owner may write to it.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return Managed(str(path))
    except OSError as error:
        raise PackagedFileWrong(str(path), f"cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PackagedFileWrong(
            str(path),
            f"others than its owner may write to it (mode {mode & 0o777:o}), so it is not obeyed; chmod go-w it",
        )
    content = _object(path)
    values, locked, message = content.get("values", {}), content.get("locked", []), content.get("message", "")
    if content.get("format") != POLICY_FORMAT:
        raise PackagedFileWrong(
            str(path), f"expected 'format' {POLICY_FORMAT}, found {content.get('format')!r}"
        )
    if not isinstance(values, dict) or not isinstance(message, str) or not _is_texts(locked):
        raise PackagedFileWrong(
            str(path), "expected an object 'values', a list of patterns 'locked' and a text 'message'"
        )
    return Managed(str(path), spread(schema.sections, values), tuple(locked), message)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _object(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = parse(file.read(SIZE_LIMIT_BYTES + 1), SIZE_LIMIT_BYTES)
    except OSError as error:
        raise PackagedFileWrong(str(path), f"cannot be read: {error.strerror}") from error
    except NotStrictJson as error:
        raise PackagedFileWrong(str(path), str(error)) from error
    if not isinstance(content, dict):
        raise PackagedFileWrong(str(path), f"expected an object, found {type(content).__name__}")
    return content
