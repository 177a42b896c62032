"""Restores a backup: checked and written aside first, the present backed up, then everything in one step."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.shared.durable.durable_write import DurableWriteFailed, make_directory, replace_file
from actors.state_store.backups.consistent_copy import EXTRAS, SETTINGS_FILE, ConsistentCopy
from actors.state_store.backups.errors import BackupDamaged, RestoreRefused
from actors.state_store.backups.format.backup_manifest import BackupManifest, PackContents, PackedDocument
from actors.state_store.backups.format.backup_pack import PackProgress, PackReader
from actors.state_store.backups.repository import BackupRepository
from actors.state_store.engine.files.directory_swap import DirectorySwap
from actors.state_store.engine.key_paths import is_place_of, namespace_of, parse_key, path_of
from actors.state_store.engine.operations import PutBack
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_codec import DocumentDamaged
from actors.state_store.engine.write_rules import QuotaUse, check_quotas
from actors.state_store.errors import KeyRefused, StateError
from schemas.backups import BackupKind

ATTEMPTS: Final = 3
"""How often the present is backed up while others write. In the last attempt the writers wait."""

KEYS_LIMIT_BYTES: Final = 256 * 1024 * 1024
KEYS: Final = ("keys.json", "keys.copy.json")


@dataclass
class RestoreOutcome:
    """What a restore changed; fields as in BackupRestoredEvent.

    Attributes:
        changed: key to its new revision.
        removed: keys that no longer exist.
    """

    id: str
    saved_as: str = ""
    changed: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    left_out: list[str] = field(default_factory=list)
    settings: bool = False


class BackupRestore:
    """Restores backups of one store. For a thread, one at a time."""

    def __init__(
        self,
        store: StateStore,
        repository: BackupRepository,
        extras: Mapping[str, Path],
        progress: PackProgress = lambda _: None,
    ) -> None:
        """Nothing is restored yet.

        Args:
            store: what is restored.
            repository: its backups.
            extras: as in ConsistentCopy; where settings and keys lie.
            progress: called after each document. It may raise as long as nothing was changed.
        """
        self._store = store
        self._repository = repository
        self._extras = extras
        self._progress = progress
        self._swap = DirectorySwap(store.root)

    def run(
        self,
        id: str,
        keys: Iterable[str] = (),
        *,
        settings: bool = False,
        without_damaged: bool = False,
        dry_run: bool = False,
    ) -> RestoreOutcome:
        """Restore everything, or only these keys; arguments as in BackupRestoreRequestEvent.

        Raises:
            BackupNotFound, BackupDamaged, BackupTooNew: the backup cannot be used.
            RestoreRefused, StateError, BackupFailed: nothing was changed.
            StoreBroken: only a restart can tell what is on disk; it finishes the restore.
        """
        manifest, reader = self._repository.open(id)
        wanted = [parse_key(key) for key in keys]
        chosen, left_out = self._choose(manifest, reader.contents, wanted)
        outcome = RestoreOutcome(id, left_out=left_out)
        if wanted:
            self._restore_keys(manifest, reader, chosen, outcome, dry_run=dry_run)
        else:
            self._restore_all(manifest, reader, chosen, outcome, without_damaged, dry_run=dry_run)
        if not dry_run:
            self._restore_extras(reader, outcome, settings)
        return outcome

    # -- before anything is changed ------------------------------------------------------------------------

    def _choose(
        self, manifest: BackupManifest, contents: PackContents, wanted: list[str]
    ) -> tuple[list[PackedDocument], list[str]]:
        """The documents to restore, and the keys whose namespace no longer exists."""
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
            names = ", ".join(sorted(missing)[:5])
            raise RestoreRefused(
                manifest.id, f"it does not hold {names}, or the profile does not declare the namespace"
            )
        return chosen, left_out

    def _has_place(self, document: PackedDocument) -> bool:
        if not is_place_of(document.key, document.path):
            return False
        try:
            self._store.namespaces.of(document.key)
        except KeyRefused:
            return False
        return True

    def _restore_keys(
        self,
        manifest: BackupManifest,
        reader: PackReader,
        chosen: list[PackedDocument],
        outcome: RestoreOutcome,
        *,
        dry_run: bool,
    ) -> None:
        steps = self._gather(manifest, reader, chosen, outcome)
        self._check_quota_of_keys(steps)
        if dry_run:
            self._compare_with_disk(reader.contents, outcome, only_changed=True)
            return
        self._replace(outcome, manifest, reader.contents, lambda: self._commit(steps), only_changed=True)

    def _restore_all(
        self,
        manifest: BackupManifest,
        reader: PackReader,
        chosen: list[PackedDocument],
        outcome: RestoreOutcome,
        without_damaged: bool,
        *,
        dry_run: bool,
    ) -> None:
        try:
            self._swap.begin(self._store.layout.places())
            sizes = self._stage(manifest, reader, chosen, outcome, without_damaged)
            self._check_quotas_of_all(sizes)
            if dry_run:
                self._compare_with_disk(reader.contents, outcome, only_changed=False)
                return
            self._swap.settle(lambda: self._progress(0))
            self._replace(
                outcome, manifest, reader.contents, lambda: self._swap_in(outcome.id), only_changed=False
            )
        finally:
            if not self._store.is_broken:
                self._swap.discard()

    def _stage(
        self,
        manifest: BackupManifest,
        reader: PackReader,
        chosen: list[PackedDocument],
        outcome: RestoreOutcome,
        without_damaged: bool,
    ) -> dict[str, int]:
        """Write all documents aside; returns the future size of each namespace."""
        sizes: dict[str, int] = {}
        first = self._first_revision(manifest, chosen)
        keys = {document.key for document in chosen}
        for number, (document, content) in enumerate(reader.documents(lambda one: one.key in keys)):
            self._progress(1)
            try:
                fitted, revision = self._fitted(manifest, document.key, content, first + number)
            except (BackupDamaged, DocumentDamaged) as damaged:
                if not without_damaged:
                    advice = "--without-damaged leaves out what is damaged"
                    raise RestoreRefused(manifest.id, f"{damaged}; {advice}") from damaged
                outcome.left_out.append(document.key)
                continue
            self._swap.stage(document.path, fitted)
            outcome.changed[document.key] = revision
            namespace = namespace_of(document.key)
            sizes[namespace] = sizes.get(namespace, 0) + len(fitted)
        return sizes

    def _gather(
        self,
        manifest: BackupManifest,
        reader: PackReader,
        chosen: list[PackedDocument],
        outcome: RestoreOutcome,
    ) -> list[PutBack]:
        """The steps that put single keys back."""
        if sum(document.size_bytes for document in chosen) > KEYS_LIMIT_BYTES:
            reason = (
                f"these keys take more than {KEYS_LIMIT_BYTES} bytes; restore fewer at once, or everything"
            )
            raise RestoreRefused(manifest.id, reason)
        steps = []
        first = self._first_revision(manifest, chosen)
        for number, document in enumerate(chosen):
            self._progress(1)
            try:
                content = reader.read(document)
                fitted, revision = self._fitted(manifest, document.key, content, first + number)
            except (BackupDamaged, DocumentDamaged) as damaged:
                raise RestoreRefused(manifest.id, str(damaged)) from damaged
            outcome.changed[document.key] = revision
            steps.append(PutBack(document.key, fitted))
        return steps

    def _first_revision(self, manifest: BackupManifest, chosen: list[PackedDocument]) -> int:
        """The first of the new revisions for documents of another store; others keep theirs."""
        return self._store.reserve(len(chosen)) + 1 if manifest.kind == "imported" else 0

    def _fitted(
        self, manifest: BackupManifest, key: str, content: bytes | BackupDamaged, revision: int
    ) -> tuple[bytes, int]:
        """The bytes to write, and their revision.

        Unchanged, unless they come from another store, or their namespace requires encryption now.
        """
        if isinstance(content, BackupDamaged):
            raise content
        codec = self._store.codec
        entry = codec.look(key, content)
        if manifest.kind == "imported" and not entry.newer:
            return codec.reseal(key, content, revision), revision
        if self._store.namespaces.of(key).encrypt and not entry.is_encrypted and not entry.newer:
            return codec.reseal(key, content, entry.revision), entry.revision
        return content, entry.revision

    def _check_quotas_of_all(self, sizes: Mapping[str, int]) -> None:
        total = sum(sizes.values())
        check_quotas("everything", total, (QuotaUse("total", 0, self._store.quota_bytes),))
        for namespace in self._store.namespaces:
            size_bytes = sizes.get(namespace.name, 0)
            use = QuotaUse(namespace.name, 0, namespace.quota_bytes)
            check_quotas(f"{namespace.name}.*", size_bytes, (use,))

    def _check_quota_of_keys(self, steps: list[PutBack]) -> None:
        growth = 0
        for step in steps:
            present = self._store.index.get(step.key)
            growth += len(step.content) - (present.size_bytes if present else 0)
        use = QuotaUse("total", self._store.index.size_bytes, self._store.quota_bytes)
        check_quotas(steps[0].key, growth, (use,))

    # -- the step itself -----------------------------------------------------------------------------------

    def _replace(
        self,
        outcome: RestoreOutcome,
        manifest: BackupManifest,
        wanted: PackContents,
        act: Callable[[], None],
        *,
        only_changed: bool,
    ) -> None:
        """Back up the present, and replace it if nobody wrote since; otherwise back it up once more."""
        kind: BackupKind = "before_import" if manifest.kind == "imported" else "before_restore"
        for attempt in range(1, ATTEMPTS + 1):
            with self._store.exclusive() if attempt == ATTEMPTS else contextlib.nullcontext():
                copy = ConsistentCopy(self._store, self._extras, self._progress)
                saved, present = self._repository.create(kind, "", copy.fill, progress=self._progress)
                with self._store.exclusive():
                    if not copy.is_current():
                        self._repository.remove(saved.id)
                        continue
                    self._progress(0)  # the last moment to give up: nothing was changed
                    self._compare(wanted, present, outcome, only_changed=only_changed)
                    act()
                    outcome.saved_as = saved.id
                    return
        # Unreachable: the last attempt excludes other writers.
        raise RestoreRefused(outcome.id, "others wrote all the time")

    def _swap_in(self, id: str) -> None:
        def act() -> None:
            self._swap.commit(id)
            self._swap.carry_out()

        if not self._store.swap(act):
            raise RestoreRefused(id, "the journal cannot be brought to its files; see the alerts")

    def _commit(self, steps: list[PutBack]) -> None:
        (outcome,) = self._store.commit([steps])
        if isinstance(outcome, StateError):
            raise outcome

    def _compare(
        self, wanted: PackContents, present: PackContents, outcome: RestoreOutcome, *, only_changed: bool
    ) -> None:
        """Reduce `changed` to what really changes, and find what is removed, by digests."""
        before = {document.key: document.sha256 for document in present.documents if document.key}
        after = {document.key: document.sha256 for document in wanted.documents}
        same = [key for key in outcome.changed if before.get(key) == after[key]]
        outcome.removed = [] if only_changed else sorted(before.keys() - outcome.changed.keys())
        for key in same:
            del outcome.changed[key]
        outcome.unchanged = len(same)

    def _compare_with_disk(
        self, wanted: PackContents, outcome: RestoreOutcome, *, only_changed: bool
    ) -> None:
        present = []
        for key in self._store.index.snapshot():
            if not only_changed or key in outcome.changed:
                content = b""
                with contextlib.suppress(DocumentDamaged, StateError):
                    content = self._store.content(key) or b""
                digest = hashlib.sha256(content).hexdigest()
                size_bytes = len(content)
                present.append(
                    PackedDocument(
                        path=path_of(key), key=key, frame=0, at=0, size_bytes=size_bytes, sha256=digest
                    )
                )
        contents = PackContents(documents=present, frames=[])
        self._compare(wanted, contents, outcome, only_changed=only_changed)

    def _restore_extras(self, reader: PackReader, outcome: RestoreOutcome, settings: bool) -> None:
        """Restore the settings if asked for, and the wrapped keys where this home has none.

        A recovery code opens those keys.
        """
        extras = {
            document.path.removeprefix(f"{EXTRAS}/"): document
            for document in reader.contents.documents
            if not document.key
        }
        keys = self._extras.get(KEYS[0])
        if settings:
            outcome.settings = self._restore_extra(reader, extras, SETTINGS_FILE, outcome)
        if keys is not None and KEYS[0] in extras and not any(keys.with_name(name).exists() for name in KEYS):
            self._restore_extra(reader, extras, KEYS[0], outcome)

    def _restore_extra(
        self, reader: PackReader, extras: Mapping[str, PackedDocument], name: str, outcome: RestoreOutcome
    ) -> bool:
        try:
            target = self._extras[name]
            make_directory(target.parent)
            replace_file(target, reader.read(extras[name]), follows_link=name == SETTINGS_FILE)
        except (KeyError, OSError, DurableWriteFailed, BackupDamaged):
            outcome.left_out.append(name)
            return False
        return True
