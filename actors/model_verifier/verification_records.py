"""Records which files were verified and how they looked then, so that they need not be read again."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from actors.shared.durable.file_identity import FileIdentity
from actors.shared.durable.quarantine import claim_directory
from actors.shared.durable.record_file import RecordFile
from actors.shared.places.rooted_place import placed
from schemas.bounds import Count, Identifier, UnixSeconds, Wide
from schemas.manifest import FilePromise

RECORDS_NAME = "verified.json"
RECORDS_LIMIT_BYTES = 64 * 1024 * 1024
REVISIONS_KEPT = 3
"""For each path: the active revision, the former one, and one that is being staged."""


class VerifiedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that kept its promise.

    Attributes:
        verified_at: when its bytes were read, in seconds since the Unix epoch.
    """

    sha256: Identifier
    size_bytes: Count
    mtime_ns: Wide
    inode: Wide
    device: Wide
    verified_at: UnixSeconds

    def is_of(self, promise: FilePromise, identity: FileIdentity) -> bool:
        """Whether it is about this very file, unchanged since, and this very promise."""
        seen = FileIdentity(self.device, self.inode, self.mtime_ns, self.size_bytes)
        return seen == identity and (self.sha256, self.size_bytes) == (promise.sha256, promise.size_bytes)


_Files = dict[str, list[VerifiedFile]]
_Models = dict[str, _Files]


class VerificationRecords:
    """The records of all models, in one JSON file. Safe to use from several threads."""

    def __init__(self, directory: Path) -> None:
        """Read nothing yet.

        Args:
            directory: where the file lies; made when it is needed.
        """
        self._directory = directory
        self._file: RecordFile[dict[str, dict[str, list[VerifiedFile] | VerifiedFile]]] = RecordFile(
            placed(directory) / RECORDS_NAME,
            dict[str, dict[str, list[VerifiedFile] | VerifiedFile]],
            limit_bytes=RECORDS_LIMIT_BYTES,
            creates_directory=True,
        )
        self._models: _Models = {}
        self._lock = threading.Lock()

    def load(self) -> Path | None:
        """Read the file; a damaged one is put aside, and everything is verified anew.

        Returns:
            Where a damaged file lies now; None if it was sound.

        Raises:
            RecordNotRead: the system does not let us read it; there are no records then.
        """
        aside = None
        if os.path.lexists(self._directory) and not self._directory.is_dir():
            with contextlib.suppress(OSError):  # told when a record cannot be written
                aside = claim_directory(self._directory)
        found = self._file.read_or_quarantine()
        with self._lock:
            self._models = {
                model_id: {path: _as_list(known) for path, known in files.items()}
                for model_id, files in (found.value or {}).items()
            }
        return found.put_aside or aside

    def hold(self, model_id: str, promise: FilePromise, identity: FileIdentity) -> bool:
        """Whether this very file, unchanged since, was verified against this very promise."""
        return self._verified_at(model_id, promise, identity) is not None

    def verified_at(
        self, model_id: str, promises: list[FilePromise], identities: dict[str, FileIdentity]
    ) -> float | None:
        """When the model was last read, by its file that was read longest ago; None if one has no record.

        Args:
            model_id: whose files they are.
            promises: all files of the model.
            identities: of those that keep their promise, by path.

        Returns:
            Seconds since the Unix epoch.
        """
        return oldest(
            self._verified_at(model_id, promise, identities[promise.path])
            for promise in promises
            if promise.path in identities
        )

    def keep(
        self,
        model_id: str,
        promises: list[FilePromise],
        identities: dict[str, FileIdentity],
        read: Collection[str] | None = None,
    ) -> None:
        """Record, durably, the files of a model that keep their promise; forget those that do not.

        Args:
            model_id: whose files they are.
            promises: all files that were looked at.
            identities: of those that keep their promise, by path.
            read: paths of those that were read; the records of the others stay as they are. None: all were.

        Raises:
            DurableWriteFailed: the disk refused.
            RecordTooLarge: there are too many records.
            OSError: the directory cannot be made.
        """
        now = time.time()
        with self._lock:
            files = dict(self._models.get(model_id, {}))
            for promise in promises:
                identity = identities.get(promise.path)
                if identity is None:
                    files.pop(promise.path, None)
                elif read is None or promise.path in read:
                    others = [known for known in files.get(promise.path, []) if known.inode != identity.inode]
                    files[promise.path] = [_record(promise, identity, now), *others][:REVISIONS_KEPT]
            self._models = {**self._models, model_id: files}
            if not files:
                del self._models[model_id]
            self._save()

    def forget(self, model_id: str) -> None:
        """Forget a model that was removed.

        Raises:
            DurableWriteFailed: the disk refused.
            OSError: the directory cannot be made.
        """
        with self._lock:
            if model_id in self._models:
                self._models = {known: files for known, files in self._models.items() if known != model_id}
                self._save()

    def _verified_at(self, model_id: str, promise: FilePromise, identity: FileIdentity) -> float | None:
        known = self._models.get(model_id, {}).get(promise.path, [])
        return next((record.verified_at for record in known if record.is_of(promise, identity)), None)

    def _save(self) -> None:
        self._file.write({model_id: dict(files) for model_id, files in self._models.items()})


def oldest(times: Iterable[float | None]) -> float | None:
    """The smallest of the times; None if there is none, or one of them is not known. Pure."""
    known = list(times)
    found = [time for time in known if time is not None]
    return min(found) if found and len(found) == len(known) else None


def _record(promise: FilePromise, identity: FileIdentity, now: float) -> VerifiedFile:
    return VerifiedFile(
        sha256=promise.sha256,
        size_bytes=promise.size_bytes,
        mtime_ns=identity.mtime_ns,
        inode=identity.inode,
        device=identity.device,
        verified_at=now,
    )


def _as_list(known: list[VerifiedFile] | VerifiedFile) -> list[VerifiedFile]:
    """The records of one path; a single one is how they were written before there were revisions."""
    return [known] if isinstance(known, VerifiedFile) else known
