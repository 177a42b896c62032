"""`undercroft contract`: prints, writes and checks the documents of the contract without a runtime."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from actors.cli.commands.inspection.contract import contract


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(contract, arguments, standalone_mode=False)
    return int(result.return_value or 0), result.output


@pytest.mark.parametrize(
    ("form", "key"), [("json-schema", "$defs"), ("asyncapi", "channels"), ("profile", "$defs")]
)
def test_a_document_is_printed(form: str, key: str) -> None:
    _, shown = run("--format", form)
    assert len(json.loads(shown)[key]) > 10


def test_with_json_the_document_is_one_line() -> None:
    _, shown = run("--json")
    assert len(shown.splitlines()) == 1
    assert "Runtime" in json.loads(shown)["$defs"]


def test_written_files_pass_the_check_and_edited_ones_do_not(tmp_path: Path) -> None:
    options = ("--output", str(tmp_path / "published"), "--clients", str(tmp_path / "clients"))
    assert run(*options, "--check")[0] == 1
    code, shown = run(*options, "--json")
    written = json.loads(shown)["written"]
    assert (code, len(written)) == (0, 7)
    assert run(*options, "--check") == (0, "")
    Path(written[0]).write_text("{}", encoding="utf-8")
    code, shown = run(*options, "--check")
    assert code == 1
    assert shown.startswith(written[0])


def test_a_check_without_files_is_a_mistake() -> None:
    result = CliRunner().invoke(contract, ["--check"])
    assert result.exit_code == 2
    assert "--output or --clients" in result.output
