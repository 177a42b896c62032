"""Every regular expression of the code takes time in proportion to the text, or its text is short."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.pattern_growth import growth_of

ROOT = Path(__file__).parents[1]
SEARCHES = {"search", "sub", "subn", "findall", "finditer", "split", "scanner"}

BOUNDED: dict[str, str] = {
    "actors/cli/doctor/checks/system/machine_check.py:_REQUIREMENT": "requirements of our own package",
    "actors/cli/profile_check/model_mistakes.py:_PATTERN": "one message about a profile of the app",
    "actors/diagnostics/evidence/system_facts.py:_MODEL": "what the kernel says about the processor",
    "actors/model_sources/sources/hub_repository.py:_NOT_OF_A_MODEL": "begins and ends at a slash",
    "actors/runtime/supervisor/core/last_output.py:_STACKS": "lines of LINE_LIMIT characters",
    "actors/runtime/supervisor/core/last_output.py:_COMPLAINT": "lines of LINE_LIMIT characters",
    "actors/shared/http/urls.py:_AUTHORITY": "fits whatever has two slashes, up to the end",
    "actors/shared/http/urls.py:_NUMBER_AT_END": "hosts of HOST_LIMIT_CHARACTERS",
    "actors/shared/inert_text.py:_FORMULA": "begins only where a run of apostrophes begins",
    "actors/shared/profile/field_words.py:_PLACES": "one message about a profile of the app",
    "actors/shared/profile/profile.py:CONVERT_ERROR_PATTERN": "one message about a profile of the app",
    "actors/state_store/engine/values/value_schemas.py:_VALUE": "begins at words that a message has once",
    "bus/error_words.py:_AT": "the last _WORDS_LIMIT characters of a message",
    "bus/telemetry/redaction.py:_PEM": "begins at words that stand behind line ends, and fits up to the end",
    "bus/telemetry/redaction.py:_EMAIL": "each repetition has a limit, the text TEXT_LIMIT",
    "bus/telemetry/redaction.py:_URL": "the parts exclude the signs between them; 8,192 characters",
    "bus/telemetry/secret_names.py:_WORDS": "names of NAME_LIMIT characters",
    "bus/telemetry/secret_shapes.py:_SHAPED": "each repetition has a limit, the text TEXT_LIMIT",
    "bus/telemetry/secret_shapes.py:_RUN": "begins only where a run begins; 512 characters",
    "bus/telemetry/secret_values.py:_NAMED": "begins only where a name begins; each repetition has a limit",
    "bus/telemetry/secret_values.py:_ARGUMENT": "each repetition has a limit, the text TEXT_LIMIT",
    "schemas/contract/json_schema_export.py:_ATTRIBUTES": "our own docstrings",
    "schemas/contract/json_schema_export.py:_ATTRIBUTE": "our own docstrings",
}
"""Expressions whose time may grow faster, and what bounds the text."""

MADE_OF_PARTS: dict[str, str] = {
    "actors/history/entries/word_search.py:edge + re.escape(word)": "a word and what may stand before it",
    "bus/telemetry/redaction.py:'|'.join(parts)": "whole names of homes and accounts",
}
"""Expressions that are put together while the program runs, and why that is fine."""


class Found(NamedTuple):
    """An expression, and how it is used."""

    place: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr not in ("escape", "purge")
        ):
            yield node


@cache
def _trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for top in ("actors", "bus", "schemas", "clients/python")
        for path in sorted((ROOT / top).rglob("*.py"))
    }


@cache
def _uses() -> dict[str, set[str]]:
    """Which methods are called on which name, anywhere; a name that is handed on may have any."""
    found: dict[str, set[str]] = defaultdict(set)
    for tree in _trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found[node.value.id].add(node.attr)
    return found


def _name_of(tree: ast.Module, call: ast.Call) -> str:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is call:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            return target.id if isinstance(target, ast.Name) else ""
    return ""


def expressions() -> tuple[list[Found], list[str]]:
    """All expressions of the code, and the places of those that cannot be read without running it."""
    found: list[Found] = []
    unread: list[str] = []
    for path, tree in _trees().items():
        for call in _calls(tree):
            assert isinstance(call.func, ast.Attribute)
            module = importlib.import_module(
                path.removesuffix(".py").replace("/__init__", "").replace("/", ".")
            )
            name = _name_of(tree, call)
            place = f"{path}:{name or ast.unparse(call.args[0])[:40]}"
            try:
                arguments = [
                    eval(compile(ast.Expression(node), path, "eval"), vars(module))  # noqa: S307 - our own code
                    for node in call.args[: 2 if call.func.attr == "compile" else 1]
                ]
            except NameError:
                unread.append(place)
                continue
            methods = _uses()[name] if call.func.attr == "compile" else {call.func.attr}
            found.append(Found(place, re.compile(*arguments), frozenset(methods)))
    return found, unread


def growth(found: Found) -> str:
    """The worst of what its uses make of it."""
    uses = []
    if found.methods & SEARCHES or not found.methods:
        uses.append(growth_of(found.pattern))
    if "match" in found.methods or not found.methods:
        uses.append(growth_of(found.pattern, is_search=False))
    if "fullmatch" in found.methods or not found.methods:
        uses.append(growth_of(found.pattern, is_search=False, is_whole=True))
    return next((kind for kind in ("exponential", "polynomial") if kind in uses), "linear")


def test_every_expression_takes_linear_time_or_is_applied_to_short_texts() -> None:
    found, unread = expressions()
    assert len(found) > 100
    assert set(unread) == set(MADE_OF_PARTS)
    slow = {one.place: kind for one in found if (kind := growth(one)) != "linear"}
    assert "exponential" not in slow.values(), slow
    assert slow.keys() - BOUNDED.keys() == set(), "bound the text, or name here what bounds it"
    assert BOUNDED.keys() - slow.keys() == set(), "these are linear"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(a+)+b", "exponential"),
        (r"(a*)*b", "exponential"),
        (r"(\w+\s?)*$", "exponential"),
        (r"(?:x[a-z]*)+y", "exponential"),
        (r"(?:a|b|ab)*c", "exponential"),
        (r"\s+$", "polynomial"),
        (r"a+a+b", "polynomial"),
        (r".*foo.*bar", "polynomial"),
        (r"[a-z]+://", "polynomial"),
        (r"\w{1,5000}@", "polynomial"),
        (r"[a-z]+", "linear"),
        (r"\d{1,8}(?:\.\d{1,6})?", "linear"),
        (r"-[a-z]{1,9}=", "linear"),
    ],
)
def test_the_growth_of_known_expressions_is_told(pattern: str, expected: str) -> None:
    assert growth_of(re.compile(pattern)) == expected


@pytest.mark.parametrize(
    ("pattern", "whole", "expected"),
    [
        (r"[a-z]+", True, "linear"),
        (r"[a-z]+[0-9]*[a-z]+", True, "polynomial"),
        (r"\s+$", False, "linear"),
        (r'"(?:[^"\\]|\\.)*"', False, "linear"),
        (r'"(?:[^"]|\\.)*"', False, "exponential"),
    ],
)
def test_an_expression_with_a_fixed_beginning_is_tried_once(
    pattern: str, *, whole: bool, expected: str
) -> None:
    assert growth_of(re.compile(pattern), is_search=False, is_whole=whole) == expected
