"""Reads a manifest, and checks what its types cannot express: that its paths, ids and URLs are safe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import msgspec

from actors.shared.http.answers.json_answers import JsonUnreadable, read_json
from actors.shared.http.answers.stranger_text import quoted, sentence
from actors.shared.http.urls import shown_url, url_problem
from actors.shared.manifest.manifest_paths import file_url_problem, id_problem, path_problem
from actors.shared.manifest.semver import precedence, running_version, version_problem
from actors.shared.steering_signs import STEERING
from bus.errors import OperatorError
from schemas.bounds import INTEGER_LIMIT
from schemas.manifest import Manifest, ModelEntry

FORMAT = 1
MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
PROBLEMS_SHOWN = 8


class ManifestRefused(OperatorError):
    """A manifest cannot be used.

    Attributes:
        source: a file or a URL.
        problems: one sentence for each thing that is wrong.
    """

    source: str
    problems: list[str]

    def __str__(self) -> str:
        shown = (
            [*self.problems[:PROBLEMS_SHOWN], "..."] if len(self.problems) > PROBLEMS_SHOWN else self.problems
        )
        problems = sentence("; ".join(shown))
        return f"{self.source}: the manifest cannot be used: {problems}; correct it and start again"


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest that came with the app, which vouches for it: it has no signature.

    Raises:
        ManifestRefused: it is missing, too large, no manifest, or not safe.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise ManifestRefused(str(path), [f"it cannot be read ({error.strerror})"]) from error
    return parse_manifest(content, str(path))


def parse_manifest(content: bytes, source: str) -> Manifest:
    """Decode and check the bytes of a manifest.

    Args:
        content: the bytes.
        source: a file or a URL, for errors.

    Raises:
        ManifestRefused: see `load_manifest`.
    """
    if len(content) > MANIFEST_LIMIT_BYTES:
        raise ManifestRefused(source, [f"it is longer than {MANIFEST_LIMIT_BYTES} bytes"])
    try:
        manifest = read_json(content, Manifest, MANIFEST_LIMIT_BYTES)
    except JsonUnreadable as error:
        raise ManifestRefused(source, [error.detail]) from error
    if problems := check_manifest(manifest):
        raise ManifestRefused(source, problems)
    return manifest


def check_manifest(manifest: Manifest, version: str | None = None) -> list[str]:
    """Everything that is wrong with a manifest, as sentences.

    Args:
        manifest: decoded, but not checked.
        version: of Undercroft that is to use it; None: the running one.
    """
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
    """SHA-256 of a manifest's canonical form (sorted keys, no spaces), so its layout does not matter."""
    canonical = json.dumps(
        msgspec.to_builtins(manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_entry(entry: ModelEntry, *, from_person: bool = False) -> list[str]:
    """Everything that is wrong with one entry, as sentences.

    Args:
        entry: decoded, but not checked.
        from_person: a person added it, so `file:` URLs of this machine are allowed.
    """
    problems = [problem] if (problem := id_problem(entry.id)) else []
    if entry.size_bytes > INTEGER_LIMIT:
        problems.append(f"its files have {entry.size_bytes} bytes, expected at most {INTEGER_LIMIT}")
    for name in ("name", "category", "licence", "licence_url", "revision", "minimum_runtime"):
        text = getattr(entry, name)
        if STEERING.search(text):
            problems.append(f"its {name} {quoted(text, 60)!r} holds characters that steer a terminal")
    if entry.minimum_runtime and precedence(entry.minimum_runtime) is None:
        problems.append(
            f"its minimum_runtime {quoted(entry.minimum_runtime, 60)!r} is not a version such as '1.2.0'"
        )
    paths = [file.path for file in entry.files]
    problems += [f"file {quoted(path)!r} is declared twice" for path in _twice(paths)]
    folded = {path.casefold() for path in paths}
    for file in entry.files:
        if problem := path_problem(file.path):
            problems.append(f"path {quoted(file.path)!r}: {problem}")
        if any(parent in folded for parent in _parents(file.path.casefold())):
            problems.append(f"path {quoted(file.path)!r} lies below another file")
        if file.pieces is not None and len(file.pieces.sha256) != (
            pieces := -(-file.size_bytes // file.pieces.size_bytes)
        ):
            problems.append(
                f"{quoted(file.path)}: it has {len(file.pieces.sha256)} digests of pieces, "
                f"its length needs {pieces}"
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
    """Names that occur again. Ignores case, as file systems of Windows and macOS do."""
    seen: set[str] = set()
    again = []
    for name in names:
        if name.casefold() in seen:
            again.append(name)
        seen.add(name.casefold())
    return again
