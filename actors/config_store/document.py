"""The file that keeps the overrides: `config.json`, readable by people, replaced whole, never lost to a parse error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from actors.storage.durable import make_directory, replace_file
from actors.storage.quarantine import quarantine
from bus.errors import OperatorError

FORMAT: Final = 1
SIZE_LIMIT_BYTES: Final = 4 * 1024 * 1024


class ConfigUnreadable(OperatorError):
    """The file is there but cannot be read, which says nothing about its content: it is left alone.

    Attributes:
        path: the file.
        reason: the operating system's words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: cannot be read ({self.reason}); nothing was changed; make it readable for this user"


@dataclass(frozen=True)
class Document:
    """What `config.json` holds.

    Attributes:
        overrides: dotted path to value.
        others: further fields of the file, kept as they are.
        format: version of the file's layout; a newer one than ours is read but never written.
        put_aside: where a file that could not be parsed was put.
        fault: why it was put there.
    """

    overrides: Mapping[str, Any]
    others: Mapping[str, Any]
    format: int = FORMAT
    put_aside: Path | None = None
    fault: str = ""

    @property
    def is_newer(self) -> bool:
        """Whether a later version wrote it."""
        return self.format > FORMAT


class NotADocument(ValueError):
    """The content is not a settings document."""


def read(path: Path) -> Document:
    """Read the overrides. A file that cannot be parsed is put aside under a name of its own and defaults apply.

    Raises:
        ConfigUnreadable: it is there but the system does not let us read it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return Document({}, {})
    except OSError as error:
        raise ConfigUnreadable(str(path), error.strerror or str(error)) from error
    try:
        return parse(content)
    except NotADocument as error:
        return Document({}, {}, put_aside=quarantine(path), fault=str(error))


def parse(content: bytes) -> Document:
    """Read the bytes of `config.json`; a byte order mark is skipped.

    Raises:
        NotADocument: with what was found and what was expected.
    """
    if len(content) > SIZE_LIMIT_BYTES:
        raise NotADocument(f"it has more than {SIZE_LIMIT_BYTES} bytes")
    try:
        found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotADocument(f"expected JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("overrides"), dict):
        raise NotADocument("expected an object with an object 'overrides'")
    version = found.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise NotADocument(f"expected a positive integer 'format', found {version!r}")
    return Document(found["overrides"], {name: value for name, value in found.items() if name not in ("format", "overrides")}, version)


def write(path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Replace the file; once this returns, a power cut cannot take it back.

    Raises:
        DurableWriteFailed: a step failed; what was on disk before is still there.
        OSError: the directory cannot be made.
    """
    make_directory(path.parent)
    replace_file(path, render(overrides, others))


def render(overrides: Mapping[str, Any], others: Mapping[str, Any]) -> bytes:
    """The bytes of `config.json`."""
    content = {"format": FORMAT, **others, "overrides": dict(sorted(overrides.items()))}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for at, (name, _) in enumerate(pairs) if any(name == other for other, _ in pairs[:at]))
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a value that JSON knows")
