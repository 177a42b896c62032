"""`undercroft history` against a live history, in memory and on disk."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.cli.conftest import Cli
from tests.support.profiles import write_profile

pytestmark = pytest.mark.slow

SETTINGS = """
from typing import Literal
from pydantic import BaseModel, Field

class History(BaseModel):
    persistence_mode: Literal["memory", "disk"] = "memory"
    encrypt_at_rest: bool = True

class Settings(BaseModel):
    history: History = Field(default_factory=History)
"""


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    directory = tmp_path_factory.mktemp("history")
    write_profile(
        directory / "profile",
        "config_store",
        "history",
        top={"allowlist": ["history.*"]},
        settings=SETTINGS,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERCROFT_KEYCHAIN", f"file:{directory / 'chain'}")
        cli = Cli(directory / "home", directory / "profile")
        started = subprocess.run(
            cli.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
        )
        assert started.returncode == 0, started.stdout + started.stderr
        yield cli
        assert cli("down").code == 0


@pytest.fixture(autouse=True)
def empty(cli: Cli) -> None:
    assert cli("history", "clear", "--yes").code == 0


def added(cli: Cli, *found: str) -> list[str]:
    return [cli("history", "add", text, "--json").documents[0]["entry"]["id"] for text in found]


@pytest.mark.requirement("S0-11")
def test_entries_are_added_listed_shown_edited_and_deleted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("from stdin\n"))
    assert "(memory)" in cli("history", "add").out
    first, second = added(cli, "first", "second\x1b[2J")
    listed = cli("history", "list", "-n", "2")
    assert listed.out.splitlines()[0].startswith(second)
    assert "second[2J" in listed.out  # without the escape: nobody steers the terminal
    assert "for older ones: --before" in listed.err
    assert cli("history", "edit", first, "changed").code == 0
    assert "edited" in cli("history", "show", first).out
    assert cli("history", "show", first, "--json").documents[0]["text"] == "changed"
    assert cli("history", "delete", first, "--dry-run").out == "1 entry would be deleted\n"
    assert cli("history", "delete", first).out == "1 entry deleted\n"
    assert cli("history", "show", first).code == 1
    assert cli("history", "edit", first, "again").code == 4


def test_words_are_found(cli: Cli) -> None:
    added(cli, "buy milk and bread", "call the dentist", "milky way")
    assert [line.strip() for line in cli("history", "search", "MILK").out.splitlines()[1::2]] == [
        "milky way",
        "buy milk and bread",
    ]
    assert cli("history", "search", "milk br", "--json").documents[0]["hits"][0]["highlights"] == [
        {"start": 4, "end": 8},
        {"start": 13, "end": 15},
    ]
    assert cli("history", "search", "cheese").code == 1
    assert "there are more: --before" in cli("history", "search", "milk", "-n", "1").err


def test_an_export_is_a_private_new_file(cli: Cli, tmp_path: Path) -> None:
    added(cli, "one", "two")
    target = tmp_path / "history.csv"
    assert cli("history", "export", "--format", "csv", "-o", str(target)).out.endswith("2 entries\n")
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.read_bytes().startswith(b'\xef\xbb\xbf"id",')
    assert cli("history", "export", "-o", str(target)).code == 2
    assert [
        json.loads(line)["text"] for line in cli("history", "export", "--format", "jsonl").out.splitlines()
    ] == ["one", "two"]


def test_what_destroys_wants_a_yes(cli: Cli) -> None:
    added(cli, "one")
    for command in ("clear", "purge", "prune"):
        refused = cli("history", command)
        assert (refused.code, "--dry-run" in refused.err) == (2, True), command
    assert cli("history", "clear", "--dry-run").out == "1 entry would be deleted\n"
    assert "no rule sets a limit" in cli("history", "prune", "--yes").out
    assert cli("history", "prune", "--entries", "1", "--dry-run", "--json").documents[0]["count"] == 0


def test_changes_are_seen_as_they_happen(cli: Cli) -> None:
    with subprocess.Popen(
        cli.command("history", "tail", "-n", "1", "--json"), stdout=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout is not None
        while tail.poll() is None and not (line := _ready(tail)):
            added(cli, "tailed")
        assert json.loads(line)["entry"]["text"] == "tailed"
        assert tail.wait(20) == 0


def _ready(tail: subprocess.Popen[str]) -> str:
    import select

    assert tail.stdout is not None
    return tail.stdout.readline() if select.select([tail.stdout], [], [], 0.1)[0] else ""


@pytest.mark.requirement("S0-12", "S0-20")
def test_on_disk_and_back_with_status_keep_and_purge(cli: Cli) -> None:
    added(cli, "travels along")
    assert cli("history", "status").out.startswith("in memory only: 1 entry")
    assert cli("config", "set", "history.persistence_mode", "disk").code == 0
    while "on disk, encrypted: 1 entry" not in (found := cli("history", "status")).out:
        assert found.code in (0, 1)
    assert found.code == 0
    assert cli("restart", "history").code == 0
    assert "travels along" in cli("history", "list").out
    assert cli("config", "set", "history.persistence_mode", "memory").code == 0
    while "undercroft history purge" not in cli("history", "status").out:
        pass
    assert "notice" not in cli("history", "keep").out
    assert cli("history", "purge", "--dry-run").out.startswith("1 entry would be deleted; all files")
    assert cli("history", "purge", "--yes", "--backups").out.startswith(
        "1 entry deleted; 3 files were deleted"
    )
    assert list((cli.home / "state" / "history").iterdir()) == []
