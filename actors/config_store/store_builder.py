"""Builds the store of a profile: reads everything that the profile declares, and `config.json`."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from actors.config_store.actor import ConfigStore
from actors.config_store.files.admin_policy import AdminPolicy, policy_path, read_policy
from actors.config_store.files.config_file import ConfigFile
from actors.config_store.files.presets import read_presets
from actors.config_store.files.setting_migrations import load_migrations
from actors.config_store.json_object import JsonFileWrong
from actors.config_store.schema.schema_loader import load_schema
from actors.config_store.secret_readers import SecretReaders
from actors.config_store.setting_secrets import SettingSecrets
from actors.config_store.settings import setting_variables
from actors.config_store.settings.settings_context import SettingsContext
from actors.shared.durable.quarantine import claim_directory
from schemas.config import SettingProblem

if TYPE_CHECKING:
    from actors.shared.context import ActorContext

FILE_NAME: Final = "config.json"


def build_store(context: ActorContext) -> ConfigStore:
    """The store of the context's profile. A faulty policy is reported; the store starts without it.

    Raises:
        ProfileError: the profile declares no settings, or they cannot be imported.
        SettingsSchemaWrong: the settings are not valid.
        JsonFileWrong: a preset is not valid.
        MigrationFailed: the profile names no table of migrations.
    """
    profile, path = context.profile, context.locations.config / FILE_NAME
    schema = load_schema(profile)
    variables, problems = setting_variables.read(schema, os.environ)
    with contextlib.suppress(OSError):  # each write says so again
        if (aside := claim_directory(path.parent)) is not None:
            words = f"something else had the name of the directory; it was renamed to {aside.name}"
            problems.append(SettingProblem(path=str(path.parent), problem=words))
    policy_file = policy_path(profile.policy, profile.name, path.parent)
    try:
        policy = read_policy(policy_file, schema)
    except JsonFileWrong as error:
        policy = AdminPolicy(str(policy_file))
        problems.append(SettingProblem(path=str(policy_file), problem=str(error)))
    settings = SettingsContext(
        schema=schema,
        allowlist=profile.allowlist,
        presets=read_presets(profile.directory, schema, profile.preset_setting),
        preset_setting=profile.preset_setting,
        environment=variables,
        policy=policy,
        file=str(path),
    )
    file = ConfigFile(path, profile.settings_version, load_migrations(profile))
    secrets = SettingSecrets.for_app(profile.name, SecretReaders.of_profile(profile))
    return ConfigStore(context, settings, file, secrets, policy_file, problems=tuple(problems))
