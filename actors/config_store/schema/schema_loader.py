"""Loads the settings schema that a profile names: a pydantic model or a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.config_store.json_object import JsonFileWrong, read_json
from actors.config_store.schema.settings_schema import SettingsSchema, SettingsSchemaWrong

if TYPE_CHECKING:
    from actors.shared.profile.profile import Profile


def load_schema(profile: Profile) -> SettingsSchema:
    """The settings that a profile declares. Imports only the library that it needs.

    Raises:
        ProfileError: the profile declares none, or the model cannot be imported.
        SettingsSchemaWrong: the schema is not valid, or a setting has no valid default.
    """
    path = profile.directory / profile.settings
    if not profile.settings.endswith(".json"):
        from actors.config_store.schema.pydantic_schema import PydanticSchema

        return PydanticSchema(profile.load_settings(), str(path))
    from actors.config_store.schema.json_schema import JsonSchema

    try:
        return JsonSchema(read_json(path), str(path))
    except JsonFileWrong as error:
        raise SettingsSchemaWrong(error.path, "", error.detail) from error
