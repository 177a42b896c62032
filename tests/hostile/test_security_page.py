"""Each row of SECURITY.md that says who attacks has its test, and each kind of attacker has its rows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ATTACKERS = ["other user", "guest", "server", "file", "page"]


def rows() -> list[list[str]]:
    """The cells of each row; the attacker is named in the first of its rows."""
    section = PAGE.split("## Who attacks", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def known_tests() -> set[str]:
    """The names of all tests."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_each_attack_names_tests_that_exist() -> None:
    known = known_tests()
    for row in rows():
        assert len(row) == 4, row
        assert row[1], row
        assert row[2], row
        named = re.findall(r"`(test_\w+)`", row[3])
        assert named, row
        assert set(named) <= known, (row, set(named) - known)


def test_each_attacker_has_rows() -> None:
    assert [row[0].strip("*") for row in rows() if row[0]] == ATTACKERS
    assert len(rows()) > 25
