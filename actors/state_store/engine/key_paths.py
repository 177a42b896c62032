"""Which file a key lies in, and which key lies in a file. Pure; one to one on every file system.

A key is `<namespace>.<rest>`. The namespace names the directory, the rest names the file. File names hold
small letters, digits and `- _ . = % ~ @` only: a capital becomes `=a`, everything else `%xx`, byte by byte.
So nothing depends on case, on Unicode forms or on names that Windows reserves, and no key leads out of its
directory.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

from actors.shared.places.place_names import is_device
from actors.state_store.errors import KeyRefused
from schemas.state import KEY_LIMIT_BYTES

SUFFIX: Final = ".json"
NAME_LIMIT: Final = 180
"""A longer name is cut and ends in a digest of the key. Only the envelope then tells the whole key."""

CUT_LENGTH: Final = 120
DOCUMENTS: Final = "document"
"""Namespace of typed documents, whose files are named like their types."""

DIRECTORIES: Final = {
    "layout": "layouts",
    "settings": "settings",
    "history": "history",
    "config": "config",
    DOCUMENTS: "documents",
}
DIVISIONS: Final = {"history": ("conversations", "contexts")}
"""Directories within the directory of a namespace, for keys such as `history.conversations.today`."""

FORMER_VALUES: Final = "backups/"
"""Where the values that saves replaced lie, relative to the store."""

RESERVED: Final = frozenset({"layouts", "documents", "backups"})
"""Directories whose names no namespace of a profile may have."""

_KEY = re.compile(r"([a-z][a-z0-9_]{0,31})\.(.+)", re.DOTALL)
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_PLAIN = re.compile(r"[a-z0-9_.-]")
_SIMPLE = re.compile(r"[a-z0-9_-][a-z0-9_.-]*")
_STEM = re.compile(r"(?:[a-z0-9_.-]|=[a-z]|%[0-9a-f]{2})+")
_PLACE = re.compile(
    r"(?:backups/auto|(?!backups/)[a-z][a-z0-9_]{0,31}(?:/(?:conversations|contexts))?)"
    r"/[A-Za-z0-9_=%~@-][A-Za-z0-9_.=%~@-]{0,249}\.json"
)
_DIRECTORY = re.compile(r"(?!backups$)[a-z][a-z0-9_]{0,31}")


def parse_key(text: str) -> str:
    """The key that a text names, in Unicode's composed form (NFC).

    Raises:
        KeyRefused: the text is not a key.
    """
    key = unicodedata.normalize("NFC", text)
    found = _KEY.fullmatch(key)
    if found is None:
        raise KeyRefused(text, "expected a namespace in small letters, a dot, and a name")
    if found[1] == DOCUMENTS and not is_type_name(found[2]):
        raise KeyRefused(text, "expected the name of a document type: a letter, then letters, digits and _")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in key):
        raise KeyRefused(text, "it holds a control character or half a surrogate pair")
    if len(key.encode()) > KEY_LIMIT_BYTES:
        raise KeyRefused(text, f"it has {len(key.encode())} bytes, expected at most {KEY_LIMIT_BYTES}")
    return key


def namespace_of(key: str) -> str:
    """The part before the first dot."""
    return key.partition(".")[0]


def rest_of(key: str) -> str:
    """The part after the first dot."""
    return key.partition(".")[2]


def path_of(key: str) -> str:
    """The file of a key, relative to the store, with slashes.

    Raises:
        KeyRefused: no document type has this name; every other text is encoded, so it stays in its directory.
    """
    namespace, _, rest = key.partition(".")
    directory = DIRECTORIES.get(namespace, namespace)
    if namespace == DOCUMENTS:
        if not is_type_name(rest):
            raise KeyRefused(key, "expected the name of a document type")
        return f"{directory}/{rest}{SUFFIX}"
    division, _, inner = rest.partition(".")
    if inner and division in DIVISIONS.get(namespace, ()):
        return f"{directory}/{division}/{_stem(inner, key)}{SUFFIX}"
    return f"{directory}/{_stem(rest, key)}{SUFFIX}"


def is_place_of(key: str, place: str) -> bool:
    """Whether a file from outside, such as one of a backup, lies where its key says; else it goes nowhere."""
    try:
        return parse_key(key) == key and path_of(key) == place
    except KeyRefused:
        return False


def key_of(namespace: str, division: str, name: str) -> str | None:
    """The key of a file in the directory of a namespace, or in one of its divisions.

    None if the name is cut (see `is_cut`), or if no key has this file.
    """
    stem = name.removesuffix(SUFFIX)
    if stem == name or not stem:
        return None
    if namespace == DOCUMENTS:
        return f"{DOCUMENTS}.{stem}" if is_type_name(stem) else None
    if (  # most names are this simple, and a start reads all of them
        _SIMPLE.fullmatch(stem)
        and (division or namespace not in DIVISIONS)
        and len(stem) <= NAME_LIMIT
        and not is_device(stem)
    ):
        return f"{namespace}.{division}.{stem}" if division else f"{namespace}.{stem}"
    inner = decode(stem)
    if inner is None:
        return None
    key = f"{namespace}.{division}.{inner}" if division else f"{namespace}.{inner}"
    try:
        is_it = parse_key(key) == key and path_of(key) == f"{directory_of(namespace, division)}/{name}"
    except KeyRefused:
        return None
    return key if is_it else None


def directory_of(namespace: str, division: str = "") -> str:
    """Directory of a namespace, relative to the store, with slashes."""
    directory = DIRECTORIES.get(namespace, namespace)
    return f"{directory}/{division}" if division else directory


def namespace_in(directory: str) -> str:
    """The namespace whose keys lie in a directory of the store."""
    return next((namespace for namespace, named in DIRECTORIES.items() if named == directory), directory)


def is_cut(name: str) -> bool:
    """Whether this is the file of a key that was too long for a file name."""
    return "~" in name and name.endswith(SUFFIX)


def is_type_name(text: str) -> bool:
    """Whether a document type may have this name: its file has the same one on every platform."""
    return _TYPE.fullmatch(text) is not None and not is_device(text)


def is_place(relative: str) -> bool:
    """Whether a value or a former value may lie at a path, relative to the store and with slashes.

    No such path leads out of the store, or to a file that the store keeps for itself.
    """
    return _PLACE.fullmatch(relative) is not None


def is_directory_name(name: str) -> bool:
    """Whether the values of a namespace may lie in a directory of this name."""
    return _DIRECTORY.fullmatch(name) is not None


def former_path(key: str, revision: int, now: float) -> str:
    """Where the value that a save replaces is kept, relative to the store.

    Args:
        key: which one.
        revision: of the replaced value.
        now: seconds since the Unix epoch.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{FORMER_VALUES}auto/{_stem(key, key)}@{stamp}-r{revision}{SUFFIX}"


