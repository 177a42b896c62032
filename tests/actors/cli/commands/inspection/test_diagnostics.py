"""`undercroft diagnostics`."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from actors.cli.commands.inspection.diagnostics import ReportFileExists, diagnostics
from actors.cli.options import Target


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        diagnostics, ["--home", str(home), *arguments], obj=Target(), catch_exceptions=True
    )


@pytest.mark.requirement("S0-16", "S1-16")
def test_a_preview_lists_every_file_and_what_was_redacted_and_writes_nothing(tmp_path: Path) -> None:
    result = run(tmp_path / "home", "--preview", "--output", str(tmp_path / "r.zip"))
    assert result.exit_code == 0
    assert "storage.json" in result.output
    assert "redacted: " in result.output
    assert "missing: models: " in result.output
    assert not (tmp_path / "r.zip").exists()
    assert not (tmp_path / "home").exists()


def test_without_a_file_to_write_nothing_is_written_and_that_is_said(tmp_path: Path) -> None:
    result = run(tmp_path / "home")
    assert result.output.startswith("# Nothing wrong was found")
    assert "Nothing was written" in result.output


@pytest.mark.requirement("S0-16")
def test_the_zip_is_what_the_preview_said_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    result = run(tmp_path / "home", "--output", str(path), "--json")
    told = json.loads(result.output)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as zipped:
        manifest = json.loads(zipped.read("manifest.json"))
        assert zipped.read("SUMMARY.md").decode() == told["summary"]
        assert set(zipped.namelist()) == {"manifest.json", *(file["name"] for file in told["files"])}
    assert manifest["files"] == told["files"]


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "r.zip").write_text("mine")
    result = run(tmp_path / "home", "--output", str(tmp_path / "r.zip"))
    assert isinstance(result.exception, ReportFileExists)
    assert (tmp_path / "r.zip").read_text() == "mine"


@pytest.mark.slow
def test_with_a_runtime_it_has_what_the_actors_say(running: Any) -> None:
    (document,) = running("diagnostics", "--json").documents
    names = {file["name"] for file in document["files"]}
    assert {"actors.json", "bus.json", "start.json", "metrics.prom", "alerts.json", "output.txt"} <= names
    assert document["seconds"] < 2
