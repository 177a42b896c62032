"""Versions with a known fault are not admitted, neither by the lock file nor by what the project asks for."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
ADVISORIES: list[dict[str, str]] = json.loads((ROOT / "deploy" / "advisories.json").read_text())
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED: dict[str, list[dict[str, Any]]] = {}
for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]:
    LOCKED.setdefault(package["name"], []).append(package)

FLOORS = {
    wanted.name: Version(next(iter(wanted.specifier)).version)
    for wanted in map(Requirement, PROJECT["dependencies"])
}
ABOUT = pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda advisory: advisory["id"])


def at_run_time() -> set[str]:
    """Names of all packages that the wheel brings along, directly or not."""
    found: set[str] = set()
    todo = [entry["name"] for entry in LOCKED["undercroft"][0]["dependencies"]]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [entry["name"] for package in LOCKED[name] for entry in package.get("dependencies", [])]
    return found


@ABOUT
def test_no_locked_version_has_a_known_fault(advisory: dict[str, str]) -> None:
    versions = [Version(package["version"]) for package in LOCKED[advisory["package"]]]
    assert min(versions) >= Version(advisory["fixed"]), advisory


@ABOUT
def test_what_the_wheel_asks_for_admits_no_version_with_a_known_fault(advisory: dict[str, str]) -> None:
    if advisory["package"] not in at_run_time():
        pytest.skip("only tests or pages need it; the lock file decides")
    assert FLOORS[advisory["package"]] >= Version(advisory["fixed"]), advisory


@ABOUT
def test_the_page_lists_every_advisory(advisory: dict[str, str]) -> None:
    row = rf"\| {re.escape(advisory['package'])} \| [^|]*{advisory['id']}[^|]* \| {advisory['fixed']} \|"
    assert re.search(row, PAGE), advisory


def test_the_page_lists_nothing_else() -> None:
    listed = re.findall(r"^\| [a-z0-9-]+ \| ((?:CVE|GHSA)[\w-]+)", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(advisory["id"] for advisory in ADVISORIES)


def test_the_client_asks_for_no_less() -> None:
    client = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text(encoding="utf-8"))
    for wanted in map(Requirement, client["project"]["dependencies"]):
        assert Version(next(iter(wanted.specifier)).version) >= FLOORS[wanted.name]


def test_every_floor_is_a_version_that_is_locked_or_older() -> None:
    assert all(FLOORS[name] <= Version(LOCKED[name][0]["version"]) for name in FLOORS)
