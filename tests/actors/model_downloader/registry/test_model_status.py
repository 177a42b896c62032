"""The status of a model: by its install if there is one, else by what lies on disk."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from actors.model_downloader.registry.model_on_disk import ModelOnDisk
from actors.model_downloader.registry.model_status import InstallReport, KnownModel, status_of
from actors.model_downloader.staging.revisions import record_of
from actors.model_downloader.staging.staging_journal import StagingJournal, reconcile
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import ModelState

FILE = FilePromise(path="f", size_bytes=200, sha256="0" * 64, urls=["https://models.example/f"])
ENTRY = ModelEntry(id="m", name="M", category="stt", licence="MIT", revision="v2", files=[FILE])
JOURNAL = reconcile(ENTRY, None)
ACTIVE = ModelOnDisk(is_active=True, is_whole=True, record=record_of(ENTRY, {}, 1))


@pytest.mark.parametrize(
    ("on_disk", "state"),
    [
        (ModelOnDisk(), "absent"),
        (ModelOnDisk(has_partial=True), "partial"),
        (ModelOnDisk(has_partial=True, partial=JOURNAL), "partial"),
        (ModelOnDisk(has_partial=True, partial=msgspec.structs.replace(JOURNAL, paused=True)), "paused"),
        (ModelOnDisk(has_damaged=True), "damaged"),
        (ModelOnDisk(has_damaged=True, has_partial=True), "partial"),
        (ModelOnDisk(is_active=True), "damaged"),
        (ACTIVE, "installed"),
        (ModelOnDisk(is_active=True, is_whole=True, has_partial=True), "installed"),
    ],
)
def test_what_lies_on_disk_gives_the_state(on_disk: ModelOnDisk, state: ModelState) -> None:
    status = status_of(KnownModel(entry=ENTRY, on_disk=on_disk))
    assert (status.state, status.problem_kind) == (state, "damaged" if state == "damaged" else "")
    assert bool(status.problem) is (state == "damaged")


def test_installed_model_has_all_of_its_bytes_and_shows_its_revisions() -> None:
    former = msgspec.structs.replace(record_of(ENTRY, {}, 1), revision="v1", promises="1" * 64)
    known = KnownModel(
        entry=ENTRY,
        on_disk=ModelOnDisk(is_active=True, is_whole=True, record=ACTIVE.record, former=former),
        held_by=("engine",),
    )
    status = status_of(known)
    assert (status.durable_bytes, status.revision, status.wanted_revision) == (200, "v2", "v2")
    assert (status.former_revision, status.held_by) == ("v1", ["engine"])


def test_model_that_was_not_checked_yet_counts_as_being_verified_and_serves_no_revision() -> None:
    status = status_of(KnownModel(entry=ENTRY, on_disk=ACTIVE, is_unchecked=True))
    assert (status.state, status.durable_bytes, status.revision) == ("verifying", 200, "")


def test_damage_that_was_found_in_the_bytes_outweighs_their_number() -> None:
    status = status_of(KnownModel(entry=ENTRY, on_disk=ACTIVE, damage="m: bad", problem="something else"))
    assert (status.state, status.problem, status.revision) == ("damaged", "m: bad", "")


def test_other_problems_do_not_make_an_installed_model_damaged() -> None:
    status = status_of(KnownModel(entry=ENTRY, on_disk=ACTIVE, problem="m: its update cannot go on"))
    assert (status.state, status.problem, status.problem_kind) == (
        "installed",
        "m: its update cannot go on",
        "",
    )


def test_licence_that_is_due_is_said_of_models_that_are_not_installed() -> None:
    status = status_of(KnownModel(entry=ENTRY, is_licence_due=True))
    assert (status.licence_due, status.problem_kind) == (True, "licence")
    assert not status_of(KnownModel(entry=ENTRY, on_disk=ACTIVE, is_licence_due=True)).licence_due


def test_install_says_itself_where_it_is_and_the_old_revision_serves_meanwhile(tmp_path: Path) -> None:
    journal = StagingJournal(tmp_path, JOURNAL)
    journal.keep("f", ((0, 7),))
    journal.save()
    report = InstallReport("failed", journal, "the disk is full", "space")
    status = status_of(KnownModel(entry=ENTRY, on_disk=ACTIVE, report=report))
    assert (status.state, status.durable_bytes, status.size_bytes) == ("failed", 7, 200)
    assert (status.problem, status.problem_kind, status.revision) == ("the disk is full", "space", "v2")
    assert not report.is_running
    assert InstallReport("verifying", journal).is_running
