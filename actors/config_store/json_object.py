"""Reads the JSON files that an app or an administrator provides: bounded, strict, named in every error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.strict_json import NotStrictJson, parse
from bus.errors import OperatorError

SIZE_LIMIT_BYTES: Final = 1024 * 1024


class JsonFileWrong(OperatorError):
    """A preset, a policy or a settings schema cannot be used.

    Attributes:
        path: the file.
        detail: what was expected and what was found.
    """

    path: str
    detail: str
    words = "{path}: {detail}"


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        JsonFileWrong: it cannot be read, or is not JSON.
    """
    try:
        content = read_file(path, SIZE_LIMIT_BYTES, follows_link=True)
        if content is None:
            raise JsonFileWrong(str(path), "cannot be read: there is no such file")
        return parse(content, SIZE_LIMIT_BYTES)
    except FileUnreadable as error:
        raise JsonFileWrong(str(path), f"cannot be read: {error.detail}") from error
    except NotStrictJson as error:
        raise JsonFileWrong(str(path), str(error)) from error


def read_object(path: Path) -> Mapping[str, Any]:
    """The content of a JSON file that holds an object.

    Raises:
        JsonFileWrong: it cannot be read, or holds something else.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise JsonFileWrong(str(path), f"expected an object, found {type(content).__name__}")
    return content
