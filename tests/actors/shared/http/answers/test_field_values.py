"""The values of HTTP fields are read strictly, in bounds, and never raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.http.answers.field_values import (
    ContentRange,
    field_problem,
    known_fields,
    length_problem,
    read_content_range,
    read_date,
    read_digest,
    read_etag,
    read_media_type,
    read_number,
    read_retry_after,
)
from schemas.bounds import INTEGER_LIMIT

HUGE = "9" * 5000
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1 ", "1_0", "１", "²", "0x1", "1.0", "1e3", HUGE, "5, 5"]
)
def test_a_number_has_ascii_digits_alone_and_fits(text: str) -> None:
    assert read_number(text) is None


def test_a_number_reaches_to_its_bound_and_no_further() -> None:
    assert (read_number("0"), read_number("007")) == (0, 7)
    assert read_number(str(INTEGER_LIMIT)) == INTEGER_LIMIT
    assert read_number(str(INTEGER_LIMIT + 1)) is None
    assert (read_number("65535", 65_535), read_number("65536", 65_535)) == (65_535, None)


@given(st.integers(min_value=0, max_value=INTEGER_LIMIT))
def test_every_number_in_bounds_is_read(number: int) -> None:
    assert read_number(str(number)) == number


def test_a_range_lies_in_its_file() -> None:
    assert read_content_range("bytes 0-4/5") == ContentRange(0, 4, 5)
    for wrong in (
        "bytes 0-5/5",
        "bytes 3-2/5",
        "bytes 0-0/*",
        "bytes */5",
        f"bytes 0-{HUGE}/{HUGE}",
        "x 0-4/5",
        "",
    ):
        assert read_content_range(wrong) is None


def test_a_date_is_one_of_this_age() -> None:
    assert read_date("Thu, 01 Jan 1970 00:00:10 GMT") == 10
    assert read_date("Thu, 01 Jan 1970 00:00:10 -0000") == 10
    for wrong in (
        "",
        "soon",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1960 00:00:00 GMT",
        "x" * 5000,
        HUGE,
    ):
        assert read_date(wrong) is None


def test_a_tag_is_quoted_and_short() -> None:
    assert [read_etag(tag) for tag in ('"a"', 'W/"a"', '""')] == ['"a"', 'W/"a"', '""']
    assert [read_etag(tag) for tag in ("a", '"a', '"' + "x" * 2000 + '"', '"\x1b"', "*")] == [""] * 5


def test_patience_is_asked_for_in_seconds_or_until_a_date() -> None:
    assert read_retry_after("120", 0.0) == 120
    assert read_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 20.0) == 40
    assert read_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 90.0) == 0
    assert read_retry_after(HUGE, 0.0) == INTEGER_LIMIT
    assert read_retry_after("a while", 0.0) is None


def test_a_media_type_has_no_parameters() -> None:
    assert read_media_type("Text/HTML; charset=utf-8") == "text/html"
    assert [read_media_type(text) for text in ("", "text", "text/\x1b", "a/" + "b" * 200)] == [""] * 4


def test_a_digest_is_as_long_as_its_algorithm_says() -> None:
    assert read_digest("sha256:" + "0a" * 32) == ("sha256", "0a" * 32)
    for wrong in (
        "sha256:0a",
        "sha512:" + "0a" * 32,
        "sha256:" + "0G" * 32,
        "0a" * 32,
        "sha256:" + "0a" * 32 + "\n",
    ):
        assert read_digest(wrong) is None


def test_a_field_that_contradicts_itself_can_not_be_read() -> None:
    assert known_fields([("Content-Length", " 5 "), ("content-length", "5"), ("X-Other", "y")]) == {
        "content-length": "5"
    }
    twice = known_fields([("Content-Length", "5"), ("Content-Length", "6")])
    assert length_problem(twice) == field_problem("Content-Length", "5, 6", f"a number up to {INTEGER_LIMIT}")


def test_the_length_of_a_body_is_a_number_or_comes_in_chunks() -> None:
    assert length_problem({}) is None
    assert length_problem({"content-length": "0", "transfer-encoding": "Chunked"}) is None
    assert "'9999" in (length_problem({"content-length": HUGE}) or "")
    assert "Transfer-Encoding is 'gzip'" in (length_problem({"transfer-encoding": "gzip"}) or "")


@given(LATIN)
def test_no_value_raises_anything(text: str) -> None:
    for read in (read_number, read_content_range, read_date, read_etag, read_media_type, read_digest):
        read(text)
    read_retry_after(text, 0.0)
    length_problem({"content-length": text, "transfer-encoding": text})
