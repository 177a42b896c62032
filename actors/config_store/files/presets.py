"""Presets: named sets of values that a profile ships as `presets/<name>.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from actors.config_store.dotted_paths import spread
from actors.config_store.json_object import JsonFileWrong, read_object
from actors.config_store.schema.settings_schema import SettingsSchema, unknown_setting

DIRECTORY: Final = "presets"


@dataclass(frozen=True)
class Preset:
    """A packaged set of values.

    Attributes:
        name: of its file, without the suffix; what the preset setting names.
        title: for people.
        values: dotted path to value.
    """

    name: str
    title: str
    values: Mapping[str, Any]


def read_presets(directory: Path, schema: SettingsSchema, preset_setting: str) -> dict[str, Preset]:
    """The presets of a profile by name, each `{"title": ..., "settings": {...}}`.

    Args:
        directory: of the profile.
        schema: the settings of the app.
        preset_setting: dotted path of the setting that chooses a preset; empty: there is none.

    Raises:
        JsonFileWrong: a preset is not valid; the app's developer has to fix it.
    """
    if preset_setting and preset_setting not in schema.specs:
        raise JsonFileWrong(
            str(directory / "profile.toml"), f"preset_setting: there is no setting {preset_setting!r}"
        )
    folder = directory / DIRECTORY
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return {path.stem: _read_preset(path, schema, preset_setting) for path in found}


def _read_preset(path: Path, schema: SettingsSchema, preset_setting: str) -> Preset:
    content = read_object(path)
    for _, problem in preset_problems(content, schema, preset_setting):
        raise JsonFileWrong(str(path), problem)
    return Preset(
        path.stem, content.get("title", path.stem), spread(schema.sections, content.get("settings", {}))
    )


def preset_problems(
    content: Mapping[str, Any], schema: SettingsSchema, preset_setting: str
) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with the content of a preset: dotted path, or empty, and problem."""
    title, settings = content.get("title", ""), content.get("settings")
    if not isinstance(title, str) or not isinstance(settings, dict) or set(content) - {"title", "settings"}:
        yield "", "expected an object with an object 'settings' and an optional 'title'"
        return
    values = spread(schema.sections, settings)
    for name in values:
        problem = unknown_setting(schema, name)
        if problem or name == preset_setting or schema.specs[name].is_secret:
            yield name, problem or f"a preset cannot set {name}"
    known = {name: value for name, value in values.items() if name in schema.specs}
    for found in schema.validate(known).problems:
        yield found.path, f"{found.path}: {found.problem}"
