"""Writes docs/requirements.md: every line of tests/requirements.tsv, and the tests that carry its id.

python -m tests.support.requirements_page > docs/requirements.md
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
SOURCE = TESTS / "requirements.tsv"
PAGE = TESTS.parent / "docs" / "requirements.md"
INTRODUCTION = """\
# Requirements

What Undercroft has to do, line by line, and where below `tests/` each line is proven. A test carries the id
of the line that it proves, `@pytest.mark.requirement("S0-3")`; `make requirements` writes this page from
those marks. A line without a test is not met yet.
"""


@dataclass(frozen=True)
class Requirement:
    """One line: its id, such as `S0-3`, what it asks for, and the heading that it stands below."""

    id: str
    text: str
    heading: str


def requirements(source: str) -> Iterator[Requirement]:
    """The lines of the table: `# heading`, or an id, a tab and a sentence."""
    heading = ""
    for line in source.splitlines():
        if line.startswith("# "):
            heading = line[2:]
        elif line:
            id, _, text = line.partition("\t")
            yield Requirement(id, text, heading)


def marks_in(source: str) -> set[str]:
    """Ids that the marks of one test module name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "requirement"
        ):
            found.update(arg.value for arg in node.args if isinstance(arg, ast.Constant))
    return found


def carriers(tests: Path = TESTS) -> dict[str, list[str]]:
    """Test modules by the id that they carry, as paths from the top of the repository."""
    found: dict[str, list[str]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        for id in marks_in(path.read_text(encoding="utf-8")):
            found.setdefault(id, []).append(path.relative_to(tests.parent).as_posix())
    return found


def page(lines: list[Requirement], carried: dict[str, list[str]]) -> str:
    """The page as Markdown."""
    parts, heading = [INTRODUCTION], ""
    met = sum(line.id in carried for line in lines)
    parts.append(f"\n{met} of {len(lines)} lines are proven.\n")
    for line in lines:
        if line.heading != heading:
            heading = line.heading
            parts.append(f"\n## {heading}\n\n| id | requirement | proven in |\n|---|---|---|\n")
        proven = ", ".join(_named(path) for path in carried.get(line.id, [])) or "not yet"
        parts.append(f"| {line.id} | {_escaped(line.text)} | {proven} |\n")
    return "".join(parts)


def _named(path: str) -> str:
    return f"`{path.removeprefix('tests/').removesuffix('.py')}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Print the page."""
    lines = list(requirements(SOURCE.read_text(encoding="utf-8")))
    sys.stdout.write(page(lines, carriers()))


if __name__ == "__main__":
    main()
