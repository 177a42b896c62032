"""`undercroft models add | resolve | withdraw | accept | refresh` against a live runtime."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from actors.cli.commands.models.models_group import models
from actors.cli.commands.models.models_sources import COMMANDS, absolute_name, entry_lines
from schemas.manifest import FilePromise, ModelEntry

PROMISE = FilePromise(path="a.bin", size_bytes=1500, sha256="0" * 64, urls=["https://models.example/a.bin"])


def test_a_path_becomes_absolute_because_the_runtime_runs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.gguf").write_bytes(b"x")
    (tmp_path / "link.gguf").symlink_to("a b.gguf")
    assert absolute_name("./a b.gguf") == absolute_name("a b.gguf") == (tmp_path / "a b.gguf").as_uri()
    assert absolute_name("link.gguf").endswith("/link.gguf"), "a link keeps its own name"
    assert absolute_name("file:a b.gguf") == f"file:{tmp_path}/a b.gguf"
    assert absolute_name("file:///x/y") == "file:///x/y"
    assert absolute_name("hf:org/repo") == "hf:org/repo"
    assert absolute_name("nothing-here") == "nothing-here"


def test_an_entry_is_shown_with_its_licence_and_what_was_left_out() -> None:
    entry = ModelEntry(
        id="a",
        name="A",
        category="llm",
        licence="Community",
        licence_url="https://l",
        accept_licence=True,
        files=[PROMISE] * 12,
    )
    lines = entry_lines(entry, "hf:org/a@1", ["README.md: not part of the model"])
    assert lines[:3] == [
        "a: A (llm), 18.0 kB",
        "  from     hf:org/a@1",
        "  licence  Community (https://l), has to be accepted",
    ]
    assert lines[-2:] == ["  and 2 more files", "  left out 1: README.md: not part of the model"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_in_the_group_and_shows_examples(command: Any) -> None:
    assert models.commands[command.name] is command
    assert "Examples:\n" in CliRunner().invoke(command, ["--help"]).output


@pytest.fixture
def with_sources(absent: Any) -> Iterator[Any]:
    """Commands against a runtime that knows sources."""
    with (absent.profile / "profile.toml").open("a") as file:
        file.write('\n[[children]]\nname = "model_sources"\nentry = "actors.model_sources:build"\n')
    started = subprocess.run(
        absent.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield absent
    assert absent("down").code == 0


@pytest.mark.slow
def test_a_file_is_added_once_and_withdrawn_again(with_sources: Any, tmp_path: Path) -> None:
    file = tmp_path / "Ears.onnx"
    file.write_bytes(b"x" * 1000)
    dry = with_sources("models", "add", str(file), "--dry-run", "--category", "stt")
    assert dry.code == 0, dry.err
    assert dry.out.splitlines()[0] == "ears: Ears.onnx (stt), 1.0 kB"
    assert with_sources("models", "resolve", str(file), "--json").documents[0]["entry"]["id"] == "ears"
    assert with_sources("models", "withdraw", "ears").code == 4, "neither of them changed anything"
    assert with_sources("models", "add", str(file)).out.endswith(
        "ears: added; run 'undercroft models install ears'\n"
    )
    assert with_sources("models", "add", str(file)).out.endswith("ears: was added before, nothing changed\n")
    assert with_sources("models", "withdraw", "ears").out == "ears: withdrawn\n"


@pytest.mark.slow
def test_what_cannot_be_is_refused_with_a_sentence(with_sources: Any) -> None:
    for arguments, words in (
        (("add", "whisper"), "expected a name such as hf:org/repo"),
        (("add", "https://127.0.0.1:1/a.bin"), "--sha256"),
        (("add", "/nowhere/a.bin"), "No such file"),
        (("accept", "first"), "need not be accepted"),
        (("accept", "gone"), "there is no model"),
    ):
        ended = with_sources("models", *arguments)
        assert (ended.code, words in ended.err) == (4, True), ended.err
    assert with_sources("models", "refresh").out == "the profile names no manifest to fetch\n"
