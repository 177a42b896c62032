"""Explains where the value of a setting comes from. Pure."""

from __future__ import annotations

from typing import Any, Final

from actors.config_store.dotted_paths import is_within
from actors.config_store.schema.plain_values import is_plain
from actors.config_store.settings.configuration import Configuration
from actors.config_store.settings.setting_layers import LOCKABLE, winner_of
from actors.config_store.settings.settings_context import LayerValues, is_set
from schemas.config import SECRET_PLACEHOLDER, LayerName, SettingExplained, SettingLayer

NAMES: Final[dict[LayerName, str]] = {
    "profile": "the app's default",
    "preset": "the preset",
    "user": "the user's value",
    "environment": "the environment",
    "session": "the value for this session",
    "policy": "the administrator's policy",
}


def explain(now: Configuration, path: str) -> list[SettingExplained]:
    """Explain one setting, or each setting of a section; empty if there is none of this path."""
    return [_explain(now, one) for one in now.effective if is_within(one, path)]


def _explain(now: Configuration, path: str) -> SettingExplained:
    spec = now.context.schema.specs[path]
    winner = winner_of(now.layers, path)
    rows = [
        SettingLayer(
            layer="profile",
            source=now.context.schema.source,
            is_set=True,
            value=_shown(now, path, spec.default),
            wins=winner == "profile",
        )
    ]
    rows += [_row(now, layer, path, winner) for layer in now.layers]
    return SettingExplained(
        path=path,
        title=spec.title,
        value=now.effective[path],
        winner=winner,
        reason=_reason(now, path, winner, rows),
        is_locked=now.context.locks(path),
        layers=rows,
    )


def _row(now: Configuration, layer: LayerValues, path: str, winner: LayerName) -> SettingLayer:
    source = layer.sources.get(path, layer.source)
    if path in layer.values:
        return SettingLayer(
            layer=layer.name,
            source=source,
            is_set=True,
            value=_shown(now, path, layer.values[path]),
            wins=winner == layer.name,
        )
    if layer.name == "user" and path in now.set_aside:
        return SettingLayer(
            layer="user",
            source=source,
            is_set=True,
            value=_shown(now, path, now.set_aside[path]) if is_plain(now.set_aside[path]) else None,
            problem=layer.rejected.get(path, "it does not fit"),
        )
    return SettingLayer(layer=layer.name, source=source, is_set=False, problem=layer.rejected.get(path, ""))


def _reason(now: Configuration, path: str, winner: LayerName, rows: list[SettingLayer]) -> str:
    source = next(row.source for row in rows if row.layer == winner)
    words = f"{NAMES[winner]} wins ({source})"
    if winner == "profile":
        words = "the app's default applies: no other layer has a valid value"
    beaten = [
        row.layer
        for row in rows
        if row.is_set and not row.wins and not row.problem and row.layer != "profile"
    ]
    if beaten:
        words += f", over {' and '.join(NAMES[layer] for layer in reversed(beaten))}"
    if now.context.locks(path):
        words += f"; it is managed: values of {', '.join(LOCKABLE[:-1])} and {LOCKABLE[-1]} do not count"
    ignored = [row for row in rows if row.problem]
    return words + "".join(f"; {NAMES[row.layer]} does not count: {row.problem}" for row in ignored)


def _shown(now: Configuration, path: str, value: Any) -> Any:
    return SECRET_PLACEHOLDER if now.context.is_secret(path) and is_set(value) else value
