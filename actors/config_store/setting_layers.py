"""Which value of a setting counts, of those that several layers have. Pure.

From the lowest to the highest: the app's defaults, a packaged preset, what the user set, the environment of
the process, what holds for this session, and the administrator's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from actors.config_store.dotted_paths import is_within, matches
from actors.config_store.schema.settings_schema import SettingsSchema, is_plain
from schemas.config import SECRET_PLACEHOLDER, LayerName, SettingProblem

REFERENCE: Final = "$secret"
LOCKABLE: Final = ("user", "environment", "session")
"""Layers whose values do not count where the policy locks a setting."""


@dataclass(frozen=True)
class Layer:
    """The values of one layer.

    Attributes:
        source: where they are kept; for people.
        values: dotted path to value; those that count.
        rejected: dotted path to why a value of this layer does not count.
        sources: dotted path to a source of its own, where it is not that of the layer.
    """

    name: LayerName
    source: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    rejected: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """A packaged set of values."""

    name: str
    title: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Managed:
    """What the administrator's policy file says.

    Attributes:
        values: dotted path to the value that is forced.
        locked: patterns of settings that nobody below may change, even where no value is forced.
        message: whom to ask; told with every refusal.
    """

    source: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    locked: tuple[str, ...] = ()
    message: str = ""

    def locks(self, path: str) -> bool:
        """Whether neither user nor environment nor session decide about this setting."""
        return path in self.values or matches(self.locked, path)


@dataclass(frozen=True)
class Ground:
    """What requests do not change.

    Attributes:
        allowlist: patterns of what a user may change; None: all.
        preset_setting: dotted path of the setting that names the preset; empty: presets cannot be chosen.
        file: where the user's overrides are kept; for people.
    """

    schema: SettingsSchema
    allowlist: tuple[str, ...] | None = None
    presets: Mapping[str, Preset] = field(default_factory=dict)
    preset_setting: str = ""
    environment: Layer = field(default_factory=lambda: Layer("environment", "environment"))
    managed: Managed = field(default_factory=Managed)
    file: str = "config.json"

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Dotted paths of the settings whose values are never shown."""
        return frozenset(path for path, spec in self.schema.fields.items() if spec.is_secret)

    def is_secret(self, path: str) -> bool:
        """Whether the value of a setting is never shown."""
        return path in self.secrets

    def locks(self, path: str) -> bool:
        """Whether the policy alone decides about a setting."""
        return self.managed.locks(path)

    def allows(self, path: str) -> bool:
        """Whether a user may change a setting."""
        return not user_problem(self, path)


def is_reference(value: Any) -> bool:
    """Whether a value stands for a secret that is kept elsewhere."""
    return isinstance(value, dict) and value.keys() == {REFERENCE} and isinstance(value[REFERENCE], str)


def resolve(layers: Iterable[Layer]) -> dict[str, Any]:
    """Dotted path to the value of the highest layer that has one; the layers come lowest first."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer.values)
    return merged


def winner_of(layers: Iterable[Layer], path: str) -> LayerName:
    """The highest layer that has a value for a setting."""
    winner: LayerName = "profile"
    for layer in layers:
        if path in layer.values:
            winner = layer.name
    return winner


def visible(ground: Ground, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every secret that is set hidden."""
    return {
        **values,
        **{path: SECRET_PLACEHOLDER for path in ground.secrets if values.get(path, "") not in ("", None)},
    }


