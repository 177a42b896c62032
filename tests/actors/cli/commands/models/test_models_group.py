"""`undercroft models` against a live downloader, with an origin on the loopback that serves the files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
MODEL_BYTES = 3_000_000


@pytest.mark.requirement("C-2")
def test_an_install_shows_name_and_percent_up_to_100_and_the_model_is_there(running: Any) -> None:
    ended = running("models", "install", "first")
    assert ended.code == 0, ended.out + ended.err
    lines = ended.out.splitlines()
    assert lines[-1] == "The first model: installed"
    shown = [int(found[1]) for line in lines if (found := re.fullmatch(r"The first model: (\d+) %", line))]
    assert shown, lines
    assert shown == sorted(shown)
    assert 0 <= shown[0] <= shown[-1] <= 100
    assert (running.home / "models" / "first" / "model.bin").stat().st_size == MODEL_BYTES

    again = running("models", "install", "first")
    assert (again.code, again.out) == (0, "The first model: installed\n")
    verified = running("models", "verify", "first")
    assert (verified.code, verified.out) == (0, "first: every file is as its manifest promises\n")
    listed = running("models", "list").out
    assert re.search(r"^first +installed +3\.0 MB  The first model \(stt, MIT\)$", listed, re.MULTILINE), (
        listed
    )

    dry = running("models", "remove", "first", "--dry-run")
    assert (dry.code, dry.out) == (0, "first: 3.0 MB would be freed\n")
    assert running("models", "remove", "first").out == "first: 3.0 MB freed\n"
    assert not (running.home / "models" / "first").exists()


def test_with_json_every_line_is_a_document_and_the_last_says_installed(running: Any) -> None:
    ended = running("models", "install", "second", "--json")
    assert ended.code == 0, ended.out + ended.err
    assert len(ended.documents) == len(ended.out.splitlines())
    progress = [
        document for document in ended.documents if document.get("type") == "models.download_progressed"
    ]
    assert all(0 <= event["durable_bytes"] <= event["size_bytes"] == MODEL_BYTES for event in progress)
    last = ended.documents[-1]
    assert (last["model_id"], last["state"], last["durable_bytes"]) == ("second", "installed", MODEL_BYTES)
    freed_bytes = running("models", "remove", "second", "--json").documents[0]["freed_bytes"]
    assert (
        MODEL_BYTES <= freed_bytes < MODEL_BYTES + 10_000
    )  # what is remembered of its revision goes with it


def test_a_file_that_is_not_what_the_manifest_promises_is_never_installed(running: Any) -> None:
    ended = running("models", "install", "spoiled")
    assert ended.code == 1
    assert "sha256" in ended.out
    assert not (running.home / "models" / "spoiled").exists()
    assert running("models", "cancel", "spoiled", "--drop-partial").out == "spoiled: absent, 0 B kept\n"


def test_a_damaged_file_is_found_and_named(running: Any) -> None:
    assert running("models", "install", "first").code == 0
    file: Path = running.home / "models" / "first" / "model.bin"
    content = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(b"?" + content[1:])
    ended = running("models", "verify", "first")
    assert ended.code == 1
    assert ended.out.startswith("model.bin: sha256 is ")
    assert running("models", "remove", "first").code == 0


def test_an_unknown_model_is_refused_by_every_command(running: Any) -> None:
    for name in ("install", "cancel", "remove", "verify"):
        ended = running("models", name, "nothing", "--json")
        assert (ended.code, ended.documents[-1]["exit_code"]) == (4, 4), name


@pytest.mark.parametrize(
    "arguments",
    [["install"], ["install", "first", "--all"], ["remove"], ["verify"], ["install", "first", "--fast"]],
)
def test_a_wrong_command_line_is_exit_code_2(running: Any, arguments: list[str]) -> None:
    assert running("models", *arguments).code == 2


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["install", "first"], ["cancel", "first"], ["remove", "first"], ["verify", "first"]],
)
def test_without_a_runtime_the_exit_code_is_3(absent: Any, arguments: list[str]) -> None:
    assert absent("models", *arguments).code == 3


@pytest.mark.parametrize("name", ["list", "install", "cancel", "remove", "verify"])
def test_every_command_shows_examples(absent: Any, name: str) -> None:
    assert f"Examples:\n    undercroft models {name}" in absent("models", name, "--help").out


def test_the_command_works_from_a_shell_too(running: Any) -> None:
    listed = subprocess.run(
        running.command("models", "list", "--json"), capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert f'"models_directory":"{running.home}/models"' in listed
