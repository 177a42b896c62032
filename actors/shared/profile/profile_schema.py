"""Writes the tables of `profile.toml` as JSON Schema (2020-12), for editors. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.shared.profile.profile_tables import ProfileFile
from schemas.contract.json_schema_export import DIALECT, TITLE, Json, described

PROFILE_FILE: Final = "undercroft.profile.schema.json"


def profile_schema() -> Json:
    """JSON Schema of a parsed `profile.toml`; `$defs` has its tables. No others are allowed."""
    (root,), definitions = msgspec.json.schema_components([ProfileFile], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        summary, fields = described(definition.get("description", ""))
        definition["description"] = summary
        for name, text in fields.items():
            if name in definition["properties"]:
                definition["properties"][name] = {"description": text, **definition["properties"][name]}
    return {
        "$schema": DIALECT,
        "title": f"{TITLE} profile.toml",
        "description": "What an app declares. docs/profiles.md shows each table; `undercroft check` "
        "judges the files that it names as well.",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }
