"""Reads `profile.toml` to its end: every wrong field is named, and what is left makes a profile. Pure.

A wrong value is taken out and the rest is read again, until nothing is wrong. Where a field is needed, a
stand-in takes its place; what is said about a stand-in later is no mistake of the app.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.cli.profile_check.mistake import Mistake, at
from actors.shared.profile.declaration_problems import declaration_problems
from actors.shared.profile.field_words import field_of, steps_of, value_at_option, with_readable_pattern
from actors.shared.profile.mode_tables import CategoryTable, ModeTable, OptionalTable, ReadinessTable
from actors.shared.profile.profile import words_and_option
from actors.shared.profile.profile_tables import (
    BackupsTable,
    ChildTable,
    ManifestTable,
    NamespaceTable,
    PeerTable,
    ProfileFile,
    SourcesTable,
    StateTable,
    TopicNamespaceTable,
    TopicsTable,
)

MISTAKE_LIMIT: Final = 200
STAND_IN: Final = "zz_unknown_"
"""Begins what takes the place of a needed value that is wrong."""

TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "": ProfileFile,
    "children": ChildTable,
    "manifest": ManifestTable,
    "modes": ModeTable,
    "modes.optional": OptionalTable,
    "namespaces": NamespaceTable,
    "peers": PeerTable,
    "readiness": ReadinessTable,
    "readiness.categories": CategoryTable,
    "sources": SourcesTable,
    "state": StateTable,
    "state.backups": BackupsTable,
    "topics": TopicsTable,
    "topics.namespaces": TopicNamespaceTable,
}
"""By the path of the table, without the places in lists."""

_UNKNOWN: Final = re.compile(r"object contains unknown field '(.*)'", re.DOTALL)
_MISSING: Final = re.compile(r"object missing required field '(.*)'")
_TYPE_WORDS: Final = {
    "'str'": "text",
    "'int'": "a whole number",
    "'float'": "a number",
    "'bool'": "true or false",
    "'array'": "a list",
    "'object'": "a table",
}


def read_tables(file: Path, content: Mapping[str, Any]) -> tuple[ProfileFile, list[Mistake]]:
    """What a parsed `profile.toml` declares without its mistakes, and the mistakes."""
    rest = copy.deepcopy(dict(content))
    mistakes: list[Mistake] = []
    while len(mistakes) < MISTAKE_LIMIT:
        try:
            found = msgspec.convert(rest, ProfileFile)
        except msgspec.ValidationError as error:
            mistakes.append(_take_out(file, rest, str(error), len(mistakes)))
        else:
            return found, [*mistakes, *_of_the_whole(file, found)]
    return ProfileFile(name="unreadable"), mistakes


def _of_the_whole(file: Path, found: ProfileFile) -> Iterator[Mistake]:
    for option, detail in declaration_problems(found):
        if STAND_IN not in detail:
            yield at(file, option, detail, _cure(option))


def _take_out(file: Path, content: dict[str, Any], message: str, number: int) -> Mistake:
    """Take the value out that a message is about, so that the rest can be read."""
    words, option = words_and_option(message)
    try:
        return _taken_out(file, content, words, _with_keys(content, option), number)
    except (LookupError, TypeError, AttributeError):  # a free name with a dot or a bracket in it
        top = option.partition(".")[0].partition("[")[0]
        content.pop(top, None)
        return at(file, top, f"cannot be used: {_plain(words)}", _cure(top))


def _taken_out(file: Path, content: dict[str, Any], words: str, option: str, number: int) -> Mistake:
    table: Any = value_at_option(content, option) if option else content
    if match := _UNKNOWN.fullmatch(words):
        return _take_unknown(file, table, option, match[1])
    if match := _MISSING.fullmatch(words):
        table[match[1]] = _stand_in(_joined(field_of(option), match[1]), number)
        cure = f"add {match[1]} = ... to it"
        return at(file, _joined(option, match[1]), "the field is missing, and is needed", cure)
    problem = with_readable_pattern(_plain(words), option, content)
    if problem == _plain(words) and not isinstance(table, dict | list):
        problem += f": {table!r}"
    stand_in = _stand_in(field_of(option), number)
    if stand_in is None and option.endswith("]"):
        stand_in = f"{STAND_IN}{number}"
    _replace(content, steps_of(option), stand_in)
    return at(file, option, problem, _cure(option))


def _take_unknown(file: Path, table: dict[str, Any], option: str, field: str) -> Mistake:
    """What was meant takes the value, so that nothing else is said about it."""
    known = [one.encode_name for one in msgspec.structs.fields(_kind_of(option))]
    near = difflib.get_close_matches(field, [one for one in known if one not in table], 1)
    cure = f"write {near[0]!r} instead" if near else f"remove it; known here are {', '.join(known)}"
    value = table.pop(field)
    if near:
        table[near[0]] = value
    return at(file, _joined(option, field), "there is no such field", cure)


def _replace(content: dict[str, Any], steps: list[str | int], stand_in: Any) -> None:
    holder: Any = content
    for step in steps[:-1]:
        holder = holder[step]
    if stand_in is not None:
        holder[steps[-1]] = stand_in
    else:
        del holder[steps[-1]]


def _stand_in(field: str, number: int) -> Any:
    """What can stand in the place of a needed field or of an element of a list; None: nothing has to."""
    name = f"{STAND_IN}{number}"
    match field:
        case "topics.namespaces":
            return f"{name}.*"
        case "topics.namespaces.namespace":
            return f"{name}.*"
        case "topics.namespaces.peers":
            return [name]
        case "modes.optional":
            return {"category": name, "notice": name}
        case "children" | "peers" | "modes" | "namespaces":
            return {"name": name}
    table, _, last = field.rpartition(".")
    needed = TABLES.get(table)
    if needed is not None and any(
        one.name == last and one.required for one in msgspec.structs.fields(needed)
    ):
        return name
    return None


def _with_keys(content: Mapping[str, Any], option: str) -> str:
    """The option with the key that is wrong, where msgspec says only `[...]`: in tables of free names."""
    place, *rest = option.split("[...]")
    for part in rest:
        key = next(_wrong_keys(place, value_at_option(content, place)), "")
        place += f".{key}{part}"
    return place


def _wrong_keys(field: str, table: Any) -> Iterator[str]:
    kind: Any = {
        "readiness.categories": CategoryTable,
        "wording": dict[str, str],
    }.get(field_of(field), str)
    for key, value in table.items():
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            yield key


def _plain(words: str) -> str:
    for word, plain in _TYPE_WORDS.items():
        words = words.replace(word, plain)
    return words


def _joined(table: str, field: str) -> str:
    return f"{table}.{field}" if table else field


def _kind_of(table: str) -> type[msgspec.Struct]:
    field = field_of(table)
    return TABLES.get(field) or TABLES.get(field.rpartition(".")[0], ProfileFile)


def _cure(option: str) -> str:
    return f"correct {option or 'it'}; docs/profiles.md shows each table"