def effective_of(ground: Ground, merged: Mapping[str, Any], judged: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting as it may be told: what the schema made of the values, with secrets hidden."""
    return hidden(ground, merged, {**judged, **dict.fromkeys(ground.secrets)})


def hidden(ground: Ground, merged: Mapping[str, Any], judged: Mapping[str, Any]) -> dict[str, Any]:
    """Some settings as they may be told: what the schema made of the values, with secrets hidden."""
    told = dict(judged)
    for path in ground.secrets & told.keys():
        default = ground.schema.fields[path].default
        told[path] = SECRET_PLACEHOLDER if merged.get(path, default) not in ("", None) else default
    return told


def open_values(ground: Ground, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a schema can judge: a secret that is kept elsewhere was judged when it was set."""
    found = dict(values)
    for path in ground.secrets:
        if is_reference(found.get(path)):
            del found[path]
    return found


def lay(
    ground: Ground, stored: Mapping[str, Any], session: Mapping[str, Any]
) -> tuple[tuple[Layer, ...], list[SettingProblem]]:
    """Lay all layers over each other. A value that does not fit falls back alone and is reported; what is higher is asked first.

    Returns the layers, lowest first, and the problems.
    """
    above: dict[str, Any] = {}
    layers: list[Layer] = []
    problems: list[SettingProblem] = []
    managed = Layer("policy", ground.managed.source, ground.managed.values)
    for layer in (
        managed,
        Layer("session", "session", session),
        ground.environment,
        Layer("user", ground.file, stored),
    ):
        accepted, rejected = _accept(ground, layer, above)
        layers.append(
            Layer(layer.name, layer.source, accepted, {**layer.rejected, **rejected}, layer.sources)
        )
        above = {**accepted, **above}
        problems += [SettingProblem(path=path, problem=words) for path, words in rejected.items()]
    preset, wrong = preset_of(ground, above)
    layers.append(preset)
    return tuple(reversed(layers)), problems + wrong


def preset_of(ground: Ground, merged: Mapping[str, Any]) -> tuple[Layer, list[SettingProblem]]:
    """The layer of the preset that the settings choose."""
    if not ground.preset_setting:
        return Layer("preset", "presets"), []
    spec = ground.schema.fields[ground.preset_setting]
    name = merged.get(ground.preset_setting, spec.default)
    if not name:
        return Layer("preset", "presets"), []
    preset = ground.presets.get(name)
    if preset is None:
        words = f"there is no preset {str(name)[:100]!r}; expected one of {', '.join(sorted(ground.presets)) or 'none'}, or nothing"
        return Layer("preset", "presets"), [SettingProblem(path=ground.preset_setting, problem=words)]
    return Layer("preset", f"preset {preset.name}", preset.values), []


def path_problem(ground: Ground, path: str) -> str:
    """Why there is no such setting; empty if there is."""
    if path in ground.schema.fields:
        return ""
    sections = sorted({known.split(".")[0] for known in ground.schema.fields})
    return f"there is no setting {path[:200]!r}; sections are {', '.join(sections)}"


def user_problem(ground: Ground, path: str) -> str:
    """Why a user may not change a setting; empty if it may be changed."""
    if ground.locks(path):
        words = f"{path} is managed by {ground.managed.source} and cannot be changed here"
        return f"{words}: {ground.managed.message}" if ground.managed.message else words
    if not ground.schema.fields[path].is_user:
        return f"{path} may not be changed by the user; the app declares it so"
    if ground.allowlist is not None and not matches(ground.allowlist, path):
        return f"{path} may not be changed by the user; the profile's allowlist does not name it"
    return ""


def _accept(ground: Ground, layer: Layer, above: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of a layer that fit, each for itself and below what is higher; and why the others do not."""
    rejected: dict[str, str] = {}
    for path, value in sorted(layer.values.items()):
        words = path_problem(ground, path) or _lock_problem(ground, layer.name, path)
        if not words and layer.name == "user":
            words = user_problem(ground, path) or _reference_problem(ground, path, value)
        if not words and not is_plain(value):
            words = "the value cannot be kept: expected what JSON knows, with integers of 64 bits"
        if words:
            rejected[path] = words
    candidates = {path: value for path, value in layer.values.items() if path not in rejected}
    for higher in ({}, above):
        while candidates:
            found = ground.schema.judge(open_values(ground, {**candidates, **higher})).problems
            if not found:
                break
            wrong = {
                path: next((one for one in found if _touches(one.path, path)), None) for path in candidates
            }
            named = {path: one.problem for path, one in wrong.items() if one is not None} or dict.fromkeys(
                candidates, found[0].problem
            )
            rejected |= named
            candidates = {path: value for path, value in candidates.items() if path not in named}
    return candidates, rejected


def _touches(problem: str, path: str) -> bool:
    return is_within(problem, path) or is_within(path, problem)


def _lock_problem(ground: Ground, name: LayerName, path: str) -> str:
    return f"it is managed by {ground.managed.source}" if name in LOCKABLE and ground.locks(path) else ""


def _reference_problem(ground: Ground, path: str, value: Any) -> str:
    if ground.is_secret(path) and not is_reference(value) and value not in ("", None):
        return f"a secret does not stand in {ground.file}; set it with 'undercroft config secret {path}'"
    return ""
