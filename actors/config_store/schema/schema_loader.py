"""Loads the settings schema that a profile names: a pydantic model or a JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.config_store.json_object import JsonFileWrong, read_json
from actors.config_store.schema.settings_schema import SettingsSchema, SettingsSchemaWrong
from actors.shared.profile.profile import PROFILE_NAME

if TYPE_CHECKING:
    from pydantic import BaseModel

    from actors.shared.profile.profile import Profile


def load_schema(profile: Profile) -> SettingsSchema:
    """The settings that a profile declares. Imports only the library that it needs.

    Raises:
        ProfileError: the profile declares none, or the model cannot be imported.
        SettingsSchemaWrong: the schema is not valid, or a setting has no valid default.
    """
    path = profile.directory / (profile.settings or PROFILE_NAME)
    if not profile.settings.endswith(".json"):
        is_declared = profile.settings or not profile.settings_of
        return model_schema(profile.load_settings() if is_declared else None, profile.settings_of, path)
    try:
        return file_schema(read_json(path), profile.settings_of, path)
    except JsonFileWrong as error:
        raise SettingsSchemaWrong(error.path, "", error.detail) from error


def model_schema(model: type[BaseModel] | None, sections: Sequence[str], path: Path) -> SettingsSchema:
    """The settings of a pydantic model, and of bundled actors.

    Args:
        model: of the app; None if it has no settings of its own.
        sections: names of the settings of bundled actors.
        path: where the model is declared; for people.

    Raises:
        SettingsSchemaWrong: see `load_schema`.
    """
    from actors.config_store.schema.pydantic_schema import PydanticSchema

    if not sections:
        assert model is not None, "the profile declares settings"
        return PydanticSchema(model, str(path))
    from actors.shared.profile.actor_settings import declared_twice, extended_model

    if problem := declared_twice(model.model_fields if model else (), sections):
        raise SettingsSchemaWrong(str(path), "", problem)
    return PydanticSchema(extended_model(model, sections), str(path))


def file_schema(content: Any, sections: Sequence[str], path: Path) -> SettingsSchema:
    """The settings of a JSON Schema, and of bundled actors.

    Raises:
        SettingsSchemaWrong: see `load_schema`.
    """
    from actors.config_store.schema.json_schema import JsonSchema

    properties = content.get("properties", {}) if isinstance(content, dict) else None
    if not sections or not isinstance(properties, dict):
        return JsonSchema(content, str(path))
    from actors.shared.profile.actor_settings import declared_twice, extended_schema

    if problem := declared_twice(properties, sections):
        raise SettingsSchemaWrong(str(path), "", problem)
    return JsonSchema(extended_schema(content, sections), str(path))
