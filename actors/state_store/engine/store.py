"""The state store as a library: opened once, written by one thread at a time, read by any."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from actors.shared.durable.directory_lock import DirectoryLock
from actors.shared.durable.durable_write import REAL_DISK, Disk, DurableWriteFailed
from actors.shared.durable.quarantine import quarantine
from actors.shared.keys.key_source import KeySource
from actors.state_store.engine import state_journal as journals
from actors.state_store.engine.directory_swap import resume
from actors.state_store.engine.journal_replay import replay
from actors.state_store.engine.key_index import Entry, Index
from actors.state_store.engine.key_paths import path_of
from actors.state_store.engine.operations import Done, Incident, Loaded, Repair, Repaired, Restore, Step
from actors.state_store.engine.state_journal import Journal
from actors.state_store.engine.state_layout import JOURNAL, Tree
from actors.state_store.engine.transaction import Prepared, Writer
from actors.state_store.engine.value_codec import READ_LIMIT_BYTES, Damaged, Opener
from actors.state_store.engine.value_schemas import Schemata
from actors.state_store.errors import LoadFailed, StateError, StoreBroken, ValidationFailed
from actors.state_store.namespaces import Namespaces

JOURNAL_LIMIT_BYTES: Final = 64 * 1024 * 1024
"""A journal that has grown so long is brought to its files before the next write; the actor does so long before."""

INCIDENT_LIMIT: Final = 1000


class StateStore:
    """Keys and their values below one directory.

    Attributes:
        incidents: what somebody has to be told of; whoever tells takes them out.
        index: which keys there are.
        is_suspect: the disk refused of late to make files durable; the journal keeps what they hold.
        root: the directory.
    """

    def __init__(
        self,
        root: Path,
        namespaces: Namespaces | None = None,
        schemata: Schemata | None = None,
        keys: KeySource | None = None,
        *,
        quota_bytes: int = 0,
        repair: Repair | None = None,
        clock: Callable[[], float] = time.time,
        disk: Disk = REAL_DISK,
    ) -> None:
        """Args: clock: seconds since the Unix epoch; repair: finds a good copy of a damaged document."""
        self.root = root
        self.namespaces = namespaces or Namespaces()
        self.schemata = schemata or Schemata()
        self.quota_bytes = quota_bytes
        self.repair = repair
        self.incidents: deque[Incident] = deque(maxlen=INCIDENT_LIMIT)
        self.index = Index()
        self._tree = Tree(root, [namespace.name for namespace in self.namespaces], disk)
        self._journal = Journal(root / JOURNAL, disk)
        self._opener = Opener(self.namespaces, self.schemata, keys, clock)
        self._writer = Writer(
            self._tree,
            self.index,
            self._journal,
            self.namespaces,
            self._opener,
            self._look,
            quota_bytes,
            clock,
        )
        self._writing = threading.RLock()
        self._hardening = threading.RLock()
        self._sealed: list[tuple[Path, set[str]]] = []
        self.is_suspect = False
        self._is_broken = False
        self._swaps = 0
        self._lock: DirectoryLock | None = None

    @property
    def revision(self) -> int:
        """The newest revision that was given."""
        return self._writer.revision

    @property
    def journal_bytes(self) -> int:
        """How much the present segment of the journal holds."""
        return self._journal.size_bytes

    @property
    def is_broken(self) -> bool:
        """Whether only a new start can tell what is so."""
        return self._is_broken

    # -- life
    # ------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Make the directories, carry out what a former life left of a restore and in the journal, and find all keys.

        Raises:
            DirectoryLocked: another process has the store.
            OSError, DurableWriteFailed: the disk does not let it.
        """
        self._lock = DirectoryLock(self.root, "state_store")
        self._lock.acquire()
        try:
            resume(self.root)  # before the directories are made: one that is not there may be on its way
            self._tree.prepare()
            self._recover()
            self.index = self._writer.index = Index(self._tree.scan())
        except BaseException:
            self._lock.release()
            raise
        return self

    def close(self) -> None:
        """Bring everything to its file, and let go."""
        try:
            with self._hardening, self._writing:
                if not self._is_broken:
                    self._bring_home()
                self._is_broken = (
                    True  # a thread that nobody waits for may come back from a disk, and must change nothing
                )
                self._journal.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    def checkpoint(self) -> None:
        """Bring what is durable in the journal to its files, and drop that part of the journal. Others may write meanwhile."""
        with self._hardening:
            self._bring_home()

    # -- write
    # -----------------------------------------------------------------------------------------------------

    def commit(self, transactions: Sequence[Sequence[Step]]) -> list[list[Done] | StateError]:
        """Carry out transactions, each whole or not at all, with one sync for many; what is returned as done is durable.

        Raises:
            StoreBroken: only a new start can tell what is so.
        """
        outcomes: list[Prepared] = []
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

    # -- whole
    # -----------------------------------------------------------------------------------------------------

    @property
    def tree(self) -> Tree:
        """The directories."""
        return self._tree

    @property
    def opener(self) -> Opener:
        """Makes values of envelopes, also of such that are not, or not yet, in the store."""
        return self._opener

    def content(self, key: str) -> bytes | None:
        """The bytes of a key's file as they are; None if there is none.

        Raises:
            OSError: it is there and cannot be read.
        """
        return self._tree.read(key, READ_LIMIT_BYTES)

    def journaled(self, key: str) -> bytes | None:
        """The newest bytes of a key that the journal still holds; None if it holds none.

        Raises:
            OSError: the journal cannot be read.
        """
        with self._writing:
            return journals.outcome(self._journal.read()[0]).get(path_of(key))

    def damaged_segments(self) -> list[Path]:
        """Segments of the journal in which something cannot be read.

        Raises:
            OSError: the journal cannot be read.
        """
        with self._writing:
            return self._journal.read()[2]

    def put_back(self, key: str, repaired: Repaired) -> bool:
        """Let a key hold an earlier envelope of it; returns whether it does, durably."""
        (outcome,) = self.commit([[Restore(key, repaired.content)]])
        return not isinstance(outcome, StateError)

    def reserve(self, count: int) -> int:
        """Let nobody else have the next so many revisions; returns the one before them."""
        with self._writing:
            self._writer.revision += count
            return self._writer.revision - count

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody writes meanwhile; reads go on.

        Raises:
            StoreBroken: only a new start can tell what is so.
        """
        with self._hardening, self._writing:
            self._check_whole()
            yield

    def swap(self, act: Callable[[], None]) -> bool:
        """Within `alone`: let other files be there, and find all keys anew. Returns False, with nothing done, where the journal cannot be emptied.

        Raises:
            StoreBroken: it failed half-way; the next start goes on.
        """
        if not self._bring_home():
            return False
        self._swaps += 1  # a read that falls into it is done again
        try:
            act()
            self._tree.prepare()
            self.index = self._writer.index = Index(self._tree.scan())
            self._writer.revision += 1
            self._seal_segment()
        except (OSError, DurableWriteFailed) as error:
            self._is_broken = True
            raise StoreBroken(str(self.root), str(error)) from error
        finally:
            self._swaps += 1
        return True

    # -- read
    # ------------------------------------------------------------------------------------------------------

    def load(self, key: str, schema: str = "", *, condemn: bool = False) -> Loaded:
        """The value of a key. A damaged document is put aside, and the newest good copy takes its place if there is one.

        Args: condemn: treat one that is whole and does not fit its schema as damaged, too.

        Raises:
            LoadFailed: it is there and cannot be read, or is locked.
            ValidationFailed: it is whole and does not fit.
        """
        swaps = self._swaps
        try:
            found = self._read(key, schema, condemn)
            if swaps == self._swaps and swaps % 2 == 0:
                return found
            with self._writing:
                return self._read(key, schema, condemn)
        except Damaged:
            with self._writing:
                try:
                    return self._read(key, schema, condemn)  # it may have been replaced meanwhile
                except Damaged as damaged:
                    return self._mend(damaged, schema)

    def load_many(self, keys: Sequence[str]) -> list[Loaded]:
        """The values of keys as they are at one moment.

        Raises:
            LoadFailed, ValidationFailed: see `load`.
        """
        with self._writing:
            return [self.load(key) for key in keys]

    # -- inside
    # ----------------------------------------------------------------------------------------------------

    def _bring_home(self) -> bool:
        """See `checkpoint`; returns whether the journal holds nothing any more that is not durable in its file."""
        try:
            with self._writing:
                if self.is_suspect:
                    self.incidents += replay(self._tree, journals.outcome(self._journal.read()[0]), anew=True)
                self._seal_segment()
            for _, touched in self._sealed:
                self._tree.harden(sorted(touched))
        except (OSError, DurableWriteFailed) as error:
            self.incidents.append(
                Incident(
                    "disk",
                    "journal",
                    f"files could not be made durable ({error}); the journal keeps what they hold",
                )
            )
            self.is_suspect = True
            return False
        self.is_suspect = False
        journals.remove([segment for segment, _ in self._sealed])
        self._sealed.clear()
        return True

    def _read(self, key: str, schema: str, condemn: bool) -> Loaded:
        try:
            content = self._tree.read(key, READ_LIMIT_BYTES)
        except OSError as error:
            raise LoadFailed(key, error.strerror or str(error)) from error
        if content is None:
            return Loaded(key)
        try:
            return self._opener.open(key, content, schema)
        except ValidationFailed as failed:
            if condemn:
                raise Damaged(key, f"it does not fit {failed.schema}: {failed.problem}") from failed
            raise

    def _look(self, key: str, entry: Entry) -> Entry | None:
        """What a file says of itself, the first time it is to be replaced."""
        content = self._tree.read(key, READ_LIMIT_BYTES)
        if content is None:
            return None
        try:
            return self._opener.look(key, content)
        except Damaged as damaged:
            self._put_aside(damaged)
            return None

    def _put_aside(self, damaged: Damaged, source: str = "") -> str:
        """Keep the evidence under another name, and tell of it."""
        try:
            evidence = str(quarantine(self._tree.path(path_of(damaged.key))))
        except OSError as error:
            raise LoadFailed(
                damaged.key, f"it is damaged ({damaged.problem}) and cannot be put aside ({error.strerror})"
            ) from error
        self.index.drop(damaged.key)
        self.incidents.append(Incident("corruption", damaged.key, damaged.problem, evidence, source))
        return evidence

    def _mend(self, damaged: Damaged, schema: str) -> Loaded:
        """Put a damaged document aside; what is returned comes from a good copy, or is nothing."""
        key = damaged.key
        repaired = self.repair(key) if self.repair is not None else None
        found = Loaded(key)
        if repaired is not None:
            try:
                found = self._opener.open(key, repaired.content, schema)
            except (Damaged, StateError) as error:
                if isinstance(error, LoadFailed) and error.is_locked:
                    raise  # the copy may be good; it is looked at once the keychain answers, and until then nothing is moved
                repaired = None
        source = repaired.source if repaired else ""
        evidence = self._put_aside(damaged, source)
        if repaired is not None:
            (outcome,) = self.commit([[Restore(key, repaired.content)]])
            if isinstance(outcome, StateError):
                raise outcome
        return Loaded(**{**vars(found), "evidence": evidence, "repaired_from": source})

    def _carry_out(self) -> None:
        self._begin_anew()
        try:
            self._writer.carry_out()
        except StoreBroken:
            self._is_broken = True
            raise
        self._begin_anew()

    def _begin_anew(self) -> None:
        """After the journal failed, go on in a new segment; if that cannot be made either, the next change tries again."""
        if self._writer.journal_failed:
            with contextlib.suppress(DurableWriteFailed):
                self._seal_segment()
                self._writer.journal_failed = False

    def _check_whole(self) -> None:
        if self._is_broken:
            raise StoreBroken(str(self.root), "an earlier change failed half-way")

    def _seal_segment(self) -> None:
        """Go on in a new segment; what the one before touched is due to be made durable."""
        before = self._journal.begin(self._writer.revision)
        touched, self._writer.touched = self._writer.touched, set()
        if before is not None:
            self._sealed.append((before, touched))

    def _recover(self) -> None:
        records, segments, damaged = self._journal.recover()
        self._writer.revision = max((record.revision for record in records), default=0)
        self.incidents += replay(self._tree, journals.outcome(records))
        for segment in damaged:
            aside = quarantine(segment)
            self.incidents.append(
                Incident(
                    "corruption",
                    "journal",
                    "records of the journal cannot be read; what they changed may be older now",
                    str(aside),
                )
            )
        left = [segment for segment in segments if segment not in damaged]
        try:
            self._journal.begin(self._writer.revision)
        except DurableWriteFailed as failed:  # what is there can be read all the same
            self.incidents.append(
                Incident(
                    "disk",
                    "journal",
                    f"nothing can be saved until the disk takes a new segment of the journal ({failed.reason})",
                )
            )
            self._writer.journal_failed = True
            self._sealed += [(segment, set()) for segment in left]
        else:
            journals.remove(left)
