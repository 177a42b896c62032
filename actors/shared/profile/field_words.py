"""Says what a field of `profile.toml` expects, where its type alone would show a pattern. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

PYTHON_NAME: Final = "'file.py:NAME', such as {example!r}"
EXPECTED: Final = {
    "name": "a name of letters, digits, blanks, '.', '_' and '-', at most 64, such as 'myapp'",
    "children.ready": "'message', 'hello' or 'started'",
    "children.restart": "'permanent', 'transient' or 'temporary'",
    "settings_of": "'history', 'models' or 'diagnostics'",
    "settings": "'file.py:Class' or 'file.json', such as 'settings.py:Settings'",
    "documents": "'file.py:NAME' or 'file.json', such as 'documents.py:DOCUMENTS'",
    "migrations": PYTHON_NAME.format(example="migrations.py:MIGRATIONS"),
    "settings_migrations": PYTHON_NAME.format(example="migrations.py:SETTINGS"),
    "manifest.url": "the address of a manifest, such as 'https://models.example.org/models.json'",
    "modes.name": "1 to 40 of a-z, 0-9 and _, starting with a letter, such as 'dictation'",
    "modes.optional.notice": "a name of a-z, 0-9 and _, such as 'raw_output'",
    "namespaces.name": "1 to 32 of a-z, 0-9 and _, starting with a letter, such as 'notes'",
    "peers.name": "1 to 64 letters, digits, '.', '_' and '-', such as 'frontend'",
}
"""By the field, without the places in lists."""

_PLACES: Final = re.compile(r"\[[^\]]*\]")
_STEPS: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def field_of(option: str) -> str:
    """The field that an option names in any of its tables: `modes.name` for `modes[0].name`."""
    return _PLACES.sub("", option)


def with_readable_pattern(words: str, option: str, content: Mapping[str, Any]) -> str:
    """The words about a value that is none of those allowed, with what was found and an example instead."""
    expected = EXPECTED.get(field_of(option))
    if expected is None or not (" matching regex " in words or words.startswith("invalid enum value")):
        return words
    return f"expected {expected}, found {value_at_option(content, option)!r}"


def steps_of(option: str) -> list[str | int]:
    """The keys and indexes that lead to an option: `['modes', 0, 'name']`."""
    return [int(index) if index else name for name, index in _STEPS.findall(option)]


def value_at_option(content: Any, option: str) -> Any:
    """The value at an option; None if there is none."""
    for step in steps_of(option):
        try:
            content = content[step]
        except (LookupError, TypeError):
            return None
    return content
