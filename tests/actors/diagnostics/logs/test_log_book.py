"""The ring keeps the newest records within its bounds and finds those that are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.diagnostics.logs.log_book import LogBook, size_of
from schemas.operations.logs import LogLevel, LogRecord


def record(
    number: int = 0, actor: str = "store", level: LogLevel = "info", message: str = "x", correlation: str = ""
) -> LogRecord:
    return LogRecord(
        actor=actor, at=float(number), level=level, logger="l", message=message, correlation=correlation
    )


@pytest.mark.requirement("S0-14")
def test_the_oldest_records_make_room_and_are_counted() -> None:
    book = LogBook(limit_records=3)
    for number in range(5):
        book.append(record(number))
    assert [kept.at for kept in book.newest()] == [2.0, 3.0, 4.0]
    assert book.dropped == 2


@given(st.lists(st.integers(0, 500), max_size=50), st.integers(1, 10), st.integers(200, 2000))
def test_it_never_holds_more_than_it_may(sizes: list[int], limit_records: int, limit_bytes: int) -> None:
    book = LogBook(limit_records, limit_bytes)
    for number, size in enumerate(sizes):
        book.append(record(number, message="x" * size))
        assert len(book) <= limit_records
        assert book.size_bytes == sum(map(size_of, book.newest())) <= limit_bytes
    assert len(book) + book.dropped == len(sizes)
    book.resize(1, limit_bytes)
    assert len(book) <= 1


def test_a_record_larger_than_the_whole_book_does_not_empty_it() -> None:
    book = LogBook(limit_bytes=1000)
    book.append(record(1))
    book.append(record(2, message="x" * 5000))
    assert [kept.at for kept in book.newest()] == [1.0]


def test_records_are_found_by_actor_level_and_matter() -> None:
    book = LogBook()
    book.append(record(1, level="debug"))
    book.append(record(2, actor="other", level="error", correlation="m"))
    book.append(record(3, level="warning", correlation="m"))
    assert [kept.at for kept in book.newest(actor="store")] == [1.0, 3.0]
    assert [kept.at for kept in book.newest(level="warning")] == [2.0, 3.0]
    assert [kept.at for kept in book.newest(correlation="m", limit=1)] == [3.0]
