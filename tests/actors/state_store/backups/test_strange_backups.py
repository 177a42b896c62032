"""Backups, packs and exports in which any field is another: told, and the store stays as it was."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.shared.crypto import content_codec
from actors.shared.crypto.content_codec import ValueNotStorable
from actors.shared.crypto.envelope import open_envelope, seal
from actors.state_store.backups import backup_transfer
from actors.state_store.backups.backup_pruning import prune
from actors.state_store.backups.backup_transfer import export_backup, import_backup
from actors.state_store.backups.format import backup_manifest, portable_export
from actors.state_store.backups.format.backup_manifest import MANIFEST_NAME, PACK_NAME, PackContents
from actors.state_store.backups.format.backup_names import parse_former_value, parse_id
from actors.state_store.backups.integrity_check import IntegrityCheck
from actors.state_store.engine.store import StateStore
from bus.errors import UndercroftError
from schemas.backups import BackupsVerifyRequestEvent, StateCheckRequestEvent
from tests.support.state_lab import (
    HeldKeys,
    back_up,
    content_of,
    opened,
    repository_of,
    restorer,
    running_with_backups,
    save,
)
from tests.support.strange_files import FILE_MUTATIONS, Mutation, bounded_memory, strange_documents

PASSPHRASE = "correct horse battery staple"
MUTATIONS = [one for one in FILE_MUTATIONS if one.name != "unreadable" or os.geteuid()]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StateStore]:
    found = opened(tmp_path / "store")
    save(found, notes__a={"x": 1}, vault__b="secret", notes__c=[1, 2])
    yield found
    found.close()


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, call, lambda _: None)  # no power fails here, and a disk takes its time


def look_at_everything(store: StateStore, id: str) -> None:
    """List, verify, restore and check; what is wrong is a fault or an error that says so."""
    repository = repository_of(store)
    assert repository.listing() is not None
    assert repository.verify(id) is not None
    for keys in ((), ("notes.a",)):
        for dry_run in (True, False):
            try:
                restorer(store).run(id, keys, dry_run=dry_run, without_damaged=True)
            except (UndercroftError, OSError) as error:
                assert str(error)
    IntegrityCheck(store, repository).check_backups()


def values_of(content: bytes) -> Iterator[tuple[str, Any]]:
    """The documents that `strange_documents` makes, as far as an envelope can hold them."""
    for words, changed in strange_documents(content):
        try:
            yield words, msgspec.json.decode(changed)
        except (msgspec.DecodeError, RecursionError):
            continue


def test_a_manifest_with_any_field_changed_and_a_digest_that_fits_harms_nothing(store: StateStore) -> None:
    made = back_up(store, "manual", "mine")
    path = repository_of(store).directory(made.id) / MANIFEST_NAME
    whole, before = path.read_bytes(), content_of(store)
    stored = open_envelope(whole, limits=backup_manifest.LIMITS)
    for number, (words, value) in enumerate(values_of(json.dumps(stored.value).encode())):
        if number % 3:
            continue
        try:
            path.write_bytes(
                seal(
                    value,
                    schema=backup_manifest.SCHEMA,
                    schema_version=1,
                    revision=1,
                    now=1.0,
                    name=f"backup/{made.id}",
                    limits=backup_manifest.LIMITS,
                )
            )
        except ValueNotStorable:
            continue
        with bounded_memory():
            look_at_everything(store, made.id)
        assert content_of(store) == before, words
    path.write_bytes(whole)
    assert repository_of(store).verify(made.id) == []


def test_a_table_of_contents_with_any_field_changed_harms_nothing(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pack is written by the real writer, around another table."""
    back_up(store)
    before = content_of(store)
    real = backup_manifest.pack_contents
    changed: list[bytes] = []

    def pack(contents: PackContents) -> tuple[bytes, int, str]:
        frame = content_codec.compress(changed[-1])
        return frame, len(changed[-1]), hashlib.sha256(frame).hexdigest()

    made = back_up(store)
    _, reader = repository_of(store).open(made.id)
    table = msgspec.json.encode(reader.contents)
    from actors.state_store.backups.format import backup_pack

    monkeypatch.setattr(backup_pack, "pack_contents", pack)
    monkeypatch.setattr("actors.state_store.backups.repository._read_back", lambda *_: None)
    for number, (words, content) in enumerate(strange_documents(table)):
        if number % 5:
            continue
        changed.append(content)
        with bounded_memory():
            crafted = back_up(store)
            with monkeypatch.context() as patch:
                patch.setattr(backup_pack, "pack_contents", real)
                look_at_everything(store, crafted.id)
        repository_of(store).remove(crafted.id)
        after = content_of(store)
        assert {key: after[key] for key in after if key in before} == {key: before[key] for key in after}, (
            words
        )


