"""Records outlive a kill, a torn tail is mended, rotation keeps the chain, and what is missing is counted."""

from __future__ import annotations

import errno
import os
import pickle
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from actors.shared.audit import audit_log
from actors.shared.audit.audit_check import verify
from actors.shared.audit.audit_files import name_of, places_of, segments_of
from actors.shared.audit.audit_log import AuditLog, AuditNotWritten
from actors.shared.durable.durable_write import sync_data
from tests.support.audit_lab import SECRET, entries, opened, text, troubles

ROOT = Path(audit_log.__file__).parents[3]


@pytest.mark.requirement("S3-23")
def test_records_are_on_their_lines_when_append_returns_and_only_the_owner_may_read_them(
    tmp_path: Path,
) -> None:
    log = opened(tmp_path)
    log.append(entries(3))
    assert text(tmp_path).read_bytes().count(b"\n") == 3
    assert troubles(tmp_path) == []
    if os.name == "posix":
        assert stat.S_IMODE(text(tmp_path).stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o700
    log.close()
    assert troubles(tmp_path) == []


def test_single_record_has_the_time_of_now(tmp_path: Path) -> None:
    directory, head = places_of(tmp_path)
    log = AuditLog(directory, head, clock=lambda: 1234.5)
    log.open(0.0)
    log.record("editor", "read", "settings.user", "locked")
    log.close()
    assert (
        b'{"at":1234.5,"who":"editor","did":"read","key":"settings.user","outcome":"locked","number":1,'
        in (directory / name_of(1)).read_bytes()
    )
    assert head.parent != directory
    assert verify(directory, head) == []


def test_log_that_is_opened_again_goes_on_with_its_chain(tmp_path: Path) -> None:
    for _ in range(3):
        log = opened(tmp_path)
        log.append(entries(2))
        log.close()
    assert text(tmp_path).read_bytes().count(b"\n") == 6
    assert troubles(tmp_path) == []


def test_torn_tail_is_cut_off_noted_and_no_tamper(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entries(2))
    log.close()
    with text(tmp_path).open("ab") as file:
        file.write(b'{"at":12.0,"who":"pe')
    findings = verify(tmp_path / "audit", tmp_path / "elsewhere" / "audit.head.json", SECRET)
    assert [(finding.trouble, finding.is_tamper) for finding in findings] == [("torn_tail", False)]
    log = opened(tmp_path)
    log.append(entries(1))
    log.close()
    assert troubles(tmp_path) == []
    assert b"torn_tail at 3" in text(tmp_path).read_bytes()


WRITER = """
import sys
from pathlib import Path
from actors.shared.audit.audit_log import AuditLog
from actors.shared.audit.audit_chain import AuditEntry
from actors.shared.durable.durable_write import sync_data
root = Path(sys.argv[1])
head = root / "elsewhere" / "audit.head.json"
log = AuditLog(root / "audit", head, b"s" * 32, segment_limit_bytes=2000, segments_kept=3)
log.open(0.0)
for number in range(int(sys.argv[2])):
    log.append([AuditEntry(at=1.0, who="peer", did="write", key=str(number))])
    if number % 7 == 0:
        log.checkpoint()
    sys.stdout.write("%d\\n" % number)
    sys.stdout.flush()
while True:
    pass
"""


@pytest.mark.requirement("S3-25")
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_record_that_was_written_outlives_a_kill(tmp_path: Path) -> None:
    for count in (1, 9, 30, 31):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(count)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert writer.stdout is not None
        for _ in range(count):
            writer.stdout.readline()
        writer.kill()
        writer.wait()
        writer.stdout.close()
        assert troubles(tmp_path) == []
        newest = text(tmp_path, segments_of(tmp_path / "audit")[-1]).read_bytes()
        assert b'"key":"%d"' % (count - 1) in newest


def test_rotation_keeps_the_chain_and_the_newest_files_only(tmp_path: Path) -> None:
    log = opened(tmp_path, segment_limit_bytes=1000, segments_kept=3)
    for _ in range(60):
        log.append(entries(1))
    log.close()
    kept = segments_of(tmp_path / "audit")
    assert len(kept) == 3
    assert kept[0] > 5
    assert troubles(tmp_path) == []
    text(tmp_path, kept[1]).rename(tmp_path / "aside")
    assert "missing" in troubles(tmp_path)
    (tmp_path / "aside").rename(text(tmp_path, kept[1]))
    text(tmp_path, kept[0]).unlink()
    assert troubles(tmp_path) == ["missing"]


def test_files_that_an_interrupted_rotation_did_not_remove_are_no_tamper(tmp_path: Path) -> None:
    log = opened(tmp_path, segment_limit_bytes=1000, segments_kept=2)
    kept: dict[Path, bytes] = {}
    for _ in range(30):
        log.append(entries(1))
        kept.update({path: path.read_bytes() for path in (tmp_path / "audit").iterdir()})
    log.close()
    segments = segments_of(tmp_path / "audit")
    before = text(tmp_path, segments[0] - 1)
    before.write_bytes(kept[before])
    assert troubles(tmp_path) == []
    log = opened(tmp_path, segment_limit_bytes=1000, segments_kept=2)
    for _ in range(10):
        log.append(entries(1))
    log.close()
    assert not before.exists()
    assert troubles(tmp_path) == []


def test_changed_line_shows_and_is_left_where_it_is(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entries(4))
    log.close()
    changed = text(tmp_path).read_bytes().replace(b'"at":1.0,', b'"at":7.0,')
    text(tmp_path).write_bytes(changed)
    assert troubles(tmp_path) == ["changed"]
    log = opened(tmp_path)
    log.append(entries(1))
    log.close()
    assert text(tmp_path).read_bytes().startswith(changed)
    assert troubles(tmp_path) == ["changed"]


def test_records_that_could_not_be_written_are_counted_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path)
    log.append(entries(1))
    write, room = os.write, [5]

    def full(descriptor: int, content: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, content[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", full)
    for missed in (2, 4):
        with pytest.raises(AuditNotWritten, match=f"{missed} records are missing") as caught:
            log.append(entries(2))
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    monkeypatch.undo()
    log.append(entries(1, "after"))
    log.close()
    lines = text(tmp_path).read_bytes().splitlines()
    assert len(lines) == 3
    assert b'"outcome":"4 records"' in lines[1]
    assert troubles(tmp_path) == []


def test_checkpoint_with_nothing_new_touches_no_disk(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(entries(1))
    log.checkpoint()
    head = tmp_path / "elsewhere" / "audit.head.json"
    before = head.stat().st_ino
    log.checkpoint()
    assert head.stat().st_ino == before
    log.close()
    log.close()


def test_append_does_not_wait_for_a_checkpoint_that_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path, segment_limit_bytes=300)
    log.append(entries(1))
    syncing, let = threading.Event(), threading.Event()

    def slow(descriptor: int) -> None:
        syncing.set()
        let.wait()
        sync_data(descriptor)

    monkeypatch.setattr("actors.shared.audit.audit_log.sync_data", slow)
    checkpoint = threading.Thread(target=log.checkpoint)
    checkpoint.start()
    syncing.wait()
    for _ in range(5):
        log.append(entries(1))  # past the limit too: the file is rotated a little later
    let.set()
    checkpoint.join()
    monkeypatch.undo()
    log.append(entries(1))
    assert len(segments_of(tmp_path / "audit")) == 2
    log.close()
    assert troubles(tmp_path) == []


def test_closed_log_says_that_it_is_not_written(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.close()
    with pytest.raises(AuditNotWritten):
        log.append(entries(1))
