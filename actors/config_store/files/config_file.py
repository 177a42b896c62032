"""`config.json` as this store knows it: read, migrated, written, and looked at for what others did to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.config_store.files import config_document as document
from actors.config_store.files.config_document import Document, NotADocument
from actors.config_store.files.setting_migrations import Migration, MigrationFailed, back_up, migrate
from actors.shared.durable.durable_write import DurableWriteFailed, sweep_temporary
from actors.shared.durable.quarantine import quarantine
from bus.errors import OperatorError, TransientError, UndercroftError

Signature = tuple[int, int, int, int] | None
Write = Callable[[Path, Mapping[str, Any], Mapping[str, Any], int], bytes]


class ReadOnly(OperatorError):
    """What is on disk was written by a later version, and is never downgraded.

    Attributes:
        reason: which version that is.
    """

    reason: str
    words = "{reason}"


class ChangedOutside(TransientError):
    """Somebody else wrote the file since it was last looked at: what they wrote comes first.

    Attributes:
        path: the file.
    """

    path: str
    words = (
        "{path}: somebody else writes it all the time; what is in effect is written once they leave it alone"
    )


@dataclass(frozen=True)
class Outside:
    """What somebody else did to the file: a document, or why it is none; neither if it is gone."""

    document: Document | None = None
    fault: str = ""


class SettingsFile:
    """The one file of the store. Synchronous; one call at a time.

    Attributes:
        known: the document that is on disk, as far as we know.
        migration_fault: why the settings of an earlier version stay as they are; empty if they do not.
    """

    def __init__(
        self,
        path: Path,
        version: int = 1,
        migrations: Mapping[int, Migration] | None = None,
        write: Write = document.write,
    ) -> None:
        """Read it, and migrate it.

        Raises:
            ConfigUnreadable: it is there but cannot be read.
        """
        self.path = path
        self.migration_fault = ""
        self._wanted_version = version
        self._write = write
        self._refused = False
        sweep_temporary(path)
        self._signature = signature_of(path)
        self.known = document.read(path)
        if self.known.put_aside is not None:
            self._signature = None
        self._version = self.known.version if self.known.content is not None else version
        if self.known.content is not None and self.known.version < version and not self.known.is_newer:
            self._migrate(migrations or {})

    @property
    def read_only(self) -> str:
        """Why nothing may be written; empty if it may."""
        if self.known.is_newer:
            return f"{self.path} has format {self.known.format}, of a later version; this one writes format {document.FORMAT}, so it only reads"
        if self.known.version > self._wanted_version:
            found, ours = self.known.version, self._wanted_version
            return f"{self.path} holds settings of version {found}, of a later version of the app; this one knows {ours}, so it only reads"
        return ""

    def save(self, stored: Mapping[str, Any]) -> None:
        """Write what the user set; once this returns, a power cut cannot take it back.

        What was refused of somebody else's edit is put aside first.

        Raises:
            ChangedOutside: somebody wrote it meanwhile; call `look` first.
            ReadOnly: a later version wrote it.
            DurableWriteFailed: a step failed; what was on disk before is still there.
            OSError: the directory cannot be made, or the edit cannot be put aside.
        """
        if signature_of(self.path) != self._signature:
            raise ChangedOutside(str(self.path))
        if self.read_only:
            raise ReadOnly(self.read_only)
        if self._refused:
            quarantine(self.path)
            self._refused = False
            self._signature = None
        try:
            content = self._write(self.path, stored, self.known.others, self._version)
        except DurableWriteFailed as error:
            if error.replaced:
                self._signature = signature_of(self.path)
            raise
        self._signature = signature_of(self.path)
        self.known = Document(stored, self.known.others, version=self._version, content=content)

    def has_changed(self) -> bool:
        """Whether somebody else may have touched the file since we last looked."""
        return signature_of(self.path) != self._signature

    def look(self) -> Outside | None:
        """What somebody else did to the file since we last looked; None if its content is what we know.

        Raises:
            ConfigUnreadable: it is there but cannot be read.
        """
        self._signature = signature_of(self.path)
        content = document.read_bytes(self.path)
        if content is not None and content == self.known.content:
            self._refused = False
            return None
        if content is None:
            self._refused = False
            return Outside() if self.known.content is not None else None
        try:
            return Outside(document.parse(content))
        except NotADocument as error:
            return Outside(fault=str(error))

    def take(self, found: Document) -> None:
        """What somebody else wrote is what we know now."""
        self.known, self._version, self._refused = found, found.version, False

    def refuse(self) -> None:
        """What somebody else wrote is left alone, and put aside before it would be written over."""
        self._refused = True

    def _migrate(self, table: Mapping[int, Migration]) -> None:
        before = self.known
        try:
            overrides = migrate(before.overrides, before.version, self._wanted_version, table)
            back_up(self.path, before.version)
            content = self._write(self.path, overrides, before.others, self._wanted_version)
        except (MigrationFailed, DurableWriteFailed, OSError) as error:
            words = (
                str(error)
                if isinstance(error, UndercroftError)
                else f"settings of version {before.version} were not migrated: {error}"
            )
            self.migration_fault = words
            return
        self._signature = signature_of(self.path)
        self._version = self._wanted_version
        self.known = Document(overrides, before.others, version=self._version, content=content)


def signature_of(path: Path) -> Signature:
    """Tells one state of a file from another without reading it; None if there is none that can be seen."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
