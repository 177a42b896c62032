"""Decides which value of a setting counts when several layers have one. Pure.

From lowest to highest: the app's defaults, a preset, the user's overrides, the environment of the process,
the session, and the administrator's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from actors.config_store.dotted_paths import is_within
from actors.config_store.schema.plain_values import NOT_PLAIN, is_plain
from actors.config_store.settings.settings_context import LayerValues, SettingsContext, is_set
from schemas.config import LayerName, SettingProblem

REFERENCE: Final = "$secret"
"""Key of the object that stands for a secret in `config.json`; its value names the entry in the keychain."""

LOCKABLE: Final = ("user", "environment", "session")
"""Layers whose values do not count for a setting that the policy locks."""


def is_reference(value: Any) -> bool:
    """Whether a value stands for a secret that the keychain keeps."""
    return isinstance(value, dict) and value.keys() == {REFERENCE} and isinstance(value[REFERENCE], str)


def merge(layers: Iterable[LayerValues]) -> dict[str, Any]:
    """Dotted path to the value of the highest layer that has one.

    Args:
        layers: the lowest first.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer.values)
    return merged


def winner_of(layers: Iterable[LayerValues], path: str) -> LayerName:
    """The highest layer that has a value for a setting."""
    winner: LayerName = "profile"
    for layer in layers:
        if path in layer.values:
            winner = layer.name
    return winner


def without_references(context: SettingsContext, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a schema can validate: a secret in the keychain was validated when it was set."""
    found = dict(values)
    for path in context.secrets:
        if is_reference(found.get(path)):
            del found[path]
    return found


def stack_layers(
    context: SettingsContext, stored: Mapping[str, Any], session: Mapping[str, Any]
) -> tuple[tuple[LayerValues, ...], list[SettingProblem]]:
    """Put all layers on top of each other; a value that does not fit is dropped alone and reported.

    Higher layers are accepted first: if two values do not go together, the lower one is dropped.

    Args:
        context: schema, presets, environment and policy.
        stored: what the user set, by dotted path.
        session: what holds until the store ends, by dotted path.

    Returns:
        The layers, lowest first, and the problems.
    """
    above: dict[str, Any] = {}
    layers: list[LayerValues] = []
    problems: list[SettingProblem] = []
    for layer in (
        LayerValues("policy", context.policy.source, context.policy.values),
        LayerValues("session", "session", session),
        context.environment,
        LayerValues("user", context.file, stored),
    ):
        accepted, rejected = _accept(context, layer, above)
        layers.append(
            LayerValues(layer.name, layer.source, accepted, {**layer.rejected, **rejected}, layer.sources)
        )
        above = {**accepted, **above}
        problems += [SettingProblem(path=path, problem=words) for path, words in rejected.items()]
    preset, wrong = preset_layer(context, above)
    layers.append(preset)
    return tuple(reversed(layers)), problems + wrong


def preset_layer(
    context: SettingsContext, merged: Mapping[str, Any]
) -> tuple[LayerValues, list[SettingProblem]]:
    """The layer of the preset that the settings choose, and why there is no such preset.

    Args:
        context: has the presets.
        merged: the values of the layers above.
    """
    nothing = LayerValues("preset", "presets")
    if not context.preset_setting:
        return nothing, []
    name = merged.get(context.preset_setting, context.schema.specs[context.preset_setting].default)
    if not name:
        return nothing, []
    preset = context.presets.get(name)
    if preset is None:
        names = ", ".join(sorted(context.presets)) or "none"
        words = f"there is no preset {str(name)[:100]!r}; expected one of {names}, or an empty text"
        return nothing, [SettingProblem(path=context.preset_setting, problem=words)]
    return LayerValues("preset", f"preset {preset.name}", preset.values), []


def _accept(
    context: SettingsContext, layer: LayerValues, above: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of a layer that are valid, alone and below the higher layers; and why the others are not."""
    rejected = {
        path: words
        for path, value in sorted(layer.values.items())
        if (words := _problem_of(context, layer.name, path, value))
    }
    candidates = {path: value for path, value in layer.values.items() if path not in rejected}
    for higher in ({}, above):
        while candidates:
            found = context.schema.validate(without_references(context, {**candidates, **higher})).problems
            if not found:
                break
            wrong = {
                path: next((one for one in found if _concerns(one.path, path)), None) for path in candidates
            }
            named = {path: one.problem for path, one in wrong.items() if one is not None} or dict.fromkeys(
                candidates, found[0].problem
            )
            rejected |= named
            candidates = {path: value for path, value in candidates.items() if path not in named}
    return candidates, rejected


def _problem_of(context: SettingsContext, name: LayerName, path: str, value: Any) -> str:
    """Why a value of a layer does not count, whatever the schema says about it; empty if it may."""
    words = context.path_problem(path)
    if not words and name in LOCKABLE and context.locks(path):
        words = f"it is managed by {context.policy.source}"
    if not words and name == "user":
        words = context.user_problem(path) or _plain_secret_problem(context, path, value)
    if not words and not is_plain(value):
        words = NOT_PLAIN
    return words


def _concerns(problem: str, path: str) -> bool:
    return is_within(problem, path) or is_within(path, problem)


def _plain_secret_problem(context: SettingsContext, path: str, value: Any) -> str:
    if context.is_secret(path) and not is_reference(value) and is_set(value):
        return f"{context.file} must not contain a secret; set it with 'undercroft config secret {path}'"
    return ""
