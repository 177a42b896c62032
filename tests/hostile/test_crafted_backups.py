"""Backups and exports whose records name places of their own choice: nothing outside the store is written."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.shared.crypto.envelope import seal
from actors.shared.sdk.running_actor import run_actor
from actors.state_store import build as build_state_store
from actors.state_store.backups.format.portable_export import ExportRecord, write_export
from actors.state_store.backups.repository import BackupRepository
from bus.errors import RequestFailed
from schemas.backups import BackupRestoreRequestEvent
from schemas.state import StateListRequestEvent, StateSaveRequestEvent
from tests.actors.cli.conftest import Cli

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
WORDS = "correct horse battery"
UP = "../" * 6
NFC, NFD = "caf\u00e9", "cafe\u0301"

RECORDS: list[tuple[str, list[tuple[str, str]]]] = [
    ("absolute", [("config.a", "/{outside}/PWNED.json")]),
    ("up", [("config.a", f"config/{UP}PWNED.json")]),
    ("up by the key", [(f"document.{UP}PWNED", f"documents/{UP}PWNED.json")]),
    (
        "config.json by the key",
        [("document.../../../config/config", "documents/../../../config/config.json")],
    ),
    ("backslashes", [("config.a", "config\\..\\..\\PWNED.json")]),
    ("a drive", [("config.a", "C:/PWNED.json")]),
    ("a share", [("config.a", "//server/share/PWNED.json")]),
    ("a stream", [("config.a", "config/a.json:stream")]),
    ("a device", [("config.nul", "config/nul")]),
    ("a device by the key", [("document.CON", "documents/CON.json")]),
    ("a dot at the end", [("config.a", "config/a.json.")]),
    ("zero byte", [("config.a\0b", "config/a\0b.json")]),
    ("line feed", [("document.A\n", "documents/A\n.json")]),
    ("long", [("config." + "x" * 300, "config/" + "x" * 300 + ".json")]),
    ("deep", [("config.a", "/".join(["config"] * 60) + "/a.json")]),
    ("keys", [("", "extras/keys.json")]),
    ("journal", [("config.a", ".journal/0000000000000001-00.log")]),
    ("intent", [("config.a", ".restore/intent.json")]),
    ("another's place", [("config.a", "settings/a.json")]),
    ("not composed", [(f"config.{NFD}", f"config/{NFD}.json")]),
    (
        "twins of Unicode",
        [(f"config.{NFC}", "config/caf%c3%a9.json"), (f"config.{NFD}", "config/caf%c3%a9.json")],
    ),
    (
        "twins of case",
        [("document.Layout", "documents/Layout.json"), ("document.layout", "documents/layout.json")],
    ),
    ("the same twice", [("config.a", "config/a.json"), ("config.a", "config/a.json")]),
]
CASES = [pytest.param(records, id=name) for name, records in RECORDS]


@pytest.fixture(autouse=True)
def _keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain'}")


def seen(root: Path, *spared: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a directory with its mode and content, except what lies below others."""
    return {
        str(path): (stat.S_IMODE(path.lstat().st_mode), path.read_bytes())
        for path in root.rglob("*")
        if path.is_file() and not {path, *path.parents} & {*spared}
    }


def envelope(key: str) -> bytes:
    """What a restore would write as it is."""
    return seal({"of": "a stranger"}, schema="", schema_version=1, revision=9, now=1.0, name=key)


@pytest.mark.parametrize("records", CASES)
def test_an_export_with_places_of_its_own_is_refused_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: list[tuple[str, str]]
) -> None:
    file, home = tmp_path / "crafted.undercroft", tmp_path / "a" / "b" / "home"
    named = [ExportRecord(key, path.format(outside=tmp_path), envelope(key), False) for key, path in records]
    with file.open("wb") as out:
        write_export(out, WORDS, "b1", "mine", 1.0, named, memory_kib=64)
    before = seen(tmp_path, home)
    monkeypatch.setattr(sys, "stdin", io.StringIO(WORDS + "\n"))
    ended = Cli(home, tmp_path)("backup", "import", str(file), "--only-take-in", "--yes")
    assert ended.code != 0
    assert "is not its place" in ended.err or "its name is taken" in ended.err, ended.err
    assert seen(tmp_path, home, tmp_path / "keychain") == before
    stored = {path.name for path in home.rglob("*") if path.is_file()} if home.exists() else set()
    assert not any("PWNED" in name for name in stored)
    assert not list((home / "state" / "store").glob("backups/manual/*")), "no backup came of it"


@pytest.mark.slow
@pytest.mark.parametrize("records", CASES)
async def test_a_backup_with_places_of_its_own_writes_nothing_outside(
    tmp_path: Path, records: list[tuple[str, str]]
) -> None:
    home = tmp_path / "a" / "b" / "home"

    def fill(writer: Any) -> int:
        for key, path in records:
            writer.add(path.format(outside=tmp_path), key, envelope(key))
        return 0

    async with run_actor(build_state_store, home, name="state_store") as running:
        await running.request(StateSaveRequestEvent(key="settings.mine", value="stays"))
        state = running.context.locations.state
        store, audit = state / "store", (state / "audit", state / "keys")
        crafted, _ = BackupRepository(store / "backups").create("manual", "crafted", fill)
        before = seen(tmp_path, store, *audit)
        refusals = []
        for dry_run in (True, False):
            for keys in ([records[0][0]], []):
                request = BackupRestoreRequestEvent(id=crafted.id, keys=keys, dry_run=dry_run)
                try:
                    await running.request(request)
                except RequestFailed as failed:
                    assert failed.kind in ("refused", "invalid"), failed
                    refusals.append(failed.message)
        assert seen(tmp_path, store, *audit) == before
        assert not list(tmp_path.rglob("*PWNED*"))
        assert not (store / ".restore").exists()
        await running.request(StateListRequestEvent())
        await running.request(StateSaveRequestEvent(key="settings.mine", value="and is saved"))
