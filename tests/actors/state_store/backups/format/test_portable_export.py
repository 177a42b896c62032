"""Exports: only the passphrase opens them, and every change of a byte shows."""

from __future__ import annotations

import io
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.state_store.backups.errors import ExportDamaged, PassphraseTooShort, PassphraseWrong
from actors.state_store.backups.format import portable_export
from actors.state_store.backups.format.portable_export import (
    MAGIC,
    ExportHeader,
    ExportRecord,
    read_header,
    read_records,
    write_export,
)

WORDS = "correct horse battery"
PATH = Path("notes.undercroft")
RECORDS = [
    ExportRecord("notes.a", "notes/a.json", b"a" * 5000, False),
    ExportRecord("vault.s", "vault/s.json", b"s", True),
]


def written(records: list[ExportRecord]) -> bytes:
    file = io.BytesIO()
    assert write_export(file, WORDS, "id", "mine", 12.0, records, memory_kib=32) == len(records)
    return file.getvalue()


def opened(content: bytes, passphrase: str = WORDS) -> list[ExportRecord]:
    file = io.BytesIO(content)
    return list(read_records(file, PATH, read_header(file, PATH), passphrase))


records = st.builds(
    ExportRecord, st.text(max_size=9), st.text(max_size=9), st.binary(max_size=4000), st.booleans()
)


@settings(max_examples=25, deadline=None)
@given(st.lists(records, max_size=12), st.sampled_from([64, 1000, 2**20]))
def test_what_goes_in_comes_out_whatever_the_size_of_chunks(
    found: list[ExportRecord], chunk_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portable_export, "CHUNK_BYTES", chunk_bytes)
        assert opened(written(found)) == found


def test_a_wrong_passphrase_is_told_apart_from_damage() -> None:
    with pytest.raises(PassphraseWrong, match=r"notes\.undercroft"):
        opened(written(RECORDS), WORDS + "!")


def test_every_byte_counts() -> None:
    good = written(RECORDS)
    chance = random.Random(3)
    for at in [*range(60), *chance.sample(range(len(good)), 150)]:
        with pytest.raises(ExportDamaged):
            opened(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])


def test_one_that_was_cut_short_or_grew_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable_export, "CHUNK_BYTES", 500)
    good = written(RECORDS)
    body = good.index(b"\n") + 1
    piece = 4 + 500 + 40
    first, rest = good[body : body + piece], good[body + piece :]
    head = good[:body]
    for content in (good[:-1], head + first, head, good + b"x", head + rest, head + first + first + rest):
        with pytest.raises(ExportDamaged):
            opened(content)


def test_nothing_of_a_document_is_in_it_in_plain() -> None:
    assert b"notes" not in written(RECORDS).partition(b"\n")[2]
    assert b"aaaa" not in written(RECORDS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", MAGIC, MAGIC + b"{}\n", MAGIC + b"x" * 5000 + b"\n"])
def test_what_is_no_export_is_said_so(content: bytes) -> None:
    with pytest.raises(ExportDamaged):
        opened(content)


def test_one_of_a_later_version_and_one_that_wants_too_much_memory_are_refused() -> None:
    header = ExportHeader(format=2, backup="x", name="", created_at=0.0, salt="AAAA")
    with pytest.raises(ExportDamaged, match="update Undercroft"):
        opened(MAGIC + msgspec.json.encode(header) + b"\n")
    greedy = msgspec.json.encode({**msgspec.to_builtins(header), "memory_kib": 2**30})
    with pytest.raises(ExportDamaged, match="memory_kib"):
        opened(MAGIC + greedy + b"\n")


def test_a_passphrase_that_could_be_guessed_is_refused_before_anything_is_written() -> None:
    file = io.BytesIO()
    with pytest.raises(PassphraseTooShort, match="5 characters, expected at least 10"):
        write_export(file, "short", "id", "", 0.0, RECORDS)
    assert file.getvalue() == b""
