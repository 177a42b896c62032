"""Restore: everything comes back, newer keys go, the present is backed up, and a kill leaves old or new."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.backups.errors import BackupNotFound, RestoreRefused
from actors.state_store.backups.format.backup_manifest import PACK_NAME
from actors.state_store.documents.document_store import DocumentStore
from actors.state_store.documents.document_types import document_kinds
from actors.state_store.engine.operations import Save
from actors.state_store.engine.values.value_schemas import JsonValueSchema, ValueSchemas
from actors.state_store.errors import QuotaExceeded
from tests.support.state_lab import (
    TABLES,
    HeldKeys,
    back_up,
    content_of,
    delete,
    done,
    opened,
    repository_of,
    restorer,
    save,
)

REPOSITORY = Path(__file__).parents[4]


@pytest.mark.requirement("S3-6", "S3-28")
def test_back_up_change_several_types_restore_and_all_is_as_it_was(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    documents = DocumentStore(store, document_kinds({"Marks": {"type": "object", "default": {}}}))
    save(
        store,
        settings__x={"a": 1},
        notes__gone="back",
        notes__same=0,
        vault__s="hidden",
        history__contexts__today=[1],
    )
    documents.write({"labels": [1]}, type_name="Marks")
    before = content_of(store)
    made = back_up(store)
    save(
        store, settings__x={"a": 2}, notes__later="goes", vault__s="changed", history__contexts__today=[1, 2]
    )
    delete(store, "notes.gone")
    documents.write({"labels": [2]}, type_name="Marks")
    changed = content_of(store)

    found = restorer(store).run(made.id)
    documents.forget()
    assert content_of(store) == before
    assert documents.read("Marks") == {"labels": (1,)}
    assert sorted(found.changed) == [
        "document.Marks",
        "history.contexts.today",
        "notes.gone",
        "settings.x",
        "vault.s",
    ]
    assert (found.removed, found.unchanged, found.left_out) == (["notes.later"], 1, [])
    store.close()

    again = opened(tmp_path / "store")
    assert content_of(again) == before, "a restart changes nothing"
    restorer(again).run(found.saved_as)
    assert content_of(again) == changed, "and the present was backed up first"
    again.close()


def test_what_is_written_afterwards_has_a_revision_that_nothing_had_before(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1)
    made = back_up(store)
    for number in range(5):
        save(store, notes__a=number)
    newest = store.load("notes.a").revision
    restorer(store).run(made.id)
    assert store.load("notes.a").revision == 1, "what the backup holds is what it was"
    assert done(store, Save("notes.a", 9))[0] > newest
    assert done(store, Save("notes.b", 9))[0] > newest


def test_single_keys_come_back_and_the_rest_stays(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1, notes__b=1)
    made = back_up(store)
    save(store, notes__a=2, notes__b=2, notes__c=2)
    found = restorer(store).run(made.id, ["notes.a"])
    assert content_of(store) == {"notes.a": 1, "notes.b": 2, "notes.c": 2}
    assert (list(found.changed), found.removed) == (["notes.a"], [])
    with pytest.raises(RestoreRefused, match=r"does not hold notes\.c"):
        restorer(store).run(made.id, ["notes.c"])


def test_a_dry_run_reports_the_same_and_changes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1, notes__b=1)
    made = back_up(store)
    save(store, notes__a=2, notes__c=2)
    before = content_of(store)
    planned = restorer(store).run(made.id, dry_run=True)
    assert (list(planned.changed), planned.removed, planned.unchanged, planned.saved_as) == (
        ["notes.a"],
        ["notes.c"],
        1,
        "",
    )
    assert content_of(store) == before
    assert len(repository_of(store).listing().manifests) == 1
    assert not (store.root / ".restore").exists()


@pytest.mark.parametrize("what", ["pack", "document"])
def test_damage_is_refused_and_nothing_changes(tmp_path: Path, what: str) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1, notes__b=1)
    if what == "document":
        (store.root / "notes" / "b.json").write_bytes(b"{broken")
    made = back_up(store)
    save(store, notes__a=2)
    if what == "pack":
        pack = repository_of(store).directory(made.id) / PACK_NAME
        pack.write_bytes(bytes([pack.read_bytes()[9] ^ 1]) + pack.read_bytes()[1:])
    with pytest.raises(RestoreRefused, match="damaged"):
        restorer(store).run(made.id)
    assert store.load("notes.a").value == 2
    assert not (store.root / ".restore").exists()
    if what == "document":
        found = restorer(store).run(made.id, without_damaged=True)
        assert found.left_out == ["notes.b"]
        assert content_of(store) == {"notes.a": 1}


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(BackupNotFound):
        restorer(opened(tmp_path / "store")).run("20260101T120000Z-manual-s1")


def test_a_quota_holds_for_what_is_restored(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a="x" * 5000, notes__b="x" * 5000)
    made = back_up(store)
    store.close()
    store = opened(tmp_path / "store", quota_bytes=8000)
    delete(store, "notes.b")
    with pytest.raises(QuotaExceeded):
        restorer(store).run(made.id)
    with pytest.raises(QuotaExceeded):
        restorer(store).run(made.id, ["notes.b"])
    assert list(content_of(store)) == ["notes.a"]


def test_a_namespace_that_nobody_declares_any_more_is_left_out(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1, vault__s=1)
    made = back_up(store)
    store.close()
    store = opened(tmp_path / "store", tables=[TABLES[1]])
    found = restorer(store).run(made.id)
    assert found.left_out == ["notes.a"]
    assert content_of(store) == {"vault.s": 1}
    assert (store.root / "notes" / "a.json").exists(), "its files are nobody's, and left alone"


@pytest.mark.requirement("S3-23")
def test_what_its_namespace_wants_encrypted_by_now_is_so_once_it_is_restored(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a="plain")
    made = back_up(store)
    store.close()
    store = opened(tmp_path / "store", tables=[NamespaceTable(name="notes", encrypt=True)])
    restorer(store).run(made.id)
    assert store.load("notes.a").encrypted
    assert b"plain" not in (store.root / "notes" / "a.json").read_bytes()


@pytest.mark.requirement("S3-29")
def test_values_of_an_older_version_are_converted_when_they_are_loaded(tmp_path: Path) -> None:
    def version(*migrations: Any) -> dict[str, Any]:
        table = NamespaceTable(name="notes", schema="Note")
        return {"tables": [table], "schemas": ValueSchemas([_Any()], {"Note": list(migrations)})}

    store = opened(tmp_path / "store", **version())
    save(store, notes__a={"n": 1})
    made = back_up(store)
    store.close()
    store = opened(tmp_path / "store", **version(lambda value: {"number": value["n"]}))
    restorer(store).run(made.id)
    assert store.load("notes.a").value == {"number": 1}


def test_encrypted_documents_are_restored_while_the_keys_are_locked(tmp_path: Path) -> None:
    keys = HeldKeys()
    store = opened(tmp_path / "store", keys=keys)
    save(store, vault__s="hidden")
    made = back_up(store)
    delete(store, "vault.s")
    keys.is_locked = True
    restorer(store).run(made.id)
    keys.is_locked = False
    assert content_of(store) == {"vault.s": "hidden"}


def test_settings_come_back_on_request_and_keys_where_there_are_none(tmp_path: Path) -> None:
    extras = {
        "config.json": tmp_path / "config" / "config.json",
        "keys.json": tmp_path / "keys" / "keys.json",
    }
    for path, content in zip(extras.values(), (b"old", b"wrapped"), strict=True):
        path.parent.mkdir()
        path.write_bytes(content)
    store = opened(tmp_path / "store")
    save(store, notes__a=1)
    made = back_up(store, extras=extras)
    extras["config.json"].write_bytes(b"new")
    extras["keys.json"].write_bytes(b"rotated")
    assert restorer(store, extras).run(made.id).settings is False
    assert (extras["config.json"].read_bytes(), extras["keys.json"].read_bytes()) == (b"new", b"rotated")
    extras["keys.json"].unlink()
    assert restorer(store, extras).run(made.id, settings=True).settings is True
    assert (extras["config.json"].read_bytes(), extras["keys.json"].read_bytes()) == (b"old", b"wrapped")


@pytest.mark.skipif(os.name != "posix", reason="makes links")
def test_settings_behind_a_link_are_backed_up_and_restored_there_and_keys_are_not(tmp_path: Path) -> None:
    extras = {name: tmp_path / "home" / name for name in ("config.json", "keys.json")}
    (tmp_path / "home").mkdir()
    for name, path in extras.items():
        (tmp_path / name).write_bytes(b"old")
        path.symlink_to(tmp_path / name)
    store = opened(tmp_path / "store")
    save(store, notes__a=1)
    made = back_up(store, extras=extras)
    for name in extras:
        (tmp_path / name).write_bytes(b"new")
    outcome = restorer(store, extras).run(made.id, settings=True)
    assert outcome.settings
    assert ((tmp_path / "config.json").read_bytes(), extras["config.json"].is_symlink()) == (b"old", True)
    assert (tmp_path / "keys.json").read_bytes() == b"new"


def test_reads_see_the_old_or_the_new_and_writes_are_not_lost_while_it_goes_on(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    names = [f"notes.k{number}" for number in range(30)]
    done(store, *(Save(name, "old") for name in names))
    made = back_up(store)
    done(store, *(Save(name, "new") for name in names))
    is_over = threading.Event()
    seen: set[tuple[object, ...]] = set()
    written: list[int] = []

    def read() -> None:
        while not is_over.is_set():
            seen.add(tuple({found.value for found in store.load_many(names)}))
            seen.add((store.load(names[7]).value,))

    def write() -> None:
        while not is_over.is_set():
            written.append(done(store, Save("settings.count", len(written)))[0])

    threads = [threading.Thread(target=read), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    found = restorer(store).run(made.id)
    count = len(written)
    is_over.set()
    for thread in threads:
        thread.join()
    assert seen <= {("old",), ("new",)}, "never a mixture, never nothing"
    assert store.load(names[0]).value == "old"
    if count == len(
        written
    ):  # nobody wrote after it: the newest write is in the backup of what was there before
        _, reader = repository_of(store).open(found.saved_as)
        document = next(
            document for document in reader.contents.documents if document.key == "settings.count"
        )
        assert store.codec.open("settings.count", reader.read(document)).revision == written[-1]
    store.close()


class _Any(JsonValueSchema):
    def __init__(self) -> None:
        super().__init__("Note", {})


KILLER = """
import os, shutil, signal, sys
from pathlib import Path
from tests.support.state_lab import back_up, content_of, opened, restorer, save

