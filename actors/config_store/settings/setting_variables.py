"""Reads settings from variables of the process: `UNDERCROFT_SETTING__VAD__SENSITIVITY=0.8`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from actors.config_store.schema.settings_schema import SettingsSchema
from actors.config_store.settings.settings_context import LayerValues
from schemas.config import SettingProblem

PREFIX: Final = "UNDERCROFT_SETTING__"


def variable_of(path: str) -> str:
    """Name of the variable for a setting."""
    return PREFIX + path.replace(".", "__").upper()


def read(schema: SettingsSchema, environ: Mapping[str, str]) -> tuple[LayerValues, list[SettingProblem]]:
    """The layer, and the problems of variables that do not count.

    The schema decides the type: a text is tried as it is, then as JSON. Case does not matter, because Windows
    has none.
    """
    paths = {variable_of(path): path for path in reversed(list(schema.specs))}
    values: dict[str, Any] = {}
    rejected: dict[str, str] = {}
    sources: dict[str, str] = {}
    problems: list[SettingProblem] = []
    for name, text in sorted(environ.items()):
        if not name.upper().startswith(PREFIX):
            continue
        path = paths.get(name.upper())
        if path is None:
            problems.append(
                SettingProblem(
                    path=name[:200],
                    problem="there is no setting of this name; 'undercroft config list' shows all settings",
                )
            )
            continue
        sources[path] = name
        is_valid, value = _typed(schema, path, text)
        if is_valid:
            values[path] = value
        else:
            rejected[path] = f"{name}: {value}"
            problems.append(SettingProblem(path=path, problem=rejected[path]))
    return LayerValues("environment", PREFIX + "*", values, rejected, sources), problems


def _typed(schema: SettingsSchema, path: str, text: str) -> tuple[bool, Any]:
    """Whether the text is a valid value; and the value, or why it is not."""
    found = schema.validate({path: text})
    if not found.problems:
        return True, text if schema.specs[path].is_secret else found.effective[path]
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return False, found.problems[0].problem
    found = schema.validate({path: parsed})
    return (False, found.problems[0].problem) if found.problems else (True, found.effective[path])
