"""Everything about the settings that requests do not change: schema, presets, environment, policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from actors.config_store.dotted_paths import matches
from actors.config_store.files.admin_policy import AdminPolicy
from actors.config_store.files.presets import Preset
from actors.config_store.schema.settings_schema import SettingsSchema, unknown_setting
from schemas.config import SECRET_PLACEHOLDER, LayerName


@dataclass(frozen=True)
class LayerValues:
    """The values of one layer.

    Attributes:
        source: where they are kept; for people.
        values: dotted path to value; only those that count.
        rejected: dotted path to why a value of this layer does not count.
        sources: dotted path to its own source, if that is not the layer's.
    """

    name: LayerName
    source: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    rejected: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SettingsContext:
    """What every request is judged against.

    Attributes:
        schema: which settings exist, and which values they take.
        allowlist: patterns of what a user may change; None: everything.
        presets: by name.
        preset_setting: dotted path of the setting that names the preset; empty: there is none.
        environment: values from variables of the process.
        policy: what the administrator forces and locks.
        file: where the user's overrides are stored; for people.
    """

    schema: SettingsSchema
    allowlist: tuple[str, ...] | None = None
    presets: Mapping[str, Preset] = field(default_factory=dict)
    preset_setting: str = ""
    environment: LayerValues = field(default_factory=lambda: LayerValues("environment", "environment"))
    policy: AdminPolicy = field(default_factory=AdminPolicy)
    file: str = "config.json"

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Dotted paths of the settings whose values are never shown."""
        return frozenset(path for path, spec in self.schema.specs.items() if spec.is_secret)

    def is_secret(self, path: str) -> bool:
        """Whether the value of a setting is never shown."""
        return path in self.secrets

    def locks(self, path: str) -> bool:
        """Whether only the policy decides about a setting."""
        return self.policy.locks(path)

    def allows(self, path: str) -> bool:
        """Whether a user may change a setting."""
        return not self.user_problem(path)

    def path_problem(self, path: str) -> str:
        """Why there is no such setting; empty if there is."""
        return unknown_setting(self.schema, path)

    def user_problem(self, path: str) -> str:
        """Why a user may not change a setting that exists; empty if it may be changed."""
        if self.locks(path):
            words = f"{path} is managed by {self.policy.source} and cannot be changed here"
            return f"{words}: {self.policy.message}" if self.policy.message else words
        if not self.schema.specs[path].is_user:
            return f"{path} cannot be changed by the user: the app does not allow it"
        if self.allowlist is not None and not matches(self.allowlist, path):
            return f"{path} cannot be changed by the user: it is not in the profile's allowlist"
        return ""

    def mask(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with a placeholder for each secret that is set."""
        return {
            **values,
            **{path: SECRET_PLACEHOLDER for path in self.secrets if is_set(values.get(path, ""))},
        }

    def mask_effective(self, merged: Mapping[str, Any], validated: Mapping[str, Any]) -> dict[str, Any]:
        """What the schema made of some settings, with secrets masked.

        Args:
            merged: dotted path to the value of the highest layer.
            validated: dotted path to the value that is in effect.
        """
        shown = dict(validated)
        for path in self.secrets & shown.keys():
            default = self.schema.specs[path].default
            shown[path] = SECRET_PLACEHOLDER if is_set(merged.get(path, default)) else default
        return shown


def is_set(secret: Any) -> bool:
    """Whether a secret has a value."""
    return secret not in ("", None)
