"""Files of a log sort by number; its head comes back as it was written, or is a finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.audit.audit_chain import ChainLink
from actors.shared.audit.audit_files import (
    AuditHead,
    name_of,
    places_of,
    read_head,
    segments_of,
    write_head,
)

HEAD = AuditHead(last=ChainLink(number=7, digest="ab" * 32), first=ChainLink(number=2, digest="cd" * 32))


def test_files_are_numbered_and_others_are_no_part_of_the_log(tmp_path: Path) -> None:
    for name in (name_of(10), name_of(9), name_of(1_000_000), "audit-1.jsonl", "audit-000003.jsonl.corrupt"):
        (tmp_path / name).touch()
    assert name_of(9) == "audit-000009.jsonl"
    assert segments_of(tmp_path) == [9, 10, 1_000_000]
    assert segments_of(tmp_path / "absent") == []


def test_the_head_lies_outside_the_directory_of_the_log(tmp_path: Path) -> None:
    directory, head = places_of(tmp_path)
    assert directory not in head.parents


@pytest.mark.parametrize("secret", [b"", b"s" * 32])
def test_a_head_comes_back_as_it_was_written(tmp_path: Path, secret: bytes) -> None:
    path = tmp_path / "keys" / "head.json"
    write_head(path, HEAD, secret)
    head, findings = read_head(path, secret)
    assert head is not None
    assert (head.last, head.first, bool(head.mac), findings) == (HEAD.last, HEAD.first, bool(secret), [])
    assert read_head(path.with_name("none.json"), secret) == (None, [])


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b" " * 5000])
def test_a_head_that_cannot_be_read_is_a_finding(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "head.json").write_bytes(content)
    head, findings = read_head(tmp_path / "head.json", b"")
    assert (head, [finding.trouble for finding in findings]) == (None, ["head_changed"])


def test_nobody_without_the_secret_can_write_a_head_that_fits(tmp_path: Path) -> None:
    write_head(tmp_path / "head.json", HEAD, b"another secret")
    head, findings = read_head(tmp_path / "head.json", b"s" * 32)
    assert (head, [finding.trouble for finding in findings]) == (None, ["head_changed"])
