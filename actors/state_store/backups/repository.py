"""The directories of backups: made whole or not at all, listed, verified, and removed. Knows nothing of the store that they are of."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.shared.crypto.envelope import EnvelopeDamaged, EnvelopeTooNew, NotAnEnvelope, check_envelope
from actors.shared.durable.durable_write import (
    DurableWriteFailed,
    make_directory,
    move,
    replace_file,
    sync_directory,
)
from actors.state_store.backups import backup_manifest as manifests
from actors.state_store.backups.backup_manifest import FORMAT, MANIFEST_NAME, PACK_NAME, Contents, Manifest
from actors.state_store.backups.backup_names import (
    PARTIAL,
    Former,
    division_of,
    make_id,
    parse_former,
    parse_id,
)
from actors.state_store.backups.backup_pack import PackReader, PackWriter, Progress
from actors.state_store.backups.errors import BackupDamaged, BackupFailed, BackupNotFound, BackupTooNew
from schemas.backups import BackupFault, BackupKind

DIVISIONS: Final = ("auto", "manual")
SAME_SECOND_LIMIT: Final = 1000
ABANDONED_SECONDS: Final = 24 * 3600.0
"""A partial backup of another process is given up after this time."""

Fill = Callable[[PackWriter], None]
"""Adds what is to be backed up."""


@dataclass(frozen=True)
class Listed:
    """What lies in the vault, the newest first, and what is wrong with the rest."""

    manifests: list[Manifest]
    faults: list[BackupFault]


class Vault:
    """All backups of one store. For threads; each backup is written once and never changed."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        """Args: root: holds `auto` and `manual`. clock: seconds since the Unix epoch."""
        self.root = root
        self._clock = clock

    def create(
        self,
        kind: BackupKind,
        name: str,
        fill: Fill,
        revision: Callable[[], int],
        versions: dict[str, int] | None = None,
        progress: Progress = lambda _: None,
    ) -> tuple[Manifest, Contents]:
        """Make a backup: pack, manifest, read back, and only then its name. `revision` is asked once all is filled in.

        Raises:
            BackupFailed: it was not made; nothing of it is left that counts as one.
        """
        created_at = self._clock()
        try:
            directory = self._begin(kind, name, created_at)
        except OSError as error:
            raise BackupFailed(f"{self.root}: {error.strerror or error}") from error
        try:
            with PackWriter(directory / PACK_NAME) as writer:
                fill(writer)
                contents, pack_bytes, contents_at, contents_bytes, digest = writer.finish()
            own = [document for document in contents.documents if document.key]
            manifest = Manifest(
                id=directory.name.removesuffix(PARTIAL),
                name=name,
                kind=kind,
                created_at=created_at,
                format=FORMAT,
                revision=revision(),
                documents=len(own),
                content_bytes=sum(document.size_bytes for document in own),
                pack_bytes=pack_bytes,
                encrypted=sum(document.is_encrypted for document in own),
                contents_at=contents_at,
                contents_bytes=contents_bytes,
                contents_sha256=digest,
                versions=versions or {},
            )
            replace_file(directory / MANIFEST_NAME, manifests.render(manifest))
            self._read_back(directory, manifest, progress)
            move(directory, directory.with_name(manifest.id))
        except (OSError, DurableWriteFailed, BackupDamaged) as error:
            shutil.rmtree(directory, ignore_errors=True)
            raise BackupFailed(str(error)) from error
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return manifest, contents

    def listed(self) -> Listed:
        """All backups, from their manifests alone.

        Raises:
            OSError: the directories cannot be read.
        """
        found: list[Manifest] = []
        faults: list[BackupFault] = []
        for directory in self._directories():
            try:
                found.append(manifests.read(directory, directory.name))
            except BackupNotFound:
                faults.append(
                    BackupFault(
                        id=directory.name, key="", problem="it has no manifest, so it was never finished"
                    )
                )
            except (BackupDamaged, BackupTooNew) as error:
                faults.append(BackupFault(id=directory.name, key="", problem=str(error)))
        found.sort(key=lambda one: (one.created_at, one.id), reverse=True)
        return Listed(found, faults)

    def open(self, id: str) -> tuple[Manifest, PackReader]:
        """A backup, with its table of contents checked.

        Raises:
            BackupNotFound, BackupDamaged, BackupTooNew: it cannot be used.
        """
        directory = self.directory(id)
        manifest = manifests.read(directory, id)
        return manifest, PackReader(directory / PACK_NAME, manifest)

    def verify(self, id: str, progress: Progress = lambda _: None) -> list[BackupFault]:
        """Read a backup from end to end: digests, and the envelope of each document. Returns what is wrong."""
        try:
            _, reader = self.open(id)
        except (BackupNotFound, BackupDamaged, BackupTooNew) as error:
            return [BackupFault(id=id, key="", problem=str(error))]
        faults = []
        for document, content in reader.documents():
            progress(1)
            problem = (
                str(content)
                if isinstance(content, BackupDamaged)
                else envelope_problem(document.key, content)
            )
            if problem:
                faults.append(BackupFault(id=id, key=document.key or document.path, problem=problem))
        return faults

    def remove(self, id: str) -> None:
        """Remove a backup: its manifest first, so that half of one never counts.

        Raises:
            BackupNotFound: there is none.
            OSError: it cannot be removed.
        """
        directory = self.directory(id)
        if not directory.is_dir():
            raise BackupNotFound(id)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(directory / MANIFEST_NAME)
        sync_directory(directory)
        shutil.rmtree(directory)

    def put_aside(self, id: str) -> Path:
        """Let a damaged backup not count any more, and keep it; returns where.

        Raises:
            OSError: it cannot be renamed.
        """
        return _move_aside(self.directory(id))

    def directory(self, id: str) -> Path:
        """Where a backup lies.

        Raises:
            BackupNotFound: the text is no id.
        """
        named = parse_id(id)
        if named is None:
            raise BackupNotFound(id)
        return self.root / division_of(named.kind) / id

    def former_values(self) -> Iterator[Former]:
        """Single former values that saves kept.

        Raises:
            OSError: the directory cannot be read.
        """
        for name in os.listdir(self.root / "auto"):
            former = parse_former(name)
            if former is not None:
                yield former

    def sweep(self) -> list[str]:
        """Remove what was never finished: our own at once, that of other processes after a day. Returns what went.

        Raises:
            OSError: the directories cannot be read.
        """
        removed = []
        for division in DIVISIONS:
            make_directory(self.root / division)
            for entry in os.scandir(self.root / division):
                named = parse_id(entry.name.removesuffix(PARTIAL)) if entry.name.endswith(PARTIAL) else None
                if named is None or not entry.is_dir(follow_symlinks=False):
                    continue
                if named.kind != "imported" or self._clock() - named.created_at > ABANDONED_SECONDS:
                    shutil.rmtree(entry.path, ignore_errors=True)
                    removed.append(entry.name)
        return removed

    def _begin(self, kind: BackupKind, name: str, created_at: float) -> Path:
        division = self.root / division_of(kind)
        make_directory(division)
        for number in range(1, SAME_SECOND_LIMIT):
            directory = division / (make_id(created_at, kind, name, FORMAT, number) + PARTIAL)
            if directory.with_name(directory.name.removesuffix(PARTIAL)).exists():
                continue
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory, 0o700)
                return directory
        raise FileExistsError(0, f"{SAME_SECOND_LIMIT} backups of one second")

    def _read_back(self, directory: Path, manifest: Manifest, progress: Progress) -> None:
        found = manifests.read(directory, manifest.id)
        if found != manifest:
            raise BackupDamaged(manifest.id, "its manifest does not come back as it was written")
        PackReader(directory / PACK_NAME, manifest).check(progress)

    def _directories(self) -> Iterator[Path]:
        for division in DIVISIONS:
            with contextlib.suppress(FileNotFoundError):
                for entry in sorted(os.scandir(self.root / division), key=lambda one: one.name):
                    named = parse_id(entry.name)
                    if (
                        named is not None
                        and division_of(named.kind) == division
                        and entry.is_dir(follow_symlinks=False)
                    ):
                        yield Path(entry.path)


def envelope_problem(key: str, content: bytes) -> str:
    """What is wrong with the envelope of a document, as far as that shows without its key; empty if nothing is."""
    if not key:
        return ""
    try:
        check_envelope(content, name=key)
    except EnvelopeTooNew:
        return ""
    except (EnvelopeDamaged, NotAnEnvelope) as error:
        return f"{key}: it was damaged already when the backup was made: {error.problem}"
    return ""


def _move_aside(directory: Path) -> Path:
    """Quarantine for a directory, which cannot take the place of the file by which that of a file reserves its name."""
    for number in range(1, SAME_SECOND_LIMIT):
        aside = directory.with_name(f"{directory.name}.corrupt{f'.{number}' if number > 1 else ''}")
        if not aside.exists():
            move(directory, aside)
            return aside
    raise FileExistsError(0, f"{SAME_SECOND_LIMIT} damaged backups of one name", str(directory))
