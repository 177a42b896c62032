"""Whatever was raised, people read words: no class, no repr, no number alone, one line."""

from __future__ import annotations

import ast
import errno
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.error_words import in_words
from bus.errors import OperatorError


class FileOdd(OperatorError):
    path: str
    words = "{path}: is odd"


class Inner(msgspec.Struct):
    size: Annotated[int, msgspec.Meta(ge=0)]


class Record(msgspec.Struct):
    files: list[Inner]


def raised(work: Callable[[], Any]) -> Exception:
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileOdd("/a"), "/a: is odd"),
        (raised(lambda: Path("/nowhere/a").read_bytes()), "/nowhere/a: No such file or directory"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError(errno.EXDEV, "Cross-device link", "/a", None, "/b"), "/a to /b: Cross-device link"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "connection reset"),
        (raised(lambda: b"\xff".decode()), "it is not UTF-8: found the byte 0xff at 0"),
        (raised(lambda: "\ud800".encode()), "it holds half of a character"),
        (RecursionError("maximum recursion depth exceeded"), "it is nested too deeply"),
        (
            raised(lambda: msgspec.json.decode(b'{"files":[{"size":"x"}]}', type=Record)),
            "files[0].size: expected int, found str",
        ),
        (raised(lambda: msgspec.json.decode(b"[]", type=Record)), "expected object, found array"),
        (raised(lambda: msgspec.json.decode(b"{", type=Record)), "input data was truncated"),
        (
            raised(lambda: json.loads("{")),
            "it is not JSON: Expecting property name enclosed in double quotes in line 1, column 2",
        ),
        (raised(lambda: tomllib.loads("a = ")), "Invalid value (at end of document)"),
        (raised(lambda: {}["x"]), "there is no x"),
        (raised(lambda: __import__("no_such_module")), "there is no module no_such_module"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError(), "value"),
        (OSError(errno.ENOENT, "none", "/a\udcff"), "/a?: none"),
    ],
)
def test_an_error_is_said_in_words(error: Exception, words: str) -> None:
    assert in_words(error) == words


@given(st.binary(max_size=60))
def test_what_a_decoder_says_is_one_line_without_marks_of_python(content: bytes) -> None:
    try:
        msgspec.json.decode(content, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        words = in_words(error)
        assert words
        assert re.search(r"[`\n]|\$|Error\b|object at 0x", words) is None


OF_THE_APP = "code of the app's author, who wants to know the class"
RAW: dict[str, str] = {
    "actors/config_store/files/setting_migrations.py": OF_THE_APP,
    "actors/shared/profile/profile.py": OF_THE_APP,
    "actors/cli/topics/app_topics.py": OF_THE_APP,
    "actors/cli/doctor/examination.py": "names the class of a fault of our own, for a report of it",
    "actors/runtime/supervisor/processes/forked_child.py": "becomes the words of another error",
    "actors/config_store/files/config_file.py": "errors of our own",
    "bus/telemetry/log_handler.py": "a traceback",
}
"""Where errors of libraries are shown as they are, and why."""


def shown_raw(source: str) -> list[str]:
    """What handlers of OSError and Exception show of an error without going through `in_words`."""
    found = []
    for handler in ast.walk(ast.parse(source)):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        caught = {one.id for one in ast.walk(handler.type or handler) if isinstance(one, ast.Name)}
        if not caught & {"OSError", "Exception", "BaseException"}:
            continue
        for part in (node for line in handler.body for node in ast.walk(line)):
            is_shown = isinstance(part, ast.FormattedValue) and ast.unparse(part.value) == handler.name
            is_text = isinstance(part, ast.Call) and ast.unparse(part) in (
                f"str({handler.name})",
                f"repr({handler.name})",
            )
            if is_shown or is_text:
                found.append(ast.unparse(part))
    return found


def test_no_library_speaks_to_people_in_its_own_words() -> None:
    root = Path(__file__).parents[2]
    raw = {}
    for path in [*root.glob("actors/**/*.py"), *root.glob("bus/**/*.py")]:
        source = re.sub(r"\w+\.strerror or str\(\w+\)|\w+\.strerror or \w+", "''", path.read_text())
        if shown := shown_raw(source):
            raw[path.relative_to(root).as_posix()] = shown
    assert {path: shown for path, shown in raw.items() if path not in RAW} == {}


def test_a_raw_error_is_found() -> None:
    source = "try:\n    f()\nexcept OSError as error:\n    raise Bad(f'{error!r}', str(error)) from error"
    assert len(shown_raw(source)) == 2
