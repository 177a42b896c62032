"""Copies a store as it is at one moment, while others write: everything first, then again what changed meanwhile, the rest while nobody writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.state_store.backups.backup_pack import PackWriter, Progress
from actors.state_store.engine.key_index import Entry
from actors.state_store.engine.key_paths import path_of
from actors.state_store.engine.store import StateStore

EXTRAS: Final = "extras"
EXTRA_LIMIT_BYTES: Final = 16 * 1024 * 1024
ROUNDS: Final = 4
FEW: Final = 64
"""So few documents are copied while nobody writes."""


class Copier:
    """Fills one backup.

    Attributes:
        revision: of the store, at the moment that the backup shows; known once it is filled.
    """

    def __init__(
        self, store: StateStore, extras: Mapping[str, Path], progress: Progress = lambda _: None
    ) -> None:
        """Args: extras: name to file, of what is not of the store and goes along."""
        self._store = store
        self._extras = extras
        self._progress = progress
        self._seen: dict[str, Entry] = {}
        self.revision = 0

    def fill(self, writer: PackWriter) -> None:
        """Add all documents and the extras.

        Raises:
            OSError: a document is there and cannot be read; the check finds out more.
        """
        for _ in range(ROUNDS):
            present = self._store.index.snapshot()
            changed = self._changed(present)
            for key in changed:
                self._add(writer, key, self._store.content(key))
            self._seen = present
            if len(changed) <= FEW:
                break
        with self._store.alone():
            present = self._store.index.snapshot()
            rest = [(key, self._store.content(key)) for key in self._changed(present)]
            self._seen, self.revision = present, self._store.revision
        for key, content in rest:
            self._add(writer, key, content)
        self._add_extras(writer)

    def is_current(self) -> bool:
        """Whether the store still holds what was copied; asked while nobody writes."""
        return not self._changed(self._store.index.snapshot())

    def _changed(self, present: Mapping[str, Entry]) -> list[str]:
        changed = [key for key, entry in present.items() if self._seen.get(key) is not entry]
        return sorted(changed) + [key for key in self._seen if key not in present]

    def _add(self, writer: PackWriter, key: str, content: bytes | None) -> None:
        if content is None:
            writer.drop(path_of(key))
        else:
            writer.add(path_of(key), key, content)
        self._progress(1)

    def _add_extras(self, writer: PackWriter) -> None:
        for name, path in self._extras.items():
            try:
                content = read_file(path, EXTRA_LIMIT_BYTES)
            except FileUnreadable:
                continue  # its owner says what is wrong with it
            if content is not None:
                writer.add(f"{EXTRAS}/{name}", "", content)
