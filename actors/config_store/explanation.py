"""Says where the value of a setting comes from. Pure."""

from __future__ import annotations

from typing import Any, Final

from actors.config_store.dotted_paths import is_within
from actors.config_store.setting_changes import Configuration
from actors.config_store.setting_layers import LOCKABLE, Layer, winner_of
from schemas.config import SECRET_PLACEHOLDER, LayerName, SettingExplained, SettingLayer

NAMES: Final[dict[LayerName, str]] = {
    "profile": "the app's default",
    "preset": "the preset",
    "user": "what the user set",
    "environment": "the environment",
    "session": "what was set for this session",
    "policy": "the administrator's policy",
}


def explain(now: Configuration, path: str) -> list[SettingExplained]:
    """Every setting of a section, or one setting; empty if there is none of this path."""
    return [_explain(now, one) for one in now.effective if is_within(one, path)]


def _explain(now: Configuration, path: str) -> SettingExplained:
    spec = now.ground.schema.fields[path]
    winner = winner_of(now.layers, path)
    rows = [
        SettingLayer(
            layer="profile",
            source=now.ground.schema.source,
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
        is_locked=now.ground.locks(path),
        layers=rows,
    )


def _row(now: Configuration, layer: Layer, path: str, winner: LayerName) -> SettingLayer:
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
        problem = layer.rejected.get(path, "it does not fit")
        return SettingLayer(
            layer="user",
            source=source,
            is_set=True,
            value=_shown(now, path, now.set_aside[path]),
            problem=problem,
        )
    return SettingLayer(layer=layer.name, source=source, is_set=False, problem=layer.rejected.get(path, ""))


def _reason(now: Configuration, path: str, winner: LayerName, rows: list[SettingLayer]) -> str:
    row = next(row for row in rows if row.layer == winner)
    words = (
        f"{NAMES[winner]} wins ({row.source})"
        if winner != "profile"
        else "the app's default holds: no other layer has a value that counts"
    )
    beaten = [
        row.layer
        for row in rows
        if row.is_set and not row.wins and not row.problem and row.layer != "profile"
    ]
    if beaten:
        words += f", above {' and '.join(NAMES[layer] for layer in reversed(beaten))}"
    if now.ground.locks(path):
        words += f"; it is managed: values of {', '.join(LOCKABLE[:-1])} and {LOCKABLE[-1]} do not count"
    ignored = [row for row in rows if row.problem]
    return words + "".join(f"; {NAMES[row.layer]} does not count: {row.problem}" for row in ignored)


def _shown(now: Configuration, path: str, value: Any) -> Any:
    return SECRET_PLACEHOLDER if now.ground.is_secret(path) and value not in ("", None) else value
