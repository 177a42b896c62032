"""Remembers which files were verified and how they looked then, so that unchanged ones need not be read at every start."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from pathlib import Path

import msgspec

from actors.model_verifier.file_verdict import Identity, oldest
from actors.shared.durable.durable_write import make_directory, replace_file
from actors.shared.durable.quarantine import quarantine
from schemas.manifest import FilePromise

RECORDS_NAME = "verified.json"
RECORDS_LIMIT_BYTES = 64 * 1024 * 1024
REVISIONS_KEPT = 3
"""For each path: the active revision, the former one, and one that is being staged."""


class VerifiedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that kept its promise; `verified_at` is in seconds since the Unix epoch."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: int
    device: int
    verified_at: float

    def is_of(self, promise: FilePromise, identity: Identity) -> bool:
        """Whether it speaks of this very file, unchanged since, and of this very promise."""
        seen = Identity(self.device, self.inode, self.size_bytes, self.mtime_ns)
        return seen == identity and (self.sha256, self.size_bytes) == (promise.sha256, promise.size_bytes)


class VerificationRecords:
    """The records of all models, in one JSON file that the verifier owns. May be used by several threads."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / RECORDS_NAME
        self._models: dict[str, dict[str, list[VerifiedFile]]] = {}
        self._lock = threading.Lock()

    def load(self) -> Path | None:
        """Read the file. One that cannot be read is put aside and its new name returned: everything is verified anew then."""
        try:
            with self._path.open("rb") as file:
                content = file.read(RECORDS_LIMIT_BYTES)
            found = msgspec.json.decode(content, type=dict[str, dict[str, list[VerifiedFile] | VerifiedFile]])
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, RecursionError):
            return quarantine(self._path)
        self._models = {
            model_id: {path: _as_list(known) for path, known in files.items()}
            for model_id, files in found.items()
        }
        return None

    def hold(self, model_id: str, promise: FilePromise, identity: Identity) -> bool:
        """Whether this very file, unchanged since, was verified against this very promise."""
        return self._verified_at(model_id, promise, identity) is not None

    def verified_at(
        self, model_id: str, promises: list[FilePromise], identities: dict[str, Identity]
    ) -> float | None:
        """When the file that was read longest ago was read, in seconds since the Unix epoch; None if one has no record."""
        return oldest(
            self._verified_at(model_id, promise, identities[promise.path])
            for promise in promises
            if promise.path in identities
        )

    def keep(
        self,
        model_id: str,
        promises: list[FilePromise],
        identities: dict[str, Identity],
        read: Collection[str] | None = None,
    ) -> None:
        """Remember, durably, the files of a model that keep their promise; those that do not are forgotten.

        Args:
            model_id: whose files they are.
            promises: all files that were looked at.
            identities: of those that keep their promise, by path.
            read: paths of those that were read; the records of the others stay as they are. None: all were.

        Raises:
            DurableWriteFailed: the file could not be written.
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
        """Forget a model that was removed."""
        with self._lock:
            if self._models.pop(model_id, None) is not None:
                self._save()

    def _verified_at(self, model_id: str, promise: FilePromise, identity: Identity) -> float | None:
        known = self._models.get(model_id, {}).get(promise.path, [])
        return next((record.verified_at for record in known if record.is_of(promise, identity)), None)

    def _save(self) -> None:
        make_directory(self._path.parent)
        replace_file(self._path, msgspec.json.encode(self._models))


def _record(promise: FilePromise, identity: Identity, now: float) -> VerifiedFile:
    return VerifiedFile(
        sha256=promise.sha256,
        size_bytes=promise.size_bytes,
        mtime_ns=identity.mtime_ns,
        inode=identity.inode,
        device=identity.device,
        verified_at=now,
    )


def _as_list(known: list[VerifiedFile] | VerifiedFile) -> list[VerifiedFile]:
    """What lies in the file; a single record is how it was written before there were revisions."""
    return [known] if isinstance(known, VerifiedFile) else known
