"""The store as a library: a write is durable, a batch is whole or absent, wherever it is interrupted."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import KeyUnavailable, seal
from actors.shared.durable.directory_lock import DirectoryLocked
from actors.shared.durable.durable_write import Disk
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Delete, RepairedCopy, Save, WriteStep
from actors.state_store.engine.store import StateStore
from actors.state_store.engine.values.value_schemas import ValueSchemas
from actors.state_store.errors import (
    LoadFailed,
    RevisionConflict,
    SaveFailed,
    StateError,
    StoreBroken,
    ValidationFailed,
)

NOTES = NamespaceTable(name="notes")


class HeldKeys:
    """Keys that can be locked."""

    is_locked = False

    def current(self) -> DataKey:
        return self.data_key("k1")

    def data_key(self, key_id: str) -> DataKey:
        if self.is_locked:
            raise KeyUnavailable(key_id, "the keychain wants a password")
        return DataKey(key_id, hashlib.sha256(key_id.encode()).digest())


def opened(root: Path, **options: Any) -> StateStore:
    return StateStore(root, Namespaces([NOTES]), **options).start()


def done(store: StateStore, *steps: WriteStep) -> list[int]:
    (outcome,) = store.commit([steps])
    if isinstance(outcome, StateError):
        raise outcome
    return [one.revision for one in outcome]


def content_of(store: StateStore) -> dict[str, Any]:
    found, _, _ = store.index.page("", "", 10_000, [namespace.name for namespace in store.namespaces])
    return {key: store.load(key).value for key, _ in found}


def left_over(root: Path) -> list[str]:
    return [str(path) for path in root.rglob("*.tmp")]


@pytest.mark.requirement("S3-1")
def test_the_tree_makes_itself_private(tmp_path: Path) -> None:
    opened(tmp_path / "state" / "store").close()
    for directory in (
        "layouts",
        "settings",
        "history/conversations",
        "history/contexts",
        "config",
        "backups/auto",
        "backups/manual",
        "documents",
    ):
        path = tmp_path / "state" / "store" / directory
        assert path.is_dir()
        assert os.name == "nt" or path.stat().st_mode & 0o777 == 0o700


@pytest.mark.requirement("S3-9", "S3-11")
@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("compress", [False, True])
def test_a_value_is_compressed_then_encrypted_and_comes_back_by_itself(
    tmp_path: Path, encrypt: bool, compress: bool
) -> None:
    store = opened(tmp_path, keys=HeldKeys(), clock=lambda: 1759708800.0)
    value = {"words": "hush " * 1000}
    done(store, Save("notes.a", value, encrypt=encrypt, compress=compress))
    content = (tmp_path / "notes" / "a.json").read_bytes()
    assert (b"hush hush" in content) is not (encrypt or compress)
    assert (len(content) < 3000) is compress
    found = store.load("notes.a")
    assert (found.value, found.encrypted, found.compressed, found.saved_at) == (
        value,
        encrypt,
        compress,
        1759708800.0,
    )
    assert (tmp_path / "notes" / "a.json").stat().st_mode & 0o777 == 0o600 or os.name == "nt"
    store.close()


def test_what_is_encrypted_stays_so_unless_asked_otherwise(tmp_path: Path) -> None:
    store = opened(tmp_path, keys=HeldKeys())
    done(store, Save("notes.a", 1, encrypt=True))
    store.close()
    store = opened(tmp_path, keys=HeldKeys())
    done(store, Save("notes.a", 2))
    assert store.load("notes.a").encrypted
    done(store, Save("notes.a", 3, encrypt=False))
    assert not store.load("notes.a").encrypted
    store.close()


def test_a_locked_key_is_no_damage_and_nothing_is_overwritten(tmp_path: Path) -> None:
    keys = HeldKeys()
    store = opened(tmp_path, keys=keys)
    done(store, Save("notes.a", "precious", encrypt=True))
    before = (tmp_path / "notes" / "a.json").read_bytes()
    keys.is_locked = True
    with pytest.raises(LoadFailed, match=r"failed to load notes\.a: locked") as loading:
        store.load("notes.a")
    with pytest.raises(SaveFailed, match=r"failed to save notes\.a: locked") as saving:
        done(store, Save("notes.a", "other"))
    assert loading.value.is_locked
    assert saving.value.is_locked
    assert (tmp_path / "notes" / "a.json").read_bytes() == before
    assert not store.incidents
    keys.is_locked = False
    assert store.load("notes.a").value == "precious"
    store.close()


@pytest.mark.requirement("S3-10")
def test_backup_keeps_the_former_value_as_it_lay_on_disk(tmp_path: Path) -> None:
    store = opened(tmp_path, keys=HeldKeys())
    (first,) = done(store, Save("notes.a", "first", encrypt=True, backup=True))
    assert list((tmp_path / "backups" / "auto").iterdir()) == [], "there was nothing to keep"
    before = (tmp_path / "notes" / "a.json").read_bytes()
    done(store, Save("notes.a", "second", backup=True))
    (kept,) = (tmp_path / "backups" / "auto").iterdir()
    assert kept.read_bytes() == before
    assert b"first" not in before, "encrypted ones stay encrypted"
    assert kept.name.startswith("notes.a@")
    assert kept.name.endswith(f"-r{first}.json")
    done(store, Delete("notes.a", backup=True))
    assert len(list((tmp_path / "backups" / "auto").iterdir())) == 2
    store.close()


@pytest.mark.requirement("S3-29", "S3-8")
def test_a_value_of_an_older_version_is_converted_step_by_step_and_kept_when_it_is_replaced(
    tmp_path: Path,
) -> None:
    tables = [NamespaceTable(name="notes", schema="GridLayoutState")]
    layout = {
        "version": "1",
        "timestamp": 0,
        "layout": {},
        "instances": {},
        "metadata": {"name": "old", "tags": []},
    }
    store = StateStore(tmp_path, Namespaces(tables)).start()
    done(store, Save("notes.a", layout))
    store.close()
    migrations = {
        "GridLayoutState": [
            lambda value: {
                **value,
                "metadata": {**value["metadata"], "name": value["metadata"]["name"] + "er"},
            },
            lambda value: {**value, "version": value["version"] + ".5"},
        ]
    }
    store = StateStore(tmp_path, Namespaces(tables), ValueSchemas((), migrations)).start()
    assert store.load("notes.a").value == {
        **layout,
        "version": "1.5",
        "metadata": {"name": "older", "tags": []},
    }
    done(store, Save("notes.a", store.load("notes.a").value))
    assert len(list((tmp_path / "backups" / "auto").iterdir())) == 1
    assert store.load("notes.a").value["version"] == "1.5", (
        "a value of the present version is not converted again"
    )
    store.close()
    former = StateStore(tmp_path, Namespaces(tables)).start()
    found = former.load("notes.a")
    assert (found.read_only, found.value["version"]) == (True, "1.5")
    with pytest.raises(SaveFailed, match="read-only: a later version of the app wrote it"):
        done(former, Save("notes.a", layout))
    with pytest.raises(SaveFailed, match="read-only"):
        done(former, Delete("notes.a"))
    former.close()


def test_an_envelope_of_a_later_version_is_neither_damage_nor_replaced(tmp_path: Path) -> None:
    store = opened(tmp_path)
    done(store, Save("notes.a", 1))
    store.close()
    path = tmp_path / "notes" / "a.json"
    path.write_bytes(path.read_bytes().replace(b'"undercroft": 1', b'"undercroft": 2'))
    store = opened(tmp_path)
    with pytest.raises(LoadFailed, match="written by a later version"):
        store.load("notes.a")
    with pytest.raises(SaveFailed, match="written by a later version"):
        done(store, Save("notes.a", 2))
    assert not store.incidents
    store.close()


def test_a_value_that_no_longer_fits_stays_where_it_is(tmp_path: Path) -> None:
    store = opened(tmp_path)
    done(store, Save("notes.a", {"n": "text"}))
    store.close()
    store = StateStore(
        tmp_path, Namespaces([NamespaceTable(name="notes", schema="UserPreferencesState")])
    ).start()
    with pytest.raises(ValidationFailed, match=r"validation failed for notes\.a"):
        store.load("notes.a")
    assert (tmp_path / "notes" / "a.json").exists()
    store.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"good", b"evil"),
        lambda _: b"{}",
    ],
)
def test_a_damaged_document_is_put_aside_whether_it_is_read_or_replaced(tmp_path: Path, spoil: Any) -> None:
    store = opened(tmp_path)
    done(store, Save("notes.a", "good"), Save("notes.b", "good"))
    store.close()
    store = opened(tmp_path)
    for name in ("a", "b"):
        path = tmp_path / "notes" / f"{name}.json"
        path.write_bytes(spoil(path.read_bytes()))
    evidence = (tmp_path / "notes" / "a.json").read_bytes()
    found = store.load("notes.a")
    assert (found.found, found.value) == (False, None)
    assert Path(found.evidence).read_bytes() == evidence
    assert "notes.a" not in store.index
    with pytest.raises(RevisionConflict):
        done(store, Save("notes.b", "new", expected_revision=2))
    done(store, Save("notes.b", "new"))
    assert store.load("notes.b").value == "new"
    assert (tmp_path / "notes" / "b.json.corrupt").exists()
    assert [(one.kind, one.subject) for one in store.incidents] == [
        ("corruption", "notes.a"),
        ("corruption", "notes.b"),
    ]
    store.close()


def test_one_file_put_in_the_place_of_another_shows(tmp_path: Path) -> None:
    store = opened(tmp_path)
    done(store, Save("notes.a", "a"), Save("notes.b", "b"))
    shutil.copy(tmp_path / "notes" / "b.json", tmp_path / "notes" / "a.json")
    assert store.load("notes.a").evidence
    store.close()


def test_a_damaged_document_is_repaired_from_what_the_hook_finds(tmp_path: Path) -> None:
    copies: dict[str, bytes] = {}
    store = opened(
        tmp_path,
        repair=lambda damaged: (
            RepairedCopy(copies[damaged.key], "backup 7") if damaged.key in copies else None
        ),
    )
    done(store, Save("notes.a", "good"), Save("notes.b", "x"))
    copies["notes.a"] = (tmp_path / "notes" / "a.json").read_bytes()
    copies["notes.b"] = b"damaged as well"
    for name in ("a", "b"):
        (tmp_path / "notes" / f"{name}.json").write_bytes(b"?")
    found = store.load("notes.a")
    assert (found.value, found.repaired_from) == ("good", "backup 7")
    assert Path(found.evidence).read_bytes() == b"?"
    assert store.load("notes.a").repaired_from == ""
    assert store.load("notes.b").found is False
    assert store.incidents[0].source == "backup 7"
    store.close()


def test_two_processes_cannot_have_one_store(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(DirectoryLocked):
        opened(tmp_path)
    store.close()
    opened(tmp_path).close()


def test_revisions_only_grow_over_restarts_and_deletions(tmp_path: Path) -> None:
    seen = []
    for _ in range(3):
        store = opened(tmp_path)
        seen += done(store, Save("notes.a", 1), Save("notes.b", 1))
        seen += done(store, Delete("notes.a"), Delete("notes.b"))
        store.close()
    assert seen == sorted(set(seen))


def test_a_batch_that_names_a_key_twice_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(SaveFailed, match="names it twice"):
        done(store, Save("notes.a", 1), Delete("notes.a"))
    assert content_of(store) == {}
    store.close()


def test_a_clock_that_is_set_back_changes_nothing_but_the_time_that_is_noted(tmp_path: Path) -> None:
    times = iter([2_000_000_000.0, 1_000_000_000.0, 1_000_000_001.0, 1_000_000_002.0])
    store = opened(tmp_path, clock=lambda: next(times))
    (first,) = done(store, Save("notes.a", 1))
    (second,) = done(store, Save("notes.a", 2, expected_revision=first))
    assert second > first
    assert store.load("notes.a").value == 2
    store.close()


def test_a_key_too_long_for_a_file_name_is_found_again(tmp_path: Path) -> None:
    key = "notes." + "Ärger" * 60
    store = opened(tmp_path, keys=HeldKeys())
    done(store, Save(key, 1), Save(key + "x", 2, encrypt=True))
    store.close()
    store = opened(tmp_path, keys=HeldKeys())
    assert content_of(store) == {key: 1, key + "x": 2}
    store.close()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["notes.a", "notes.A", "notes.ä", "config.a", "layout_", "history.contexts.x"]),
        st.one_of(st.none(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=5)),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda step: step[0],
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.just("restart"), st.just("checkpoint"), STEPS), max_size=8))
def test_it_does_what_a_dictionary_does(tmp_path_factory: pytest.TempPathFactory, script: list[Any]) -> None:
    root = tmp_path_factory.mktemp("model")
    store, model = opened(root), dict[str, Any]()
    for batch in script:
        if batch == "restart":
            store.close()
            store = opened(root)
        elif batch == "checkpoint":
            store.checkpoint()
        else:
            steps = [Delete(key) if value is None else Save(key, value) for key, value in batch if "." in key]
            if steps:
                done(store, *steps)
            for key, value in batch:
                if "." in key:
                    model.pop(key, None) if value is None else model.update({key: value})
        assert content_of(store) == model
    store.close()
    assert left_over(root) == []


class FullDisk(Disk):
    """Takes no new files while it is full."""

    is_full = False

    def create(self, path: Path) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().create(path)


@pytest.mark.requirement("S3-25", "S3-27")
def test_a_store_that_starts_on_a_full_disk_can_be_read_and_saves_again_once_there_is_room(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path / "store")
    done(store, Save("notes.a", "first"))
    shutil.copytree(tmp_path / "store", tmp_path / "killed")
    store.close()
    disk = FullDisk()
    disk.is_full = True
    store = opened(tmp_path / "killed", disk=disk)
    assert content_of(store) == {"notes.a": "first"}
    assert [(one.kind, one.subject) for one in store.incidents] == [("disk", "journal")]
    (refused,) = store.commit([[Save("notes.b", "second")]])
    assert "notes.b" in str(refused)
    disk.is_full = False
    done(store, Save("notes.a", "later"))
    shutil.copytree(tmp_path / "killed", tmp_path / "again")
    store.close()
    for root in ("killed", "again"):
        store = opened(tmp_path / root)
        assert content_of(store) == {"notes.a": "later"}, "an older segment never outlives a newer one"
        store.close()


class FailingDisk(Disk):
    """Fails at the N-th call of a step, once."""

    def __init__(self) -> None:
        self.step = ""
        self.countdown = 0
        self.code = errno.ENOSPC

    def arm(self, step: str, countdown: int, code: int) -> None:
        self.step, self.countdown, self.code = step, countdown, code

    def _pass(self, step: str) -> None:
        if step == self.step:
            self.countdown -= 1
            if self.countdown == 0:
                self.step = ""
                raise OSError(self.code, os.strerror(self.code))

    def create(self, path: Path) -> int:
        self._pass("create")
        return super().create(path)

    def write(self, descriptor: int, content: memoryview) -> int:
        self._pass("write")
        return super().write(descriptor, content[: max(256, len(content) // 2)])

    def sync(self, descriptor: int) -> None:
        self._pass("sync")
        super().sync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        self._pass("sync")
        super().sync_data(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        self._pass("rename")
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        self._pass("unlink")
        super().unlink(path)


@pytest.mark.requirement("S3-12", "S3-13", "S3-27", "S2-5")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("step", ["create", "write", "sync", "rename", "unlink"])
def test_wherever_the_disk_fails_a_batch_is_there_whole_or_not_at_all_and_the_next_write_works(
    tmp_path: Path, step: str, code: int
) -> None:
    failures = 0
    for occurrence in range(1, 40):
        root = tmp_path / f"{step}{occurrence}"
        disk = FailingDisk()
        store = opened(root, disk=disk)
        before = {"notes.a": "old a", "notes.b": "old b", "notes.c": "old c"}
        done(store, *(Save(key, value) for key, value in before.items()))
        after = {"notes.a": "new a", "notes.b": "new b"}
        disk.arm(step, occurrence, code)
        try:
            done(store, Save("notes.a", "new a", backup=True), Save("notes.b", "new b"), Delete("notes.c"))
        except SaveFailed as error:
            failures += 1
            assert error.key.startswith("notes.")
            assert error.key in str(error)
            assert content_of(store) == before
            assert left_over(root) == []
        except StoreBroken:
            failures += 1
            with pytest.raises(StoreBroken):
                done(store, Save("notes.a", "more"))
            store.close()
            store = opened(root)
            assert content_of(store) == after
        else:
            assert content_of(store) == after
        is_over = disk.step != ""
        disk.step = ""
        done(store, Save("notes.a", "next"))
        store.close()
        store = opened(root)
        assert store.load("notes.a").value == "next"
        assert left_over(root) == []
        store.close()
        if is_over:
            break
    else:
        raise AssertionError("the write path never ends")
    assert failures or step in ("create", "unlink")


def test_files_that_cannot_be_made_durable_are_an_incident_and_written_again_from_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from actors.state_store.engine.files import state_layout

    store = opened(tmp_path)
    done(store, Save("notes.a", 1))
    real = state_layout.sync_file

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(state_layout, "sync_file", fail)
    store.checkpoint()
    assert [one.kind for one in store.incidents] == ["disk"]
    assert len(list((tmp_path / ".journal").iterdir())) == 2, "the journal keeps what the file holds"
    (tmp_path / "notes" / "a.json").write_bytes(b"the kernel dropped the pages")
    monkeypatch.setattr(state_layout, "sync_file", real)
    store.checkpoint()
    assert store.load("notes.a").value == 1
    assert len(list((tmp_path / ".journal").iterdir())) == 1
    store.close()


def test_what_only_the_journal_holds_is_there_at_the_next_start(tmp_path: Path) -> None:
    """A power cut may undo every rename whose directory was not synced: the journal was."""
    store = opened(tmp_path / "store")
    done(store, Save("notes.a", 1), Save("notes.b", 1))
    store.checkpoint()
    done(store, Save("notes.a", 2), Delete("notes.b"), Save("notes.c", 3))
    shutil.copytree(tmp_path / "store", tmp_path / "cut")
    store.close()
    (tmp_path / "cut" / "notes" / "a.json").write_bytes(b"")
    (tmp_path / "cut" / "notes" / "c.json").unlink()
    (tmp_path / "cut" / "notes" / "b.json").write_bytes(b"it came back")
    store = opened(tmp_path / "cut")
    assert content_of(store) == {"notes.a": 2, "notes.c": 3}
    store.close()


def test_a_journal_that_is_damaged_in_its_middle_is_kept_as_evidence(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    done(store, Save("notes.a", "first"))
    done(store, Save("notes.b", "second"))
    shutil.copytree(tmp_path / "store", tmp_path / "cut")
    store.close()
    (segment,) = (tmp_path / "cut" / ".journal").glob("*.log")
    segment.write_bytes(segment.read_bytes().replace(b"first", b"fresh"))
    (tmp_path / "cut" / "notes" / "b.json").unlink()
    store = opened(tmp_path / "cut")
    assert content_of(store) == {"notes.a": "first", "notes.b": "second"}, (
        "its own file was whole, and so was the later record"
    )
    assert [(one.kind, one.subject) for one in store.incidents] == [("corruption", "journal")]
    assert Path(store.incidents[0].evidence).exists()
    store.close()


def test_readers_and_writers_at_once_see_whole_values_and_whole_batches(tmp_path: Path) -> None:
    store = opened(tmp_path)
    done(store, Save("notes.a", [0] * 100), Save("notes.b", [0] * 100))
    stop = threading.Event()
    faults: list[Any] = []

    def read() -> None:
        while not stop.is_set():
            one, other = (found.value for found in store.load_many(["notes.a", "notes.b"]))
            if one != other or len(set(store.load("notes.a").value)) != 1:
                faults.append((one[0], other[0]))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(1, 150):
        done(store, Save("notes.a", [n] * 100), Save("notes.b", [n] * 100))
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    store.close()


CHILD = """
import sys
from pathlib import Path
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.operations import Save
from actors.state_store.engine.store import StateStore
store = StateStore(Path(sys.argv[1]), Namespaces([NamespaceTable(name="notes")])).start()
n = 1 + max(store.load("notes.a").value or 0, store.load("notes.b").value or 0)
while True:
    (outcome,) = store.commit([[Save("notes.a", n), Save("notes.b", n), Save(f"notes.k{n % 50}", n)]])
    assert isinstance(outcome, list), outcome
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
    if n % 40 == 0:
        store.checkpoint()
    n += 1
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.requirement("S3-25", "S3-4")
def test_a_killed_writer_loses_nothing_acknowledged_and_leaves_no_half_batch(tmp_path: Path) -> None:
    acknowledged = 0
    for life in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(5 + 13 * life % 60):
                acknowledged = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
        store = opened(tmp_path / "store")
        found = content_of(store)
        assert found["notes.a"] == found["notes.b"] >= acknowledged
        assert found[f"notes.k{found['notes.a'] % 50}"] == found["notes.a"]
        store.close()
        assert left_over(tmp_path / "store") == []


@pytest.mark.slow
def test_a_hundred_thousand_keys_are_listed_at_once_and_found_at_a_start(tmp_path: Path) -> None:
    opened(tmp_path).close()
    content = seal(1, schema="", schema_version=1, revision=1, now=0.0, name="")
    for n in range(100_000):
        (tmp_path / "notes" / f"k{n}.json").write_bytes(content)
    store = opened(tmp_path)
    page, total, more = store.index.page("notes.k1", "", 100, ["notes"])
    assert (len(page), total, more) == (100, 11_111, True)
    (first,) = done(store, Save("notes.k1234567", 1))
    assert first == 1
    store.close()
