"""Brings back what a backup holds: checked and written aside first, the present backed up, then all of it in one step."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.shared.durable.durable_write import DurableWriteFailed, make_directory, replace_file
from actors.state_store.backups.backup_manifest import Contents, Manifest, PackedDocument
from actors.state_store.backups.backup_pack import PackReader, Progress
from actors.state_store.backups.consistent_copy import EXTRAS, Copier
from actors.state_store.backups.errors import BackupDamaged, RestoreRefused
from actors.state_store.backups.repository import Vault
from actors.state_store.engine import directory_swap
from actors.state_store.engine.key_paths import namespace_of, parse_key, path_of
from actors.state_store.engine.operations import Restore
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.value_codec import Damaged
from actors.state_store.engine.write_rules import Room, check_room
from actors.state_store.errors import KeyRefused, QuotaExceeded, StateError
from schemas.backups import BackupKind

ATTEMPTS: Final = 3
"""So often the present is backed up while others write; then writers wait until it is."""

KEYS_LIMIT_BYTES: Final = 256 * 1024 * 1024
SETTINGS: Final = "config.json"
KEYS: Final = ("keys.json", "keys.copy.json")


@dataclass
class Restored:
    """What came of it; fields as in BackupRestoredEvent.

    Attributes:
        changed: key to revision, of what has another value now.
        removed: keys that are gone.
    """

    id: str
    saved_as: str = ""
    changed: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    left_out: list[str] = field(default_factory=list)
    settings: bool = False


class Restorer:
    """Restores backups of one store. For a thread, one at a time."""

    def __init__(
        self, store: StateStore, vault: Vault, extras: Mapping[str, Path], progress: Progress = lambda _: None
    ) -> None:
        """Args: extras: as for `Copier`; where the settings and keys lie."""
        self._store = store
        self._vault = vault
        self._extras = extras
        self._progress = progress

    def restore(
        self,
        id: str,
        keys: Iterable[str] = (),
        *,
        settings: bool = False,
        without_damaged: bool = False,
        dry_run: bool = False,
    ) -> Restored:
        """Bring back everything, or these keys; fields as in BackupRestoreRequestEvent.

        Raises:
            BackupNotFound, BackupDamaged, BackupTooNew: it cannot be used.
            RestoreRefused, StateError, BackupFailed: nothing was changed.
            StoreBroken: only a new start can tell what is so; it goes on.
        """
        manifest, reader = self._vault.open(id)
        wanted = [parse_key(key) for key in keys]
        chosen, left_out = self._choose(manifest, reader.contents, wanted)
        found = Restored(id, left_out=left_out)
        try:
            if wanted:
                staged = self._gather(manifest, reader, chosen, found)
                self._judge_single(staged)
                act: Callable[[], None] = lambda: self._commit(staged)  # noqa: E731  # as the other branch has one
            else:
                directory_swap.begin(self._store.root, self._store.tree.places())
                sizes = self._stage(manifest, reader, chosen, found, without_damaged)
                self._judge_whole(sizes)
                act = lambda: self._swap(id)  # noqa: E731
            if dry_run:
                self._compare_with_disk(reader.contents, found, single=bool(wanted))
                return found
            if not wanted:
                directory_swap.settle(self._store.root, lambda: self._progress(0))
            self._replace(found, manifest, reader.contents, act, single=bool(wanted))
        finally:
            if not wanted and not self._store.is_broken:
                directory_swap.discard(self._store.root)
        self._bring_extras(reader, found, settings)
        return found

    # -- before anything is changed
    # --------------------------------------------------------------------------------

    def _choose(
        self, manifest: Manifest, contents: Contents, wanted: list[str]
    ) -> tuple[list[PackedDocument], list[str]]:
        """What is restored, and the keys for which there is no place any more."""
        chosen: list[PackedDocument] = []
        left_out: list[str] = []
        for document in contents.documents:
            if not document.key or (wanted and document.key not in wanted):
                continue
            if self._has_place(document):
                chosen.append(document)
            else:
                left_out.append(document.key)
        if missing := set(wanted) - {document.key for document in chosen}:
            raise RestoreRefused(
                manifest.id,
                f"it does not hold {', '.join(sorted(missing)[:5])}, or nobody declares its namespace",
            )
        return chosen, left_out

    def _has_place(self, document: PackedDocument) -> bool:
        try:
            if parse_key(document.key) != document.key or path_of(document.key) != document.path:
                return False
            self._store.namespaces.of(document.key)
        except KeyRefused:
            return False
        return True

    def _stage(
        self,
        manifest: Manifest,
        reader: PackReader,
        chosen: list[PackedDocument],
        found: Restored,
        without_damaged: bool,
    ) -> dict[str, int]:
        """Write everything aside; returns what each namespace will take."""
        sizes: dict[str, int] = {}
        base = self._store.reserve(len(chosen)) if manifest.kind == "imported" else 0
        keys = {document.key for document in chosen}
        for number, (document, content) in enumerate(reader.documents(lambda one: one.key in keys), 1):
            self._progress(1)
            try:
                content, revision = self._fit(manifest, document.key, content, base + number if base else 0)
            except (BackupDamaged, Damaged) as damaged:
                if not without_damaged:
                    raise RestoreRefused(
                        manifest.id, f"{damaged}; --without-damaged leaves out what is damaged"
                    ) from damaged
                found.left_out.append(document.key)
                continue
            directory_swap.stage(self._store.root, document.path, content)
            found.changed[document.key] = revision
            namespace = namespace_of(document.key)
            sizes[namespace] = sizes.get(namespace, 0) + len(content)
        return sizes

    def _gather(
        self, manifest: Manifest, reader: PackReader, chosen: list[PackedDocument], found: Restored
    ) -> list[Restore]:
        if sum(document.size_bytes for document in chosen) > KEYS_LIMIT_BYTES:
            raise RestoreRefused(
                manifest.id,
                f"these keys take more than {KEYS_LIMIT_BYTES} bytes; restore fewer at once, or everything",
            )
        steps = []
        base = self._store.reserve(len(chosen)) if manifest.kind == "imported" else 0
        for number, document in enumerate(chosen, 1):
            self._progress(1)
            try:
                content, revision = self._fit(
                    manifest, document.key, reader.read(document), base + number if base else 0
                )
            except (BackupDamaged, Damaged) as damaged:
                raise RestoreRefused(manifest.id, str(damaged)) from damaged
            found.changed[document.key] = revision
            steps.append(Restore(document.key, content))
        return steps

    def _fit(
        self, manifest: Manifest, key: str, content: bytes | BackupDamaged, revision: int
    ) -> tuple[bytes, int]:
        """What is to lie on disk, with its revision: as it was, unless it comes from another store, or is to be encrypted by now."""
        if isinstance(content, BackupDamaged):
            raise content
        entry = self._store.opener.look(key, content)
        if manifest.kind == "imported" and not entry.newer:
            return self._store.opener.reseal(key, content, revision), revision
        if self._store.namespaces.of(key).encrypt and not entry.is_encrypted and not entry.newer:
            return self._store.opener.reseal(key, content, entry.revision), entry.revision
        return content, entry.revision

    def _judge_whole(self, sizes: Mapping[str, int]) -> None:
        check_room("everything", 1, (Room("total", sum(sizes.values()) - 1, self._store.quota_bytes),))
        for namespace in self._store.namespaces:
            check_room(
                f"{namespace.name}.*",
                1,
                (Room(namespace.name, sizes.get(namespace.name, 0) - 1, namespace.quota_bytes),),
            )

    def _judge_single(self, steps: list[Restore]) -> None:
        growth = 0
        for step in steps:
            present = self._store.index.get(step.key)
            growth += len(step.content) - (present.size_bytes if present else 0)
        if (
            self._store.quota_bytes
            and growth > 0
            and self._store.index.size_bytes + growth > self._store.quota_bytes
        ):
            raise QuotaExceeded(
                steps[0].key, "total", self._store.index.size_bytes + growth, self._store.quota_bytes
            )

    # -- the step itself
    # -------------------------------------------------------------------------------------------

    def _replace(
        self, found: Restored, manifest: Manifest, wanted: Contents, act: Callable[[], None], *, single: bool
    ) -> None:
        """Back up the present, and replace it if nobody wrote since; otherwise back it up once more."""
        kind: BackupKind = "before_import" if manifest.kind == "imported" else "before_restore"
        for attempt in range(1, ATTEMPTS + 1):
            with self._store.alone() if attempt == ATTEMPTS else contextlib.nullcontext():
                copier = Copier(self._store, self._extras, self._progress)
                saved, present = self._vault.create(
                    kind,
                    "",
                    copier.fill,
                    functools.partial(getattr, copier, "revision"),
                    progress=self._progress,
                )
                with self._store.alone():
                    if not copier.is_current():
                        self._vault.remove(saved.id)
                        continue
                    self._progress(0)  # whoever gave up waiting gets nothing changed behind their back
                    self._compare(wanted, present, found, single=single)
                    act()
                    found.saved_as = saved.id
                    return
        raise RestoreRefused(
            found.id, "others wrote all the time"
        )  # not reached: in the last attempt nobody can

    def _swap(self, id: str) -> None:
        def act() -> None:
            directory_swap.commit(self._store.root, id)
            directory_swap.carry_out(self._store.root)

        if not self._store.swap(act):
            raise RestoreRefused(id, "the journal cannot be brought to its files, see the alerts")

    def _commit(self, steps: list[Restore]) -> None:
        (outcome,) = self._store.commit([steps])
        if isinstance(outcome, StateError):
            raise outcome

    def _compare(self, wanted: Contents, present: Contents, found: Restored, *, single: bool) -> None:
        """Leave in `changed` what changes, and find what goes, by digests."""
        before = {document.key: document.sha256 for document in present.documents if document.key}
        after = {document.key: document.sha256 for document in wanted.documents}
        same = [key for key in found.changed if before.get(key) == after[key]]
        found.removed = [] if single else sorted(before.keys() - found.changed.keys())
        for key in same:
            del found.changed[key]
        found.unchanged = len(same)

    def _compare_with_disk(self, wanted: Contents, found: Restored, *, single: bool) -> None:
        present = []
        for key in self._store.index.snapshot():
            if not single or key in found.changed:
                content = self._store.content(key) or b""
                digest = hashlib.sha256(content).hexdigest()
                present.append(
                    PackedDocument(
                        path=path_of(key), key=key, frame=0, at=0, size_bytes=len(content), sha256=digest
                    )
                )
        self._compare(wanted, Contents(documents=present, frames=[]), found, single=single)

    def _bring_extras(self, reader: PackReader, found: Restored, settings: bool) -> None:
        """The settings, if they are asked for; and the keys, where this home has none: a recovery code opens them."""
        extras = {
            document.path.removeprefix(f"{EXTRAS}/"): document
            for document in reader.contents.documents
            if not document.key
        }
        keys = self._extras.get(KEYS[0])
        if settings:
            found.settings = self._bring_extra(reader, extras, SETTINGS, found)
        if keys is not None and KEYS[0] in extras and not any(keys.with_name(name).exists() for name in KEYS):
            self._bring_extra(reader, extras, KEYS[0], found)

    def _bring_extra(
        self, reader: PackReader, extras: Mapping[str, PackedDocument], name: str, found: Restored
    ) -> bool:
        try:
            target = self._extras[name]
            make_directory(target.parent)
            replace_file(target, reader.read(extras[name]))
        except (KeyError, OSError, DurableWriteFailed, BackupDamaged):
            found.left_out.append(name)
            return False
        return True
