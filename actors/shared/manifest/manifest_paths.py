"""Judges paths, ids and `file:` URLs of a manifest: which are safe on every platform. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

RESERVED_FILES = frozenset({"journal.json", "journal.json.tmp", ".undercroft.json", ".undercroft.json.tmp"})
RESERVED_SUFFIXES = (".partial", ".damaged", ".former")
_WINDOWS_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE
)
_FORBIDDEN_SIGNS = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def id_problem(model_id: str) -> str | None:
    """Why an id cannot name a model's directory, as far as its type allows it; None if it can."""
    if _WINDOWS_DEVICE.fullmatch(model_id):
        return "the id is the name of a device on Windows"
    if model_id.endswith(RESERVED_SUFFIXES):
        return f"an id does not end in {' or '.join(RESERVED_SUFFIXES)}"
    return None


def path_problem(path: str) -> str | None:
    """Why a path is not safe below a model's directory on every platform; None if it is.

    Refuses absolute paths, `..`, backslashes, drives and streams, device names of Windows, and names that
    Windows would change, because they end in a dot or a space.
    """
    if path.startswith("/"):
        return "it is absolute"
    if found := _FORBIDDEN_SIGNS.search(path):
        return f"it holds {found[0]!r}"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "it is not Unicode"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return f"it has a part {part!r}"
        if part[-1] in ". ":
            return f"{part!r} ends in a dot or a space"
        if _WINDOWS_DEVICE.fullmatch(part):
            return f"{part!r} is the name of a device on Windows"
        if len(part.encode()) > 200:
            return "a part of it is longer than 200 bytes"
    if path.split("/")[0].casefold() in RESERVED_FILES:
        return "the name is reserved"
    return None


def file_url_problem(url: str) -> str | None:
    """Why a `file:` URL (RFC 8089) names no file of this machine; None if it does."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return f"its scheme is {parts.scheme!r}, expected 'file'"
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        return "it is not the URL of a file on this machine, such as 'file:///media/stick/model.gguf'"
    if not file_of_url(url).is_absolute() or "\0" in unquote(parts.path):
        return "its path is not absolute"
    return None


def file_of_url(url: str) -> Path:
    """The file that a `file:` URL names."""
    from urllib.request import url2pathname  # late: it imports http.client and email

    return Path(url2pathname(urlsplit(url).path))
