"""Transactions: prepared beside the files, durable in the journal, then put in place. Many share one sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.shared.durable.durable_write import DurableWriteFailed
from actors.state_store.engine.files.document_quarantine import DocumentQuarantine, read_document
from actors.state_store.engine.files.state_layout import StateLayout
from actors.state_store.engine.journal.checkpointer import Checkpointer
from actors.state_store.engine.journal.state_journal import FileChange, StateJournal
from actors.state_store.engine.key_index import KeyEntry, KeyIndex
from actors.state_store.engine.key_paths import FORMER_VALUES, former_path, path_of
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Delete, PutBack, Save, StepDone, WriteStep
from actors.state_store.engine.revision_counter import RevisionCounter
from actors.state_store.engine.values.value_codec import DocumentDamaged, ValueCodec
from actors.state_store.engine.write_rules import QuotaUse, check_quotas, check_replaceable, treatment
from actors.state_store.errors import LoadFailed, SaveFailed, StateError, StoreBroken
from bus.error_words import in_words

GROUP_LIMIT_BYTES: Final = 32 * 1024 * 1024
TRANSACTION_LIMIT_BYTES: Final = 256 * 1024 * 1024
"""Largest content of one transaction, former values included: its record has to be read at the next start."""

UNTOUCHED: Final = "the earlier value is untouched"


@dataclass
class Transaction:
    """Steps that are ready to be carried out, or the reason why they are not.

    Attributes:
        key: key of the step that was looked at last.
        temporaries: the file beside its place for each change; None where a file must go.
        entries: what the index will say afterwards.
        growth: by how many bytes each namespace grows.
        size_bytes: size of all contents.
    """

    key: str
    done: list[StepDone] = field(default_factory=list)
    changes: list[FileChange] = field(default_factory=list)
    temporaries: list[Path | None] = field(default_factory=list)
    entries: dict[str, KeyEntry | None] = field(default_factory=dict)
    growth: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    error: StateError | None = None


@dataclass
class TransactionGroup:
    """Transactions that become durable together.

    Attributes:
        entries, growth: as in Transaction, of all of them.
        contents: path to the content that each file will hold.
        size_bytes: size of these contents.
    """

    transactions: list[Transaction] = field(default_factory=list)
    entries: dict[str, KeyEntry | None] = field(default_factory=dict)
    growth: dict[str, int] = field(default_factory=dict)
    contents: dict[str, bytes | None] = field(default_factory=dict)
    size_bytes: int = 0

    def add(self, one: Transaction) -> None:
        """Take in one more."""
        self.transactions.append(one)
        self.entries.update(one.entries)
        for namespace, size_bytes in one.growth.items():
            self.growth[namespace] = self.growth.get(namespace, 0) + size_bytes
        self.size_bytes += one.size_bytes
        for change in one.changes:
            self.contents[change.path] = change.content


class TransactionWriter:
    """The one writer of a store. One thread at a time."""

    def __init__(
        self,
        layout: StateLayout,
        index: KeyIndex,
        journal: StateJournal,
        checkpointer: Checkpointer,
        quarantine: DocumentQuarantine,
        revisions: RevisionCounter,
        namespaces: Namespaces,
        codec: ValueCodec,
        quota_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._layout = layout
        self._index = index
        self._journal = journal
        self._checkpointer = checkpointer
        self._quarantine = quarantine
        self._revisions = revisions
        self._namespaces = namespaces
        self._codec = codec
        self._quota_bytes = quota_bytes
        self._clock = clock
        self._group = TransactionGroup()

    def prepare(self, steps: Sequence[WriteStep]) -> Transaction:
        """Check steps against the store and the present group, and write their content beside its place.

        A transaction that fails has an error, and leaves nothing behind.
        """
        transaction = Transaction(steps[0].key if steps else "")
        try:
            for step in steps:
                transaction.key = step.key
                self._prepare(step, transaction)
        except StateError as error:
            transaction.error = error
        except OSError as error:
            transaction.error = SaveFailed(transaction.key, f"{error.strerror or error}; {UNTOUCHED}")
        if transaction.error is not None:
            self._unstage(transaction)
            return transaction
        self._group.add(transaction)
        return transaction

    @property
    def is_full(self) -> bool:
        """Whether the group is large enough to be carried out."""
        return self._group.size_bytes >= GROUP_LIMIT_BYTES

    def carry_out(self) -> None:
        """Make everything that is prepared durable, and put it in place.

        Raises:
            StoreBroken: only a restart can tell what happened.
        """
        self._checkpointer.renew_segment()
        group, self._group = [one for one in self._group.transactions if one.changes], TransactionGroup()
        if group:
            self._carry_out(group)
            self._checkpointer.renew_segment()

    def _carry_out(self, group: list[Transaction]) -> None:
        try:
            numbers = self._journal.append(self._revisions.newest, [one.changes for one in group])
        except DurableWriteFailed as failed:
            self._checkpointer.needs_segment = True
            for transaction in group:
                reason = f"{failed.step} failed ({failed.reason}); {UNTOUCHED}"
                transaction.error = SaveFailed(transaction.key, reason)
                self._unstage(transaction)
            return
        except OSError as error:
            raise StoreBroken(str(self._layout.root), error.strerror or str(error)) from error
        for transaction, number in zip(group, numbers, strict=True):
            self._put_in_place(transaction, number)

    def _put_in_place(self, transaction: Transaction, number: int) -> None:
        changes = transaction.changes
        for at, (change, temporary) in enumerate(zip(changes, transaction.temporaries, strict=True)):
            try:
                self._layout.put(change.path, temporary)
            except OSError as error:
                if any(not before.path.startswith(FORMER_VALUES) for before in changes[:at]):
                    key = next((key for key in transaction.entries if path_of(key) == change.path), None)
                    raise StoreBroken(key or change.path, error.strerror or str(error)) from error
                self._void(transaction, number, error)
                return
            self._checkpointer.touch(change.path)
        for key, entry in transaction.entries.items():
            if entry is None:
                self._index.drop(key)
            else:
                self._index.put(key, entry)

    def _void(self, transaction: Transaction, number: int, error: OSError) -> None:
        """Cancel a transaction of which nothing was put in place, so that no later start applies it."""
        try:
            self._journal.void(number, self._revisions.newest)
        except (DurableWriteFailed, OSError) as second:
            raise StoreBroken(transaction.key, in_words(second)) from error
        self._unstage(transaction)
        reason = f"rename failed ({error.strerror or error}); {UNTOUCHED}"
        transaction.error = SaveFailed(transaction.key, reason)

    def _unstage(self, transaction: Transaction) -> None:
        self._layout.unstage(temporary for temporary in transaction.temporaries if temporary is not None)

    # -- one step ------------------------------------------------------------------------------------------

    def _prepare(self, step: WriteStep, transaction: Transaction) -> None:
        if step.key in transaction.entries:
            raise SaveFailed(step.key, "the batch names it twice, expected each key once")
        present = self._present(step.key)
        match step:
            case PutBack():
                self._put_back(step, transaction)
            case Save():
                check_replaceable(step.key, present, step.expected_revision)
                self._save(step, present, transaction)
            case Delete():
                check_replaceable(step.key, present, step.expected_revision)
                self._delete(step, present, transaction)

    def _present(self, key: str) -> KeyEntry | None:
        """The entry that the key will have once the present group was carried out."""
        if key in self._group.entries:
            return self._group.entries[key]
        entry = self._index.get(key)
        if entry is None or entry.revision or entry.newer:
            return entry
        found = self._look_into(key)
        if found is not None:
            self._revisions.see(found.revision)
            self._index.put(key, found)
        return found

    def _look_into(self, key: str) -> KeyEntry | None:
        """Read a file for the first time since the start; one that is damaged is put aside."""
        try:
            content = read_document(self._layout, key)
            return None if content is None else self._codec.look(key, content)
        except DocumentDamaged as damaged:
            self._quarantine.put_aside(damaged)
            return None

    def _save(self, step: Save, present: KeyEntry | None, transaction: Transaction) -> None:
        namespace = self._namespaces.of(step.key)
        how = treatment(namespace, present, step.encrypt, step.compress, step.backup)
        content = self._codec.seal(step, how, self._revisions.newest + 1)
        growth = len(content) - (present.size_bytes if present else 0)
        check_quotas(
            step.key,
            growth,
            (
                self._use(namespace.name, namespace.quota_bytes, transaction),
                self._total_use(transaction),
            ),
        )
        revision = self._revisions.next()
        if how.backup and present is not None:
            self._keep_former(step.key, present, transaction)
        self._add(transaction, path_of(step.key), content)
        transaction.entries[step.key] = KeyEntry(len(content), revision, how.encrypt)
        transaction.growth[namespace.name] = transaction.growth.get(namespace.name, 0) + growth
        transaction.done.append(StepDone(step.key, revision, len(content), present is not None))

    def _delete(self, step: Delete, present: KeyEntry | None, transaction: Transaction) -> None:
        if present is None:
            transaction.done.append(StepDone(step.key, 0, deleted=True))
            return
        revision = self._revisions.next()
        namespace = self._namespaces.of(step.key)
        if treatment(namespace, present, None, None, step.backup).backup:
            self._keep_former(step.key, present, transaction)
        self._add(transaction, path_of(step.key), None)
        transaction.entries[step.key] = None
        transaction.growth[namespace.name] = transaction.growth.get(namespace.name, 0) - present.size_bytes
        transaction.done.append(StepDone(step.key, revision, 0, existed=True, deleted=True))

    def _put_back(self, step: PutBack, transaction: Transaction) -> None:
        entry = self._codec.look(step.key, step.content)
        self._revisions.see(entry.revision)
        self._add(transaction, path_of(step.key), step.content)
        transaction.entries[step.key] = entry
        transaction.done.append(StepDone(step.key, entry.revision, len(step.content)))

    def _keep_former(self, key: str, present: KeyEntry, transaction: Transaction) -> None:
        """Copy the value that is replaced to the automatic backups; an encrypted one stays encrypted.

        One that is damaged is put aside instead.
        """
        if self._layout.is_backups_silent:
            reason = "its former value cannot be kept: the disk of the backups does not answer"
            raise SaveFailed(key, f"{reason}; {UNTOUCHED}")
        try:
            content = self._group.contents.get(path_of(key)) or read_document(self._layout, key)
        except DocumentDamaged as damaged:
            self._quarantine.put_aside(damaged)
            return
        if content is None:
            raise LoadFailed(key, "its file is gone, so it cannot be kept")
        self._add(transaction, former_path(key, present.revision, self._clock()), content)

    def _add(self, transaction: Transaction, path: str, content: bytes | None) -> None:
        transaction.size_bytes += len(content or b"")
        if transaction.size_bytes > TRANSACTION_LIMIT_BYTES:
            reason = f"it changes {transaction.size_bytes} bytes, expected at most {TRANSACTION_LIMIT_BYTES}"
            raise SaveFailed(transaction.key, f"{reason}; {UNTOUCHED}; save fewer values at once")
        temporary = self._layout.stage(path, content) if content is not None else None
        transaction.temporaries.append(temporary)
        transaction.changes.append(FileChange(path, content))

    def _use(self, namespace: str, quota_bytes: int, transaction: Transaction) -> QuotaUse:
        pending = self._group.growth.get(namespace, 0) + transaction.growth.get(namespace, 0)
        return QuotaUse(namespace, self._index.totals(namespace).size_bytes + pending, quota_bytes)

    def _total_use(self, transaction: Transaction) -> QuotaUse:
        pending = sum(self._group.growth.values()) + sum(transaction.growth.values())
        return QuotaUse("total", self._index.size_bytes + pending, self._quota_bytes)
