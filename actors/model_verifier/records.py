"""Remembers which files were verified and how they looked then, so that unchanged ones need not be read at every start."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from actors.model_verifier.policy import Identity
from actors.storage.durable import make_directory, replace_file
from actors.storage.quarantine import quarantine
from schemas.manifest import FilePromise

RECORDS_NAME = "verified.json"
RECORDS_LIMIT_BYTES = 16 * 1024 * 1024


class VerifiedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that kept its promise; `verified_at` is in seconds since the Unix epoch."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: int
    device: int
    verified_at: float


class VerificationRecords:
    """The records of all models, in one JSON file that the verifier owns."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / RECORDS_NAME
        self._models: dict[str, dict[str, VerifiedFile]] = {}

    def load(self) -> Path | None:
        """Read the file. One that cannot be read is put aside and its new name returned: everything is verified anew then."""
        try:
            with self._path.open("rb") as file:
                self._models = msgspec.json.decode(file.read(RECORDS_LIMIT_BYTES), type=dict[str, dict[str, VerifiedFile]])
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, RecursionError):
            return quarantine(self._path)
        return None

    def hold(self, model_id: str, promise: FilePromise, identity: Identity) -> bool:
        """Whether this very file, unchanged since, was verified against this very promise."""
        known = self._models.get(model_id, {}).get(promise.path)
        if known is None:
            return False
        seen = Identity(known.device, known.inode, known.size_bytes, known.mtime_ns)
        return seen == identity and (known.sha256, known.size_bytes) == (promise.sha256, promise.size_bytes)

    def keep(self, model_id: str, promises: list[FilePromise], identities: dict[str, Identity]) -> None:
        """Remember, durably, the files of a model that keep their promise; those that do not are forgotten.

        Raises:
            DurableWriteFailed: the file could not be written.
        """
        files = {
            promise.path: VerifiedFile(
                sha256=promise.sha256,
                size_bytes=promise.size_bytes,
                mtime_ns=identities[promise.path].mtime_ns,
                inode=identities[promise.path].inode,
                device=identities[promise.path].device,
                verified_at=time.time(),
            )
            for promise in promises
            if promise.path in identities
        }
        self._models = {**self._models, model_id: files} if files else {key: value for key, value in self._models.items() if key != model_id}
        self._save()

    def forget(self, model_id: str) -> None:
        """Forget a model that was removed."""
        if self._models.pop(model_id, None) is not None:
            self._save()

    def _save(self) -> None:
        make_directory(self._path.parent)
        replace_file(self._path, msgspec.json.encode(self._models))
