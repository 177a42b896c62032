"""Finds and hashes files of this machine, for import from a disk or a stick."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.model_sources.errors import ResolveFailed
from actors.model_sources.sources.entry_builder import few_of
from actors.shared.durable.file_identity import FileIdentity
from actors.shared.http.answers.stranger_text import quoted
from actors.shared.manifest.manifest_paths import path_problem
from schemas.manifest import FilePromise

FILES_LIMIT: Final = 2000
DEPTH_LIMIT: Final = 16
CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class LocalFiles:
    """The files at a path.

    Attributes:
        promises: one for each file, with its `file:` URL.
        skipped: what was left out, with the reason.
    """

    promises: list[FilePromise]
    skipped: list[str]


def import_from(path: Path, label: str) -> LocalFiles:
    """Hash a file, or all files of a directory. Takes as long as reading them.

    Links inside a directory and hidden files are left out: a model consists of its own files.

    Args:
        path: of the file or directory.
        label: names it in errors.

    Raises:
        ResolveFailed: there is nothing, it cannot be read, it changes meanwhile, or a name is not valid on
            every platform.
    """
    try:
        if not path.is_dir():
            return LocalFiles([_promise(path, path.name, label)], [])
        skipped: list[str] = []
        promises: list[FilePromise] = []
        for file in _walk(path, DEPTH_LIMIT, skipped):
            if len(promises) == FILES_LIMIT:
                raise ResolveFailed(label, f"expected at most {FILES_LIMIT} files, found more")
            promises.append(_promise(file, file.relative_to(path).as_posix(), label))
    except OSError as error:
        reason = error.strerror or error
        raise ResolveFailed(label, f"cannot be read: {reason}; check that the disk is there") from error
    if not promises:
        raise ResolveFailed(label, "expected files in this directory, found none")
    return LocalFiles(promises, few_of(skipped))


def _walk(directory: Path, depth: int, skipped: list[str]) -> Iterator[Path]:
    for entry in sorted(directory.iterdir()):
        if entry.name.startswith("."):
            skipped.append(f"{quoted(entry.name)}: hidden")
        elif entry.is_symlink():
            skipped.append(f"{quoted(entry.name)}: a link")
        elif entry.is_dir():
            if depth == 0:
                skipped.append(f"{quoted(entry.name)}: too deep")
            else:
                yield from _walk(entry, depth - 1, skipped)
        elif entry.is_file():
            yield entry
        else:
            skipped.append(f"{quoted(entry.name)}: not a file")


def _promise(file: Path, name: str, label: str) -> FilePromise:
    if problem := path_problem(name):
        raise ResolveFailed(label, f"the file name {name!r} is not valid: {problem}")
    if not stat.S_ISREG(file.stat().st_mode):
        raise ResolveFailed(label, "expected a file or a directory, found something else")
    digest = hashlib.sha256()
    with file.open("rb", buffering=0) as stream:
        before = FileIdentity.of(stream.fileno())
        buffer = memoryview(bytearray(CHUNK_BYTES))
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
        after = FileIdentity.of(stream.fileno())
    if before != after:
        raise ResolveFailed(label, f"{name} changed while it was read; try again once nothing writes to it")
    return FilePromise(
        path=name, size_bytes=after.size_bytes, sha256=digest.hexdigest(), urls=[file.absolute().as_uri()]
    )
