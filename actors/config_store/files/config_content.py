"""The format of `config.json`: what the file holds, as bytes and parsed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from actors.shared.durable import strict_json
from bus.errors import UndercroftError

FORMAT: Final = 1
VERSION: Final = "settings_version"
SIZE_LIMIT_BYTES: Final = 4 * 1024 * 1024
SHOWN_CHARACTERS: Final = 80
LARGE_CHARACTERS: Final = 1000
"""Only values that are longer can make the file too large."""


@dataclass(frozen=True)
class ConfigContent:
    """What `config.json` holds.

    Attributes:
        overrides: dotted path to value.
        others: further fields of the file, kept as they are.
        format: version of the file's layout; a later one is read but never written.
        version: of the app's settings, `settings_version` of its profile.
        source: the bytes that were read or written; None if there is no file.
    """

    overrides: Mapping[str, Any]
    others: Mapping[str, Any]
    format: int = FORMAT
    version: int = 1
    source: bytes | None = None

    @property
    def is_newer(self) -> bool:
        """Whether a later version of Undercroft wrote it."""
        return self.format > FORMAT


class NotConfigContent(UndercroftError, ValueError):
    """The bytes are not those of a settings file."""


def parse(source: bytes) -> ConfigContent:
    """Parse the bytes of `config.json`; a byte order mark is skipped.

    Raises:
        NotConfigContent: with what was found and what was expected.
    """
    try:
        found = strict_json.parse(source, SIZE_LIMIT_BYTES)
    except strict_json.NotStrictJson as error:
        raise NotConfigContent(str(error)) from error
    if not isinstance(found, dict) or not isinstance(found.get("overrides"), dict):
        raise NotConfigContent("expected an object with an object 'overrides'")
    if not _is_version(found.get("format")):
        raise NotConfigContent(f"expected a positive integer 'format', found {_shown(found.get('format'))}")
    version = found.get(VERSION, 1)
    if not _is_version(version):
        raise NotConfigContent(f"expected a positive integer '{VERSION}', found {_shown(version)}")
    others = {name: value for name, value in found.items() if name not in ("format", VERSION, "overrides")}
    return ConfigContent(found["overrides"], others, found["format"], version, source)


def render(overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
    """The bytes of `config.json`, readable by people."""
    numbers = {"format": FORMAT} | ({VERSION: version} if version != 1 else {})
    content = {**numbers, **others, "overrides": dict(sorted(overrides.items()))}
    try:
        return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    except (
        UnicodeEncodeError,
        OverflowError,
    ):  # half of a surrogate pair, or an integer of more than 64 bits
        return json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"


def may_be_too_large(updates: Mapping[str, Any]) -> bool:
    """Whether the updates are worth the cost of `is_too_large`."""
    return any(
        isinstance(value, str | list | dict) and len(str(value)) > LARGE_CHARACTERS
        for value in updates.values()
    )


def is_too_large(overrides: Mapping[str, Any]) -> bool:
    """Whether the file could not be read again; leaves some room for its other fields."""
    return len(render(overrides, {})) > SIZE_LIMIT_BYTES - LARGE_CHARACTERS


def _shown(value: Any) -> str:
    return repr(value)[:SHOWN_CHARACTERS]


def _is_version(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
