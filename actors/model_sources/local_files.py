"""Files of this machine, for import from disk or a stick: found and hashed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.model_sources.errors import ResolvingFailed
from actors.shared.manifest.manifest_paths import path_problem
from schemas.manifest import FilePromise

FILES_LIMIT: Final = 2000
DEPTH_LIMIT: Final = 16
CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Found:
    """What lies at a path.

    Attributes:
        promises: of each file, with its own `file:` URL.
        skipped: what was left out, with the reason.
    """

    promises: list[FilePromise]
    skipped: list[str]


def import_from(path: Path, label: str) -> Found:
    """Hash a file, or all files of a directory; `label` is named in errors. Takes as long as reading them does.

    Links inside a directory and hidden files are left out: a model consists of its own files.

    Raises:
        ResolvingFailed: there is nothing, it cannot be read, it changes meanwhile, or a name cannot be used
            on every platform.
    """
    try:
        if not path.is_dir():
            return Found([_promise(path, path.name, label)], [])
        skipped: list[str] = []
        promises: list[FilePromise] = []
        for file in _walk(path, DEPTH_LIMIT, skipped):
            if len(promises) == FILES_LIMIT:
                raise ResolvingFailed(label, f"expected at most {FILES_LIMIT} files, found more")
            promises.append(_promise(file, file.relative_to(path).as_posix(), label))
    except OSError as error:
        raise ResolvingFailed(
            label, f"cannot be read: {error.strerror or error}; check that the disk is there"
        ) from error
    if not promises:
        raise ResolvingFailed(label, "expected files in this directory, found none")
    return Found(promises, skipped)


def _walk(directory: Path, depth: int, skipped: list[str]) -> Iterator[Path]:
    for entry in sorted(directory.iterdir()):
        if entry.name.startswith("."):
            skipped.append(f"{entry.name}: hidden")
        elif entry.is_symlink():
            skipped.append(f"{entry.name}: a link")
        elif entry.is_dir():
            if depth == 0:
                skipped.append(f"{entry.name}: too deep")
            else:
                yield from _walk(entry, depth - 1, skipped)
        elif entry.is_file():
            yield entry
        else:
            skipped.append(f"{entry.name}: not a file")


def _promise(file: Path, name: str, label: str) -> FilePromise:
    if problem := path_problem(name):
        raise ResolvingFailed(label, f"the file name {name!r} cannot be used: {problem}")
    if not stat.S_ISREG(file.stat().st_mode):
        raise ResolvingFailed(label, "expected a file or a directory, found something else")
    digest = hashlib.sha256()
    with file.open("rb", buffering=0) as stream:
        before = os.fstat(stream.fileno())
        buffer = memoryview(bytearray(CHUNK_BYTES))
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ResolvingFailed(label, f"{name} changed while it was read; try again once it is still")
    return FilePromise(
        path=name, size_bytes=after.st_size, sha256=digest.hexdigest(), urls=[file.absolute().as_uri()]
    )
