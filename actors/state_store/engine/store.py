"""The state store as a library: opened once, written by one thread at a time, read by any."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from actors.shared.durable.directory_lock import DirectoryLock
from actors.shared.durable.durable_write import REAL_DISK, Disk, DurableWriteFailed
from actors.shared.keys.key_source import KeySource
from actors.state_store.engine.files.directory_swap import RESTORING, DirectorySwap
from actors.state_store.engine.files.document_quarantine import DocumentQuarantine, read_document
from actors.state_store.engine.files.state_layout import JOURNAL, StateLayout
from actors.state_store.engine.journal.checkpointer import Checkpointer
from actors.state_store.engine.journal.state_journal import StateJournal, final_contents
from actors.state_store.engine.journal.transaction import Transaction, TransactionWriter
from actors.state_store.engine.key_index import KeyIndex
from actors.state_store.engine.key_paths import path_of
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import (
    DamagedDocument,
    Incident,
    PutBack,
    RepairedCopy,
    RepairHook,
    StepDone,
    WriteStep,
)
from actors.state_store.engine.revision_counter import RevisionCounter
from actors.state_store.engine.values.value_codec import DocumentDamaged, ValueCodec
from actors.state_store.engine.values.value_schemas import ValueSchemas
from actors.state_store.errors import LoadFailed, StateError, StoreBroken, ValidationFailed
from bus.error_words import in_words
from schemas.state import StateLoadedEvent

JOURNAL_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""A longer journal is brought to its files before the next write. The actor does so much earlier."""

INCIDENT_LIMIT: Final = 1000


