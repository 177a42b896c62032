"""How backups look: one line each, in plain numbers, and nothing left of the progress."""

from __future__ import annotations

import anyio
import pytest

from actors.cli.views.backup_view import backup_line, created_line, progress_shown, restored_lines
from bus.broker.memory_bus import memory_bus
from schemas.backups import BackupInfo, BackupProgressedEvent, BackupRestoredEvent

pytestmark = pytest.mark.anyio

INFO = BackupInfo(
    id="20260101T120000Z-manual-s1",
    name="",
    kind="manual",
    created_at=0.0,
    size_bytes=1_500_000,
    content_bytes=9,
    documents=3,
    compressed=True,
    encrypted=False,
    revision=1,
    format=1,
)


def test_a_backup_looks_so() -> None:
    assert backup_line(INFO).startswith("20260101T120000Z-manual-s1  19")
    assert backup_line(INFO).endswith("manual, 3 documents, 1.5 MB, compressed")


def test_a_backup_that_was_made_says_how_large_it_is() -> None:
    assert created_line(INFO) == "20260101T120000Z-manual-s1: 3 documents, 9 B, 1.5 MB on disk"


def test_a_restore_says_what_changed_and_where_the_earlier_state_is() -> None:
    found = BackupRestoredEvent(id="b", saved_as="a", changed=1, removed=2, unchanged=3)
    assert restored_lines(found, dry_run=False) == [
        "b: 1 keys changed, 2 removed, 3 unchanged",
        "the earlier state is backup a",
    ]
    found = BackupRestoredEvent(id="b", saved_as="", changed=1, removed=2, unchanged=3)
    assert restored_lines(found, dry_run=True) == [
        "b: 1 keys would be changed, 2 would be removed, 3 unchanged"
    ]


async def test_progress_is_shown_and_wiped_away(capsys: pytest.CaptureFixture[str]) -> None:
    async with memory_bus() as bus, bus.connect("state_store") as store, bus.connect("cli") as peer:
        shown = ""
        async with progress_shown(peer):
            with anyio.fail_after(10):
                while "create: 3 of 7 documents" not in shown:
                    await store.publish(BackupProgressedEvent(doing="create", done=3, total=7))
                    await anyio.sleep(0.001)
                    shown += capsys.readouterr().err
        assert capsys.readouterr().err.endswith("\r\x1b[K")
