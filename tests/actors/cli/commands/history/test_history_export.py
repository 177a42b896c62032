"""What is exported goes into a new file that nobody else can read."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from actors.cli.commands.history.history_export import _new_file


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "history.md"
    with _new_file(path) as file:
        file.write("x")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(click.UsageError, match="does not exist yet"):
        _new_file(path)
    assert path.read_text() == "x"
