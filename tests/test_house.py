"""What the project stands on, and how it is laid out."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


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
