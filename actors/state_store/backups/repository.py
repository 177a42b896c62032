"""The repository of backups: made whole or not at all, listed, verified and removed.

Knows nothing of the store whose backups they are.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.shared.crypto.envelope import EnvelopeDamaged, EnvelopeTooNew, NotAnEnvelope, check_envelope
from actors.shared.durable.directory_tree import delete
from actors.shared.durable.durable_write import (
    DurableWriteFailed,
    make_own_directory,
    move,
    replace_file,
    sync_directory,
)
from actors.shared.durable.numbered_name import candidates, first_free
from actors.shared.durable.quarantine import SUFFIX as CORRUPT
from actors.state_store.backups.errors import BackupDamaged, BackupFailed, BackupNotFound, BackupTooNew
from actors.state_store.backups.format.backup_manifest import (
    FORMAT,
    MANIFEST_NAME,
    PACK_NAME,
    BackupManifest,
    PackContents,
    read_manifest,
    render_manifest,
)
from actors.state_store.backups.format.backup_names import (
    PARTIAL,
    FormerValue,
    division_of,
    make_id,
    parse_former_value,
    parse_id,
)
from actors.state_store.backups.format.backup_pack import PackProgress, PackReader, PackWriter
from bus.error_words import in_words
from schemas.backups import BackupFault, BackupKind

DIVISIONS: Final = ("auto", "manual")
SAME_SECOND_LIMIT: Final = 1000
ABANDONED_SECONDS: Final = 24 * 3600.0
"""After this time a partial backup of another process counts as abandoned."""

DAMAGED_BEFORE: Final = "it was damaged already when the backup was made"

Fill = Callable[[PackWriter], int]
"""Adds all documents; returns the revision of the store that the backup shows."""


@dataclass(frozen=True)
class BackupListing:
    """What the repository holds.

    Attributes:
        manifests: of the backups that can be used, the newest first.
        faults: what is wrong with the rest.
        too_new: ids among these that a later version made.
        unfinished: ids without a manifest, which are no backups: a cut left them while they were made or
            removed.
    """

    manifests: list[BackupManifest]
    faults: list[BackupFault]
    too_new: frozenset[str] = frozenset()
    unfinished: tuple[str, ...] = ()


class BackupRepository:
    """All backups of one store. For threads; a backup is written once and never changed.

    Attributes:
        root: the directory that holds `auto` and `manual`.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        """Use a directory; nothing is read or written yet.

        Args:
            root: holds `auto` and `manual`.
            clock: seconds since the Unix epoch.
        """
        self.root = root
        self._clock = clock

    def create(
        self,
        kind: BackupKind,
        name: str,
        fill: Fill,
        versions: dict[str, int] | None = None,
        progress: PackProgress = lambda _: None,
    ) -> tuple[BackupManifest, PackContents]:
        """Make a backup: write the pack and the manifest, read both back, then give it its name.

        Args:
            kind: why it is made.
            name: chosen by a person; may be empty.
            fill: adds the documents.
            versions: of the schemas.
            progress: called while the backup is read back.

        Raises:
            BackupFailed: it was not made; nothing is left that counts as a backup.
        """
        created_at = self._clock()
        try:
            directory = self._begin(kind, name, created_at)
        except OSError as error:
            raise BackupFailed(f"{self.root}: {error.strerror or error}") from error
        try:
            with PackWriter(directory / PACK_NAME) as writer:
                revision = fill(writer)
                pack = writer.finish()
            own = [document for document in pack.contents.documents if document.key]
            manifest = BackupManifest(
                id=directory.name.removesuffix(PARTIAL),
                name=name,
                kind=kind,
                created_at=created_at,
                format=FORMAT,
                revision=revision,
                documents=len(own),
                content_bytes=sum(document.size_bytes for document in own),
                pack_bytes=pack.size_bytes,
                encrypted=sum(document.is_encrypted for document in own),
                contents_at=pack.contents_at,
                contents_bytes=pack.contents_bytes,
                contents_sha256=pack.contents_sha256,
                versions=versions or {},
            )
            replace_file(directory / MANIFEST_NAME, render_manifest(manifest))
            _read_back(directory, manifest, progress)
            move(directory, directory.with_name(manifest.id))
        except (OSError, DurableWriteFailed, BackupDamaged) as error:
            delete(directory)
            raise BackupFailed(in_words(error)) from error
        except BaseException:
            delete(directory)
            raise
        return manifest, pack.contents

    def listing(self) -> BackupListing:
        """All backups, from their manifests alone.

        Raises:
            OSError: the directories cannot be read.
        """
        found: list[BackupManifest] = []
        faults: list[BackupFault] = []
        too_new: set[str] = set()
        unfinished: list[str] = []
        for directory in self._directories():
            id = directory.name
            try:
                found.append(read_manifest(directory, id))
            except BackupNotFound:
                unfinished.append(id)
            except (BackupDamaged, BackupTooNew) as error:
                faults.append(BackupFault(id=id, key="", problem=str(error)))
                if isinstance(error, BackupTooNew):
                    too_new.add(id)
        found.sort(key=lambda one: (one.created_at, one.id), reverse=True)
        return BackupListing(found, faults, frozenset(too_new), tuple(unfinished))

    def open(self, id: str) -> tuple[BackupManifest, PackReader]:
        """A backup, with its table of contents checked.

        Raises:
            BackupNotFound, BackupDamaged, BackupTooNew: it cannot be used.
        """
        directory = self.directory(id)
        manifest = read_manifest(directory, id)
        return manifest, PackReader(directory / PACK_NAME, manifest)

    def verify(self, id: str, progress: PackProgress = lambda _: None) -> list[BackupFault]:
        """Read a backup from end to end: all digests, and the envelope of each document.

        Args:
            id: which one.
            progress: called after each document.

        Returns:
            What is wrong.
        """
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
        """Remove a backup, its manifest first, so that half of a backup never counts.

        Raises:
            BackupNotFound: there is no such backup.
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
        """Rename a damaged backup to `<id>.corrupt`, so that it no longer counts; returns the new path.

        `quarantine` reserves the name with a file, which a directory cannot replace.

        Raises:
            OSError, DurableWriteFailed: it cannot be renamed.
        """
        directory = self.directory(id)
        aside = first_free(directory.with_name(directory.name + CORRUPT))
        move(directory, aside)
        return aside

    def directory(self, id: str) -> Path:
        """The directory of a backup.

        Raises:
            BackupNotFound: the text is not an id.
        """
        named = parse_id(id)
        if named is None:
            raise BackupNotFound(id)
        return self.root / division_of(named.kind) / id

    def former_values(self) -> Iterator[FormerValue]:
        """The single former values that saves kept.

        Raises:
            OSError: the directory cannot be read.
        """
        for name in os.listdir(self.root / "auto"):
            former = parse_former_value(name)
            if former is not None:
                yield former

    def sweep(self) -> list[str]:
        """Remove backups that were never finished; returns their names.

        Those of this process go at once. An import is made by another process and may be under way, so it
        goes after a day.

        Raises:
            OSError: the directories cannot be read.
        """
        removed = []
        for division in DIVISIONS:
            make_own_directory(self.root / division)
            for entry in os.scandir(self.root / division):
                named = parse_id(entry.name.removesuffix(PARTIAL)) if entry.name.endswith(PARTIAL) else None
                if named is None or not entry.is_dir(follow_symlinks=False):
                    continue
                if named.kind != "imported" or self._clock() - named.created_at > ABANDONED_SECONDS:
                    delete(Path(entry.path))
                    removed.append(entry.name)
        return removed

    def _begin(self, kind: BackupKind, name: str, created_at: float) -> Path:
        """Make the directory of a new backup, under its partial name."""
        division = self.root / division_of(kind)
        make_own_directory(division)
        names = candidates(division / make_id(created_at, kind, name, FORMAT))
        for final in itertools.islice(names, SAME_SECOND_LIMIT):
            if final.exists():
                continue
            partial = final.with_name(final.name + PARTIAL)
            with contextlib.suppress(FileExistsError):
                os.mkdir(partial, 0o700)
                return partial
        raise FileExistsError(0, f"{SAME_SECOND_LIMIT} backups of the same second")

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
    """What is wrong with the envelope of a document, as far as its key is not needed; empty for nothing."""
    if not key:
        return ""
    try:
        check_envelope(content, name=key)
    except EnvelopeTooNew:
        return ""
    except (EnvelopeDamaged, NotAnEnvelope) as error:
        return f"{key}: {DAMAGED_BEFORE}: {error.problem}"
    return ""


def _read_back(directory: Path, manifest: BackupManifest, progress: PackProgress) -> None:
    if read_manifest(directory, manifest.id) != manifest:
        raise BackupDamaged(manifest.id, "its manifest is not what was written")
    PackReader(directory / PACK_NAME, manifest).check(progress)
