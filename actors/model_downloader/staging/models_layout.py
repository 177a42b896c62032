"""The models on disk: where each lies, its staging directory, its removal. A half-installed model is never visible."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from actors.model_downloader.staging.revisions import RECORD_NAME, InstalledFile, RevisionRecord, read_record
from actors.model_downloader.staging.staging_journal import JOURNAL_NAME, StagingJournal
from actors.model_downloader.staging.staging_recovery import open_staging, regular_size
from actors.shared.durable.durable_write import make_directory, move, remove_file
from bus.errors import UndercroftError
from schemas.manifest import FilePromise, ModelEntry

STAGING_SUFFIX = ".partial"
DAMAGED_SUFFIX = ".damaged"
FORMER_SUFFIX = ".former"
ASIDE_SUFFIX = ".mismatch"
TRASH_PREFIX = ".trash-"
NEXT_PREFIX = ".next-"
BACK_PREFIX = ".back-"
_SAFE_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")


class UnsafeModelId(UndercroftError):
    """An id that would lead out of the models directory, or into another model's staging directory."""

    model_id: str
    words = "{model_id!r} is no id of a model: expected lower-case letters, digits, dots and dashes"


class ModelsLayout:
    """The directory of all models, which one downloader owns.

    Attributes:
        path: the directory; each model has one below it, named by its id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records: dict[Path, tuple[tuple[int, int, int], RevisionRecord | None]] = {}

    def installed(self, model_id: str) -> Path:
        """Where a model lies once it is verified."""
        return self.path / _safe(model_id)

    def staging(self, model_id: str) -> Path:
        """Where it lies until then."""
        return self.path / (_safe(model_id) + STAGING_SUFFIX)

    def damaged(self, model_id: str) -> Path:
        """Where it is put out of use when it no longer keeps its promise."""
        return self.path / (_safe(model_id) + DAMAGED_SUFFIX)

    def former(self, model_id: str) -> Path:
        """Where the revision lies that was active before."""
        return self.path / (_safe(model_id) + FORMER_SUFFIX)

    def next(self, model_id: str) -> Path:
        """Where a verified revision lies for the moment in which it becomes active; no reader knows this name."""
        return self.path / (NEXT_PREFIX + _safe(model_id))

    def back(self, model_id: str) -> Path:
        """Where the active revision lies for the moment in which it trades places with the former one, without an exchange."""
        return self.path / (BACK_PREFIX + _safe(model_id))

    def record(self, model_id: str) -> RevisionRecord | None:
        """What the active revision is; None if there is none, or it was installed before there were records."""
        return self.record_in(self.installed(model_id))

    def former_record(self, model_id: str) -> RevisionRecord | None:
        """What the former revision is; None if there is none."""
        return self.record_in(self.former(model_id))

    def under_way(self, prefix: str) -> list[str]:
        """Ids of the models that a crash left in the middle of a swap, under one of its two names."""
        if not self.path.is_dir():
            return []
        names = (
            entry.name.removeprefix(prefix) for entry in self.path.iterdir() if entry.name.startswith(prefix)
        )
        return sorted(name for name in names if _SAFE_ID.fullmatch(name))

    def prepare(self) -> None:
        """Create the directory, and finish removals that a crash interrupted."""
        make_directory(self.path)
        for entry in self.path.iterdir():
            if entry.name.startswith(TRASH_PREFIX):
                _delete(entry)

    def wishes(self) -> list[str]:
        """Ids of all staging directories, whether their install is to go on or not."""
        if not self.path.is_dir():
            return []
        names = (
            entry.name.removesuffix(STAGING_SUFFIX)
            for entry in self.path.iterdir()
            if entry.name.endswith(STAGING_SUFFIX)
        )
        return sorted(name for name in names if _SAFE_ID.fullmatch(name))

    def open_staging(self, entry: ModelEntry) -> StagingJournal:
        """The journal of a model's staging directory, both created if missing, and durable on return.

        Files are measured and cut back to what can be trusted, so that afterwards their lengths and the
        journal agree.

        Raises:
            OSError, DurableWriteFailed: the disk does not take it.
        """
        return open_staging(self.staging(entry.id), entry)

    def staged_file(self, model_id: str, promise: FilePromise) -> Path:
        """Where a file is written until it is verified."""
        return self.staging(model_id) / promise.path

    def set_aside(self, model_id: str, promise: FilePromise) -> Path | None:
        """Keep a file whose bytes are not those promised, but never build upon it; only the newest such file is kept."""
        staged = self.staged_file(model_id, promise)
        aside = staged.with_name(staged.name + ASIDE_SUFFIX)
        try:
            move(staged, aside)
        except UndercroftError:
            remove_file(staged)
            return None
        return aside

    def put_out_of_use(self, model_id: str) -> Path:
        """Take a damaged model's name away, without deleting anything but an earlier damaged copy."""
        damaged = self.damaged(model_id)
        self.trash(damaged)
        move(self.installed(model_id), damaged)
        return damaged

    def drop_staging(self, model_id: str) -> int:
        """Remove the partial of a model; returns how many bytes that freed."""
        return self._purge(self.staging(model_id))

    def purge(self, model_id: str) -> int:
        """Remove everything of a model; returns how many bytes that freed. Its name is gone before the first byte is."""
        return sum(self._purge(place) for place in self._places(model_id))

    def size_bytes(self, model_id: str) -> int:
        """Bytes on disk of everything of a model."""
        return sum(_tree_bytes(place) for place in self._places(model_id))

    def keeps_sizes(self, entry: ModelEntry) -> bool:
        """Whether every file of an installed model is there with its length; says nothing of the bytes."""
        directory = self.installed(entry.id)
        promised: Sequence[InstalledFile | FilePromise] = (
            record.contents if (record := self.record(entry.id)) else entry.files
        )
        return all(regular_size(directory / file.path) == file.size_bytes for file in promised)

    def free_bytes(self) -> int:
        """Space left on the disk of the models."""
        return shutil.disk_usage(self.path).free

    def _places(self, model_id: str) -> list[Path]:
        places = [self.installed, self.next, self.back, self.former, self.staging, self.damaged]
        return [place(model_id) for place in places]

    def record_in(self, directory: Path) -> RevisionRecord | None:
        """What a directory holds, as its record says. Read once, and again when its file is another one: every status asks for it."""
        try:
            found = (directory / RECORD_NAME).lstat()
        except OSError:
            return None
        key = (found.st_ino, found.st_mtime_ns, found.st_size)
        known = self._records.get(directory)
        if known is None or known[0] != key:
            known = self._records[directory] = (key, read_record(directory))
        return known[1]

    def _purge(self, place: Path) -> int:
        if not os.path.lexists(place):
            return 0
        freed = _tree_bytes(place)
        self.trash(place)
        return freed

    def trash(self, place: Path) -> None:
        """Remove what lies at one of the places, if anything does: its name is gone at once.

        Raises:
            DurableWriteFailed: a program holds it open (Windows).
        """
        if not os.path.lexists(place):
            return
        trash = self.path / f"{TRASH_PREFIX}{place.name}-{secrets.token_hex(4)}"
        move(place, trash)
        _delete(trash)


def _safe(model_id: str) -> str:
    if not _SAFE_ID.fullmatch(model_id) or model_id.endswith((STAGING_SUFFIX, DAMAGED_SUFFIX, FORMER_SUFFIX)):
        raise UnsafeModelId(model_id)
    return model_id


def files_below(directory: Path) -> list[Path]:
    """Everything below a directory that is not a directory itself, the journal first; links are not followed."""
    found = [Path(parent) / name for parent, _, names in os.walk(directory) for name in names]
    links = [
        Path(parent) / name
        for parent, names, _ in os.walk(directory)
        for name in names
        if (Path(parent) / name).is_symlink()
    ]
    return sorted([*found, *links], key=lambda path: path.name != JOURNAL_NAME)


def _tree_bytes(place: Path) -> int:
    if place.is_symlink() or not place.is_dir():
        return regular_size(place) or 0
    return sum(regular_size(path) or 0 for path in files_below(place))


def _delete(place: Path) -> None:
    """Delete a file or a tree; what cannot be deleted now is tried again at the next start."""
    if place.is_symlink() or not place.is_dir():
        with contextlib.suppress(OSError):
            place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)
