"""What servers say is parsed in `actors.shared.http` alone: no other module of these rooms takes it apart."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4] / "actors"
ROOMS = ("model_sources", "model_downloader", "shared/manifest", "shared/credentials")
READER = "shared/http"

PARSERS = frozenset(
    {
        "int",
        "float",
        "complex",
        "Decimal",
        "eval",
        "literal_eval",
        "json.load",
        "json.loads",
        "msgspec.json.decode",
        "msgspec.json.Decoder",
        "urlsplit",
        "urlparse",
        "urljoin",
        "parse_qs",
        "parse_qsl",
        "parsedate",
        "parsedate_tz",
        "parsedate_to_datetime",
        "fromisoformat",
        "strptime",
        "gzip.decompress",
        "aiter_bytes",
        "aiter_text",
    }
)
"""Calls that take apart what was written elsewhere, by their last names."""

PAST_THE_READER = ("getheader", "reason_phrase", "reason", "msg")

OTHERS_WORDS = {
    "model_downloader/downloader_settings.py": "the settings of the app",
    "model_sources/list_store.py": "the actor's own file",
    "model_sources/sources/model_names.py": "what a person typed",
    "shared/manifest/semver.py": "at most a hundred characters, bounded by the manifest's type",
}
"""Modules that take apart something else, and what."""


def calls(path: Path) -> list[str]:
    """The parsers that a module calls."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or all(isinstance(given, ast.Constant) for given in node.args):
            continue
        name = ast.unparse(node.func)
        if any(name == parser or name.endswith(f".{parser}") for parser in PARSERS):
            found.append(f"{path.relative_to(ROOT).as_posix()}:{node.lineno}: {name}")
    return found


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def test_nobody_else_takes_apart_what_a_server_says() -> None:
    found = [
        call
        for room in ROOMS
        for path in modules(room)
        if path.relative_to(ROOT).as_posix() not in OTHERS_WORDS
        for call in calls(path)
    ]
    assert found == []


def test_the_guard_can_fail_and_its_exceptions_are_needed() -> None:
    assert any(calls(path) for path in modules(READER))
    assert [name for name in OTHERS_WORDS if not calls(ROOT / name)] == []


@pytest.mark.parametrize("room", ["model_sources", "model_downloader"])
def test_nobody_reads_a_field_of_an_answer_past_the_reader(room: str) -> None:
    """Libraries decode the fields of an answer as they like; `known_fields` is handed them as they came."""
    found = []
    for path in modules(room):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in (
                "getheader",
                "reason_phrase",
                "reason",
                "msg",
            ):
                owner = ast.unparse(node.value)
                if "response" in owner:
                    found.append(f"{path.name}:{node.lineno}: {owner}.{node.attr}")
    assert found == []
