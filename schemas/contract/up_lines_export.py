"""Writes the lines of `undercroft up --json` as JSON Schema (2020-12). Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.contract.json_schema_export import CONTRACT_VERSION, DIALECT, TITLE, Json, described
from schemas.operations.up_lines import UP_LINES

UP_LINES_FILE: Final = "undercroft.up-lines.schema.json"


def up_lines_schema() -> Json:
    """JSON Schema of any line, distinguished by its `type`; `$defs` has them all."""
    _, definitions = msgspec.json.schema_components(UP_LINES, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        summary, fields = described(definition.get("description", ""))
        definition["description"] = summary
        for name, text in fields.items():
            definition["properties"][name] = {"description": text, **definition["properties"][name]}
    for line in UP_LINES:
        if tag := line.__struct_config__.tag:
            definitions[line.__name__]["properties"]["type"] = {"const": tag}
    return {
        "$schema": DIALECT,
        "title": f"{TITLE} up --json",
        "description": "Each line of the stdout of `undercroft up --json`. A reader skips types and fields "
        "that it does not know. The `type` of an error is its name.",
        "x-version": CONTRACT_VERSION,
        "anyOf": [{"$ref": f"#/$defs/{line.__name__}"} for line in UP_LINES],
        "$defs": dict(sorted(definitions.items())),
    }
