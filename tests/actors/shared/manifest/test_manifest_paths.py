"""Paths, ids and `file:` URLs: what could leave its root, or what a platform cannot hold, is refused."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.shared.manifest.manifest_paths import (
    file_of_url,
    file_url_problem,
    id_problem,
    path_problem,
)

BAD_PATHS = [
    "/etc/passwd",
    "../a",
    "a/../../b",
    "a\\b",
    "C:/a",
    "C:a",
    "a:stream",
    "a//b",
    "a/",
    ".",
    "./a",
    "nul",
    "a/COM1.bin",
    "LPT9",
    "a.",
    "a ",
    "a\x00",
    "a\n",
    "journal.json",
    "JOURNAL.JSON",
    "\ud800",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_path_that_leaves_or_that_a_platform_cannot_hold_is_refused(path: str) -> None:
    assert path_problem(path)


@given(st.text(max_size=60))
@example("a/../b")
@example("con.txt")
def test_accepted_path_stays_below_its_root_on_both_kinds_of_platform(path: str) -> None:
    if not path or path_problem(path):
        return
    for flavour in (PurePosixPath, PureWindowsPath):
        joined = flavour("/srv/model") / flavour(path)
        assert joined.parts[: len(flavour("/srv/model").parts)] == flavour("/srv/model").parts
        assert ".." not in joined.parts
        assert not flavour(path).is_absolute()


def test_an_id_names_a_directory_on_windows_too() -> None:
    assert id_problem("con")
    assert id_problem("a.partial")
    assert id_problem("whisper-tiny") is None


def test_a_file_url_names_one_file_of_this_machine(tmp_path: Path) -> None:
    file = tmp_path / "with space %41 \u00fc.bin"
    assert file_url_problem(file.as_uri()) is None
    assert file_of_url(file.as_uri()) == file


@pytest.mark.parametrize(
    "url",
    [
        "file://server/share/a",
        "file:a",
        "file:",
        "https://a/b",
        "file:///a?b",
        "file:///a#b",
        "file:///a%00b",
    ],
)
def test_a_file_url_of_another_machine_or_without_a_whole_path_is_refused(url: str) -> None:
    assert file_url_problem(url)
