"""Reads a manifest and checks what its types cannot say: paths that stay inside, names that every platform can hold."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bus.errors import OperatorError
from schemas.manifest import Manifest, ModelEntry

FORMAT = 1
MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
SignatureCheck = Callable[[bytes, str], str | None]
"""Given the bytes of a manifest and where they came from: what is wrong with their signature, or None. The extension
point for signed manifests; a bundled manifest is as trustworthy as the package it came in and needs none."""

RESERVED_FILES = frozenset({"journal.json", "journal.json.tmp"})
RESERVED_SUFFIXES = (".partial", ".damaged")
_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)
_FORBIDDEN_SIGNS = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


class ManifestRefused(OperatorError):
    """A manifest cannot be used.

    Attributes:
        source: the file or other place it came from.
        problems: one sentence for each thing that is wrong.
    """

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__(source, problems)
        self.source = source
        self.problems = problems

    def __str__(self) -> str:
        return f"{self.source}: the manifest cannot be used: {'; '.join(self.problems)}; correct it and start again"


def load_manifest(path: Path, check_signature: SignatureCheck | None = None) -> Manifest:
    """Read and check a manifest; its signature comes first if there is a check for it.

    Raises:
        ManifestRefused: it is missing, too large, not a manifest, or asks for something that is not safe.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise ManifestRefused(str(path), [f"it cannot be read ({error.strerror})"]) from error
    if check_signature is not None and (problem := check_signature(content, str(path))):
        raise ManifestRefused(str(path), [f"its signature does not hold: {problem}"])
    return parse_manifest(content, str(path))


def parse_manifest(content: bytes, source: str) -> Manifest:
    """Decode and check the bytes of a manifest; `source` is named in errors.

    Raises:
        ManifestRefused: see `load_manifest`.
    """
    if len(content) > MANIFEST_LIMIT_BYTES:
        raise ManifestRefused(source, [f"it is longer than {MANIFEST_LIMIT_BYTES} bytes"])
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestRefused(source, [str(error)]) from error
    if problems := check_manifest(manifest):
        raise ManifestRefused(source, problems)
    return manifest


def check_manifest(manifest: Manifest, version: str | None = None) -> list[str]:
    """Everything that is wrong with a manifest, as sentences; empty if `version` of Undercroft (the running one) can use it."""
    problems = []
    if manifest.format != FORMAT:
        problems.append(f"its format is {manifest.format}, this version reads {FORMAT}")
    if manifest.minimum_runtime and (problem := _version_problem(manifest.minimum_runtime, version or metadata.version("undercroft"))):
        problems.append(problem)
    problems += [f"model {name!r} is declared twice" for name in _twice(entry.id for entry in manifest.models)]
    for entry in manifest.models:
        problems += [f"{entry.id}: {problem}" for problem in _check_entry(entry)]
    return problems


def precedence(version: str) -> tuple[tuple[int, int, int], tuple[tuple[int, int | str], ...]] | None:
    """Sort key of a version by Semantic Versioning 2.0.0 section 11; None if it is none."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    core = (int(found[1]), int(found[2]), int(found[3]))
    if found[4] is None:
        return core, ((2, 0),)  # a release comes after its pre-releases, whose parts are numbers (0) or words (1)
    return core, tuple((0, int(part)) if part.isdecimal() else (1, part) for part in found[4].split("."))


def path_problem(path: str) -> str | None:
    """Why a path is not safe below a model's directory on every platform; None if it is.

    Refused are absolute paths, `..`, backslashes, drives and streams, the device names of Windows, and names that
    Windows would change (with a dot or a space at the end).
    """
    if path.startswith("/"):
        return "it is absolute"
    if found := _FORBIDDEN_SIGNS.search(path):
        return f"it holds {found[0]!r}"
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


def url_problem(url: str) -> str | None:
    """Why a file cannot be fetched from this URL; None if it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https"):
        return f"its scheme is {parts.scheme!r}, expected 'https' or 'http'"
    if not parts.hostname or port == 0:
        return "it names no host"
    if parts.username or parts.password:
        return "it holds credentials"
    return None


def digest_of(manifest: Manifest) -> str:
    """SHA-256 of a manifest's canonical form (sorted keys, no spaces): what a signature of it would cover."""
    canonical = json.dumps(msgspec.to_builtins(manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _version_problem(minimum: str, version: str) -> str | None:
    needed, found = precedence(minimum), precedence(version)
    if needed is None:
        return f"its minimum_runtime {minimum!r} is not a version such as '1.2.0'"
    if found is None or found < needed:
        return f"it needs Undercroft {minimum} or newer, this is {version}"
    return None


def _check_entry(entry: ModelEntry) -> list[str]:
    problems = []
    if _WINDOWS_DEVICE.fullmatch(entry.id):
        problems.append("the id is the name of a device on Windows")
    if entry.id.endswith(RESERVED_SUFFIXES):
        problems.append(f"an id does not end in {' or '.join(RESERVED_SUFFIXES)}")
    paths = [file.path for file in entry.files]
    problems += [f"file {path!r} is declared twice" for path in _twice(paths)]
    folded = {path.casefold() for path in paths}
    for file in entry.files:
        if problem := path_problem(file.path):
            problems.append(f"path {file.path!r}: {problem}")
        if any(parent in folded for parent in _parents(file.path.casefold())):
            problems.append(f"path {file.path!r} lies below another file")
        problems += [f"url {url!r}: {problem}" for url in file.urls if (problem := url_problem(url))]
    return problems


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _twice(names: Iterable[str]) -> list[str]:
    """Names that occur again, without regard to case, as file systems of Windows and macOS see them."""
    seen: set[str] = set()
    again = []
    for name in names:
        if name.casefold() in seen:
            again.append(name)
        seen.add(name.casefold())
    return again
