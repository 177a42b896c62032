"""The journal of a move survives, and one that cannot be read is no move."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actors.model_downloader.relocation.relocation_journal import (
    JOURNAL_NAME,
    RelocationJournal,
    relocation_record,
)

JOURNAL = RelocationJournal(
    source="/old", target="/new", action="move", category="models", path="/new", placed=["tiny"]
)


def test_what_was_written_is_read_in_the_next_life(tmp_path: Path) -> None:
    relocation_record(tmp_path / "state").write(JOURNAL)
    assert relocation_record(tmp_path / "state").load() == JOURNAL
    relocation_record(tmp_path / "state").remove()
    assert relocation_record(tmp_path / "state").load() is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"source": 1}', b"\xff\xfe", b"[" * 100_000], ids=range(5))
def test_one_that_cannot_be_read_is_no_move(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL_NAME).write_bytes(content)
    assert relocation_record(tmp_path).load() is None


def test_one_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    record = relocation_record(tmp_path)
    record.write(
        RelocationJournal(
            source="/old", target="/new", action="move", category="models", path="/new", format=2
        )
    )
    assert record.load() is None
    assert (tmp_path / JOURNAL_NAME).exists()


@pytest.mark.skipif(os.name != "posix", reason="makes links")
def test_no_journal_is_written_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "model_downloader").symlink_to("elsewhere")
    journal = RelocationJournal(
        move_id="1", source="/a", target="/b", action="move", category="models", path="/b"
    )
    with pytest.raises(OSError, match="a link lies there"):
        relocation_record(tmp_path / "model_downloader").write(journal)
    assert os.listdir(tmp_path / "elsewhere") == []
