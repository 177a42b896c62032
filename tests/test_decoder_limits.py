"""Everything that decodes has a limit, the page of limits says which, and bombs of each kind take little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.decoder_bombs import JSON, MESSAGEPACK, ZSTD
from tests.support.decoder_uses import USES, forbidden_uses, found_uses, table
from tests.support.memory_lab import MemoryLab, memory_lab

PAGE = Path(__file__).parents[1] / "docs" / "limits.md"
PEAK_LIMIT_BYTES = 96 * 1024 * 1024
"""The bombs have up to 6 MB themselves, and are made in the same process."""

CPU_LIMIT_SECONDS = 20.0


@pytest.fixture(scope="module")
def lab() -> Iterator[MemoryLab]:
    """A process that measures."""
    with memory_lab() as found:
        yield found


def test_whatever_decodes_has_a_limit_that_the_page_names() -> None:
    found = found_uses()
    assert found.keys() - USES.keys() == set(), "say in tests/support/decoder_uses.py what bounds them"
    assert USES.keys() - found.keys() == set(), "these decode nothing any more"
    assert table() in PAGE.read_text(encoding="utf-8"), "python -m tests.support.decoder_uses prints it"


def test_nothing_is_read_by_what_carries_out_what_it_reads() -> None:
    assert forbidden_uses() == []


@pytest.mark.parametrize("name", MESSAGEPACK)
def test_messagepack_that_claims_much_takes_little(lab: MemoryLab, name: str) -> None:
    taken = lab.call("tests.support.decoder_bombs:read_messagepack", name)
    assert taken.error == "", taken
    assert set(taken.text.split()) <= {
        "read", "ProtocolError", "DecodeError", "ValidationError", "RecursionError"
    }, taken  # fmt: skip
    assert taken.peak_bytes < PEAK_LIMIT_BYTES, taken
    assert taken.cpu_seconds < CPU_LIMIT_SECONDS, taken


@pytest.mark.parametrize("name", JSON)
def test_json_that_is_made_to_hurt_takes_little(lab: MemoryLab, name: str) -> None:
    taken = lab.call("tests.support.decoder_bombs:read_json_text", name)
    assert taken.error == "", taken
    assert set(taken.text.split()) <= {"read", "NotStrictJson", "JsonUnreadable"}, taken
    assert taken.peak_bytes < PEAK_LIMIT_BYTES, taken
    assert taken.cpu_seconds < CPU_LIMIT_SECONDS, taken


@pytest.mark.parametrize("name", ZSTD)
def test_zstd_that_claims_or_holds_much_takes_little(lab: MemoryLab, name: str) -> None:
    taken = lab.call("tests.support.decoder_bombs:read_zstd", name)
    is_only_window = name.startswith("a window")  # it is not made where the size of the content is known
    assert taken.error == ("" if is_only_window else "NotDecodable"), taken
    assert taken.peak_bytes < PEAK_LIMIT_BYTES, taken
    assert taken.cpu_seconds < CPU_LIMIT_SECONDS, taken


def test_base64_takes_little(lab: MemoryLab) -> None:
    taken = lab.call("tests.support.decoder_bombs:read_base64")
    assert (taken.error, taken.text) == ("", "786432")
    assert taken.peak_bytes < PEAK_LIMIT_BYTES
