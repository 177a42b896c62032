"""A true power cut while keys are made and rotated: everything that was acknowledged opens."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.shared.audit.audit_check import verify
from actors.shared.audit.audit_files import places_of
from actors.shared.audit.audit_log import AuditLog
from actors.shared.crypto.envelope import open_envelope, seal
from actors.shared.durable.durable_write import make_directory, replace_file
from actors.shared.keys.key_ring import open_ring
from actors.shared.keys.key_rules import Unlocked
from tests.acceptance.test_power_cut import Disk
from tests.acceptance.test_power_cut import pytestmark as privileged

pytestmark = privileged
CYCLES = 6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system whose power can be cut."""
    disk = Disk(tmp_path / "image", tmp_path / "mounted")
    yield disk
    subprocess.run(["umount", "-l", str(disk.path)], check=True)


@pytest.mark.requirement("S3-19", "S3-23", "S3-25")
def test_acknowledged_documents_open_and_the_audit_log_shows_no_tamper_after_each_cut(disk: Disk) -> None:
    environ = {"UNDERCROFT_KEYCHAIN": f"file:{disk.path / 'chain' / 'keys'}"}
    state = disk.path / "state"
    acknowledged: dict[str, int] = {}
    for cycle in range(CYCLES):
        ring = open_ring(state, environ=environ)
        assert isinstance(ring.unlock(make=not acknowledged), Unlocked)
        for name, revision in acknowledged.items():
            stored = open_envelope((state / "documents" / name).read_bytes(), ring.data_key, name=name)
            assert (stored.value, stored.revision) == (revision, revision)
        assert [finding for finding in verify(*places_of(state)) if finding.is_tamper] == []
        log = AuditLog(*places_of(state), segment_limit_bytes=2000, segments_kept=3)
        log.open(0.0)
        make_directory(state / "documents")
        names = [f"document.{number}" for number in range(5 + cycle)]
        for name in names:
            revision = acknowledged.get(name, 0) + 1
            content = seal(
                revision,
                schema="s",
                schema_version=1,
                revision=revision,
                now=1.0,
                key=ring.current(),
                compress=True,
                name=name,
            )
            replace_file(state / "documents" / name, content)
            log.record("peer", "write", name)
        acknowledged |= {name: acknowledged.get(name, 0) + 1 for name in names}
        if cycle % 2:
            log.checkpoint()
            ring.rotate_data_key()
        if cycle % 3 == 2:
            ring.rotate_key_encryption_key()
        log.record("peer", "read", "behind the checkpoint")
        log._descriptor = _let_go(log._descriptor)
        disk.cut_power()


def _let_go(descriptor: int) -> int:
    """Close files as the end of a process does, without flushing."""
    os.close(descriptor)
    return -1
