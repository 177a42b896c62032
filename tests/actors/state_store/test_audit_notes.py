"""Every access is noted before it is answered; a log that cannot be written is a problem to report."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from actors.shared.audit.audit_check import verify
from actors.shared.audit.audit_files import places_of
from actors.shared.audit.audit_log import AuditLog, AuditNotWritten
from actors.state_store import audit_notes
from actors.state_store.audit_notes import AuditNotes

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("S3-23")]


def lines(state: Path) -> list[dict[str, str]]:
    return [
        json.loads(line)
        for path in sorted((state / "audit").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


async def test_a_note_is_in_the_log_when_it_was_taken(tmp_path: Path) -> None:
    audit = AuditNotes.of(tmp_path)
    audit.open()
    audit.record("alice", "load", "notes.a", "ok")
    assert [(line["who"], line["did"], line["key"], line["outcome"]) for line in lines(tmp_path)] == [
        ("alice", "load", "notes.a", "ok")
    ]
    audit.close()
    assert verify(*places_of(tmp_path)) == []


async def test_notes_are_made_durable_a_moment_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_notes, "SETTLE_SECONDS", 0.0)
    audit = AuditNotes.of(tmp_path)
    audit.open()
    head = places_of(tmp_path)[1]
    before = head.read_bytes()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        audit.record("alice", "load", "notes.a", "ok")
        with anyio.fail_after(10):
            while head.read_bytes() == before:
                await anyio.sleep(0)
        tasks.cancel_scope.cancel()
    audit.close()


async def test_a_log_that_was_tampered_with_is_a_problem(tmp_path: Path) -> None:
    audit = AuditNotes.of(tmp_path)
    audit.open()
    for n in range(3):
        audit.record("alice", "load", f"notes.{n}", "ok")
    audit.close()
    assert not audit.problems
    (segment,) = (tmp_path / "audit").glob("*.jsonl")
    segment.write_text(segment.read_text().replace("notes.1", "notes.9"))
    again = AuditNotes.of(tmp_path)
    again.open()
    assert again.problems
    again.close()


async def test_a_note_that_cannot_be_written_does_not_keep_the_answer_back(tmp_path: Path) -> None:
    class Full(AuditLog):
        def record(self, who: str, did: str, key: str, outcome: str = "ok") -> None:
            raise AuditNotWritten("audit", "no space left on device", 1)

    audit = AuditNotes(Full(*places_of(tmp_path)))
    audit.record("alice", "load", "notes.a", "ok")
    assert "no space left" in audit.problems[0]


async def test_a_directory_that_cannot_be_made_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"a file")
    audit = AuditNotes.of(tmp_path / "state")
    audit.open()
    assert "cannot be opened" in audit.problems[0]


async def test_a_file_in_the_place_of_the_log_is_put_aside_and_told(tmp_path: Path) -> None:
    (tmp_path / "audit").write_bytes(b"a file")
    audit = AuditNotes.of(tmp_path)
    audit.open()
    audit.record("alice", "load", "notes.a", "ok")
    audit.close()
    assert "audit.corrupt" in audit.problems[0]
    assert (tmp_path / "audit.corrupt").read_bytes() == b"a file"
    assert b"notes.a" in (tmp_path / "audit" / "audit-000001.jsonl").read_bytes()
