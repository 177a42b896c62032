"""Moves what is durable in the journal into its files, then drops that part of the journal.

Writes go to the journal first and to their files without a sync. A checkpoint starts a new segment of the
journal, syncs the files that the earlier segments changed, and removes those segments. If the disk refuses,
the segments stay, and the next checkpoint writes the files again from them.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.durable.quarantine import quarantine
from actors.state_store.engine.files.state_layout import JOURNAL, StateLayout
from actors.state_store.engine.journal.journal_replay import replay
from actors.state_store.engine.journal.state_journal import StateJournal, final_contents, remove_segments
from actors.state_store.engine.operations import Incident
from actors.state_store.engine.revision_counter import RevisionCounter
from bus.error_words import in_words


class Checkpointer:
    """Owns the segments of the journal that are complete.

    Attributes:
        is_suspect: the disk refused to make files durable; the journal keeps their content.
        needs_segment: the present segment failed once and takes no more records.
    """

    def __init__(
        self,
        layout: StateLayout,
        journal: StateJournal,
        revisions: RevisionCounter,
        writing: threading.RLock,
    ) -> None:
        """Take charge of the journal of one store.

        Args:
            layout: where the files lie.
            journal: the journal.
            revisions: noted at the head of each segment.
            writing: held by the thread that writes.
        """
        self._layout = layout
        self._journal = journal
        self._revisions = revisions
        self._writing = writing
        self._touched: set[str] = set()
        self._sealed: list[tuple[Path, set[str]]] = []
        self.is_suspect = False
        self.needs_segment = False

    def recover(self) -> list[Incident]:
        """Apply what an earlier run left in the journal, and begin a new segment.

        Raises:
            OSError: the disk refused to let the files be written.
        """
        self._layout.claim_directory(JOURNAL)
        content = self._journal.recover()
        for record in content.records:
            self._revisions.see(record.revision)
        incidents = replay(self._layout, final_contents(content.records))
        for segment, problem in content.damaged.items():
            words = f"{segment.name}: {problem}; what it changed may be out of date"
            incidents.append(Incident("corruption", "journal", words, str(quarantine(segment))))
        left = [segment for segment in content.segments if segment not in content.damaged]
        try:
            self._journal.begin(self._revisions.newest)
        except DurableWriteFailed as failed:  # the files can be read all the same
            problem = (
                f"nothing can be saved until the disk takes a new segment of the journal ({failed.reason})"
            )
            incidents.append(Incident("disk", "journal", problem))
            self.needs_segment = True
            self._sealed += [(segment, set()) for segment in left]
        else:
            remove_segments(left)
        return incidents

    def touch(self, relative: str) -> None:
        """Note that a file was replaced without a sync."""
        self._touched.add(relative)

    def touched(self) -> frozenset[str]:
        """The files that were replaced since the present segment began."""
        return frozenset(self._touched)

    def seal_segment(self) -> None:
        """Begin a new segment. Only for the thread that writes.

        Raises:
            DurableWriteFailed: the disk takes no new segment; the present one goes on.
        """
        before = self._journal.begin(self._revisions.newest)
        touched, self._touched = self._touched, set()
        if before is not None:
            self._sealed.append((before, touched))

    def renew_segment(self) -> None:
        """Begin a new segment if the present one failed. If that fails too, the next change tries again."""
        if self.needs_segment:
            with contextlib.suppress(DurableWriteFailed):
                self.seal_segment()
                self.needs_segment = False

    def checkpoint(self) -> list[Incident]:
        """Sync the files of all complete segments, and remove those. One thread at a time; others may write.

        Afterwards `is_suspect` tells whether the journal still holds what is not durable in its file.
        """
        incidents: list[Incident] = []
        try:
            with self._writing:
                if self.is_suspect:
                    records = self._journal.read().records
                    incidents += replay(self._layout, final_contents(records), rewrite=True)
                self.seal_segment()
            for _, touched in self._sealed:
                self._layout.harden(sorted(touched))
        except (OSError, DurableWriteFailed) as error:
            self.is_suspect = True
            problem = f"files could not be made durable ({in_words(error)}); the journal keeps their content"
            return [*incidents, Incident("disk", "journal", problem)]
        self.is_suspect = False
        remove_segments([segment for segment, _ in self._sealed])
        self._sealed.clear()
        return incidents
