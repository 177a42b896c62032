"""Catalog and head are what was written under the same secret, or they are refused."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.segments.segment_catalog import (
    HEAD_BYTES,
    AnchorRefused,
    SegmentCatalog,
    SegmentHead,
    SegmentRef,
    key_of,
    read_catalog,
    read_head,
    write_catalog,
    write_head,
)

SECRET = b"s" * 32
OLD = "segment-000001-0123456789abcdee.jsonl"
REF = SegmentRef(number=1, file="0123456789abcdef", last=3, tag="t")
CATALOG = SegmentCatalog(key="k1", revision=4, next_number=2, segments=[REF], removed=[OLD])
HEAD = SegmentHead(key="k1", number=2, file="0123456789abcdef", sequence=5, tag="a" * 32)


def test_they_come_back_as_they_were_written() -> None:
    catalog, head = (
        read_catalog(write_catalog(CATALOG, SECRET), SECRET),
        read_head(write_head(HEAD, SECRET), SECRET),
    )
    assert (catalog.segments, catalog.removed, catalog.revision, key_of(write_catalog(CATALOG, SECRET))) == (
        [REF],
        [OLD],
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
    with pytest.raises(AnchorRefused, match="authentication code"):
        read_catalog(write_catalog(CATALOG, b""), SECRET)
    with pytest.raises(AnchorRefused, match="format is 2"):
        read_catalog(write_catalog(SegmentCatalog(undercroft_history_catalog=2), SECRET), SECRET)


@given(st.integers(0, 2**60), st.integers(0, 2**60))
def test_a_head_always_has_the_same_length(number: int, sequence: int) -> None:
    head = SegmentHead(key="f" * 16, number=number, file="f" * 16, sequence=sequence, tag="f" * 32)
    assert len(write_head(head, SECRET)) == HEAD_BYTES


@given(st.binary(max_size=300))
def test_no_bytes_make_reading_fail_otherwise(content: bytes) -> None:
    for read in (read_catalog, read_head):
        with pytest.raises(AnchorRefused):
            read(content, SECRET)
    assert isinstance(key_of(content), str)


def test_the_bytes_on_disk_stay_what_they_were() -> None:
    """Other versions read these files, so neither field names nor what the code covers may change."""
    older = msgspec.structs.replace(CATALOG, removed=["old"])
    assert write_head(HEAD, SECRET).rstrip() == (
        b'{"key":"k1","number":2,"file":"0123456789abcdef","sequence":5,'
        b'"tag":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","mac":"516aeaa803af598ce5a1c3cf9b053253"}'
    )
    assert msgspec.json.decode(write_catalog(older, SECRET)) == {
        "undercroft_history_catalog": 1,
        "key": "k1",
        "revision": 4,
        "next_number": 2,
        "segments": [{"number": 1, "file": "0123456789abcdef", "last": 3, "tag": "t"}],
        "removed": ["old"],
        "mac": "8fe9c577327805b67732883db4d08bb9",
    }
    plain = [
        msgspec.json.decode(content)["mac"]
        for content in (
            write_catalog(msgspec.structs.replace(CATALOG, removed=["old"]), b""),
            write_head(HEAD, b""),
        )
    ]
    assert plain == ["6e64425ddfb138a9989b3485226fe8b8", "469285d24f79b62578056395186e0814"]
