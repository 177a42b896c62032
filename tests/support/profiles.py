"""Profiles for tests: `profile.toml` with children, and the settings, models and modules beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from schemas.manifest import Manifest, ModelEntry

Child = str | Mapping[str, Any]
"""A bundled actor by its name, or the options of any child."""

MANY_RESTARTS = 1000
"""Intensity of an actor that is killed over and over."""

COUNTERS = """
from pydantic import BaseModel, Field


class Counters(BaseModel):
    first: int = 0
    second: int = 0


class Settings(BaseModel):
    counters: Counters = Field(default_factory=Counters)
"""


def bundled(name: str, **options: Any) -> dict[str, Any]:
    """The options of an actor that comes with Undercroft."""
    needs = {"depends_on": ["model_verifier"]} if name == "model_downloader" else {}
    return {"name": name, "entry": f"actors.{name}:build", **needs, **options}


def write_profile(
    directory: Path,
    *children: Child,
    top: Mapping[str, Any] | None = None,
    settings: str = "",
    models: Iterable[ModelEntry] | None = None,
    tables: str = "",
    modules: Mapping[str, str] | None = None,
) -> Path:
    """Write a profile named `probe`; returns its directory.

    Args:
        directory: is created if it does not exist.
        children: in this order. The modules of an app are looked for in the directory itself.
        top: further top-level keys.
        settings: source of `settings.py` with a model `Settings`; empty for a profile without settings.
        models: what `models.json` lists; None for a profile without models.
        tables: further tables as TOML.
        modules: sources of further files, by name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    keys: dict[str, Any] = {"name": "probe"}
    files = dict(modules or {})
    if settings:
        keys["settings"] = "settings.py:Settings"
        files["settings.py"] = settings
    if models is not None:
        keys["models"] = "models.json"
        files["models.json"] = msgspec.json.encode(Manifest(format=1, models=list(models))).decode()
    parts = [_toml({**keys, **(top or {})}), *(f"[[children]]\n{_toml(_options(one))}" for one in children)]
    files["profile.toml"] = "\n\n".join([*parts, tables])
    for name, content in files.items():
        (directory / name).write_text(content, encoding="utf-8")
    return directory


def write_counter_profile(
    directory: Path, models: Iterable[ModelEntry], *children: Child, tables: str = ""
) -> Path:
    """Write a profile with two counters as settings, models, the actors that serve them, and children."""
    stores = [
        bundled(name, intensity=MANY_RESTARTS)
        for name in ("config_store", "model_verifier", "model_downloader")
    ]
    return write_profile(directory, *stores, *children, settings=COUNTERS, models=models, tables=tables)


def _options(child: Child) -> Mapping[str, Any]:
    if isinstance(child, str):
        return bundled(child)
    is_of_app = not str(child.get("entry", "actors.")).startswith("actors.")
    return {**child, **({"path": "."} if is_of_app and "path" not in child else {})}


def _toml(options: Mapping[str, Any]) -> str:
    """Strings, numbers, booleans and lists of them look the same in TOML and JSON."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in options.items())
