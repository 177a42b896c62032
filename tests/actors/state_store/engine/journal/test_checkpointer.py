"""A checkpoint makes files durable before it drops the journal; if the disk refuses, the journal stays."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from actors.shared.durable.durable_write import Disk
from actors.state_store.engine.files import state_layout
from actors.state_store.engine.files.state_layout import StateLayout
from actors.state_store.engine.journal.checkpointer import Checkpointer
from actors.state_store.engine.journal.state_journal import FileChange, StateJournal
from actors.state_store.engine.revision_counter import RevisionCounter


class FullDisk(Disk):
    is_full = False

    def create(self, path: Path) -> int:
        if self.is_full and path.suffix == ".log":
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().create(path)


class Lab:
    def __init__(self, root: Path) -> None:
        self.root, self.disk, self.revisions = root, FullDisk(), RevisionCounter()
        self.layout = StateLayout(root, ["notes"], self.disk)
        self.layout.prepare()
        self.journal = StateJournal(root / ".journal", self.disk)
        self.checkpointer = Checkpointer(self.layout, self.journal, self.revisions, threading.RLock())

    def write(self, content: bytes) -> None:
        """As the writer does: to the journal, then in place, without a sync."""
        self.journal.append(self.revisions.next(), [[FileChange("notes/a.json", content)]])
        self.layout.put("notes/a.json", self.layout.stage("notes/a.json", content))
        self.checkpointer.touch("notes/a.json")

    def segments(self) -> int:
        return len(list((self.root / ".journal").glob("*.log")))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.mark.requirement("S3-25")
def test_what_an_earlier_run_left_is_applied_and_its_revisions_are_seen(lab: Lab) -> None:
    lab.checkpointer.recover()
    lab.write(b"1")
    lab.journal.close()
    (lab.root / "notes" / "a.json").unlink()
    later = Lab(lab.root)
    assert later.checkpointer.recover() == []
    assert (lab.root / "notes" / "a.json").read_bytes() == b"1"
    assert later.revisions.newest == 1
    assert later.segments() == 1, "the present one"
    later.journal.close()


def test_a_checkpoint_drops_what_is_durable_in_its_file(lab: Lab) -> None:
    lab.checkpointer.recover()
    lab.write(b"1")
    assert lab.checkpointer.touched() == {"notes/a.json"}
    assert lab.checkpointer.checkpoint() == []
    assert (lab.checkpointer.touched(), lab.segments()) == (frozenset(), 1)
    assert lab.journal.read().records[-1].changes == []
    lab.journal.close()


def test_a_disk_that_refuses_keeps_the_journal_from_which_files_are_written_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    lab.checkpointer.recover()
    lab.write(b"1")
    with monkeypatch.context() as patch:
        patch.setattr(state_layout, "sync_file", refuse)
        (incident,) = lab.checkpointer.checkpoint()
    assert (incident.kind, incident.subject) == ("disk", "journal")
    assert lab.checkpointer.is_suspect
    assert lab.segments() == 2
    before = (lab.root / "notes" / "a.json").stat().st_ino
    assert lab.checkpointer.checkpoint() == []
    assert not lab.checkpointer.is_suspect
    assert (lab.root / "notes" / "a.json").stat().st_ino != before, "its pages may have been dropped"
    assert lab.segments() == 1
    lab.journal.close()


def test_a_segment_that_failed_is_renewed_as_soon_as_the_disk_takes_one(lab: Lab) -> None:
    lab.checkpointer.recover()
    lab.checkpointer.needs_segment = True
    lab.disk.is_full = True
    lab.checkpointer.renew_segment()
    assert lab.checkpointer.needs_segment
    lab.disk.is_full = False
    lab.checkpointer.renew_segment()
    assert not lab.checkpointer.needs_segment
    assert lab.segments() == 2
    lab.journal.close()


@pytest.mark.requirement("S3-27")
def test_a_start_on_a_full_disk_goes_on_without_a_segment(lab: Lab) -> None:
    lab.disk.is_full = True
    (incident,) = lab.checkpointer.recover()
    assert "No space left" in incident.problem
    assert lab.checkpointer.needs_segment
