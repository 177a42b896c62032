"""The file of keys: its copy is written first, each fault has a name, a damaged one is put aside."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from actors.shared.crypto.envelope import seal
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.keys import key_file
from actors.shared.keys.key_file import (
    COPY_NAME,
    FILE_NAME,
    SCHEMA,
    KeyEncryptionKey,
    KeyFile,
    UnusableKeyFile,
    WrappedKey,
    has_quarantined,
    read,
    write,
)

FILE = KeyFile(
    ring="r1",
    key_encryption_keys=[KeyEncryptionKey(id="k1", created_at=1.0)],
    data_keys=[WrappedKey(id="d1", created_at=1.0, wrapped={"k1": "AAAA"})],
    revision=3,
)


def test_what_is_written_is_read_and_the_copy_is_the_same(tmp_path: Path) -> None:
    write(tmp_path / "keys", FILE, 5.0)
    assert read(tmp_path / "keys" / FILE_NAME) == FILE
    assert read(tmp_path / "keys" / COPY_NAME) == FILE
    assert read(tmp_path / "keys" / "absent") is None
    assert not has_quarantined(tmp_path / "keys")


def test_copy_is_written_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def note(path: Path, content: bytes) -> None:
        order.append(path.name)

    monkeypatch.setattr(key_file, "replace_file", note)
    write(tmp_path, FILE, 5.0)
    assert order == [COPY_NAME, FILE_NAME]


def fault(path: Path, content: bytes) -> str:
    """The name of what is wrong with a file of this content."""
    path.write_bytes(content)
    found = read(path)
    assert isinstance(found, UnusableKeyFile)
    assert str(path) in found.detail
    return found.reason


@pytest.mark.requirement("S3-19")
def test_each_fault_has_its_name(tmp_path: Path) -> None:
    write(tmp_path, FILE, 5.0)
    path = tmp_path / FILE_NAME
    good = path.read_bytes()
    assert fault(path, b"") == "keys_damaged"
    assert fault(path, good[:-40]) == "keys_damaged"
    assert fault(path, good.replace(b"AAAA", b"AAAB")) == "keys_damaged"
    assert fault(path, good.replace(b'"undercroft": 1', b'"undercroft": 9')) == "keys_too_new"
    newer = seal(
        msgspec.to_builtins(FILE), schema=SCHEMA, schema_version=2, revision=1, now=1.0, name=FILE_NAME
    )
    assert fault(path, newer) == "keys_too_new"
    empty = seal(
        {"ring": "r", "key_encryption_keys": [], "data_keys": []},
        schema=SCHEMA,
        schema_version=1,
        revision=1,
        now=1.0,
        name=FILE_NAME,
    )
    assert fault(path, empty) == "keys_damaged"
    path.unlink()
    path.mkdir()
    assert isinstance(found := read(path), UnusableKeyFile)
    assert found.reason == "keys_damaged"


def test_damaged_file_is_put_aside_before_it_is_replaced_and_counts_as_left_over(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"damaged")
    write(tmp_path, FILE, 5.0)
    assert read(tmp_path / FILE_NAME) == FILE
    assert (tmp_path / "keys.json.corrupt").read_bytes() == b"damaged"
    assert has_quarantined(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["keys.copy.json", "keys.json", "keys.json.corrupt"]


def test_nothing_is_written_that_could_not_be_opened_again(tmp_path: Path) -> None:
    write(tmp_path, FILE, 5.0)
    many = msgspec.structs.replace(FILE, data_keys=[FILE.data_keys[0]] * 10_001)
    late = msgspec.structs.replace(
        FILE, data_keys=[msgspec.structs.replace(FILE.data_keys[0], created_at=float("inf"))]
    )
    for unfit in (many, late):
        with pytest.raises(DurableWriteFailed, match="earlier content is untouched"):
            write(tmp_path, unfit, 5.0)
    with pytest.raises(DurableWriteFailed, match="its time is none of the calendar"):
        write(tmp_path, FILE, float("nan"))
    assert read(tmp_path / FILE_NAME) == FILE
