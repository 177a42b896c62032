"""Verification records: they hold for the very file and the very promise, and losing them loses no truth."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from actors.model_verifier.growing_hash import identity_at
from actors.model_verifier.verification_records import RECORDS_NAME, VerificationRecords, oldest
from actors.shared.durable.file_identity import FileIdentity
from actors.shared.durable.record_file import RecordNotRead
from schemas.manifest import FilePromise

PROMISE = FilePromise(path="f", size_bytes=3, sha256="a" * 64, urls=["https://models.example/f"])


@pytest.fixture
def identity(tmp_path: Path) -> FileIdentity:
    (tmp_path / "f").write_bytes(b"abc")
    found = identity_at(tmp_path / "f")
    assert found is not None
    return found


@pytest.mark.requirement("S1-38", "S1-39")
def test_record_survives_and_holds_for_the_unchanged_file(tmp_path: Path, identity: FileIdentity) -> None:
    VerificationRecords(tmp_path / "state").keep("m", [PROMISE], {"f": identity})
    records = VerificationRecords(tmp_path / "state")
    assert records.load() is None
    assert records.hold("m", PROMISE, identity)


def test_record_does_not_hold_for_another_file_promise_or_model(
    tmp_path: Path, identity: FileIdentity
) -> None:
    records = VerificationRecords(tmp_path / "state")
    records.keep("m", [PROMISE], {"f": identity})
    for other in (
        identity._replace(inode=1),
        identity._replace(mtime_ns=1),
        identity._replace(size_bytes=4),
        identity._replace(device=0),
    ):
        assert not records.hold("m", PROMISE, other)
    assert not records.hold("other", PROMISE, identity)
    changed = FilePromise(path="f", size_bytes=3, sha256="b" * 64, urls=PROMISE.urls)
    assert not records.hold("m", changed, identity)


def test_file_that_broke_its_promise_is_forgotten(tmp_path: Path, identity: FileIdentity) -> None:
    records = VerificationRecords(tmp_path / "state")
    records.keep("m", [PROMISE], {"f": identity})
    records.keep("m", [PROMISE], {})
    assert not records.hold("m", PROMISE, identity)


def test_removed_model_is_forgotten_for_good(tmp_path: Path, identity: FileIdentity) -> None:
    records = VerificationRecords(tmp_path / "state")
    records.keep("m", [PROMISE], {"f": identity})
    records.forget("m")
    records.forget("m")
    again = VerificationRecords(tmp_path / "state")
    again.load()
    assert not again.hold("m", PROMISE, identity)


@pytest.mark.parametrize("content", [b"", b"{", b'{"m": 1}', b"\xff"])
def test_records_that_cannot_be_read_are_put_aside_and_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RECORDS_NAME).write_bytes(content)
    records = VerificationRecords(tmp_path)
    aside = records.load()
    assert aside is not None
    assert aside.read_bytes() == content
    assert os.listdir(tmp_path) == [aside.name]


def test_former_revision_is_still_known_after_an_update_and_two_more_are_not_kept_for_ever(
    tmp_path: Path, identity: FileIdentity
) -> None:
    records = VerificationRecords(tmp_path / "state")
    files = [(PROMISE, identity)]
    for number in range(1, 4):
        promise = FilePromise(path="f", size_bytes=3, sha256=str(number) * 64, urls=PROMISE.urls)
        files.append((promise, identity._replace(inode=identity.inode + number)))
    for promise, found in files:
        records.keep("m", [promise], {"f": found})
    assert [records.hold("m", promise, found) for promise, found in files] == [False, True, True, True]


def test_record_of_a_file_that_was_not_read_keeps_its_time(
    tmp_path: Path, identity: FileIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = VerificationRecords(tmp_path / "state")
    assert records.verified_at("m", [PROMISE], {"f": identity}) is None
    monkeypatch.setattr("time.time", lambda: 100.0)
    records.keep("m", [PROMISE], {"f": identity})
    monkeypatch.setattr("time.time", lambda: 200.0)
    records.keep("m", [PROMISE], {"f": identity}, read=[])
    assert records.verified_at("m", [PROMISE], {"f": identity}) == 100.0
    records.keep("m", [PROMISE], {"f": identity}, read=["f"])
    assert records.verified_at("m", [PROMISE], {"f": identity}) == 200.0


def test_records_of_one_revision_as_they_were_written_once_are_still_read(
    tmp_path: Path, identity: FileIdentity
) -> None:
    VerificationRecords(tmp_path).keep("m", [PROMISE], {"f": identity})
    written = msgspec.json.decode((tmp_path / RECORDS_NAME).read_bytes())
    (tmp_path / RECORDS_NAME).write_bytes(msgspec.json.encode({"m": {"f": written["m"]["f"][0]}}))
    records = VerificationRecords(tmp_path)
    assert records.load() is None
    assert records.hold("m", PROMISE, identity)


def test_model_was_read_when_the_file_was_that_was_read_longest_ago() -> None:
    assert oldest([3.0, 1.0, 2.0]) == 1.0
    assert oldest([3.0, None]) is None
    assert oldest([]) is None


@pytest.mark.skipif(os.name != "posix", reason="makes links")
def test_no_record_is_kept_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "model_verifier").symlink_to("elsewhere")
    with pytest.raises(RecordNotRead, match="a link lies there"):
        VerificationRecords(tmp_path / "model_verifier").load()
    assert os.listdir(tmp_path / "elsewhere") == []
