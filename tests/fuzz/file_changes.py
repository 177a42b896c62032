"""Says what a stranger's editor does to a file, and does it. What is to be done is pure.

Two kinds: a change *beside* what the witness stored, in JSON files that hold other things too, and *rough*
ones that may cost the whole file.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from tests.fuzz.spared_things import WITNESS, WITNESS_DOCUMENT
from tests.support.strange_files import DIRECTORY_MUTATIONS, FILE_MUTATIONS, VALUES, write

Way = Literal["value", "key", "flip", "cut", "insert", "remove", "rewrite", "strange", "strange directory"]


def is_json(text: str) -> bool:
    """Whether every reader takes this for JSON."""
    try:
        msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


HOLE: Final = "\uf8ff hole"
PROTECTED: Final = (WITNESS, WITNESS_DOCUMENT, "max_seconds", "persistence_mode", "workspace")
"""Words of what the witness stored: a change beside it touches no part that holds one of them."""

WELL_FORMED: Final = tuple(text for text in VALUES if is_json(text))
"""Values that spoil an entry, and not the whole document around it."""

NEVER: Final = ("unreadable",)
"""Mutations that differ between the administrator and other users."""

SKIPPED_NAMES: Final = (".undercroft.lock", "runtime.json", "lane", "feed", "stderr.log")
SKIPPED_DIRECTORIES: Final = ("run", "keys")
LARGEST_BYTES: Final = 8 * 1024 * 1024
"""Larger files are not read, only replaced: one may be huge and sparse."""

LARGEST_DOCUMENT_BYTES: Final = 256 * 1024
GARBAGE: Final = b"\0\xff{[\"'\n\r\x1b"
ROUGH: Final[tuple[Way, ...]] = (
    "value",
    "key",
    "flip",
    "cut",
    "insert",
    "remove",
    "rewrite",
    "strange",
    "strange",
)


class FileChange(msgspec.Struct, frozen=True):
    """One change of one file.

    Attributes:
        path: below the home, with slashes.
        way: what is done to it.
        place: of a value in a JSON document; empty for others.
        text: the JSON that takes its place, the name of the strange thing, or the name of a new key.
        share: how far into the file, from 0 to 1.
    """

    path: str
    way: Way
    place: list[str | int] = []
    text: str = ""
    share: float = 0.0


def change_beside(chance: random.Random, path: str, content: bytes) -> FileChange | None:
    """A change that costs nothing that the witness stored; None if there is no room for one.

    In a file that does not name the witness it is any change of its content.
    """
    if not any(word.encode() in content for word in PROTECTED):
        return rough_change(chance, path, ("value", "key", "flip", "cut", "insert", "rewrite"))
    try:
        document = _document(content)
    except (ValueError, RecursionError):
        return None
    places = [place for place, text in _parts(document) if len(place) > 1 and not _is_protected(place, text)]
    if places and chance.random() < 0.7:
        return FileChange(path, "value", chance.choice(places), chance.choice(WELL_FORMED))
    inner = [place for place, text in _parts(document) if place and text.startswith("{")]
    if not inner:
        return None
    return FileChange(path, "key", chance.choice(inner), chance.choice(WELL_FORMED))


def rough_change(chance: random.Random, path: str, ways: tuple[Way, ...] = ROUGH) -> FileChange:
    """A change that may cost the whole file."""
    way = chance.choice(ways)
    match way:
        case "value" | "key":
            return FileChange(path, way, ["?"], chance.choice(VALUES), chance.random())
        case "strange":
            names = [mutation.name for mutation in FILE_MUTATIONS if mutation.name not in NEVER]
            return FileChange(path, way, text=chance.choice(names))
        case _:
            return FileChange(path, way, share=chance.random())


def strange_directory(chance: random.Random, path: str) -> FileChange:
    """Something else in the place of a directory."""
    return FileChange(path, "strange directory", text=chance.choice(DIRECTORY_MUTATIONS).name)


def changed(content: bytes, change: FileChange) -> bytes:
    """The content of a file after a change that leaves it a file."""
    at = int(change.share * len(content))
    match change.way:
        case "flip":
            return content[:at] + bytes(byte ^ 0x55 for byte in content[at : at + 1]) + content[at + 1 :]
        case "cut":
            return content[:at]
        case "insert":
            return content[:at] + GARBAGE + content[at:]
        case "rewrite":  # as editors do: other line ends, another encoding of the same
            return content.replace(b"\n", b"\r\n") if change.share < 0.5 else b"\xef\xbb\xbf" + content
        case "value" | "key":
            return _changed_document(content, change)
        case _:
            return content


def apply(home: Path, change: FileChange) -> bool:
    """Carry a change out; False if there is nothing to change any more.

    A path that does not exist stands for another file of the same directory, with the same ending: names of
    segments differ from run to run.
    """
    path = _present(home / change.path)
    if path is None:
        return False
    if change.way in ("strange", "strange directory"):
        if path.is_file() and path.stat().st_size > LARGEST_BYTES:
            os.truncate(path, 0)  # some changes read what was there
        known = (*FILE_MUTATIONS, *DIRECTORY_MUTATIONS)
        next(mutation for mutation in known if mutation.name == change.text).leave(path)
    elif change.way == "remove":
        path.unlink()
    elif path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST_BYTES:
        write(path, changed(path.read_bytes(), change))
    return True


def is_skipped(relative: Path) -> bool:
    """Whether a file is none that an editor touches: locks, sockets, keys, and what the harness writes."""
    return relative.name in SKIPPED_NAMES or any(part in SKIPPED_DIRECTORIES for part in relative.parts)


# -- parts


def _document(content: bytes) -> Any:
    """A JSON document that is small enough to be taken apart.

    Raises:
        ValueError, RecursionError: it is none.
    """
    if len(content) > LARGEST_DOCUMENT_BYTES:
        raise ValueError("too large")
    return json.loads(content)


def _present(path: Path) -> Path | None:
    if path.exists() or path.is_symlink():
        return path
    alike = sorted(path.parent.glob(f"*{path.suffix}")) if path.parent.is_dir() else []
    return alike[-1] if alike else None


def _parts(document: Any, place: tuple[str | int, ...] = ()) -> list[tuple[list[str | int], str]]:
    """Each place of a document, with what lies there as JSON."""
    found = [(list(place), json.dumps(document))]
    if isinstance(document, dict):
        for name, value in document.items():
            found += _parts(value, (*place, name))
    elif isinstance(document, list):
        for number, value in enumerate(document[:20]):
            found += _parts(value, (*place, number))
    return found


def _is_protected(place: list[str | int], text: str) -> bool:
    words = json.dumps([str(part) for part in place]) + text
    return any(word in words for word in PROTECTED)


def _changed_document(content: bytes, change: FileChange) -> bytes:
    """The document with a value replaced, or a key added; garbage inserted where it is none.

    A place of `?` means any, by its share. Files with a document on each line have one line changed.
    """
    lines = content.splitlines(keepends=True)
    at = int(change.share * len(lines)) if len(lines) > 1 and not content.startswith(b"{\n") else None
    part = content if at is None else lines[at]
    try:
        document = _document(part)
    except (ValueError, RecursionError):
        return content[: len(content) // 2] + change.text.encode() + content[len(content) // 2 :]
    place = change.place
    if place == ["?"]:
        places = [found for found, _ in _parts(document)]
        place = places[int(change.share * len(places))]
    new = _spelled(document, place, change)
    return new if at is None else b"".join([*lines[:at], new, b"\n", *lines[at + 1 :]])


def _spelled(document: Any, place: list[str | int], change: FileChange) -> bytes:
    root = {"": document}
    inner: Any = root
    parts: list[str | int] = ["", *place]
    try:
        for part in parts[:-1]:
            inner = inner[part]
        if change.way == "key" and isinstance(inner[parts[-1]], dict):
            inner[parts[-1]]["of a stranger"] = HOLE
        else:
            inner[parts[-1]] = HOLE
    except (KeyError, IndexError, TypeError):
        return change.text.encode()
    return json.dumps(root[""], indent=1).replace(json.dumps(HOLE), change.text).encode()
