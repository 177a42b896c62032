"""Watermarks: what was marked is read back, and a file that is torn or forged claims nothing beyond."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.byte_ranges import fit_into
from actors.model_downloader.staging.watermarks import (
    MARKS_MOST,
    WATERMARKS_NAME,
    Watermarks,
    read_watermarks,
)

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pwrite"), reason="marks are for platforms that write at an offset"
)


def test_what_each_part_wrote_is_read_back(tmp_path: Path) -> None:
    marks = Watermarks(tmp_path)
    first, second, third = marks.begin(0, 0), marks.begin(0, 100), marks.begin(1, 7)
    marks.move(first, 60)
    marks.move(second, 140)
    marks.move(first, 100)
    assert read_watermarks(tmp_path, 2) == [((0, 140),), ()]
    marks.move(third, 9)
    marks.close()
    assert read_watermarks(tmp_path, 2) == [((0, 140),), ((7, 9),)]


def test_voided_file_has_nothing_and_the_others_keep_theirs(tmp_path: Path) -> None:
    marks = Watermarks(tmp_path)
    for file in (0, 1):
        marks.move(marks.begin(file, 0), 50)
    marks.void(0)
    marks.close()
    assert read_watermarks(tmp_path, 2) == [(), ((0, 50),)]


def test_new_marks_forget_the_old_ones(tmp_path: Path) -> None:
    marks = Watermarks(tmp_path)
    marks.move(marks.begin(0, 0), 50)
    marks.close()
    Watermarks(tmp_path).close()
    assert read_watermarks(tmp_path, 1) == [()]


def test_parts_beyond_the_limit_are_not_marked(tmp_path: Path) -> None:
    marks = Watermarks(tmp_path)
    marks._used = [(0, 0)] * MARKS_MOST
    assert marks.begin(0, 0) == -1
    marks.move(-1, 10)
    marks.close()


def test_no_marks_or_a_link_in_their_place_claim_nothing(tmp_path: Path) -> None:
    assert read_watermarks(tmp_path, 2) == [(), ()]
    (tmp_path / "other").write_bytes(bytes(16) + b"\x09" + bytes(7))
    (tmp_path / WATERMARKS_NAME).symlink_to(tmp_path / "other")
    assert read_watermarks(tmp_path, 1) == [()]


@given(st.binary(max_size=200))
def test_any_bytes_are_extents_in_order(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    directory = tmp_path_factory.mktemp("any")
    (directory / WATERMARKS_NAME).write_bytes(content)
    assert all(fit_into(ranges, 1 << 64) for ranges in read_watermarks(directory, 3))
