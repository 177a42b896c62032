"""The layout of the models directory: where each model lies, in which state, and how it is removed.

Readers find a model under its id, and only if it was verified. Everything else has a name that is no id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from actors.model_downloader.staging.revisions import (
    RECORD_NAME,
    InstalledFile,
    RevisionRecord,
    read_record,
)
from actors.model_downloader.staging.staging_journal import StagingJournal
from actors.model_downloader.staging.staging_recovery import open_staging, regular_size
from actors.shared.disk_space import disk_space
from actors.shared.durable.directory_tree import discard, sweep, tree_bytes
from actors.shared.durable.durable_write import make_directory, move, remove_file
from actors.shared.durable.file_identity import FileIdentity
from actors.shared.places.rooted_place import RootedPlace, below
from bus.errors import UndercroftError
from schemas.manifest import FilePromise, ModelEntry

STAGING_SUFFIX = ".partial"
DAMAGED_SUFFIX = ".damaged"
FORMER_SUFFIX = ".former"
ASIDE_SUFFIX = ".mismatch"
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
        root: the directory; each model has one below it, named by its id.
    """

    def __init__(self, path: Path) -> None:
        self.root = below(path)
        self._records: dict[str, tuple[FileIdentity, RevisionRecord | None]] = {}

    @property
    def path(self) -> Path:
        """The directory, for people and other processes."""
        return self.root.path

    def hold(self) -> None:
        """Keep the directory open: whatever has its path later, models lie in this one.

        Raises:
            OSError: it is not there.
        """
        self.root.root.hold()

    def release(self) -> None:
        """Let go of the directory; the next use opens what has its path then."""
        self.root.root.release()

    def change_to(self, path: Path) -> None:
        """From now on the models lie in another directory."""
        self.release()
        self.root = below(path)

    # -- places
    # ----------------------------------------------------------------------------------------------------

    def installed(self, model_id: str) -> RootedPlace:
        """Where a model lies once it is verified."""
        return self.root / _safe(model_id)

    def staging(self, model_id: str) -> RootedPlace:
        """Where it lies until then."""
        return self.root / (_safe(model_id) + STAGING_SUFFIX)

    def damaged(self, model_id: str) -> RootedPlace:
        """Where a model is put that does not keep its promise any more."""
        return self.root / (_safe(model_id) + DAMAGED_SUFFIX)

    def former(self, model_id: str) -> RootedPlace:
        """Where the revision lies that was active before."""
        return self.root / (_safe(model_id) + FORMER_SUFFIX)

    def next(self, model_id: str) -> RootedPlace:
        """Where a verified revision lies while it becomes active; no reader knows this name."""
        return self.root / (NEXT_PREFIX + _safe(model_id))

    def back(self, model_id: str) -> RootedPlace:
        """Where the active revision lies while it changes places with the former one by renames."""
        return self.root / (BACK_PREFIX + _safe(model_id))

    def staged_file(self, model_id: str, promise: FilePromise) -> RootedPlace:
        """Where a file is written until it is verified."""
        return self.staging(model_id) / promise.path

    # -- what lies there
    # -------------------------------------------------------------------------------------------

    def under_way(self, prefix: str) -> list[str]:
        """Ids of the models that a crash left in the middle of a swap.

        Args:
            prefix: NEXT_PREFIX or BACK_PREFIX.
        """
        if not self.root.is_dir():
            return []
        names = (name.removeprefix(prefix) for name in self.root.names() if name.startswith(prefix))
        return sorted(name for name in names if _SAFE_ID.fullmatch(name))

    def record(self, model_id: str) -> RevisionRecord | None:
        """What the active revision is; None if there is none, or it has no record."""
        return self.record_in(self.installed(model_id))

    def former_record(self, model_id: str) -> RevisionRecord | None:
        """What the former revision is; None if there is none."""
        return self.record_in(self.former(model_id))

    def record_in(self, directory: RootedPlace) -> RevisionRecord | None:
        """What a directory holds, as its record says. The record is read again only if it changed."""
        identity = FileIdentity.seen_at(directory / RECORD_NAME, follow_links=False)
        if identity is None:
            return None
        known = self._records.get(str(directory))
        if known is None or known[0] != identity:
            known = self._records[str(directory)] = (identity, read_record(directory))
        return known[1]

    def keeps_sizes(self, entry: ModelEntry) -> bool:
        """Whether every file of an installed model is there with its length; says nothing about the bytes."""
        directory, record = self.installed(entry.id), self.record(entry.id)
        promised: Sequence[InstalledFile | FilePromise] = record.contents if record else entry.files
        return all(regular_size(directory / file.path) == file.size_bytes for file in promised)

    def size_bytes(self, model_id: str) -> int:
        """Bytes of everything that lies there of a model."""
        return sum(tree_bytes(place) for place in self._places(model_id))

    def free_bytes(self) -> int:
        """Room on the disk of the models.

        Raises:
            OSError: the disk does not answer.
        """
        return disk_space(self.path).free_bytes

    # -- changes
    # ---------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Create the directory, and finish removals that a crash interrupted.

        Raises:
            OSError: the disk refused.
        """
        make_directory(self.root)
        sweep(self.root)

    def open_staging(self, entry: ModelEntry) -> StagingJournal:
        """See `staging_recovery.open_staging`.

        Raises:
            OSError: the disk refused.
            DurableWriteFailed: the disk refused the journal.
        """
        return open_staging(self.staging(entry.id), entry)

    def set_aside(self, model_id: str, promise: FilePromise) -> RootedPlace | None:
        """Keep a staged file with the wrong bytes under another name; only the newest one is kept.

        Returns:
            Where it lies now; None if it had to be removed instead.
        """
        staged = self.staged_file(model_id, promise)
        aside = staged.with_name(staged.name + ASIDE_SUFFIX)
        try:
            move(staged, aside)
        except UndercroftError:
            remove_file(staged)
            return None
        return aside

    def put_out_of_use(self, model_id: str) -> RootedPlace:
        """Take a damaged model's name away; returns where it lies now. Deletes an earlier damaged copy.

        Raises:
            DurableWriteFailed: the disk refused.
        """
        damaged = self.damaged(model_id)
        self.trash(damaged)
        move(self.installed(model_id), damaged)
        return damaged

    def drop_staging(self, model_id: str) -> int:
        """Remove the partial of a model; returns how many bytes that freed.

        Raises:
            DurableWriteFailed: the disk refused.
        """
        return self._purge(self.staging(model_id))

    def purge(self, model_id: str) -> int:
        """Remove everything of a model; returns how many bytes that freed. Names vanish before bytes do.

        Raises:
            DurableWriteFailed: the disk refused.
        """
        return sum(self._purge(place) for place in self._places(model_id))

    def trash(self, place: RootedPlace) -> None:
        """Remove what lies at one of the places, if anything does. Its name vanishes at once.

        Raises:
            DurableWriteFailed: the disk refused; on Windows, because a program has a file open.
        """
        discard(place)

    def _purge(self, place: RootedPlace) -> int:
        freed_bytes = tree_bytes(place)
        discard(place)
        return freed_bytes

    def _places(self, model_id: str) -> list[RootedPlace]:
        places = [self.installed, self.next, self.back, self.former, self.staging, self.damaged]
        return [place(model_id) for place in places]


def _safe(model_id: str) -> str:
    if not _SAFE_ID.fullmatch(model_id) or model_id.endswith((STAGING_SUFFIX, DAMAGED_SUFFIX, FORMER_SUFFIX)):
        raise UnsafeModelId(model_id)
    return model_id
