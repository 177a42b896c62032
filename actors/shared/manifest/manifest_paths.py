"""Judges paths, ids and `file:` URLs of a manifest: which are safe on every platform. Pure."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from actors.shared.http.answers.stranger_text import quoted
from actors.shared.http.urls import url_parts
from actors.shared.places.place_names import folded, is_device, place_problem

RESERVED_FILES = frozenset(
    {"journal.json", "journal.json.tmp", ".undercroft.json", ".undercroft.json.tmp", "written.marks"}
)
RESERVED_SUFFIXES = (".partial", ".damaged", ".former")


def id_problem(model_id: str) -> str | None:
    """Why an id cannot name a model's directory, as far as its type allows it; None if it can."""
    if is_device(model_id):
        return "the id is the name of a device on Windows"
    if model_id.endswith(RESERVED_SUFFIXES):
        return f"an id does not end in {' or '.join(RESERVED_SUFFIXES)}"
    return None


def path_problem(path: str) -> str | None:
    """Why a path is not safe below a model's directory on every platform; None if it is.

    That is a place as `place_names` knows it, and none that the downloader has for itself.
    """
    if problem := place_problem(path):
        return problem
    if folded(path.split("/")[0]) in RESERVED_FILES:
        return "the name is reserved"
    return None


def file_url_problem(url: str) -> str | None:
    """Why a `file:` URL (RFC 8089) names no file of this machine; None if it does."""
    parts = url_parts(url)
    if parts is None:
        return "it is no URL"
    if parts.scheme != "file":
        return f"its scheme is {quoted(parts.scheme)!r}, expected 'file'"
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        return "it is not the URL of a file on this machine, such as 'file:///media/stick/model.gguf'"
    if not file_of_url(url).is_absolute() or "\0" in unquote(parts.path):
        return "its path is not absolute"
    return None


def file_of_url(url: str) -> Path:
    """The file that a `file:` URL names; the current directory for what is no URL."""
    from urllib.request import url2pathname  # late: it imports http.client and email

    parts = url_parts(url)
    return Path(url2pathname(parts.path if parts else ""))