class StateStore:
    """Keys and their values below one directory.

    Attributes:
        root: the directory.
        index: which keys exist.
        codec: turns envelopes into values, also those that are not in the store.
        layout: where the files lie.
        incidents: what went wrong; the reader removes what it reports.
    """

    def __init__(
        self,
        root: Path,
        namespaces: Namespaces | None = None,
        schemas: ValueSchemas | None = None,
        keys: KeySource | None = None,
        *,
        quota_bytes: int = 0,
        repair: RepairHook | None = None,
        clock: Callable[[], float] = time.time,
        disk: Disk = REAL_DISK,
    ) -> None:
        """Make a store; nothing is read or written before `start`.

        Args:
            root: its directory.
            namespaces: the rules for its keys.
            schemas: what its values look like.
            keys: source of keys for encrypted values; without it there are none.
            quota_bytes: limit for all values; 0 for none.
            repair: finds a good copy of a damaged document; without it none is repaired.
            clock: seconds since the Unix epoch.
            disk: the system calls.
        """
        self.root = root
        self.namespaces = namespaces or Namespaces()
        self.schemas = schemas or ValueSchemas()
        self.quota_bytes = quota_bytes
        self.incidents: deque[Incident] = deque(maxlen=INCIDENT_LIMIT)
        self.index = KeyIndex()
        names = [namespace.name for namespace in self.namespaces]
        self.layout = StateLayout(root, names, disk, self.incidents)
        self.codec = ValueCodec(self.namespaces, self.schemas, keys, clock)
        self._repair = repair
        self._writing = threading.RLock()
        self._hardening = threading.RLock()
        self._revisions = RevisionCounter()
        self._journal = StateJournal(root / JOURNAL, disk)
        self._checkpointer = Checkpointer(self.layout, self._journal, self._revisions, self._writing)
        self._quarantine = DocumentQuarantine(self.layout, self.index, self.incidents)
        self._writer = TransactionWriter(
            self.layout,
            self.index,
            self._journal,
            self._checkpointer,
            self._quarantine,
            self._revisions,
            self.namespaces,
            self.codec,
            quota_bytes,
            clock,
        )
        self._lock = DirectoryLock(root, "state_store")
        self._is_broken = False
        self._swaps = 0

    @property
    def revision(self) -> int:
        """The newest revision that was given."""
        return self._revisions.newest

    @property
    def journal_bytes(self) -> int:
        """Size of the present segment of the journal."""
        return self._journal.size_bytes

    @property
    def is_suspect(self) -> bool:
        """Whether the disk refused lately to make files durable; the journal keeps their content."""
        return self._checkpointer.is_suspect

    @property
    def is_broken(self) -> bool:
        """Whether only a restart can tell what is on disk."""
        return self._is_broken

    # -- start and end -------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Make the directories, finish what an earlier run began, and find all keys.

        What lies in a place of the store and cannot be of its making is put aside, as an incident.

        Raises:
            DirectoryLocked: another process has the store.
            OSError, DurableWriteFailed: the disk refused.
        """
        self.layout.claim_directory("")
        self._lock.acquire()
        try:
            # Before missing directories are made: they may be in transit.
            if (aside := DirectorySwap(self.root).resume()) is not None:
                problem = "no restore of this store leaves what lay there"
                self.incidents.append(Incident("corruption", RESTORING, problem, str(aside)))
            self.layout.prepare()
            self.incidents += self._checkpointer.recover()
            self.index.refill(self.layout.scan())
        except BaseException:
            self._lock.release()
            raise
        return self

    def close(self) -> None:
        """Bring everything to its file, and release the directory."""
        try:
            with self._hardening, self._writing:
                if not self._is_broken:
                    self.incidents += self._checkpointer.checkpoint()
                self._is_broken = True  # an abandoned thread may wake up later, and must change nothing
                self._journal.close()
        finally:
            self._lock.release()

    def checkpoint(self) -> None:
        """Make the files durable, and drop the part of the journal that they replace. Others may write."""
        with self._hardening:
            self.incidents += self._checkpointer.checkpoint()

    # -- writing -------------------------------------------------------------------------------------------

    def commit(self, transactions: Sequence[Sequence[WriteStep]]) -> list[list[StepDone] | StateError]:
        """Carry out transactions, each whole or not at all, with one sync for many. The outcome is durable.

        Raises:
            StoreBroken: only a restart can tell what is on disk.
        """
        outcomes: list[Transaction] = []
        with self._writing:
            self._check_whole()
            for steps in transactions:
                outcomes.append(self._writer.prepare(steps))
                if self._writer.is_full:
                    self._carry_out()
            self._carry_out()
        if self._journal.size_bytes >= JOURNAL_LIMIT_BYTES:
            self.checkpoint()
        return [outcome.error if outcome.error is not None else outcome.done for outcome in outcomes]

    def put_back(self, key: str, copy: RepairedCopy) -> bool:
        """Give a key an earlier envelope again; returns whether that is durable."""
        (outcome,) = self.commit([[PutBack(key, copy.content)]])
        return not isinstance(outcome, StateError)

    def reserve(self, count: int) -> int:
        """Reserve the next revisions; returns the one before them."""
        with self._writing:
            return self._revisions.reserve(count)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold back all writers until the block ends; reads go on.

        Raises:
            StoreBroken: only a restart can tell what is on disk.
        """
        with self._hardening, self._writing:
            self._check_whole()
            yield

    def swap(self, act: Callable[[], None]) -> bool:
        """Within `exclusive`: let `act` replace files, then find all keys again.

        Returns:
            False, with nothing done, if the journal cannot be emptied before.

        Raises:
            StoreBroken: it failed half-way; the next start finishes it.
        """
        self.incidents += self._checkpointer.checkpoint()
        if self._checkpointer.is_suspect:
            return False
        self._swaps += 1  # a read that overlaps is repeated
        try:
            act()
            self.layout.prepare()
            self.index.refill(self.layout.scan())
            self._revisions.next()
            self._checkpointer.seal_segment()
        except (OSError, DurableWriteFailed) as error:
            self._is_broken = True
            raise StoreBroken(str(self.root), in_words(error)) from error
        finally:
            self._swaps += 1
        return True

    # -- reading -------------------------------------------------------------------------------------------

    def load(self, key: str, schema: str = "", *, condemn: bool = False) -> StateLoadedEvent:
        """Read the value of a key.

        A damaged document is put aside, and the newest good copy takes its place if there is one.

        Args:
            key: which one.
            schema: name of a further schema that the value must fit.
            condemn: treat a value that does not fit its schema as damaged.

        Raises:
            LoadFailed: the value cannot be read, or is locked.
            ValidationFailed: the value does not fit.
        """
        swaps = self._swaps
        try:
            found = self._read(key, schema, condemn)
            if swaps == self._swaps and swaps % 2 == 0:
                return found
            with self._writing:
                return self._read(key, schema, condemn)
        except DocumentDamaged:
            with self._writing:
                try:
                    return self._read(key, schema, condemn)  # another thread may have replaced it
                except DocumentDamaged as damaged:
                    return self._replace_damaged(damaged, schema)

    def load_many(self, keys: Sequence[str]) -> list[StateLoadedEvent]:
        """Read several keys as they are at one moment.

        Raises:
            LoadFailed, ValidationFailed: see `load`.
        """
        with self._writing:
            return [self.load(key) for key in keys]

    def content(self, key: str) -> bytes | None:
        """The bytes of the file of a key, unchecked; None if there is no file.

        Raises:
            DocumentDamaged: what lies there can never be a document.
            LoadFailed: the file cannot be read now.
        """
        return read_document(self.layout, key)

    def good_copy(self, key: str) -> RepairedCopy | None:
        """The newest good copy of a document that is damaged or gone; None if there is none."""
        if self._repair is None:
            return None
        content = journaled = None
        with contextlib.suppress(DocumentDamaged, LoadFailed):
            content = self.content(key)
        with contextlib.suppress(OSError), self._writing:
            journaled = final_contents(self._journal.read().records).get(path_of(key))
        return self._repair(
            DamagedDocument(
                key,
                self.layout.path(path_of(key)),
                content or b"",
                journaled,
                lambda copy: self._is_good(key, copy),
                lambda: self.reserve(1) + 1,
            )
        )

    def damaged_segments(self) -> list[Path]:
        """Segments of the journal with records that cannot be read.

        Raises:
            OSError: the journal cannot be read.
        """
        with self._writing:
            return [*self._journal.read().damaged]

    # ------------------------------------------------------------------------------------------------------

    def _read(self, key: str, schema: str, condemn: bool) -> StateLoadedEvent:
        content = self.content(key)
        if content is None:
            return StateLoadedEvent(key=key, found=False)
        try:
            return self.codec.open(key, content, schema)
        except ValidationFailed as failed:
            if condemn:
                raise DocumentDamaged(key, f"it does not fit {failed.schema}: {failed.problem}") from failed
            raise

    def _replace_damaged(self, damaged: DocumentDamaged, schema: str) -> StateLoadedEvent:
        """Put a damaged document aside; the result comes from a good copy, or says that nothing is there."""
        key = damaged.key
        found, copy = StateLoadedEvent(key=key, found=False), self.good_copy(key)
        if copy is not None:
            try:
                found = self.codec.open(key, copy.content, schema)
            except (DocumentDamaged, StateError) as error:
                if isinstance(error, LoadFailed) and error.is_locked:
                    raise  # the copy may be good: nothing is moved before the keychain answers
                copy = None
        source = copy.source if copy is not None else ""
        evidence = self._quarantine.put_aside(damaged, source)
        if copy is not None:
            (outcome,) = self.commit([[PutBack(key, copy.content)]])
            if isinstance(outcome, StateError):
                raise outcome
        return msgspec.structs.replace(found, evidence=evidence, repaired_from=source)

    def _is_good(self, key: str, content: bytes) -> bool:
        try:
            self.codec.open(key, content)
        except LoadFailed as error:
            return error.is_locked  # whole as far as its digest tells; opening it asks the keychain
        except (DocumentDamaged, StateError):
            return False
        return True

    def _carry_out(self) -> None:
        try:
            self._writer.carry_out()
        except StoreBroken:
            self._is_broken = True
            raise

    def _check_whole(self) -> None:
        if self._is_broken:
            raise StoreBroken(str(self.root), "an earlier change failed half-way")
