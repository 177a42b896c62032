"""Catalog and head are what was written under the same secret, or they are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.segments.catalog import (
    HEAD_BYTES,
    AnchorRefused,
    Catalog,
    Head,
    SegmentRef,
    key_of,
    read_catalog,
    read_head,
    write_catalog,
    write_head,
)

SECRET = b"s" * 32
REF = SegmentRef(number=1, file="0123456789abcdef", last=3, tag="t")
CATALOG = Catalog(key="k1", revision=4, next_number=2, segments=[REF], removed=["old"])
HEAD = Head(key="k1", number=2, file="0123456789abcdef", sequence=5, tag="a" * 32)


def test_they_come_back_as_they_were_written() -> None:
    catalog, head = (
        read_catalog(write_catalog(CATALOG, SECRET), SECRET),
        read_head(write_head(HEAD, SECRET), SECRET),
    )
    assert (catalog.segments, catalog.removed, catalog.revision, key_of(write_catalog(CATALOG, SECRET))) == (
        [REF],
        ["old"],
        4,
        "k1",
    )
    assert (head.sequence, head.number) == (5, 2)
    assert not REF.is_open


@pytest.mark.parametrize("secret", [SECRET, b""])
def test_every_changed_byte_is_noticed(secret: bytes) -> None:
    for content, read in (
        (write_catalog(CATALOG, secret), read_catalog),
        (write_head(HEAD, secret), read_head),
    ):
        for at in range(len(content)):
            for flip in (1, 0x20):
                forged = bytearray(content)
                forged[at] ^= flip
                with pytest.raises(AnchorRefused):
                    read(bytes(forged), secret)


def test_another_secret_or_a_later_format_is_refused() -> None:
    with pytest.raises(AnchorRefused, match="authenticity"):
        read_catalog(write_catalog(CATALOG, b""), SECRET)
    with pytest.raises(AnchorRefused, match="format is 2"):
        read_catalog(write_catalog(Catalog(undercroft_history_catalog=2), SECRET), SECRET)


@given(st.integers(0, 2**60), st.integers(0, 2**60))
def test_a_head_always_has_the_same_length(number: int, sequence: int) -> None:
    head = Head(key="f" * 16, number=number, file="f" * 16, sequence=sequence, tag="f" * 32)
    assert len(write_head(head, SECRET)) == HEAD_BYTES


@given(st.binary(max_size=300))
def test_no_bytes_make_reading_fail_otherwise(content: bytes) -> None:
    for read in (read_catalog, read_head):
        with pytest.raises(AnchorRefused):
            read(content, SECRET)
    assert isinstance(key_of(content), str)