def former_stem(key: str) -> str:
    """How the names of the kept values of a key begin, up to the `@`."""
    return _stem(key, key)


def encode(text: str) -> str:
    """The text in characters that every file system keeps and tells apart."""
    if _SIMPLE.fullmatch(text) and not is_device(text):
        return text
    encoded = []
    for character in text:
        if _PLAIN.fullmatch(character):
            encoded.append(character)
        elif "A" <= character <= "Z":
            encoded.append("=" + character.lower())
        else:
            encoded.append("".join(f"%{byte:02x}" for byte in character.encode()))
    if encoded[0] == "." or is_device("".join(encoded)):
        encoded[0] = f"%{ord(text[0]):02x}"  # hidden on Unix, or a device on Windows
    return "".join(encoded)


def decode(stem: str) -> str | None:
    """The text that `encode` turned into this name; None if there is none."""
    if not _STEM.fullmatch(stem):
        return None
    content = bytearray()
    at = 0
    while at < len(stem):
        if stem[at] == "=":
            content += stem[at + 1].upper().encode()
            at += 2
        elif stem[at] == "%":
            content.append(int(stem[at + 1 : at + 3], 16))
            at += 3
        else:
            content += stem[at].encode()
            at += 1
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if encode(text) == stem else None


def _stem(text: str, key: str) -> str:
    stem = encode(text)
    if len(stem) <= NAME_LIMIT:
        return stem
    return f"{stem[:CUT_LENGTH]}~{hashlib.sha256(key.encode()).hexdigest()[:40]}"
