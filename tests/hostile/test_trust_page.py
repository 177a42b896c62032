"""Each row of docs/trust.md that says what is tried has its test, and each hostile test its row."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
SUITES = ("tests/hostile", "tests/contract")
ABOUT_THE_SUITE = {"test_each_command_is_tried"}
ABOUT_OURSELVES = {"test_path_calls.py", "test_security_page.py", "test_trust_page.py"}
"""Modules that try nothing: they read our own pages and our own source."""


def rows() -> list[list[str]]:
    """The cells of each attempt; a row with a heading alone has none."""
    section = PAGE.split("## What is tried", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if not row[0].startswith("**")]


def functions_of(folder: str) -> set[str]:
    """The tests of a suite."""
    return {
        node.name
        for path in (ROOT / folder).glob("test_*.py")
        if path.name not in ABOUT_OURSELVES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_each_row_names_a_test_that_exists() -> None:
    known = set().union(*map(functions_of, SUITES))
    assert len(rows()) > 40
    for row in rows():
        assert len(row) == 3, row
        named = re.findall(r"`(test_\w+)`", row[2])
        assert named, row
        assert set(named) <= known, row


def test_each_hostile_test_has_its_row() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE + SECURITY))
    assert functions_of("tests/hostile") - ABOUT_THE_SUITE - named == set()
