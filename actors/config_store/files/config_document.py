"""The file that keeps the overrides: `config.json`, readable by people, replaced whole, never lost to a parse error."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.shared.durable import strict_json
from actors.shared.durable.durable_write import DurableWriteFailed, make_directory, replace_file
from actors.shared.durable.quarantine import quarantine
from bus.errors import OperatorError, UndercroftError

FORMAT: Final = 1
VERSION: Final = "settings_version"
SIZE_LIMIT_BYTES: Final = 4 * 1024 * 1024


class ConfigUnreadable(OperatorError):
    """The file is there but cannot be read, which says nothing about its content: it is left alone.

    Attributes:
        path: the file.
        reason: the operating system's words.
    """

    path: str
    reason: str
    words = "{path}: cannot be read ({reason}); nothing was changed; make it readable for this user"


@dataclass(frozen=True)
class Document:
    """What `config.json` holds.

    Attributes:
        overrides: dotted path to value.
        others: further fields of the file, kept as they are.
        format: version of the file's layout; a newer one than ours is read but never written.
        version: of the settings that the app declares, `settings_version` of its profile.
        put_aside: where a file that could not be parsed was put.
        fault: why it was put there.
        content: the bytes that were read; None if there was no file.
    """

    overrides: Mapping[str, Any]
    others: Mapping[str, Any]
    format: int = FORMAT
    version: int = 1
    put_aside: Path | None = None
    fault: str = ""
    content: bytes | None = None

    @property
    def is_newer(self) -> bool:
        """Whether a later version of this program wrote it."""
        return self.format > FORMAT


class NotADocument(UndercroftError, ValueError):
    """The content is not a settings document."""


def read(path: Path) -> Document:
    """Read the overrides. A file that cannot be parsed is put aside under a name of its own and defaults apply.

    Raises:
        ConfigUnreadable: it is there but the system does not let us read it.
    """
    content = read_bytes(path)
    if content is None:
        return Document({}, {})
    try:
        return parse(content)
    except NotADocument as error:
        return Document({}, {}, put_aside=quarantine(path), fault=str(error))


def read_bytes(path: Path) -> bytes | None:
    """The bytes of the file, at most one more than are allowed; None if there is no file.

    Raises:
        ConfigUnreadable: it is there but the system does not let us read it.
    """
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigUnreadable(str(path), error.strerror or str(error)) from error


def parse(content: bytes) -> Document:
    """Read the bytes of `config.json`; a byte order mark is skipped.

    Raises:
        NotADocument: with what was found and what was expected.
    """
    try:
        found = strict_json.parse(content, SIZE_LIMIT_BYTES)
    except strict_json.NotStrictJson as error:
        raise NotADocument(str(error)) from error
    if not isinstance(found, dict) or not isinstance(found.get("overrides"), dict):
        raise NotADocument("expected an object with an object 'overrides'")
    version = found.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise NotADocument(f"expected a positive integer 'format', found {version!r}")
    app_version = found.get(VERSION, 1)
    if not isinstance(app_version, int) or isinstance(app_version, bool) or app_version < 1:
        raise NotADocument(f"expected a positive integer '{VERSION}', found {app_version!r}")
    others = {name: value for name, value in found.items() if name not in ("format", VERSION, "overrides")}
    return Document(found["overrides"], others, version, app_version, content=content)


def write(path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
    """Replace the file; once this returns, a power cut cannot take it back. Returns what was written.

    Raises:
        DurableWriteFailed: a step failed; what was on disk before is still there.
        OSError: the directory cannot be made.
    """
    content = render(overrides, others, version)
    try:
        replace_file(path, content)
    except DurableWriteFailed as failed:
        if failed.step != "create" or failed.errno != errno.ENOENT:
            raise
        make_directory(path.parent)
        replace_file(path, content)
    return content


def render(overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1) -> bytes:
    """The bytes of `config.json`."""
    numbers = {"format": FORMAT} | ({VERSION: version} if version != 1 else {})
    content = {**numbers, **others, "overrides": dict(sorted(overrides.items()))}
    try:
        return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    except (
        UnicodeEncodeError,
        OverflowError,
    ):  # half of a surrogate pair can only leave as an escape; an integer may have more than 64 bits
        return json.dumps(content, indent=2, allow_nan=False).encode() + b"\n"
