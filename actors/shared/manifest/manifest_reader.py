"""Reads a manifest and checks what its types cannot say: paths that stay inside, names that every platform can hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from actors.shared.http.urls import shown_url, url_problem
from actors.shared.manifest.manifest_paths import (
    file_url_problem,
    id_problem,
    path_problem,
)
from actors.shared.manifest.semver import precedence, running_version, version_problem
from bus.errors import OperatorError
from schemas.manifest import Manifest, ModelEntry

FORMAT = 1
MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
SignatureCheck = Callable[[bytes, str], str | None]
"""Given the bytes of a manifest and where they came from: what is wrong with their signature, or None. The extension
point for signed manifests; a bundled manifest is as trustworthy as the package it came in and needs none."""


class ManifestRefused(OperatorError):
    """A manifest cannot be used.

    Attributes:
        source: the file or other place it came from.
        problems: one sentence for each thing that is wrong.
    """

    source: str
    problems: list[str]

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
    if manifest.minimum_runtime and (
        problem := version_problem(manifest.minimum_runtime, version or running_version())
    ):
        problems.append(problem)
    problems += [
        f"model {name!r} is declared twice" for name in _twice(entry.id for entry in manifest.models)
    ]
    for entry in manifest.models:
        problems += [f"{entry.id}: {problem}" for problem in check_entry(entry)]
    return problems


def digest_of(manifest: Manifest) -> str:
    """SHA-256 of a manifest's canonical form (sorted keys, no spaces): the same however it is laid out."""
    canonical = json.dumps(
        msgspec.to_builtins(manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_entry(entry: ModelEntry, *, from_person: bool = False) -> list[str]:
    """Everything that is wrong with one entry; files of this machine (`file:` URLs) are for those that a person added."""
    problems = [problem] if (problem := id_problem(entry.id)) else []
    if entry.minimum_runtime and precedence(entry.minimum_runtime) is None:
        problems.append(f"its minimum_runtime {entry.minimum_runtime!r} is not a version such as '1.2.0'")
    paths = [file.path for file in entry.files]
    problems += [f"file {path!r} is declared twice" for path in _twice(paths)]
    folded = {path.casefold() for path in paths}
    for file in entry.files:
        if problem := path_problem(file.path):
            problems.append(f"path {file.path!r}: {problem}")
        if any(parent in folded for parent in _parents(file.path.casefold())):
            problems.append(f"path {file.path!r} lies below another file")
        if file.pieces is not None and len(file.pieces.sha256) != (
            pieces := -(-file.size_bytes // file.pieces.size_bytes)
        ):
            problems.append(
                f"{file.path}: it has {len(file.pieces.sha256)} digests of pieces, its length needs {pieces}"
            )
        check = _own_url_problem if from_person else url_problem
        problems += [f"url {shown_url(url)!r}: {problem}" for url in file.urls if (problem := check(url))]
    return problems


def _own_url_problem(url: str) -> str | None:
    return file_url_problem(url) if url.startswith("file:") else url_problem(url)


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
