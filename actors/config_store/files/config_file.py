"""`config.json` on disk: read, migrated, written durably, and compared with what other programs wrote.

It is replaced as a whole. What does not parse, or can never be a file, is renamed and never overwritten. A
file that the system does not let us read is left alone: the store then only reads, and takes it once it can.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.config_store.files.config_content import (
    FORMAT,
    SIZE_LIMIT_BYTES,
    ConfigContent,
    NotConfigContent,
    parse,
    render,
)
from actors.config_store.files.setting_migrations import Migration, MigrationFailed, back_up, migrate
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.durable_write import (
    DurableWriteFailed,
    make_directory,
    replace_file,
    sweep_temporary,
)
from actors.shared.durable.file_identity import FileIdentity
from actors.shared.durable.quarantine import claim_file, quarantine
from bus.errors import OperatorError, TransientError, UndercroftError

Write = Callable[[Path, Mapping[str, Any], Mapping[str, Any], int], bytes]
"""Replaces the file by overrides, other fields and settings version; returns the bytes that it wrote."""


class ConfigUnreadable(OperatorError):
    """The file exists but cannot be read. That says nothing about its content, so it is left alone.

    Attributes:
        path: the file.
        reason: the operating system's words.
    """

    path: str
    reason: str
    words = "{path}: cannot be read ({reason}); nothing was changed; make it readable for this user"


class ConfigReadOnly(OperatorError):
    """A later version wrote the file, so this one never writes it.

    Attributes:
        reason: which version that is.
    """

    reason: str
    words = "{reason}"


class ChangedOutside(TransientError):
    """Another program wrote the file since `look` was called last; its changes have to be taken first.

    Attributes:
        path: the file.
    """

    path: str
    words = "{path}: another program keeps writing it; the settings are written once it stops"


@dataclass(frozen=True)
class FileEdited:
    """Another program wrote content that can be parsed."""

    content: ConfigContent


@dataclass(frozen=True)
class FileUnusable:
    """The file cannot be read or parsed; `fault` says why, with its path."""

    fault: str


@dataclass(frozen=True)
class FileMissing:
    """The file was deleted."""


@dataclass(frozen=True)
class FileUnchanged:
    """The file has the content that the store knows."""


class ConfigFile:
    """The settings file of one store. Synchronous; one call at a time.

    Attributes:
        path: the file.
        known: the content that is on disk, as far as is known.
        renamed_to: where a file went that did not parse at the start; None if there was none.
        fault: why it did not parse; empty if there was none.
        migration_fault: why settings of an earlier version were not migrated; empty if they were.
        unreadable: why the file cannot be read now; empty if it can, or if there is none.
    """

    def __init__(
        self,
        path: Path,
        version: int = 1,
        migrations: Mapping[int, Migration] | None = None,
        write: Write | None = None,
    ) -> None:
        """Read the file and migrate it.

        Args:
            path: the file.
            version: of the settings that the app declares.
            migrations: version to function that leads to the next one.
            write: replaces the file; None for the durable write.
        """
        self.path = path
        self.unreadable = ""
        self.migration_fault = ""
        self._wanted_version = version
        self._write = write or write_config
        self._is_refused = False
        sweep_temporary(path, follows_link=True)
        self._identity = FileIdentity.seen_at(path)
        try:
            self.known, self.renamed_to, self.fault = read_config(path)
        except ConfigUnreadable as error:
            self.known, self.renamed_to, self.fault = ConfigContent({}, {}), None, ""
            self.unreadable = str(error)
        if self.renamed_to is not None:
            self._identity = None
        self._version = self.known.version if self.known.source is not None else version
        if self.known.source is not None and self.known.version < version and not self.known.is_newer:
            self._migrate(migrations or {})

    @property
    def read_only(self) -> str:
        """Why the file must not be written; empty if it may be."""
        if self.unreadable:
            return self.unreadable
        if self.known.is_newer:
            return (
                f"{self.path} has format {self.known.format}, of a later version; "
                f"this version writes format {FORMAT}, so it only reads the file"
            )
        if self.known.version > self._wanted_version:
            return (
                f"{self.path} holds settings of version {self.known.version}, of a later version of the app; "
                f"this one knows version {self._wanted_version}, so it only reads the file"
            )
        return ""

    def save(self, stored: Mapping[str, Any]) -> None:
        """Write the user's overrides; once this returns, a power cut cannot undo it.

        An edit that was refused is renamed first, and so is what can never be a file.

        Raises:
            ChangedOutside: another program wrote it meanwhile; call `look` first.
            ConfigReadOnly: a later version wrote it.
            DurableWriteFailed: a step failed; the former content is still on disk.
            OSError: the directory cannot be created, or the edit cannot be renamed.
        """
        if self.has_changed():
            raise ChangedOutside(str(self.path))
        if self.read_only:
            raise ConfigReadOnly(self.read_only)
        if self._is_refused:
            quarantine(self.path)
            self._is_refused = False
            self._identity = None
        claim_file(self.path, follows_link=True)
        try:
            source = self._write(self.path, stored, self.known.others, self._version)
        except DurableWriteFailed as error:
            if error.replaced:
                self._identity = FileIdentity.seen_at(self.path)
            raise
        self._identity = FileIdentity.seen_at(self.path)
        self.known = ConfigContent(stored, self.known.others, version=self._version, source=source)

    def has_changed(self) -> bool:
        """Whether another program may have touched the file since the last look."""
        if self.unreadable and os.access(self.path, os.R_OK):
            return True
        return FileIdentity.seen_at(self.path) != self._identity

    def look(self) -> FileEdited | FileUnusable | FileMissing | FileUnchanged:
        """What another program did to the file since the last look."""
        self._identity = FileIdentity.seen_at(self.path)
        try:
            source = read_bytes(self.path)
        except ConfigUnreadable as error:
            return FileUnchanged() if self.unreadable else FileUnusable(str(error))
        except NotConfigContent as error:
            return FileUnusable(f"{self.path}: {error}")
        was_unreadable, self.unreadable = self.unreadable, ""
        if source == self.known.source and not was_unreadable:
            self._is_refused = False
            return FileUnchanged()
        if source is None:
            self._is_refused = False
            return FileMissing()
        try:
            return FileEdited(parse(source))
        except NotConfigContent as error:
            return FileUnusable(f"{self.path}: {error}")

    def accept(self, content: ConfigContent) -> None:
        """Take over what another program wrote as the known content."""
        self.known, self._version, self._is_refused = content, content.version, False

    def refuse(self) -> None:
        """Leave what another program wrote alone; `save` renames it before it writes."""
        self._is_refused = True

    def _migrate(self, table: Mapping[int, Migration]) -> None:
        before = self.known
        try:
            overrides = migrate(before.overrides, before.version, self._wanted_version, table)
            back_up(self.path, before.version)
            source = self._write(self.path, overrides, before.others, self._wanted_version)
        except (MigrationFailed, DurableWriteFailed, FileUnreadable, OSError) as error:
            words = str(error)
            if not isinstance(error, UndercroftError):
                words = f"settings of version {before.version} were not migrated: {error}"
            self.migration_fault = words
            return
        self._identity = FileIdentity.seen_at(self.path)
        self._version = self._wanted_version
        self.known = ConfigContent(overrides, before.others, version=self._version, source=source)


def read_config(path: Path) -> tuple[ConfigContent, Path | None, str]:
    """Read the file; one that does not parse is renamed, and counts as empty.

    Returns:
        The content; where a bad file went, or None; why it is bad, or an empty text.

    Raises:
        ConfigUnreadable: it exists but the system does not let us read it.
    """
    try:
        aside = claim_file(path, follows_link=True)
        if aside is not None:
            return ConfigContent({}, {}), aside, "it was no file"
        source = read_bytes(path)
    except NotConfigContent as error:  # larger than any settings file
        return ConfigContent({}, {}), quarantine(path), str(error)
    except OSError as error:
        raise ConfigUnreadable(str(path), error.strerror or str(error)) from error
    if source is None:
        return ConfigContent({}, {}), None, ""
    try:
        return parse(source), None, ""
    except NotConfigContent as error:
        return ConfigContent({}, {}), quarantine(path), str(error)


def read_bytes(path: Path) -> bytes | None:
    """The bytes of the file; None if there is no file. Never blocks on pipes and devices.

    Raises:
        ConfigUnreadable: it exists but the system does not let us read it, or it is no file.
        NotConfigContent: it is larger than any settings file.
    """
    try:
        return read_file(path, SIZE_LIMIT_BYTES, follows_link=True)
    except FileUnreadable as error:
        if error.found == "broken_link":
            return None
        if error.found == "too_large":
            raise NotConfigContent(error.detail) from error
        raise ConfigUnreadable(str(path), error.detail) from error


def write_config(
    path: Path, overrides: Mapping[str, Any], others: Mapping[str, Any], version: int = 1
) -> bytes:
    """Replace the file durably; returns what was written.

    Raises:
        DurableWriteFailed: a step failed; the former content is still on disk.
        OSError: the directory cannot be created.
    """
    source = render(overrides, others, version)
    try:
        replace_file(path, source, follows_link=True)
    except DurableWriteFailed as failed:
        if failed.step != "create" or failed.errno != errno.ENOENT:
            raise
        make_directory(path.parent)
        replace_file(path, source, follows_link=True)
    return source
