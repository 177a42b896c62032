"""What the project stands on, and how it is laid out."""

from __future__ import annotations

import ast
import collections
import functools
import re
import statistics
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SOURCES = sorted(path for part in ("schemas", "bus", "actors") for path in (ROOT / part).rglob("*.py"))
PAGES = sorted(
    (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "bus" / "PROTOCOL.md",
        ROOT / "deploy" / "README.md",
    )
)

NO_ACTORS = {"shared", "runtime", "cli"}
MODULES_IN_A_FOLDER = 16
LINES_IN_A_MODULE = 400
LINES_IN_A_FUNCTION = 60
LINES_IN_A_FOLDER = 900
MEDIAN_LINES = 130
SHORTEST_PAGE = 60

SHARED_MODULE_NAMES = {"__init__", "__main__", "actor", "errors"}
NAMED_FROM_OUTSIDE = ("schemas/", "actors/cli/commands/", "actors/runtime/profiles/")
"""Modules that are named after a conversation, a command, or what an app's profile asks for."""

RETIRED_NAMES = frozenset(
    {
        "desk",
        "shelf",
        "crew",
        "standing",
        "standings",
        "residence",
        "wallet",
        "door",
        "telling",
        "teller",
        "carrying",
        "carrier",
        "weighing",
        "labour",
        "locksmith",
        "patience",
        "vault",
        "keeper",
        "keeping",
        "outsiders",
        "rehearsal",
        "rehearse",
        "understudy",
        "chronicle",
        "lookout",
        "switchboard",
        "ledger",
        "salvage",
        "extents",
        "ramp",
    }
)
"""Furniture and gerunds that nobody could decode; docs/terms.md has the words that took their place."""

RETIRED_PHRASES = re.compile(
    r"\b(?:who(?:m)?ever|(?:to|can|could|cannot|not) be had|so long as|for so long|in good order"
    r"|(?:is|are|was|were) told of|no more than that)\b",
    re.IGNORECASE,
)


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _defined(path: Path) -> set[str]:
    return {node.name for node in _tree(path).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.requirement("C-8")
@pytest.mark.parametrize("library", ["pyzmq", "msgspec", "pydantic", "anyio", "httpx", "platformdirs"])
def test_it_stands_on_the_libraries_of_the_design_and_each_is_used(library: str) -> None:
    assert any(wanted.startswith(library) for wanted in PROJECT["project"]["dependencies"])
    module = {"pyzmq": "zmq"}.get(library, library)
    sources = [
        path.read_text(encoding="utf-8")
        for part in ("schemas", "bus", "actors")
        for path in (ROOT / part).rglob("*.py")
    ]
    assert any(f"import {module}" in source or f"from {module}" in source for source in sources)


@pytest.mark.requirement("C-9")
@pytest.mark.parametrize(
    "name", ["pyproject.toml", "actors", "bus", "schemas", "tests", "deploy", "README.md"]
)
def test_the_top_level_is_that_of_the_design(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_lock_file_names_every_dependency() -> None:
    locked = {
        package["name"]
        for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    }
    wanted = {line.split(">=")[0].strip() for line in PROJECT["project"]["dependencies"]}
    assert wanted <= locked


@pytest.mark.requirement("S0-17")
def test_profiles_manifests_and_contracts_ship_inside_the_package() -> None:
    shipped = [
        "actors/runtime/profiles/dictation/profile.toml",
        "actors/runtime/profiles/dictation/models.json",
        "schemas/published/undercroft.schema.json",
        "bus/PROTOCOL.md",
    ]
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    for path in shipped:
        assert (ROOT / path).is_file()
        assert path.split("/")[0] in packages


# -- the layout shows the architecture ---------------------------------------------------------------------


def test_a_package_below_actors_is_an_actor_exactly_if_it_has_a_build() -> None:
    packages = {path.parent.name for path in (ROOT / "actors").glob("*/__init__.py")}
    actors = {name for name in packages if "build" in _defined(ROOT / "actors" / name / "__init__.py")}
    assert packages - actors == NO_ACTORS


def test_no_folder_holds_more_modules_than_a_reader_takes_in_at_once() -> None:
    counts = collections.Counter(path.parent for path in SOURCES if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): n for folder, n in counts.items() if n > MODULES_IN_A_FOLDER} == {}


def test_modules_are_short_and_folders_are_small() -> None:
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    assert {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > LINES_IN_A_MODULE} == {}
    assert statistics.median(lines.values()) < MEDIAN_LINES
    assert sum(lines.values()) / len({path.parent for path in SOURCES}) < LINES_IN_A_FOLDER


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LINES_IN_A_FUNCTION
    ]
    assert long == []


def test_every_package_says_on_its_first_page_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.name == "__init__.py" and len(ast.get_docstring(_tree(path)) or "") < SHORTEST_PAGE
    ]
    assert silent == []


def test_every_module_has_its_test_at_the_mirrored_path() -> None:
    missing = []
    for path in SOURCES:
        part = path.relative_to(ROOT)
        mirrored = ROOT / "tests" / part.with_name(f"test_{path.stem.lstrip('_')}.py")
        if not path.name.startswith("__") and not mirrored.exists():
            missing.append(str(part))
    assert missing == []


# -- one name for one thing ----------------------------------------------------------------------------------


def test_module_names_are_unique() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        part = path.relative_to(ROOT).as_posix()
        if path.stem not in SHARED_MODULE_NAMES and not part.startswith(NAMED_FROM_OUTSIDE):
            places.setdefault(path.stem, []).append(part)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_public_class_names_are_unique() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in _tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_names_that_were_retired_stay_retired() -> None:
    found = []
    for path in SOURCES:
        names = {path.stem} | {
            node.name
            for node in ast.walk(_tree(path))
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        }
        for name in names:
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)}
            if words & RETIRED_NAMES:
                found.append(f"{path.relative_to(ROOT)}: {name}")
    assert found == []


def test_phrases_that_were_retired_stay_retired() -> None:
    found = []
    for path in (*SOURCES, *PAGES):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if RETIRED_PHRASES.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_the_guards_themselves_can_fail() -> None:
    assert RETIRED_PHRASES.search("for whoever wants to")
    assert not RETIRED_PHRASES.search("as long as it takes")
    assert "build" in {
        node.name for node in ast.parse("def build(): ...").body if isinstance(node, ast.FunctionDef)
    }
