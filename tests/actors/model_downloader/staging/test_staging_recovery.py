"""Opening a staging directory: journal and marks are believed exactly as far as the machine ran on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.staging.staged_file import StagedFile
from actors.model_downloader.staging.staging_journal import FileState, StagingJournal
from actors.model_downloader.staging.staging_recovery import OWN_SUFFIX, open_staging, trusted_ranges
from actors.model_downloader.staging.watermarks import WATERMARKS_NAME, Watermarks
from actors.shared.durable.boot_id import boot_id
from schemas.manifest import FilePromise, ModelEntry

FILE = FilePromise(path="f", size_bytes=100, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[FILE])
NEEDS_BOOT_ID = pytest.mark.skipif(boot_id() is None, reason="the platform does not name its boots")


def left(directory: Path, *, boot: str | None, content: bytes = b"x" * 90) -> StagingJournal:
    """A directory as a killed downloader leaves it: thirty bytes are durable, others were written."""
    journal = open_staging(directory, ENTRY)
    journal.change(boot=boot)
    journal.change_file("f", url=FILE.urls[0], validator='"v1"')
    journal.keep("f", ((0, 10), (50, 70)))
    journal.save()
    (directory / "f").write_bytes(content)
    marks = Watermarks(directory)
    marks.move(marks.begin(0, 10), 30)
    marks.move(marks.begin(0, 70), 90)
    marks.close()
    return journal


@NEEDS_BOOT_ID
@pytest.mark.requirement("C-4", "S1-27")
def test_after_a_kill_what_was_written_counts_too(tmp_path: Path) -> None:
    left(tmp_path, boot=boot_id())
    journal = open_staging(tmp_path, ENTRY)
    assert journal.state.files[0].durable_ranges == ((0, 30), (50, 90))
    assert journal.state.fetched_bytes == 40
    assert not (tmp_path / WATERMARKS_NAME).exists()
    assert open_staging(tmp_path, ENTRY).state == journal.state


@pytest.mark.requirement("C-4", "S1-27")
@pytest.mark.parametrize("boot", ["another run of the machine", None])
def test_after_a_power_cut_only_the_journal_counts(tmp_path: Path, boot: str | None) -> None:
    left(tmp_path, boot=boot)
    assert open_staging(tmp_path, ENTRY).state.files[0].durable_ranges == ((0, 10), (50, 70))
    assert (tmp_path / "f").stat().st_size == 70


@NEEDS_BOOT_ID
def test_file_shorter_than_its_journal_is_not_the_one_that_was_left(tmp_path: Path) -> None:
    left(tmp_path, boot=boot_id(), content=b"x" * 60)
    assert open_staging(tmp_path, ENTRY).state.files[0].durable_ranges == ()
    assert not (tmp_path / "f").exists()


@NEEDS_BOOT_ID
def test_marks_beyond_the_end_of_the_file_count_only_up_to_it(tmp_path: Path) -> None:
    left(tmp_path, boot=boot_id(), content=b"x" * 75)
    assert open_staging(tmp_path, ENTRY).state.files[0].durable_ranges == ((0, 30), (50, 75))


@NEEDS_BOOT_ID
def test_journal_of_an_earlier_version_counts_the_first_bytes_and_the_length_tells_the_rest(
    tmp_path: Path,
) -> None:
    (tmp_path / "f").write_bytes(b"x" * 80)
    content = (
        '{"model_id":"m","format":1,"wanted":true,"attempt":1,"fetched_bytes":50,"boot":"%s","files":'
        '[{"path":"f","size_bytes":100,"sha256":"%s","url":"https://models.example/f","validator":"\\"v1\\"","durable_bytes":50}]}'
    )
    (tmp_path / "journal.json").write_text(content % (boot_id(), "0" * 64), encoding="utf-8")
    journal = open_staging(tmp_path, ENTRY)
    assert journal.state.files[0].durable_ranges == ((0, 80),)
    assert journal.state.fetched_bytes == 80


def test_marks_of_other_files_than_the_manifest_names_now_are_not_believed(tmp_path: Path) -> None:
    left(tmp_path, boot=boot_id())
    other = FilePromise(path="g", size_bytes=100, sha256="1" * 64, urls=FILE.urls)
    changed = ModelEntry(id="m", name="M", category="stt", licence="MIT", files=[other, FILE])
    states = open_staging(tmp_path, changed).state.files
    assert [state.durable_ranges for state in states] == [(), ((0, 10), (50, 70))]


SIZES = st.integers(0, 10**12)


def state_of(durable_bytes: int, size_bytes: int = 200) -> FileState:
    return FileState(path="f", size_bytes=size_bytes, sha256="0" * 64, durable_bytes=durable_bytes)


@pytest.mark.requirement("C-4")
def test_kill_takes_nothing_and_a_power_cut_only_what_was_not_durable() -> None:
    assert trusted_ranges(150, 200, state_of(100), (), grew_at_its_end=True) == ((0, 150),)
    assert trusted_ranges(150, 200, state_of(100), (), grew_at_its_end=False) == ((0, 100),)


@pytest.mark.parametrize("grew_at_its_end", [True, False])
def test_file_that_is_not_the_one_that_was_left_is_not_built_upon(grew_at_its_end: bool) -> None:
    for found_bytes in (99, 201, None):
        assert trusted_ranges(found_bytes, 200, state_of(100), (), grew_at_its_end=grew_at_its_end) == ()


def test_of_files_that_no_journal_mentions_only_a_complete_one_is_kept() -> None:
    assert trusted_ranges(200, 200, None, (), grew_at_its_end=False) == ((0, 200),)
    assert trusted_ranges(199, 200, None, (), grew_at_its_end=False) == ()
    assert trusted_ranges(0, 0, None, (), grew_at_its_end=False) == ()


@given(journaled=SIZES, found=SIZES, size=SIZES, mark=st.tuples(SIZES, SIZES), grew=st.booleans())
def test_what_is_kept_lies_within_what_is_there(
    journaled: int, found: int, size: int, mark: tuple[int, int], grew: bool
) -> None:
    kept = trusted_ranges(found, size, state_of(journaled, size), (mark,), grew_at_its_end=grew)
    assert all(0 <= start < end <= min(found, size) for start, end in kept)


@NEEDS_BOOT_ID
@pytest.mark.skipif(os.name != "posix", reason="makes a second name for a file")
def test_a_file_with_a_second_name_is_not_written_to_under_both(tmp_path: Path) -> None:
    left(tmp_path, boot=boot_id())
    os.link(tmp_path / "f", tmp_path.parent / "victim")
    journal = open_staging(tmp_path, ENTRY)
    assert journal.state.files[0].durable_ranges == ((0, 30), (50, 90)), "nothing is fetched again"
    staged = StagedFile(tmp_path / "f")
    staged.write(0, b"new")
    staged.close()
    assert (tmp_path.parent / "victim").read_bytes() == b"x" * 90
    assert (tmp_path / "f").read_bytes()[:4] == b"newx"
    assert not (tmp_path / f"f{OWN_SUFFIX}").exists()
