"""`undercroft backup` and `undercroft state check` against a live state store."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.cli.conftest import Cli, Ended
from tests.support.profiles import write_profile

TABLES = """
[state.backups]
every_hours = 0
check_hours = 0

[[namespaces]]
name = "vault"
encrypt = true
"""
WORDS = "correct horse battery\n"


def started(directory: Path, patch: pytest.MonkeyPatch) -> Cli:
    directory.mkdir()
    patch.setenv("UNDERCROFT_KEYCHAIN", f"file:{directory / 'keychain.json'}")
    write_profile(directory / "profile", "state_store", tables=TABLES)
    cli = Cli(directory / "home", directory / "profile")
    ended = subprocess.run(
        cli.command("up", "--detach"), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return cli


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Iterator[Cli]:
    cli = started(tmp_path_factory.mktemp("backup") / "here", patch)
    yield cli
    assert cli("down").code == 0


def typed(cli: Cli, monkeypatch: pytest.MonkeyPatch, words: str, *arguments: str) -> Ended:
    monkeypatch.setattr(sys, "stdin", io.StringIO(words))
    return cli(*arguments)


def made(cli: Cli, *arguments: str) -> str:
    found = cli("backup", "create", *arguments, "--json").documents[0]
    assert isinstance(found["id"], str)
    return found["id"]


@pytest.mark.slow
@pytest.mark.requirement("S3-5", "S3-6", "S3-7", "S3-28")
def test_a_backup_is_made_listed_verified_and_restored(cli: Cli) -> None:
    cli("state", "set", "config.a", "1")
    cli("state", "set", "vault.s", '"hidden"')
    said = cli("backup", "create", "Before the update")
    id = said.out.partition(":")[0]
    assert said.code == 0
    assert id.endswith("-manual-before-the-update-s1")
    listed = cli("backup", "list")
    assert f"{id}  " in listed.out
    assert "'Before the update', 2 documents" in listed.out
    assert "compressed, encrypted" in listed.out
    assert cli("backup", "list", "--json").documents[0]["backups"][0]["id"] == id
    assert cli("backup", "verify").out == f"{id}: good\n"
    cli("state", "set", "config.a", "2")
    cli("state", "set", "config.later", "2")
    dry = cli("backup", "restore", id, "--dry-run")
    assert dry.out == f"{id}: 1 keys would be changed, 1 would be removed, 1 unchanged\n"
    assert cli("state", "get", "config.a").out == "2\n"
    refused = cli("backup", "restore", id)
    assert (refused.code, "give --yes" in refused.err) == (2, True)
    restored = cli("backup", "restore", id, "--yes")
    assert restored.code == 0
    assert "the earlier state is backup" in restored.out
    assert (cli("state", "get", "config.a").out, cli("state", "get", "config.later").code) == ("1\n", 1)
    cli("state", "set", "config.a", "3")
    assert cli("backup", "restore", id, "--key", "config.a", "--yes", "--json").documents[0]["changed"] == 1
    assert cli("restart", "state_store").code == 0
    assert cli("state", "get", "config.a").out == "1\n"
    assert cli("state", "get", "vault.s").out == '"hidden"\n'
    pruned = cli("backup", "prune", "--dry-run")
    assert f"keep    {id}: made by hand" in pruned.out
    assert cli("backup", "prune", "--yes").code == 0
    missing = cli("backup", "restore", "20200101T000000Z-manual-s1", "--yes")
    assert (missing.code, "there is no backup" in missing.err) == (4, True)


@pytest.mark.slow
def test_a_damaged_backup_is_an_exit_code(cli: Cli) -> None:
    id = made(cli, "rotten")
    pack = cli.home / "state" / "store" / "backups" / "manual" / id / "documents.pack"
    pack.write_bytes(b"x" + pack.read_bytes()[1:])
    found = cli("backup", "verify", id)
    assert found.code == 1
    assert "cannot be read" in found.out
    check = cli("state", "check")
    assert (check.code, "something is damaged" in check.out) == (1, True)
    repaired = cli("state", "check", "--repair", "--json")
    assert repaired.code == 0
    assert [
        finding["repair"] for finding in repaired.documents[0]["findings"] if finding["kind"] == "backup"
    ] == ["put aside"]
    assert pack.parent.with_name(f"{id}.corrupt").is_dir()


@pytest.mark.slow
@pytest.mark.requirement("S3-18", "S3-19")
def test_the_check_finds_and_repairs_a_damaged_document(cli: Cli) -> None:
    cli("state", "set", "config.fragile", "7")
    made(cli)
    assert cli("restart", "state_store").code == 0, "so that the journal holds it no more"
    path = cli.home / "state" / "store" / "config" / "fragile.json"
    path.write_bytes(b"{broken")
    found = cli("state", "check")
    assert found.code == 1
    assert "damaged: config/fragile.json" in found.out
    repaired = cli("state", "check", "--repair")
    assert repaired.code == 0
    assert "repaired from backup" in repaired.out
    assert cli("state", "get", "config.fragile").out == "7\n"


@pytest.mark.slow
@pytest.mark.requirement("S3-19")
def test_an_export_opens_on_another_machine_with_its_passphrase_alone(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patch: pytest.MonkeyPatch
) -> None:
    cli("state", "set", "vault.s", '"hidden"')
    id, file = made(cli, "to go"), tmp_path / "mine.undercroft"
    assert typed(cli, monkeypatch, "short\n", "backup", "export", id, str(file)).code == 4
    said = typed(cli, monkeypatch, WORDS, "backup", "export", id, str(file))
    assert said.code == 0, said.err
    assert b"hidden" not in file.read_bytes()
    here = f"file:{cli.home.parent / 'keychain.json'}"
    there = started(tmp_path / "there", patch)
    try:
        there("state", "set", "config.other", "1")
        wrong = typed(there, monkeypatch, "another passphrase\n", "backup", "import", str(file), "--yes")
        assert (wrong.code, "passphrase is not the one" in wrong.err) == (4, True)
        taken = typed(there, monkeypatch, WORDS, "backup", "import", str(file), "--yes", "--json")
        assert taken.code == 0, taken.err
        assert taken.documents[0]["removed"] == 1
        assert there("state", "get", "vault.s").out == '"hidden"\n'
        assert b"hidden" not in (there.home / "state" / "store" / "vault" / "s.json").read_bytes()
        assert "before_import" in there("backup", "list").out
        kept = typed(there, monkeypatch, WORDS, "backup", "import", str(file), "--only-take-in")
        assert "backup restore" in kept.out
    finally:
        assert there("down").code == 0
        patch.setenv("UNDERCROFT_KEYCHAIN", here)
