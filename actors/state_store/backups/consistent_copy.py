"""Copies a store as it is at one moment, while others write.

Everything is copied first, then again what changed meanwhile; the last few changes while nobody writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.state_store.backups.format.backup_pack import PackProgress, PackWriter
from actors.state_store.engine.key_index import KeyEntry
from actors.state_store.engine.key_paths import path_of
from actors.state_store.engine.operations import Incident
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_codec import DocumentDamaged
from actors.state_store.errors import StateError

EXTRAS: Final = "extras"
SETTINGS_FILE: Final = "config.json"
"""The one of them that people may keep behind a link."""

EXTRA_LIMIT_BYTES: Final = 16 * 1024 * 1024
ROUNDS: Final = 4
FEW: Final = 64
"""How many documents may be left for the moment at which nobody writes."""


class ConsistentCopy:
    """Fills one backup."""

    def __init__(
        self, store: StateStore, extras: Mapping[str, Path], progress: PackProgress = lambda _: None
    ) -> None:
        """Nothing is copied yet.

        Args:
            store: what is copied.
            extras: name to path of further files.
            progress: called after each document.
        """
        self._store = store
        self._extras = extras
        self._progress = progress
        self._seen: dict[str, KeyEntry] = {}

    def fill(self, writer: PackWriter) -> int:
        """Add all documents and the extras; returns the revision of the store that the copy shows.

        A document that cannot be read is left out, which is an incident of the store. What has its name and
        can never be a document is put aside, and a good copy takes its place if there is one.
        """
        for _ in range(ROUNDS):
            present = self._store.index.snapshot()
            changed = self._changed(present)
            for key in changed:
                self._add(writer, key, self._content(key))
            self._seen = present
            if len(changed) <= FEW:
                break
        with self._store.exclusive():
            present = self._store.index.snapshot()
            rest = [(key, self._content(key)) for key in self._changed(present)]
            self._seen, revision = present, self._store.revision
        for key, content in rest:
            self._add(writer, key, content)
        self._add_extras(writer)
        return revision

    def is_current(self) -> bool:
        """Whether the store still holds what was copied; only while nobody writes."""
        return not self._changed(self._store.index.snapshot())

    def _content(self, key: str) -> bytes | None:
        try:
            try:
                return self._store.content(key)
            except DocumentDamaged:
                self._store.load(key)
                return self._store.content(key)
        except (DocumentDamaged, StateError) as error:
            problem = f"it is in no backup: {error}"
            self._store.incidents.append(Incident("disk", key, problem))
            return None

    def _changed(self, present: Mapping[str, KeyEntry]) -> list[str]:
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
                content = read_file(path, EXTRA_LIMIT_BYTES, follows_link=name == SETTINGS_FILE)
            except FileUnreadable:
                continue  # its owner reports what is wrong with it
            if content is not None:
                writer.add(f"{EXTRAS}/{name}", "", content)
