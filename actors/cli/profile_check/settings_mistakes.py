"""What is wrong with the settings of a profile: schema, presets, migrations, and what refers to a setting."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from actors.cli.profile_check.app_code import load_file
from actors.cli.profile_check.mistake import Mistake, at
from actors.config_store.dotted_paths import matches
from actors.config_store.files.presets import DIRECTORY, preset_problems
from actors.config_store.json_object import JsonFileWrong, read_json, read_object
from actors.config_store.schema.schema_loader import file_schema, model_schema
from actors.config_store.schema.settings_schema import SettingsSchema, SettingsSchemaWrong
from actors.shared.profile.mode_tables import ReadinessTable
from actors.shared.profile.profile import Profile

MISTAKE_LIMIT: Final = 50
DEFAULT_CURE: Final = "give it a default that fits; every setting needs one"


def settings_mistakes(profile: Profile) -> Iterator[Mistake]:
    """Everything that is wrong with them."""
    if not profile.has_settings:
        yield from _settings_are_needed(profile)
        return
    schema: SettingsSchema | None = None
    if profile.settings.endswith(".json"):
        schema, found = _json_schema(profile)
    else:
        schema, found = _pydantic_schema(profile)
    yield from found
    yield from _migration_mistakes(profile)
    if schema is not None:
        yield from _preset_mistakes(profile, schema)
        yield from _reference_mistakes(profile, schema)


def _settings_are_needed(profile: Profile) -> Iterator[Mistake]:
    cure = "name them: settings = 'settings.py:Settings'"
    for child in profile.children:
        if child.entry.startswith("actors.config_store:"):
            problem = "the config_store serves settings, and the profile declares none"
            yield at(profile.file, f"children.{child.name}.entry", problem, f"{cure}, or remove the child")
    for option, path, _ in _references(profile):
        yield at(profile.file, option, f"names {path!r}, and the profile declares no settings", cure)


def _pydantic_schema(profile: Profile) -> tuple[SettingsSchema | None, list[Mistake]]:
    from pydantic import BaseModel, ValidationError

    if not profile.settings:
        return model_schema(None, profile.settings_of, profile.file), []
    model, mistakes = load_file(profile, "settings", profile.settings)
    if mistakes:
        return None, mistakes
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        problem = f"{profile.settings}: expected a pydantic model, found {model!r}"
        return None, [at(profile.file, "settings", problem, "name a class that derives from BaseModel")]
    source = profile.directory / profile.settings
    try:
        return model_schema(model, profile.settings_of, source), []
    except SettingsSchemaWrong as wrong:
        try:
            model.model_validate({})
        except ValidationError as error:
            found = error.errors(include_url=False)
            return None, [
                at(
                    source,
                    ".".join(map(str, one["loc"])),
                    f"its default is not valid: {one['msg']}",
                    DEFAULT_CURE,
                )
                for one in found
            ]
        cure = DEFAULT_CURE if wrong.path else "take it out of one of the two"
        return None, [at(source, wrong.path, wrong.detail, cure)]


def _json_schema(profile: Profile) -> tuple[SettingsSchema | None, list[Mistake]]:
    from jsonschema import Draft202012Validator

    file = profile.directory / profile.settings
    try:
        content = read_json(file)
    except JsonFileWrong as error:
        return None, [at(file, "", error.detail, "correct the file, or 'settings' in profile.toml")]
    mistakes: list[Mistake] = []
    if isinstance(content, dict):
        meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
        for wrong_place in meta.iter_errors(content):
            place = ".".join(map(str, wrong_place.absolute_path))
            problem = f"not a JSON Schema: {wrong_place.message[:300]}"
            mistakes.append(at(file, place, problem, "see json-schema.org, draft 2020-12"))
    if mistakes:
        return None, mistakes
    while len(mistakes) < MISTAKE_LIMIT:
        try:
            return file_schema(content, profile.settings_of, file), mistakes
        except SettingsSchemaWrong as wrong:
            cure = DEFAULT_CURE if wrong.path else "take it out of one of the two"
            mistakes.append(at(file, wrong.path, wrong.detail, cure))
            rest = without_setting(content, wrong.path)
            if rest is None:
                return None, mistakes
            content = rest
    return None, mistakes


def without_setting(content: Any, path: str) -> Any:
    """A JSON Schema without the setting at a dotted path; None if it is not declared right there. Pure."""
    rest = copy.deepcopy(content)
    *sections, name = path.split(".")
    inner = rest
    for section in sections:
        inner = inner.get("properties", {}).get(section) if isinstance(inner, dict) else None
    declared = inner.get("properties") if isinstance(inner, dict) else None
    if not path or not isinstance(declared, dict) or name not in declared:
        return None
    del declared[name]
    if name in inner.get("required", []):
        inner["required"] = [one for one in inner["required"] if one != name]
    return rest


def _migration_mistakes(profile: Profile) -> Iterator[Mistake]:
    wanted = range(1, profile.settings_version)
    if not profile.settings_migrations:
        if wanted:
            problem = f"settings of earlier versions have no way to version {profile.settings_version}"
            cure = "name a table of version to function: settings_migrations = 'migrations.py:SETTINGS'"
            yield at(profile.file, "settings_migrations", problem, cure)
        return
    table, mistakes = load_file(profile, "settings_migrations", profile.settings_migrations)
    yield from mistakes
    if mistakes:
        return
    if not isinstance(table, dict) or not all(
        isinstance(version, int) and callable(function) for version, function in table.items()
    ):
        problem = (
            f"expected {profile.settings_migrations} to be a table of version to function, found {table!r}"
        )
        yield at(profile.file, "settings_migrations", problem, "write it as {1: from_1_to_2}")
        return
    file = profile.directory / profile.settings_migrations.rpartition(":")[0]
    for version in wanted:
        if version not in table:
            problem = f"there is no migration from version {version} to {version + 1}"
            cure = f"add {version}: a function that returns what version {version + 1} has in addition"
            yield at(file, profile.settings_migrations.rpartition(":")[2], problem, cure)


def _preset_mistakes(profile: Profile, schema: SettingsSchema) -> Iterator[Mistake]:
    chosen_by = profile.preset_setting
    if chosen_by and chosen_by not in schema.specs:
        problem = f"there is no setting {chosen_by!r}"
        yield at(profile.file, "preset_setting", problem, _cure_for_setting(schema, chosen_by))
        chosen_by = ""
    folder = profile.directory / DIRECTORY
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            content: Mapping[str, Any] = read_object(file)
        except JsonFileWrong as error:
            yield at(file, "", error.detail, "correct the file, or remove it")
            continue
        for path, problem in preset_problems(content, schema, chosen_by):
            cure = _cure_for_setting(schema, path) if path else "see docs/settings.md"
            problem = problem.removeprefix(f"{path}: ")
            yield at(file, f"settings.{path}" if path else "", problem, cure)


def _reference_mistakes(profile: Profile, schema: SettingsSchema) -> Iterator[Mistake]:
    for option, path, blocks in _references(profile):
        if path not in schema.specs:
            problem = f"there is no setting {path!r}"
            yield at(profile.file, option, problem, _cure_for_setting(schema, path), blocks=blocks)
    for number, pattern in enumerate(profile.allowlist or ()):
        if not any(matches([pattern], path) for path in schema.specs):
            problem = f"{pattern!r} matches no setting"
            cure = _cure_for_setting(schema, pattern.removesuffix(".*"))
            yield at(profile.file, f"allowlist[{number}]", problem, cure, blocks=False)


def _references(profile: Profile) -> Iterator[tuple[str, str, bool]]:
    """Option, dotted path, and whether nothing works without it, of all that refers to a setting."""
    shown = profile.readiness
    if shown.toast_setting != ReadinessTable().toast_setting:
        yield "readiness.toast_setting", shown.toast_setting, False
    if shown.locale_setting:
        yield "readiness.locale_setting", shown.locale_setting, False
    for category, table in shown.categories.items():
        if table.setting:
            yield f"readiness.categories.{category}.setting", table.setting, False
    for number, mode in enumerate(profile.modes):
        if mode.enabled_by:
            yield f"modes[{number}].enabled_by", mode.enabled_by, False


def _cure_for_setting(schema: SettingsSchema, path: str) -> str:
    import difflib

    known = [*schema.specs, *schema.sections]
    if path in schema.specs:
        return "give it a value that the schema takes"
    if near := difflib.get_close_matches(path, known, 1):
        return f"write {near[0]!r}, or declare it in {schema.source}"
    return f"declare it in {schema.source}, or remove it here"
