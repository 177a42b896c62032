"""Chained lines: every change shows, a crash's torn tail is told apart, and one change is one finding."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.audit.audit_chain import (
    LINE_LIMIT_BYTES,
    START,
    AuditEntry,
    AuditFinding,
    ChainLink,
    compare,
    digest_at,
    extend,
    follow,
)

ENTRIES = [
    AuditEntry(at=float(number), who="peer", did="write", key=f"settings.{number}") for number in range(6)
]
CONTENT, END = extend(ChainLink(), ENTRIES)


def check(content: bytes, *, is_last: bool = True) -> list[AuditFinding]:
    """What is wrong with one file that is a whole log."""
    link, _, findings = follow(ChainLink(), content, "log", is_last=is_last)
    seen = [one for one in [digest_at(content, END.number)] if one]
    return findings + compare(link, seen, END, "log")


@pytest.mark.requirement("S3-23")
def test_record_says_who_did_what_when_to_which_key_and_nothing_else() -> None:
    first, second = map(json.loads, CONTENT.splitlines()[:2])
    assert set(first) == {"at", "who", "did", "key", "outcome", "number", "previous"}
    assert (first["who"], first["did"], first["key"], first["number"], first["previous"]) == (
        "peer",
        "write",
        "settings.0",
        1,
        START,
    )
    assert second["number"] == 2


def test_untouched_log_has_nothing_wrong() -> None:
    assert check(CONTENT) == []
    assert follow(ChainLink(), CONTENT, "log", is_last=True)[:2] == (END, len(CONTENT))


@given(at=st.integers(0, len(CONTENT) - 1), flip=st.integers(1, 255))
def test_every_changed_byte_shows(at: int, flip: int) -> None:
    content = bytearray(CONTENT)
    content[at] ^= flip
    assert check(bytes(content))


@given(length=st.integers(0, len(CONTENT) - 1))
def test_every_cut_shows_as_truncation_once_the_head_has_gone_further(length: int) -> None:
    assert "truncated" in {finding.trouble for finding in check(CONTENT[:length])}


def test_lines_taken_out_swapped_or_put_in_show() -> None:
    lines = CONTENT.splitlines(keepends=True)
    without = check(b"".join(lines[:2] + lines[3:]))
    assert [(finding.trouble, finding.number) for finding in without] == [("missing", 3)]
    assert check(b"".join([lines[1], lines[0], *lines[2:]]))
    assert check(b"".join([*lines[:3], lines[2], *lines[3:]]))
    forged, _ = extend(ChainLink(), [AuditEntry(at=9.0, who="mallory", did="read")])
    assert check(b"".join([*lines[:3], forged, *lines[3:]]))


def test_one_changed_line_in_the_middle_is_found_at_its_place() -> None:
    findings = check(CONTENT.replace(b"settings.2", b"settings.9"))
    assert [(finding.trouble, finding.number) for finding in findings] == [("changed", 4)]
    assert findings[0].is_tamper


def test_log_written_anew_from_some_point_does_not_fit_its_head() -> None:
    lines = CONTENT.splitlines(keepends=True)
    link, _, _ = follow(ChainLink(), b"".join(lines[:3]), "log", is_last=True)
    forged, _ = extend(link, [*ENTRIES[3:5], AuditEntry(at=0.0, who="peer", did="read")])
    assert [finding.trouble for finding in check(b"".join(lines[:3]) + forged)] == ["head_changed"]


@pytest.mark.parametrize("tail", [b'{"at":1.0,"who"', b"\0" * 100, b'{"at":1.0', b"\0\0\n"])
def test_torn_tail_is_no_tamper_in_the_last_file_and_is_in_another(tail: bytes) -> None:
    findings = check(CONTENT + tail)
    assert [(finding.trouble, finding.is_tamper) for finding in findings] == [("torn_tail", False)]
    assert follow(ChainLink(), CONTENT + tail, "log", is_last=True)[1] == len(CONTENT)
    assert [finding.trouble for finding in check(CONTENT + tail, is_last=False)] == ["changed"]


def test_longest_texts_in_the_widest_signs_make_a_line_that_is_read_again() -> None:
    content, link = extend(
        ChainLink(),
        [AuditEntry(at=1.0, who="\x01" * 9999, did="\x01" * 9999, key="\x01" * 9999, outcome="\x01" * 9999)],
    )
    assert len(content) < LINE_LIMIT_BYTES
    assert follow(ChainLink(), content, "log", is_last=True)[2] == []
    assert digest_at(content, 1) == link


@given(st.binary(max_size=200))
def test_any_bytes_are_followed_to_their_end(content: bytes) -> None:
    follow(ChainLink(), content, "log", is_last=True)
    digest_at(content, 1)
