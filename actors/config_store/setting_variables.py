"""Settings from variables of the process: `UNDERCROFT_SETTING__VAD__SENSITIVITY=0.8`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from actors.config_store.schema.settings_schema import SettingsSchema
from actors.config_store.setting_layers import Layer
from schemas.config import SettingProblem

PREFIX: Final = "UNDERCROFT_SETTING__"


def variable_of(path: str) -> str:
    """Name of the variable for a setting."""
    return PREFIX + path.replace(".", "__").upper()


def read(schema: SettingsSchema, environ: Mapping[str, str]) -> tuple[Layer, list[SettingProblem]]:
    """The layer, and what of it cannot be taken. The schema gives the type: text is tried as it is, then as JSON.

    Names are compared without case, since Windows has none.
    """
    paths = {variable_of(path): path for path in reversed(list(schema.fields))}
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
                    problem="there is no setting of this name; 'undercroft config list' shows all",
                )
            )
            continue
        sources[path] = name
        taken, value = _typed(schema, path, text)
        if taken:
            values[path] = value
        else:
            rejected[path] = f"{name}: {value}"
            problems.append(SettingProblem(path=path, problem=rejected[path]))
    return Layer("environment", PREFIX + "*", values, rejected, sources), problems


def _typed(schema: SettingsSchema, path: str, text: str) -> tuple[bool, Any]:
    """Whether the text makes a value of the setting; and the value, or why not."""
    judged = schema.judge({path: text})
    if not judged.problems:
        return True, text if schema.fields[path].is_secret else judged.effective[path]
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return False, judged.problems[0].problem
    judged = schema.judge({path: parsed})
    return (False, judged.problems[0].problem) if judged.problems else (True, judged.effective[path])
