"""What a segment that was torn, cut off, changed or reordered still gives, and what is reported about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.segments.segment import (
    NAME,
    SegmentEncoder,
    SegmentHeader,
    first_tag,
    header_line,
    read_header,
    read_segment,
    segment_name,
)
from actors.history.segments.segment_lines import EncryptedLines, LineRefused

CIPHER = EncryptedLines(bytes(32))
KEYLESS = b'{"undercroft_history":1,"cipher":"aes-256-gcm","file":"f","number":1,"key":"","wrapped":""}\n'
HEADER = SegmentHeader(cipher="aes-256-gcm", file="0123456789abcdef", number=7, key="k", wrapped="w")


def written(count: int, *, sealed: bool = False) -> list[bytes]:
    lines = SegmentEncoder(HEADER, CIPHER)
    parts = [
        header_line(HEADER),
        *(lines.encode("batch", b'{"n":%d}' % number) for number in range(1, count + 1)),
    ]
    return [*parts, lines.encode("seal", b"{}")] if sealed else parts


def numbers(parts: list[bytes]) -> list[bytes]:
    return read_segment(b"".join(parts), HEADER, CIPHER).batches


def test_a_whole_segment_has_no_faults() -> None:
    read = read_segment(b"".join(written(3, sealed=True)), HEADER, CIPHER)
    assert (read.batches, read.last, read.is_sealed) == ([b'{"n":1}', b'{"n":2}', b'{"n":3}'], 4, True)
    assert (read.faults, read.torn_bytes) == ([], 0)
    assert list(read.tags) == [1, 2, 3, 4]


@given(st.integers(min_value=0))
def test_wherever_it_is_cut_off_what_came_before_is_kept(cut: int) -> None:
    parts = written(3)
    whole = b"".join(parts)
    cut = len(parts[0]) + cut % (len(whole) - len(parts[0]))
    read = read_segment(whole[:cut], HEADER, CIPHER)
    complete = sum(len(b"".join(parts[: n + 1])) <= cut for n in (1, 2, 3))
    assert (read.last, read.faults) == (complete, [])
    assert read.torn_bytes == cut - len(b"".join(parts[: complete + 1]))


def test_a_changed_line_costs_itself_and_nobody_else() -> None:
    parts = written(3)
    parts[2] = parts[2].replace(b'"data":"', b'"data":"AAAA', 1)
    read = read_segment(b"".join(parts), HEADER, CIPHER)
    assert (read.batches, len(read.faults)) == ([b'{"n":1}', b'{"n":3}'], 2)


@pytest.mark.parametrize("order", [(0, 1, 3), (0, 2, 3), (0, 2, 1, 3), (0, 1, 1, 2, 3)])
def test_lines_that_are_gone_swapped_or_there_twice_show(order: tuple[int, ...]) -> None:
    parts = written(3)
    read = read_segment(b"".join(parts[at] for at in order), HEADER, CIPHER)
    assert read.faults
    assert set(read.batches) == {b'{"n":%d}' % at for at in order if at}


def test_what_follows_a_seal_shows() -> None:
    parts = written(1, sealed=True)
    lines = SegmentEncoder(HEADER, CIPHER)
    for plain in (b'{"n":1}', b"{}", b'{"n":9}'):
        extra = lines.encode("batch", plain)
    assert read_segment(b"".join([*parts, extra]), HEADER, CIPHER).faults
    assert read_segment(b"".join([*parts, b"zeros"]), HEADER, CIPHER).torn_bytes == 5


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(content: bytes) -> None:
    assert read_segment(header_line(HEADER) + content, HEADER, CIPHER).batches == []


def test_an_exchanged_header_opens_no_line() -> None:
    other = SegmentHeader(cipher="aes-256-gcm", file=HEADER.file, number=8, key="k", wrapped="w")
    assert first_tag(other) != first_tag(HEADER)
    assert (
        read_segment(b"".join(written(1)), other, CIPHER).faults
        or read_segment(b"".join(written(1)), other, CIPHER).last == 1
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"{}\n", KEYLESS, header_line(HEADER)[:-4]],
)
def test_what_is_no_header_is_refused(content: bytes) -> None:
    with pytest.raises(LineRefused):
        read_header(content)


def test_the_name_of_a_file_says_which_segment_it_is() -> None:
    assert read_header(b"".join(written(1))) == HEADER
    match = NAME.fullmatch(segment_name(HEADER))
    assert match is not None
    assert (int(match[1]), match[2]) == (7, HEADER.file)
