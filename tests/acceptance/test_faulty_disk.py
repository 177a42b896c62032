"""Each system call of the write path fails or is the last: old or new content, and the next write works."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.shared.audit.audit_check import verify
from actors.shared.audit.audit_files import places_of
from actors.shared.audit.audit_log import AuditLog
from actors.shared.crypto.envelope import open_envelope
from actors.shared.durable.durable_write import sweep_temporary
from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keys.key_ring import KeyRing
from actors.shared.keys.key_rules import Unlocked
from actors.shared.keys.key_store import KeyStore
from tests.support.syscall_faults import Scene, faults_of, needs_strace, play

pytestmark = [pytest.mark.slow, needs_strace]

ONE_FILE = Scene(
    setup="from actors.shared.durable.durable_write import replace_file",
    act="replace_file(root / 'document', b'new')",
    again="replace_file(root / 'document', b'again')",
)


def fresh(tmp_path: Path, files: dict[str, bytes]) -> Callable[[], Path]:
    """Makes a directory with these files for each run."""
    numbers = itertools.count()

    def prepare() -> Path:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        for name, content in files.items():
            (directory / name).write_bytes(content)
        return directory

    return prepare


@pytest.mark.requirement("S3-12", "S3-13", "S3-25", "S3-27", "S0-2")
def test_replaced_file_is_old_or_new_and_the_error_names_it(tmp_path: Path) -> None:
    prepare, met = fresh(tmp_path, {"document": b"old"}), 0
    for fault in faults_of(ONE_FILE, prepare):
        directory = prepare()
        outcome = play(ONE_FILE, directory, fault)
        content = (directory / "document").read_bytes()
        assert outcome.injected, str(fault)
        met += 1
        if outcome.killed:
            assert content in (b"old", b"new"), str(fault)
            sweep_temporary(directory / "document")
        else:
            assert outcome.error[0] == "DurableWriteFailed", str(fault)
            assert str(directory / "document") in outcome.error[1], str(fault)
            assert (outcome.again, content) == (("", ""), b"again"), str(fault)
        assert [path.name for path in directory.iterdir()] == ["document"], str(fault)
    assert met >= 21


MINTING = Scene(
    setup="""
from actors.shared.crypto.envelope import seal
from actors.shared.durable.durable_write import replace_file
from actors.shared.keychain.file_keychain import FileKeychain
from actors.shared.keys.key_ring import KeyRing
from actors.shared.keys.key_store import KeyStore
import filelock
def ring_in(directory):
    keychain = FileKeychain(directory.with_name(directory.name + '.chain'))
    return KeyRing(KeyStore(directory / 'keys', keychain, (directory,)))
ring_in(root.with_name(root.name + '.else')).unlock(make=True)  # runs the late imports
ring = ring_in(root)
def write(name):
    ring.unlock(make=True)
    content = seal(name, schema='s', schema_version=1, revision=1, now=1.0, key=ring.current(), name=name)
    replace_file(root / name, content)
    report(name)
""",
    act="write('first')",
    again="write('second')",
)
ROTATING = Scene(
    setup=MINTING.setup + "write('before')",
    act="ring.rotate_data_key(); ring.rotate_key_encryption_key(); write('first')",
    again="write('second')",
)


@pytest.mark.requirement("S3-19", "S3-23")
@pytest.mark.parametrize("scene", [MINTING, ROTATING], ids=["made", "rotated"])
def test_keys_that_are_made_or_rotated_open_every_document_that_was_acknowledged(
    tmp_path: Path, scene: Scene
) -> None:
    prepare = fresh(tmp_path, {})
    failing = faults_of(scene, prepare, effects=("EIO",), calls=("write", "mkdir"))
    for fault in (*failing, *faults_of(scene, prepare, effects=("KILL",), calls=("fsync", "rename"))):
        directory = prepare()
        play(scene, directory, fault)
        ring = KeyRing(
            KeyStore(
                directory / "keys", FileKeychain(directory.with_name(directory.name + ".chain")), (directory,)
            )
        )
        state = ring.unlock(make=True)
        assert isinstance(state, Unlocked), (str(fault), state)
        for path in directory.iterdir():
            if path.is_file() and path.suffix != ".tmp":
                assert open_envelope(path.read_bytes(), ring.data_key).value == path.name, str(fault)
        assert len(list((directory / "keys").glob("keys*.json"))) == 2, str(fault)


AUDITING = Scene(
    setup="""
from actors.shared.audit.audit_files import places_of
from actors.shared.audit.audit_log import AuditLog, AuditNotWritten
log = AuditLog(*places_of(root), segment_limit_bytes=900, segments_kept=4)
log.open(0.0)
written = []
def note(names):
    for name in names:
        try:
            log.record('peer', 'write', name)
            report(name)
        except AuditNotWritten as error:
            report('')
    try:
        log.checkpoint()
    except AuditNotWritten:
        pass
note('abcdefghabcdefghabcdefgh')
""",
    act="note('ijklmnot')",
    again="note('uvw')",
)


@pytest.mark.requirement("S3-23", "S3-25")
def test_audit_log_shows_no_tamper_after_any_fault_and_holds_what_was_written_or_says_how_much_is_missing(
    tmp_path: Path,
) -> None:
    prepare = fresh(tmp_path, {})
    failing = faults_of(
        AUDITING,
        prepare,
        effects=("EIO",),
        calls=("openat", "write", "fdatasync", "rename", "ftruncate", "unlink"),
    )
    for fault in (
        *failing,
        *faults_of(AUDITING, prepare, effects=("KILL",), calls=("write", "rename", "unlink")),
    ):
        directory = prepare()
        outcome = play(AUDITING, directory, fault)
        places = places_of(directory)
        findings = verify(*places)
        assert not [finding for finding in findings if finding.is_tamper], (str(fault), findings)
        lines = b"".join(path.read_bytes() for path in sorted(places[0].iterdir()))
        assert b'"key":"t"' in lines or outcome.killed or "" in outcome.reports, str(fault)
        assert (b"records" in lines) == ("" in outcome.reports and not outcome.killed), str(fault)
        log = AuditLog(*places)
        log.open(0.0)
        log.record("peer", "read", "after")
        log.close()
        assert verify(*places) == [], str(fault)
