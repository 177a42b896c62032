"""Writes settings as TOML 1.0, which the standard library can only read. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from actors.cli.terminal import escaped_json

BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def render(settings: Mapping[str, Any]) -> str:
    """Nested settings as TOML. A setting without a value becomes a comment: TOML has no null."""
    return "\n".join(_table(settings, ())).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {name: value for name, value in table.items() if isinstance(value, Mapping) and value}
    if path and (len(inner) < len(table) or not table):
        yield f"\n[{'.'.join(map(_key, path))}]"
    for name, value in table.items():
        if name not in inner:
            yield f"# {_key(name)} has no value" if value is None else f"{_key(name)} = {_value(value)}"
    for name, value in inner.items():
        yield from _table(value, (*path, name))


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case Mapping():
            return (
                "{"
                + ", ".join(
                    f"{_key(name)} = {_value(item)}" for name, item in value.items() if item is not None
                )
                + "}"
            )
        case _:
            return "[" + ", ".join(_value(item) for item in value if item is not None) + "]"


def _text(text: str) -> str:
    """A basic string: that of JSON, with DEL and all that steers a terminal escaped as well."""
    return escaped_json(json.dumps(text, ensure_ascii=False))