@pytest.mark.parametrize("name", [MANIFEST_NAME, PACK_NAME])
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_something_else_in_the_place_of_a_file_of_a_backup_costs_that_backup(
    mutation: Mutation, name: str, store: StateStore
) -> None:
    good, bad = back_up(store, "manual", "good"), back_up(store, "manual", "bad")
    trace = mutation.leave(repository_of(store).directory(bad.id) / name)
    before = content_of(store)
    with bounded_memory():
        look_at_everything(store, bad.id)
        listing = repository_of(store).listing()
    assert good.id in [one.id for one in listing.manifests]
    assert repository_of(store).verify(good.id) == []
    assert content_of(store) == before
    report = IntegrityCheck(store, repository_of(store), repair=True).check_backups()
    assert trace.is_kept(store.root)
    assert report.is_sound or "a later version" in report.findings[0].problem


def test_an_export_with_any_field_of_its_first_line_changed_is_refused(
    store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = functools.partial(portable_export.write_export, memory_kib=32)
    monkeypatch.setattr(backup_transfer, "write_export", quick)
    target = tmp_path / "mine.undercroft"
    export_backup(repository_of(store), back_up(store).id, target, PASSPHRASE, HeldKeys())
    line, _, rest = target.read_bytes().partition(b"\n")
    before = repository_of(store).listing()
    header = line.removeprefix(portable_export.MAGIC)
    for words, content in strange_documents(header):
        if "memory_kib=" in words or "iterations=" in words or "lanes=" in words:
            continue  # what they may cost has its own test
        spelled = _with_its_digest(content)
        target.write_bytes(portable_export.MAGIC + spelled + b"\n" + rest)
        if spelled == header:
            continue
        with bounded_memory():
            assert _refused(store, target), words
    assert repository_of(store).listing() == before


def _refused(store: StateStore, target: Path) -> str:
    try:
        import_backup(repository_of(store), target, PASSPHRASE, HeldKeys())
    except UndercroftError as error:
        return str(error)
    return ""


def _with_its_digest(content: bytes) -> bytes:
    """A first line whose digest fits, where it is one at all."""
    try:
        header = msgspec.json.decode(content, type=portable_export.ExportHeader)
    except (msgspec.DecodeError, RecursionError):
        return content
    return msgspec.json.encode(msgspec.structs.replace(header, digest=portable_export._digest(header)))


def test_names_that_say_a_time_beyond_the_calendar_are_none() -> None:
    for stamp in ("99991231T235959Z", "00010101T000000Z", "30000101T000000Z"):
        assert parse_id(f"{stamp}-manual-s1") is None
        assert parse_former_value(f"a@{stamp}-r999999999999999999.json") is None
    assert parse_former_value("a@29991231T235959Z-r999999999999999999.json") is not None


def test_former_values_with_any_revision_are_pruned_without_an_end(store: StateStore) -> None:
    from actors.shared.profile.profile_tables import BackupsTable

    for name in ("notes.a@29991231T235959Z-r999999999999999999.json", "x@19700101T000000Z-r0.json"):
        (store.root / "backups" / "auto" / name).write_bytes(b"x")
    pruned = prune(repository_of(store), BackupsTable(keep_last=1), dry_run=False)
    assert pruned.former_values == 0, "the newest of each key stays"


@pytest.mark.anyio
@pytest.mark.requirement("S3-19")
async def test_what_a_cut_left_is_named_beside_the_others_and_is_no_fault(tmp_path: Path) -> None:
    async with running_with_backups(tmp_path) as lab:
        await lab.save("notes.a", 1)
        good, cut = back_up(lab.store, "manual", "good"), back_up(lab.store, "manual", "cut")
        (repository_of(lab.store).directory(cut.id) / MANIFEST_NAME).unlink()
        verified = await lab.app.request(BackupsVerifyRequestEvent())
        assert (verified.verified, verified.faults, verified.unfinished) == ([good.id], [], [cut.id])
        (fault,) = (await lab.app.request(BackupsVerifyRequestEvent(id=cut.id))).faults
        assert "there is no backup" in fault.problem
        checked = await lab.app.request(StateCheckRequestEvent())
        assert checked.is_sound
        assert [(one.kind, one.path) for one in checked.findings] == [
            ("temporary", f"backups/manual/{cut.id}")
        ]
        repaired = await lab.app.request(StateCheckRequestEvent(repair=True))
        assert [one.repair for one in repaired.findings] == ["put aside"]
        assert (await lab.app.request(BackupsVerifyRequestEvent())).unfinished == []
    assert backup_transfer.PARTIAL
