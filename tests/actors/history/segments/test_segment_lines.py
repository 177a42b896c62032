"""A line opens only where it was written: same file, number, kind, predecessor and bytes."""

from __future__ import annotations

import base64
import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.segments.segment_lines import (
    EncryptedLines,
    LineCipher,
    LineKind,
    LineRefused,
    PlainLines,
    SegmentLine,
    open_line,
    parse_line,
    write_line,
)
from schemas.history import HistoryEntry

SECRET = bytes(range(32))
CIPHERS: list[LineCipher] = [EncryptedLines(SECRET), PlainLines()]


def opened(cipher: LineCipher, line: bytes, file_id: str = "f1") -> bytes:
    return open_line(cipher, file_id, parse_line(line.removesuffix(b"\n")))


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_line_gives_back_what_was_sealed(cipher: LineCipher) -> None:
    tag, line = write_line(cipher, "f1", 1, "batch", "a" * 32, b'{"put":[]}')
    assert opened(cipher, line) == b'{"put":[]}'
    assert parse_line(line[:-1]).tag == tag


@pytest.mark.requirement("S0-12")
def test_an_encrypted_line_shows_nothing_of_its_text_and_a_plain_one_all() -> None:
    entry = HistoryEntry(id="i", at=1.0, kind="k", text="my dear diary")
    plain = msgspec.json.encode({"put": [entry]})
    encrypted, readable = (write_line(cipher, "f1", 1, "batch", "", plain)[1] for cipher in CIPHERS)
    assert b"diary" not in encrypted
    assert b"diary" not in base64.b64decode(bytes(parse_line(encrypted[:-1]).data)[1:-1])
    assert b"diary" in readable


@pytest.mark.parametrize("cipher", CIPHERS)
def test_any_other_byte_anywhere_is_noticed(cipher: LineCipher) -> None:
    _, line = write_line(cipher, "f1", 1, "batch", "ab" * 16, b'{"put":[],"remove":["x"]}')
    for at in range(len(line) - 1):
        for flip in (1, 0x20, 0x80):
            forged = bytearray(line)
            forged[at] ^= flip
            with pytest.raises(LineRefused):
                opened(cipher, bytes(forged))


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("changed", [{"seq": 2}, {"kind": "seal"}, {"after": "b" * 32}])
def test_a_line_in_another_place_does_not_open(cipher: LineCipher, changed: dict[str, object]) -> None:
    _, line = write_line(cipher, "f1", 1, "batch", "a" * 32, b"{}")
    moved: SegmentLine = msgspec.structs.replace(parse_line(line[:-1]), **changed)
    with pytest.raises(LineRefused):
        open_line(cipher, "f1", moved)
    with pytest.raises(LineRefused):
        opened(cipher, line, "f2")


def test_the_number_is_the_nonce_so_equal_texts_look_different() -> None:
    cipher = EncryptedLines(SECRET)
    lines = [write_line(cipher, "f1", number, "batch", "", b'{"put":[]}')[1] for number in (1, 2)]
    assert parse_line(lines[0][:-1]).data != parse_line(lines[1][:-1]).data


def test_another_key_opens_nothing() -> None:
    kinds: list[LineKind] = ["batch", "seal"]
    for kind in kinds:
        _, line = write_line(EncryptedLines(SECRET), "f1", 1, kind, "", b"{}")
        with pytest.raises(LineRefused):
            opened(EncryptedLines(os.urandom(32)), line)


@given(st.binary(max_size=300))
def test_what_is_no_line_is_refused_and_nothing_else_happens(content: bytes) -> None:
    with pytest.raises(LineRefused):
        opened(EncryptedLines(SECRET), content)


@pytest.mark.parametrize(
    "line",
    [
        b'{"seq":1,"kind":"batch","after":"","tag":"","data":{}}',
        b'{"seq":99999999999999999999999999999,"kind":"seal"}',
    ],
)
def test_odd_lines_are_refused(line: bytes) -> None:
    with pytest.raises(LineRefused):
        opened(EncryptedLines(SECRET), line)
