"""Carries out changes: prepared beside their place, durable in the journal with one sync for all, then put in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.shared.durable.durable_write import DurableWriteFailed
from actors.state_store.engine.key_index import Entry, Index
from actors.state_store.engine.key_paths import former_path, path_of
from actors.state_store.engine.operations import Delete, Done, Restore, Save, Step
from actors.state_store.engine.state_journal import Change, Journal
from actors.state_store.engine.state_layout import Tree
from actors.state_store.engine.value_codec import READ_LIMIT_BYTES, Opener
from actors.state_store.engine.write_rules import Room, check_replaceable, check_room, treatment
from actors.state_store.errors import LoadFailed, SaveFailed, StateError, StoreBroken
from actors.state_store.namespaces import Namespaces

GROUP_LIMIT_BYTES: Final = 32 * 1024 * 1024
KEPT_ASIDE: Final = "backups/"

Look = Callable[[str, Entry], Entry | None]
"""Given a key and what is known of it: what its file says; None if that was damaged and has been put aside."""


@dataclass
class Prepared:
    """A transaction that is ready to be carried out, or why it is not.

    Attributes:
        temporaries: what each change's content was written to; None where a file is to go.
        entries: what the index is to say afterwards.
        growth: by how many bytes each namespace grows.
    """

    key: str
    done: list[Done] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    temporaries: list[Path | None] = field(default_factory=list)
    entries: dict[str, Entry | None] = field(default_factory=dict)
    growth: dict[str, int] = field(default_factory=dict)
    error: StateError | None = None


@dataclass
class Group:
    """Transactions that become durable together.

    Attributes:
        entries, growth: as of Prepared, of all of them.
        contents: what each file is to hold, by path.
        size_bytes: how much that is.
    """

    prepared: list[Prepared] = field(default_factory=list)
    entries: dict[str, Entry | None] = field(default_factory=dict)
    growth: dict[str, int] = field(default_factory=dict)
    contents: dict[str, bytes | None] = field(default_factory=dict)
    size_bytes: int = 0

    def add(self, one: Prepared) -> None:
        """Take in one more."""
        self.prepared.append(one)
        self.entries.update(one.entries)
        for namespace, size_bytes in one.growth.items():
            self.growth[namespace] = self.growth.get(namespace, 0) + size_bytes
        for change in one.changes:
            self.contents[change.path] = change.content
            self.size_bytes += len(change.content or b"")


class Writer:
    """The one writer of a store; one thread at a time.

    Attributes:
        revision: the newest one that was given.
        touched: files that were replaced since the journal's present segment began.
        journal_failed: the present segment could not be synced once, and is to be appended to no more.
    """

    def __init__(
        self,
        tree: Tree,
        index: Index,
        journal: Journal,
        namespaces: Namespaces,
        opener: Opener,
        look: Look,
        quota_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self._tree = tree
        self._journal = journal
        self._namespaces = namespaces
        self._opener = opener
        self._look = look
        self._quota_bytes = quota_bytes
        self._group = Group()
        self.revision = 0
        self.touched: set[str] = set()
        self.index = index
        self.journal_failed = False
        self._clock = clock

    def prepare(self, steps: Sequence[Step]) -> Prepared:
        """Check the steps of a transaction against what is there and what is being written, and write their content beside its place."""
        prepared = Prepared(steps[0].key if steps else "")
        try:
            for step in steps:
                prepared.key = step.key
                self._prepare(step, prepared)
        except StateError as error:
            prepared.error = error
        except OSError as error:
            prepared.error = SaveFailed(
                prepared.key, f"{error.strerror or error}; what was there before is there still"
            )
        if prepared.error is not None:
            self._tree.unstage(temporary for temporary in prepared.temporaries if temporary is not None)
            return prepared
        self._group.add(prepared)
        return prepared

    @property
    def is_full(self) -> bool:
        """Whether what is prepared is enough for one group."""
        return self._group.size_bytes >= GROUP_LIMIT_BYTES

    def carry_out(self) -> None:
        """Make all that is prepared durable, and put it in place.

        Raises:
            StoreBroken: only a new start can tell what is so.
        """
        group, self._group = [prepared for prepared in self._group.prepared if prepared.changes], Group()
        if not group:
            return
        try:
            numbers = self._journal.append(self.revision, [prepared.changes for prepared in group])
        except DurableWriteFailed as failed:
            self.journal_failed = True
            for prepared in group:
                prepared.error = SaveFailed(
                    prepared.key,
                    f"{failed.step} failed ({failed.reason}); what was there before is there still",
                )
                self._tree.unstage(temporary for temporary in prepared.temporaries if temporary is not None)
            return
        except OSError as error:
            raise StoreBroken(str(self._tree.root), error.strerror or str(error)) from error
        for prepared, number in zip(group, numbers, strict=True):
            self._place(prepared, number)

    def _place(self, prepared: Prepared, number: int) -> None:
        for at, (change, temporary) in enumerate(zip(prepared.changes, prepared.temporaries, strict=True)):
            try:
                self._tree.put(change.path, temporary)
            except OSError as error:
                if any(not before.path.startswith(KEPT_ASIDE) for before in prepared.changes[:at]):
                    name = next((key for key in prepared.entries if path_of(key) == change.path), change.path)
                    raise StoreBroken(name, error.strerror or str(error)) from error
                self._take_back(prepared, number, error)
                return
            self.touched.add(change.path)
        for key, entry in prepared.entries.items():
            if entry is None:
                self.index.drop(key)
            else:
                self.index.put(key, entry)

    def _take_back(self, prepared: Prepared, number: int, error: OSError) -> None:
        """Nothing of a transaction was done yet, and nothing of it is to be, also not at the next start."""
        try:
            self._journal.void(number, self.revision)
        except (DurableWriteFailed, OSError) as second:
            raise StoreBroken(prepared.key, str(second)) from error
        self._tree.unstage(temporary for temporary in prepared.temporaries if temporary is not None)
        prepared.error = SaveFailed(
            prepared.key, f"rename failed ({error.strerror or error}); what was there before is there still"
        )

    # -- one step
    # --------------------------------------------------------------------------------------------------

    def _prepare(self, step: Step, prepared: Prepared) -> None:
        if step.key in prepared.entries:
            raise SaveFailed(step.key, "the batch names it twice, expected each key once")
        present = self._present(step.key)
        match step:
            case Restore():
                self._restore(step, prepared)
            case Save():
                check_replaceable(step.key, present, step.expected_revision)
                self._save(step, present, prepared)
            case Delete():
                check_replaceable(step.key, present, step.expected_revision)
                self._delete(step, present, prepared)

    def _present(self, key: str) -> Entry | None:
        """What is there, as it will be once all that is prepared was carried out."""
        if key in self._group.entries:
            return self._group.entries[key]
        entry = self.index.get(key)
        if entry is None or entry.revision or entry.newer:
            return entry
        found = self._look(key, entry)
        if found is not None:
            self.revision = max(self.revision, found.revision)
            self.index.put(key, found)
        return found

    def _save(self, step: Save, present: Entry | None, prepared: Prepared) -> None:
        namespace = self._namespaces.of(step.key)
        how = treatment(namespace, present, step.encrypt, step.compress, step.backup)
        content = self._opener.seal(step, how, self.revision + 1)
        growth = len(content) - (present.size_bytes if present else 0)
        check_room(
            step.key,
            growth,
            (
                self._room(namespace.name, namespace.quota_bytes, prepared),
                self._room("total", self._quota_bytes, prepared),
            ),
        )
        self.revision += 1
        if how.backup and present is not None:
            self._keep_former(step.key, present, prepared)
        self._add(prepared, path_of(step.key), content)
        prepared.entries[step.key] = Entry(len(content), self.revision, how.encrypt)
        prepared.growth[namespace.name] = prepared.growth.get(namespace.name, 0) + growth
        prepared.done.append(Done(step.key, self.revision, len(content), present is not None))

    def _delete(self, step: Delete, present: Entry | None, prepared: Prepared) -> None:
        if present is None:
            prepared.done.append(Done(step.key, 0, deleted=True))
            return
        self.revision += 1
        namespace = self._namespaces.of(step.key)
        if treatment(namespace, present, None, None, step.backup).backup:
            self._keep_former(step.key, present, prepared)
        self._add(prepared, path_of(step.key), None)
        prepared.entries[step.key] = None
        prepared.growth[namespace.name] = prepared.growth.get(namespace.name, 0) - present.size_bytes
        prepared.done.append(Done(step.key, self.revision, 0, existed=True, deleted=True))

    def _restore(self, step: Restore, prepared: Prepared) -> None:
        entry = self._opener.look(step.key, step.content)
        self.revision = max(self.revision, entry.revision)
        self._add(prepared, path_of(step.key), step.content)
        prepared.entries[step.key] = entry
        prepared.done.append(Done(step.key, entry.revision, len(step.content)))

    def _keep_former(self, key: str, present: Entry, prepared: Prepared) -> None:
        """Let the value that is replaced lie below the automatic backups; encrypted ones stay so."""
        if self._tree.is_backups_silent:
            raise SaveFailed(
                key,
                "its former value cannot be kept: the disk of the backups does not answer; what was there before is there still",
            )
        path = path_of(key)
        content = self._group.contents.get(path) or self._tree.read(key, READ_LIMIT_BYTES)
        if content is None:
            raise LoadFailed(key, "its file is gone, so it cannot be kept")
        self._add(prepared, former_path(key, present.revision, self._clock()), content)

    def _add(self, prepared: Prepared, path: str, content: bytes | None) -> None:
        prepared.temporaries.append(self._tree.stage(path, content) if content is not None else None)
        prepared.changes.append(Change(path, content))

    def _room(self, subject: str, quota_bytes: int, prepared: Prepared) -> Room:
        pending = (self._group.growth, prepared.growth)
        if subject == "total":
            return Room(
                subject, self.index.size_bytes + sum(sum(growth.values()) for growth in pending), quota_bytes
            )
        return Room(
            subject,
            self.index.totals(subject).size_bytes + sum(growth.get(subject, 0) for growth in pending),
            quota_bytes,
        )
