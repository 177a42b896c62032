"""Writes the events of the clients, for Python, TypeScript and JavaScript, from the JSON Schema. Pure."""

from __future__ import annotations

import textwrap
from typing import Any, Final, TypeAlias

import msgspec

Schema: TypeAlias = dict[str, Any]

PYTHON_FILE: Final = "python/undercroft_client/events.py"
TYPESCRIPT_FILE: Final = "js/events.d.ts"
FIELDS_FILE: Final = "js/event_fields.js"
WIDTH: Final = 104
"""Columns of the text in a docstring."""

_PYTHON_NAMES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_TYPESCRIPT_NAMES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_NOTE = "Written by `undercroft contract --clients`; edits are overwritten."


def client_files(contract: Schema) -> dict[str, str]:
    """Path below `clients/` and content of each generated file.

    Args:
        contract: what `json_schema_export.json_schema` returns.
    """
    return {
        PYTHON_FILE: python_module(contract),
        TYPESCRIPT_FILE: typescript_declarations(contract),
        FIELDS_FILE: javascript_fields(contract),
    }


def python_module(contract: Schema) -> str:
    """A module of msgspec structs that needs nothing but `undercroft_client.event`."""
    definitions = _in_order(contract["$defs"])
    head = [
        f'"""Every event of the contract. {_NOTE}"""',
        "from __future__ import annotations",
        "from typing import Any, ClassVar, Literal",
        "import msgspec",
        "from undercroft_client.event import Event, Request",
        f'CONTRACT_VERSION = "{contract["x-version"]}"',
    ]
    events = "".join(
        f'    "{found["x-topic"]}": {name},\n' for name, found in definitions.items() if "x-topic" in found
    )
    tail = f'EVENTS: dict[str, type[Event]] = {{\n{events}}}\n"""Every event by its topic."""\n'
    source = (
        "\n\n".join(head)
        + "\n\n\n"
        + "\n\n".join(_python_class(name, found) for name, found in definitions.items())
    )
    return f"{source}\n\n{tail}"


def typescript_declarations(contract: Schema) -> str:
    """An interface for each event, their union, and maps from topics to events and to replies."""
    definitions = _in_order(contract["$defs"])
    events = {found["x-topic"]: name for name, found in definitions.items() if "x-topic" in found}
    replies = {found["x-topic"]: found["x-reply"] for found in definitions.values() if "x-reply" in found}
    parts = [f"// Every event of the contract, version {contract['x-version']}. {_NOTE}\n"]
    parts += [_typescript_interface(name, found) for name, found in definitions.items()]
    parts.append(
        "/** Topic to event. */\nexport interface EventOf {\n"
        + "".join(f'  "{topic}": {name};\n' for topic, name in events.items())
        + "}\n"
    )
    parts.append(
        "/** Topic of a request to its reply. */\nexport interface ReplyTo {\n"
        + "".join(f'  "{t}": {n};\n' for t, n in replies.items())
        + "}\n"
    )
    parts.append(
        "export type Topic = keyof EventOf;\n\n"
        "/** Any event; its `type` says which. */\nexport type AnyEvent = EventOf[Topic];\n"
    )
    return "\n".join(parts)


def javascript_fields(contract: Schema) -> str:
    """The fields of each event, so that a program without types hears of a misspelt one.

    A field that holds another structure, or a list of it, names it; a map of it stands in braces.
    """
    definitions = contract["$defs"]
    topics = {found["x-topic"]: name for name, found in definitions.items() if "x-topic" in found}
    structures = {
        name: {field: _javascript_kind(schema) for field, schema in found["properties"].items()}
        for name, found in definitions.items()
    }
    written = [
        f"{{ {', '.join(f'{field}: {_python_literal(kind)}' for field, kind in fields.items())} }}"
        for fields in structures.values()
    ]
    return (
        f"// The fields of every event of the contract. {_NOTE}\n\n"
        f'export const CONTRACT_VERSION = "{contract["x-version"]}";\n\n'
        "/** Topic to the structure of its event. */\nexport const TOPICS = {\n"
        + "".join(f'  "{topic}": "{name}",\n' for topic, name in topics.items())
        + "};\n\n/** Structure to its fields, and what they hold. */\nexport const STRUCTURES = {\n"
        + "".join(f"  {name}: {fields},\n" for name, fields in zip(structures, written, strict=True))
        + "};\n"
    )


