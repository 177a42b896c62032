"""Pruning: what the rules do not keep goes, with its files; a dry run only says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.shared.profile.profile_tables import BackupsTable
from actors.state_store.backups.backup_pruning import prune
from actors.state_store.backups.format.backup_names import parse_former_value
from actors.state_store.engine.operations import Save
from tests.support.state_lab import back_up, done, opened, repository_of, save

NOON = 1767268800.0
DAY = 86400.0
LAST_TWO = BackupsTable(keep_last=2, keep_daily=0, keep_weekly=0, keep_monthly=0)
ALL = BackupsTable(keep_last=0, keep_daily=0, keep_weekly=0, keep_monthly=0)


@pytest.mark.requirement("S3-19")
def test_old_ones_go_those_by_hand_stay_and_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    save(store, notes__a=1)
    made = [back_up(store, "scheduled", now=NOON + number * DAY).id for number in range(5)]
    mine = back_up(store, "manual", "mine", now=NOON - 900 * DAY).id
    repository = repository_of(store)
    planned = prune(repository, LAST_TWO, dry_run=True)
    assert planned.removed == made[2::-1]
    assert {one.id: one.reasons for one in planned.kept} == {
        made[4]: ["last"],
        made[3]: ["last"],
        mine: ["made by hand"],
    }
    assert len(repository.listing().manifests) == 6
    did = prune(repository, LAST_TWO, dry_run=False)
    assert did.removed == planned.removed
    assert {one.id for one in repository.listing().manifests} == {made[4], made[3], mine}
    assert sorted(path.name for path in (repository.root / "auto").iterdir()) == sorted(made[3:])


def test_what_is_damaged_is_left_alone_and_takes_no_place(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    made = [back_up(store, "scheduled", now=NOON + number * DAY).id for number in range(3)]
    repository = repository_of(store)
    (repository.directory(made[2]) / "backup.json").write_bytes(b"{")
    assert prune(repository, LAST_TWO, dry_run=False).removed == []
    assert repository.directory(made[2]).exists()


def test_former_values_go_by_the_same_rules_each_key_by_itself(tmp_path: Path) -> None:
    now = [NOON]
    store = opened(tmp_path / "store", clock=lambda: now[0])
    for _ in range(5):
        now[0] += 0.1
        done(store, Save("notes.a", now[0], backup=True))
    done(
        store,
        Save("notes.b", 1),
    )
    done(store, Save("notes.b", 2, backup=True))
    repository = repository_of(store)
    assert len(list(repository.former_values())) == 5
    assert prune(repository, ALL, dry_run=False).former_values == 0
    assert prune(repository, LAST_TWO, dry_run=True).former_values == 2
    assert prune(repository, LAST_TWO, dry_run=False).former_values == 2
    left = [parse_former_value(path.name) for path in (repository.root / "auto").iterdir()]
    assert sorted((one.stem, one.revision) for one in left if one) == [
        ("notes.a", 3),
        ("notes.a", 4),
        ("notes.b", 6),
    ]
