"""Judges names from outside: which of them name a place below a root, on every platform alike. Pure.

A name may come from a manifest, an archive, a backup, a server, a profile or the bus. On some platform a name
may leave the root (`..`, a drive, a stream), be a device, be changed by the system (a dot at its end, another
Unicode form), or mean the file of another name (letter case, short names).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

PART_LIMIT_BYTES: Final = 200
"""File systems take 255; what lies beside a file has a longer name, such as `<name>.mismatch`."""

PLACE_LIMIT_BYTES: Final = 1024
"""What macOS takes as a whole path is the least of all platforms."""

_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)
_FORBIDDEN_SIGNS: Final = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_SHORT_NAME: Final = re.compile(r"[^.]{1,6}~[0-9]{1,4}(?:\.[^.]{0,3})?", re.DOTALL)
_LEADS_ELSEWHERE: Final = re.compile(r"[/\0]" if os.name == "posix" else r"[/\0\\:]")
_INVISIBLE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")


def place_problem(place: str, limit_bytes: int = PLACE_LIMIT_BYTES) -> str | None:
    """Why a relative path with slashes names no place below a root on every platform; None if it does.

    Args:
        place: as it came from outside.
        limit_bytes: a longer one is refused.
    """
    if place.startswith("/"):
        return "it is absolute"
    if found := _FORBIDDEN_SIGNS.search(place):
        return f"it holds {found[0]!r}"
    try:
        size_bytes = len(place.encode())
    except UnicodeEncodeError:
        return "it is not Unicode"
    if size_bytes > limit_bytes:
        return f"it is longer than {limit_bytes} bytes"
    return next((problem for part in place.split("/") if (problem := part_problem(part))), None)


def part_problem(part: str, limit_bytes: int = PART_LIMIT_BYTES) -> str | None:
    """Why one name cannot be that of a file or directory on every platform; None if it can.

    Args:
        part: one name, as it came from outside.
        limit_bytes: a longer one is refused.
    """
    if part in ("", ".", ".."):
        return f"it has a part {part!r}"
    if "/" in part or (found := _FORBIDDEN_SIGNS.search(part)):
        return f"it holds {'/' if '/' in part else found[0]!r}"  # type: ignore[index]  # found, if no slash
    if any(unicodedata.category(sign) in _INVISIBLE for sign in part):
        return "it holds an invisible sign" if _is_unicode(part) else "it is not Unicode"
    if part[-1] in ". ":
        return f"{part!r} ends in a dot or a space"
    if is_device(part):
        return f"{part!r} is the name of a device on Windows"
    if _SHORT_NAME.fullmatch(part):
        return f"{part!r} is the short name of another file on Windows"
    if len(part.encode()) > limit_bytes:
        return f"a part of it is longer than {limit_bytes} bytes"
    return None


def is_device(name: str) -> bool:
    """Whether Windows takes a file or directory of this name for a device."""
    return _DEVICE.fullmatch(name) is not None


def leaves_root(part: str) -> bool:
    """Whether a single name could lead anywhere but to an entry of its directory."""
    return part in ("", ".", "..") or _LEADS_ELSEWHERE.search(part) is not None


def folded(place: str) -> str:
    """How a file system that ignores letter case and Unicode forms sees a place (Unicode, D145)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", place).casefold())


class TakenPlaces:
    """The places below one root that are spoken for. Two that some file system takes for one collide."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Begin with the places of files that are there already, with slashes."""
        self._files = {folded(place) for place in taken}
        self._directories = {parent for place in self._files for parent in _parents(place)}

    def problem(self, place: str) -> str | None:
        """Why a file cannot have this place too; None if it can, and has it from now on."""
        name = folded(place)
        if name in self._files:
            return "its name is taken by another file, at least where case does not count"
        if name in self._directories or any(parent in self._files for parent in _parents(name)):
            return "its name is taken by a file and a directory"
        self._files.add(name)
        self._directories.update(_parents(name))
        return None


def _parents(place: str) -> list[str]:
    parts = place.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _is_unicode(part: str) -> bool:
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True
