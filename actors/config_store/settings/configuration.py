"""The settings of an app at one moment, and how they follow from the stored overrides. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from actors.config_store.dotted_paths import nest
from actors.config_store.settings.setting_layers import merge, stack_layers, without_references
from actors.config_store.settings.settings_context import LayerValues, SettingsContext
from schemas.config import SettingProblem

PROBLEM_LIMIT: Final = 100


@dataclass(frozen=True)
class Configuration:
    """The settings of an app at one moment.

    Attributes:
        context: what requests do not change.
        overrides: dotted path to value, as the user set it; secrets as references.
        set_aside: stored overrides that are not in effect: unknown, not allowed or out of range. They stay in
            the file, because another version of the app may know them.
        session: dotted path to value, what holds until the store ends; never stored.
        layers: all layers, the lowest first.
        merged: dotted path to the value of the highest layer that has one.
        effective: dotted path to value, for every setting; secrets masked.
        settings: the same, nested by section.
        revision: counts the changes.
    """

    context: SettingsContext
    overrides: Mapping[str, Any] = field(default_factory=dict)
    set_aside: Mapping[str, Any] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict, repr=False)
    layers: tuple[LayerValues, ...] = ()
    merged: Mapping[str, Any] = field(default_factory=dict, repr=False)
    effective: Mapping[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    revision: int = 0

    @property
    def stored(self) -> dict[str, Any]:
        """What belongs on disk."""
        return {**self.set_aside, **self.overrides}

    @cached_property
    def fingerprint(self) -> str:
        """Identifies what belongs on disk."""
        return hashlib.sha256(json.dumps(self.stored, sort_keys=True).encode()).hexdigest()[:32]


def load(
    context: SettingsContext, stored: Mapping[str, Any], session: Mapping[str, Any] | None = None
) -> tuple[Configuration, list[SettingProblem]]:
    """Combine stored overrides with the other layers.

    A value that does not fit is dropped alone, reported, and set aside.
    """
    layers, problems = stack_layers(context, stored, session or {})
    user = next(layer.values for layer in layers if layer.name == "user")
    merged = merge(layers)
    found = context.schema.validate(without_references(context, merged))
    if found.problems:  # the preset does not go together with the other values
        layers = tuple(
            replace(layer, values={}, rejected=dict.fromkeys(layer.values, found.problems[0].problem))
            if layer.name == "preset"
            else layer
            for layer in layers
        )
        problems += found.problems
        merged = merge(layers)
        found = context.schema.validate(without_references(context, merged))
    effective = effective_values(context, merged, found.effective)
    return Configuration(
        context,
        overrides=dict(user),
        set_aside={path: value for path, value in stored.items() if path not in user},
        session=dict(next(layer.values for layer in layers if layer.name == "session")),
        layers=layers,
        merged=merged,
        effective=effective,
        settings=nest(effective),
    ), problems[:PROBLEM_LIMIT]


def effective_values(
    context: SettingsContext, merged: Mapping[str, Any], validated: Mapping[str, Any]
) -> dict[str, Any]:
    """Every setting as it may be shown, secrets included: a secret in the keychain has no validated value."""
    return context.mask_effective(merged, {**validated, **dict.fromkeys(context.secrets)})
