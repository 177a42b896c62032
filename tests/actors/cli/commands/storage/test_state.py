"""`undercroft state` against a live state store."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.actors.cli.conftest import Cli
from tests.support.profiles import write_profile

pytestmark = pytest.mark.slow

TABLES = """
[[namespaces]]
name = "notes"
owner = "notebook"
"""


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    directory = tmp_path_factory.mktemp("state")
    write_profile(directory / "profile", "state_store", tables=TABLES)
    cli = Cli(directory / "home", directory / "profile")
    started = subprocess.run(
        cli.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield cli
    assert cli("down").code == 0


@pytest.mark.requirement("S3-1", "S3-3", "S3-25")
def test_a_value_is_set_read_listed_and_deleted_and_survives_a_restart(cli: Cli) -> None:
    assert cli("state", "set", "config.greeting", '{"hello": "wörld"}').out.startswith(
        "config.greeting: revision "
    )
    store = cli.home / "state" / "store"
    assert json.loads((store / "config" / "greeting.json").read_bytes())["value"] == {"hello": "wörld"}
    assert {"layouts", "settings", "history", "config", "backups", "documents"} <= {
        path.name for path in store.iterdir()
    }
    assert cli("restart", "state_store").code == 0
    shown = cli("state", "get", "config.greeting")
    assert (shown.code, json.loads(shown.out)) == (0, {"hello": "wörld"})
    assert [line.split()[1] for line in cli("state", "list", "config.gree").out.splitlines()] == [
        "config.greeting"
    ]
    assert cli("state", "delete", "config.greeting").out == "config.greeting: deleted\n"
    assert cli("state", "delete", "config.greeting").out == "config.greeting: there was no such key\n"
    gone = cli("state", "get", "config.greeting")
    assert (gone.code, gone.out) == (1, "")


@pytest.mark.requirement("S3-9", "S3-10")
def test_options_of_a_save_are_given_on_the_command_line(cli: Cli) -> None:
    (first,) = cli("state", "set", "config.kept", "1", "--compress", "--json").documents
    stale = cli("state", "set", "config.kept", "2", "--expect", "1000000")
    assert stale.code == 4
    assert f"expected revision 1000000, found {first['revision']}" in stale.err
    assert cli("state", "set", "config.kept", "2", "--expect", str(first["revision"]), "--backup").code == 0
    assert [
        path.name.split("@")[0] for path in (cli.home / "state" / "store" / "backups" / "auto").iterdir()
    ] == ["config.kept"]
    (known,) = cli("state", "get", "config.kept", "--json").documents
    assert (known["value"], known["found"], known["compressed"]) == (2, True, False)


def test_a_value_is_read_from_stdin(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("[1, 2]"))
    assert cli("state", "set", "config.list", "-").code == 0
    assert json.loads(cli("state", "get", "config.list").out) == [1, 2]


@pytest.mark.requirement("S3-24")
def test_what_belongs_to_somebody_else_is_refused(cli: Cli) -> None:
    ended = cli("state", "set", "notes.x", "1")
    assert ended.code == 4
    assert "may not write it, 'notebook' may" in ended.err


def test_changes_are_shown_as_they_happen_without_their_values(cli: Cli) -> None:
    with subprocess.Popen(
        cli.command("state", "watch", "config.watched", "-n", "1", "--json"),
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        try:
            while watching.poll() is None:
                cli("state", "set", "config.watched", '"secret"')
            line = watching.stdout.read()
        finally:
            watching.kill()
    shown: dict[str, Any] = json.loads(line.splitlines()[0])
    assert shown["key"] == "config.watched"
    assert "secret" not in line


@pytest.mark.parametrize(
    "arguments", [["set", "config.x", "not json"], ["set", "config.x"], ["get"], ["set", "config.x", "NaN"]]
)
def test_a_wrong_command_line_is_exit_code_2(cli: Cli, arguments: list[str]) -> None:
    assert cli("state", *arguments).code == 2


def test_what_is_no_key_is_refused(cli: Cli) -> None:
    assert cli("state", "get", "nonsense").code == 4


@pytest.mark.parametrize("name", ["get", "set", "delete", "list", "watch"])
def test_every_command_shows_examples(absent: Any, name: str) -> None:
    assert f"Examples:\n    undercroft state {name}" in absent("state", name, "--help").out


@pytest.mark.parametrize(
    "arguments", [["list"], ["get", "config.x"], ["set", "config.x", "1"], ["delete", "config.x"]]
)
def test_without_a_runtime_the_exit_code_is_3(absent: Any, arguments: list[str]) -> None:
    assert absent("state", *arguments).code == 3
