"""No command writes past `actors.cli.terminal`: not by descriptor, another stream, or rich itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLACES = {"actors/cli/terminal.py", "actors/cli/live_console.py"}
COMMANDS = sorted(
    path
    for folder in ("actors/cli", "actors/runtime/supervisor")
    for path in (ROOT / folder).rglob("*.py")
    if path.relative_to(ROOT).as_posix() not in PLACES
)

STREAMS = {"stdout", "stderr"}
PAST = {"__stdout__", "__stderr__", "beneath", "write_raw", "unguarded", "echo_via_pager"}
DRAWINGS = {"Live", "Progress", "Status"}


def past_the_place(source: str) -> Iterator[str]:
    """What in a module would reach a terminal without being cleaned."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in PAST:
                yield f"{node.lineno}: {name}"
            case ast.Attribute(attr="buffer", value=ast.Attribute(attr=stream)) if stream in STREAMS:
                yield f"{node.lineno}: {stream}.buffer"
            case ast.Call(func=ast.Name(id="Console") | ast.Attribute(attr="Console")):
                yield f"{node.lineno}: Console of rich"
            case ast.Call(func=ast.Name(id=name), keywords=given) if name in DRAWINGS:
                if "console" not in [one.arg for one in given]:
                    yield f"{node.lineno}: {name} on a console of its own"
            case ast.Call(func=ast.Name(id="TextColumn"), keywords=given):
                if "markup" not in [one.arg for one in given]:
                    yield f"{node.lineno}: TextColumn reads markup"
            case ast.Call(func=ast.Attribute(attr="write", value=ast.Name(id="os")), args=[to, *_]):
                if isinstance(to, ast.Constant) or "std" in ast.unparse(to):
                    yield f"{node.lineno}: os.write"
            case ast.Constant(value=str() as text) if "\x1b" in text or "\r" in text.strip("\r\n"):
                yield f"{node.lineno}: an escape"
            case ast.Constant(value="/dev/tty" | "/dev/stdout" | "/dev/stderr"):
                yield f"{node.lineno}: {node.value!r}"


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_it_writes_through_the_one_place(path: Path) -> None:
    assert list(past_the_place(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "sys.__stdout__.write(x)",
        "sys.stdout.buffer.write(x)",
        "stream.beneath.write(x)",
        "Console().print(x)",
        "Live(x)",
        "Progress(x)",
        "TextColumn('{task.name}')",
        "os.write(1, x)",
        "os.write(sys.stdout.fileno(), x)",
        "print('\\x1b[1m')",
        "open('/dev/tty', 'w')",
    ],
)
def test_the_guard_itself_can_fail(source: str) -> None:
    assert len(list(past_the_place(source))) >= 1