def _in_order(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Sort definitions so that each comes after those that it refers to."""
    ordered: dict[str, Schema] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        found = definitions[name]
        for needed in [
            *_references(found["properties"]),
            *([found["x-reply"]] if "x-reply" in found else []),
        ]:
            visit(needed)
        ordered[name] = found

    for name in definitions:
        visit(name)
    return ordered


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
        return own + [name for value in schema.values() for name in _references(value)]
    if isinstance(schema, list):
        return [name for value in schema for name in _references(value)]
    return []


# -- Python


def _python_class(name: str, found: Schema) -> str:
    fields = {
        field: schema
        for field, schema in found["properties"].items()
        if field != "type" or "x-topic" not in found
    }
    lines = [
        _python_head(name, found),
        textwrap.indent(_python_docstring(found["description"], fields), "    "),
    ]
    if "x-retained-by" in found:
        lines.append(f'\n    retained_by: ClassVar[str | None] = "{found["x-retained-by"]}"')
    if fields:
        lines.append("")
    for field, schema in fields.items():
        default = f" = {_python_literal(schema['default'])}" if "default" in schema else ""
        lines.append(f"    {field}: {_python_type(schema)}{default}")
    return "\n".join(lines) + "\n"


def _python_head(name: str, found: Schema) -> str:
    if "x-topic" not in found:
        return f"class {name}(msgspec.Struct, frozen=True, kw_only=True):"
    base = f"Request[{found['x-reply']}]" if "x-reply" in found else "Event"
    return f'class {name}({base}, frozen=True, kw_only=True, tag="{found["x-topic"]}"):'


def _python_docstring(text: str, fields: Schema) -> str:
    described = {field: schema["description"] for field, schema in fields.items() if "description" in schema}
    paragraphs = _wrapped(text, "")
    if described:
        attributes = "\n".join(_wrapped(f"{field}: {words}", "    ") for field, words in described.items())
        paragraphs += "\n\nAttributes:\n" + textwrap.indent(attributes, "    ")
    return f'"""{paragraphs}\n"""' if "\n" in paragraphs else f'"""{paragraphs}"""'


def _python_type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_python_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return f"Literal[{', '.join(_python_literal(value) for value in schema['enum'])}]"
    match schema.get("type"):
        case "array":
            return f"list[{_python_type(schema.get('items', {}))}]"
        case "object":
            return f"dict[str, {_python_type(schema.get('additionalProperties', {}))}]"
        case None:
            return "Any"
        case name:
            return _PYTHON_NAMES[name]


def _python_literal(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, str) else repr(value)


# -- JavaScript


def _javascript_kind(schema: Schema) -> str:
    if schema.get("type") == "object":
        (*_, name) = ["", *_references(schema)]
        return f"{{{name}}}" if name else ""
    names = set(_references(schema))
    return names.pop() if len(names) == 1 else ""


# -- TypeScript


def _typescript_interface(name: str, found: Schema) -> str:
    lines = [_typescript_comment(found["description"], ""), f"export interface {name} {{"]
    for field, schema in found["properties"].items():
        if "description" in schema:
            lines.append(_typescript_comment(schema["description"], "  "))
        optional = "?" if "default" in schema else ""
        lines.append(f"  {field}{optional}: {_typescript_type(schema)};")
    return "\n".join([*lines, "}\n"])


def _typescript_comment(text: str, indent: str) -> str:
    wrapped = textwrap.indent(_wrapped(text, ""), f"{indent} * ", lambda line: True)
    if "\n" not in wrapped:
        return f"{indent}/** {wrapped.strip(' *')} */"
    return f"{indent}/**\n{wrapped}\n{indent} */".replace(" * \n", " *\n")


def _typescript_type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return msgspec.json.encode(schema["const"]).decode()
    if "anyOf" in schema:
        return " | ".join(_typescript_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(msgspec.json.encode(value).decode() for value in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"Array<{_typescript_type(schema.get('items', {}))}>"
        case "object":
            return f"Record<string, {_typescript_type(schema.get('additionalProperties', {}))}>"
        case None:
            return "unknown"
        case name:
            return _TYPESCRIPT_NAMES[name]


def _wrapped(text: str, hanging: str) -> str:
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        "\n".join(textwrap.wrap(paragraph, WIDTH, subsequent_indent=hanging)) for paragraph in paragraphs
    )
