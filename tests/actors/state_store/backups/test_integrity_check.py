"""The check: all findings at once, repair on request, and evidence that stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.shared.crypto.envelope import FORMAT, seal
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.backups.format.backup_manifest import MANIFEST_NAME, PACK_NAME
from actors.state_store.backups.integrity_check import CheckReport, IntegrityCheck
from actors.state_store.engine.store import StateStore
from tests.support.state_lab import TABLES, HeldKeys, back_up, content_of, opened, repository_of, save

NOON = 1767268800.0


def checked(store: StateStore, *, repair: bool = False) -> CheckReport:
    check = IntegrityCheck(store, repository_of(store), repair=repair)
    check.check_documents()
    return check.check_backups()


def kinds(report: CheckReport) -> list[tuple[str, str]]:
    return sorted((finding.kind, finding.key or finding.path) for finding in report.findings)


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    store = opened(tmp_path / "store")
    save(store, notes__a=1, notes__b=2, notes__c=3, vault__s="hidden")
    back_up(store, now=NOON)
    store.checkpoint()
    return store


def test_a_sound_store_has_no_findings(store: StateStore) -> None:
    report = checked(store)
    assert (report.findings, report.is_sound, report.checked, report.backups) == ([], True, 4, 1)


@pytest.mark.requirement("S3-19")
def test_all_that_is_wrong_is_found_in_one_go_and_nothing_is_changed(store: StateStore) -> None:
    notes = store.root / "notes"
    good = (notes / "b.json").read_bytes()
    (notes / "a.json").write_bytes(b"{broken")
    (notes / "b.json").write_bytes(good.replace(b'"value": 2', b'"value": 7'))
    (notes / "c.json").write_bytes(good)
    (notes / "d.json.4.tmp").write_bytes(b"half")
    (notes / "x.json.corrupt").write_bytes(b"evidence")
    (notes / "README.md").write_bytes(b"mine")
    (notes / "e.json").write_bytes(seal(5, schema="", schema_version=1, revision=1, now=0.0, name="notes.e"))
    (store.root / "stray").mkdir()
    (store.root / "vault" / "s.json").unlink()
    (store.root / "backups" / "auto" / "20260101T130000Z-scheduled-s1").mkdir()
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    report = checked(store)
    assert kinds(report) == [
        ("damaged", "notes.a"),
        ("damaged", "notes.b"),
        ("damaged", "notes.c"),
        ("evidence", "notes/x.json.corrupt"),
        ("missing", "vault.s"),
        ("temporary", "backups/auto/20260101T130000Z-scheduled-s1"),
        ("temporary", "notes/d.json.4.tmp"),
        ("unknown_file", "notes/README.md"),
        ("unknown_file", "stray"),
        ("unlisted", "notes.e"),
    ]
    assert not report.is_sound
    assert {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()} == before


@pytest.mark.requirement("S3-18", "S3-19")
def test_repair_brings_back_what_was_backed_up_keeps_the_evidence_and_leaves_alone_what_is_nobodys(
    store: StateStore,
) -> None:
    notes = store.root / "notes"
    (notes / "a.json").write_bytes(b"{broken")
    (notes / "README.md").write_bytes(b"mine")
    (notes / "d.json.4.tmp").write_bytes(b"half")
    (notes / "e.json").write_bytes(seal(5, schema="", schema_version=1, revision=1, now=0.0, name="notes.e"))
    (store.root / "vault" / "s.json").unlink()
    report = checked(store, repair=True)
    assert report.is_sound
    damaged = next(finding for finding in report.findings if finding.kind == "damaged")
    assert damaged.repair.startswith("repaired from backup ")
    assert Path(damaged.evidence).read_bytes() == b"{broken"
    assert content_of(store) == {"notes.a": 1, "notes.b": 2, "notes.c": 3, "notes.e": 5, "vault.s": "hidden"}
    assert (notes / "README.md").read_bytes() == b"mine"
    assert kinds(checked(store)) == [
        ("evidence", "notes/a.json.corrupt"),
        ("unknown_file", "notes/README.md"),
    ]


def test_damage_without_any_copy_is_reported_and_put_aside(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1, notes__b=2)
    store.checkpoint()
    (store.root / "notes" / "a.json").write_bytes(b"{broken")
    (store.root / "notes" / "b.json").unlink()
    report = checked(store, repair=True)
    assert {finding.key: finding.repair for finding in report.findings} == {
        "notes.a": "no good copy was found; the key begins empty",
        "notes.b": "no copy was found; the key is forgotten",
    }
    assert content_of(store) == {}


def test_what_is_locked_or_of_a_later_version_is_no_damage(tmp_path: Path) -> None:
    keys = HeldKeys()
    store = opened(tmp_path / "store", keys=keys)
    save(store, notes__a=1, vault__s=1, vault__t=2)
    path = store.root / "notes" / "a.json"
    path.write_bytes(
        path.read_bytes().replace(f'"undercroft": {FORMAT}'.encode(), f'"undercroft": {FORMAT + 1}'.encode())
    )
    keys.is_locked = True
    report = checked(store, repair=True)
    assert report.is_sound
    assert [finding.kind for finding in report.findings] == ["too_new", "locked"]
    assert "2 encrypted documents" in report.findings[1].problem


def test_locked_documents_are_still_held_against_their_digests(tmp_path: Path) -> None:
    keys = HeldKeys()
    store = opened(tmp_path / "store", keys=keys)
    save(store, vault__s=1)
    path = store.root / "vault" / "s.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    keys.is_locked = True
    report = checked(store)
    assert "damaged" in {finding.kind for finding in report.findings}


def test_a_value_that_no_longer_fits_its_schema_is_a_finding_and_stays(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=[1])
    store.close()
    store = opened(
        tmp_path / "store", tables=[NamespaceTable(name="notes", schema="GridLayoutState"), TABLES[1]]
    )
    report = checked(store, repair=True)
    assert [finding.kind for finding in report.findings] == ["schema"]
    assert (store.root / "notes" / "a.json").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda directory: (directory / PACK_NAME).write_bytes(
            b"x" + (directory / PACK_NAME).read_bytes()[1:]
        ),
        lambda directory: (directory / PACK_NAME).unlink(),
        lambda directory: (directory / MANIFEST_NAME).write_bytes(b"{"),
    ],
)
def test_a_damaged_backup_is_put_aside_so_that_nobody_relies_on_it(
    store: StateStore, spoil: Callable[[Path], object]
) -> None:
    repository = repository_of(store)
    (made,) = repository.listing().manifests
    spoil(repository.directory(made.id))
    assert not checked(store).is_sound
    report = checked(store, repair=True)
    assert report.is_sound
    assert [finding.repair for finding in report.findings if finding.kind == "backup"] == ["put aside"]
    assert repository.listing().manifests == []
    assert (repository.root / "manual" / f"{made.id}.corrupt").is_dir()


def test_a_backup_that_holds_documents_damaged_before_is_a_finding_and_stays(store: StateStore) -> None:
    path = store.root / "notes" / "a.json"
    good = path.read_bytes()
    path.write_bytes(b"{broken")
    made = back_up(store, now=NOON + 9)
    path.write_bytes(good)
    report = checked(store, repair=True)
    assert [(finding.kind, finding.repair) for finding in report.findings] == [("backup", "")]
    assert made.id in [one.id for one in repository_of(store).listing().manifests]


def test_what_an_interrupted_restore_or_a_damaged_journal_left_is_a_finding(store: StateStore) -> None:
    (store.root / ".restore").mkdir()
    segment = next(path for path in (store.root / ".journal").iterdir() if path.suffix == ".log")
    (store.root / ".journal" / "0000000000000001.log.corrupt").write_bytes(b"x")
    save(store, notes__a=5)
    content = segment.read_bytes()
    segment.write_bytes(b"\0" * 20 + content[20:])
    assert [finding.kind for finding in checked(store).findings] == ["restore", "evidence", "journal"]