root = Path(sys.argv[1])
base = root / "base" / "store"
store = opened(base)
save(store, notes__a="old", history__contexts__x="old", vault__s="old")
made = back_up(store)
OLD = content_of(store)
save(store, notes__a="new", notes__b="new", history__contexts__x="new", vault__s="new")
NEW = content_of(store)
store.close()

def counted(limit):
    left = [limit]
    def hook(event, arguments):
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def child(act):
    pid = os.fork()
    if not pid:
        try:
            act()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(9)
        os._exit(0)
    return os.waitpid(pid, 0)[1]

def restore(work, limit):
    store = opened(work)
    counted(limit)
    restorer(store).run(made.id)

def check(work):
    store = opened(work)
    found = content_of(store)
    assert found in (OLD, NEW), found
    assert not (work / ".restore").exists()
    save(store, notes__after=1)
    store.close()
    (root / "seen").open("a").write("old " if found == OLD else "new ")

kills = 0
while True:
    work = root / f"work{kills}"
    shutil.copytree(base, work)
    status = child(lambda: restore(work, kills))
    assert status in (0, signal.SIGKILL), status
    assert child(lambda: check(work)) == 0
    shutil.rmtree(work)
    if status == 0:
        break
    kills += 1
print(kills, sorted(set((root / "seen").read_text().split())))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="kills processes that it forks")
@pytest.mark.requirement("S0-19", "S3-6")
def test_killed_at_any_step_it_is_old_or_new_and_the_next_write_works(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    kills, _, seen = ended.stdout.partition(" ")
    assert int(kills) >= 30
    assert seen.strip() == "['new', 'old']"
