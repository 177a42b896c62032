"""Prints the answer of a command: JSON for a program, text for a person."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from actors.cli.options import Target
from actors.cli.terminal import escaped_json


def print_json(value: Any) -> None:
    """Print one JSON document on one line. A console that cannot encode it gets it in ASCII."""
    sys.stdout.write(encodable(json_line(value), sys.stdout.encoding) + "\n")
    sys.stdout.flush()


def encodable(line: str, encoding: str | None) -> str:
    """A line of JSON for a stream of this encoding: as it is, or with all else than ASCII escaped. Pure."""
    try:
        line.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(json.loads(line), separators=(",", ":"))
    return line


def print_answer(target: Target, answer: Any, text: str) -> None:
    """Print the answer as JSON with --json, else the text."""
    if target.as_json:
        print_json(answer)
    else:
        print(text)


def json_line(value: Any) -> str:
    """Any value of any peer as JSON; what JSON does not have gets a readable stand-in. Pure."""
    try:
        line = msgspec.json.encode(value).decode()
    except RecursionError:
        line = '"nested too deep to be shown"'
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        line = json.dumps(_plain(value), separators=(",", ":"))
    return escaped_json(line)


def _plain(value: Any) -> Any:
    match value:
        case msgspec.msgpack.Ext():
            return {"ext": value.code, "data": base64.b64encode(bytes(value.data)).decode()}
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case float():
            return value if value - value == 0 else None  # JSON has no infinity and no NaN
        case None | bool() | int() | str():
            return value
        case Mapping():
            return {key if isinstance(key, str) else repr(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
    try:
        return _plain(msgspec.to_builtins(value))
    except (TypeError, ValueError, OverflowError):
        return repr(value)
