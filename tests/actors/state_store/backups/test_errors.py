"""Each error says what happened and what to do next, and can be sent between processes."""

from __future__ import annotations

import pickle

import pytest

from actors.state_store.backups import errors
from bus.errors import OperatorError, UndercroftError

FOUND: list[tuple[UndercroftError, str]] = [
    (errors.BackupNotFound("x"), "there is no backup 'x'; 'undercroft backup list' shows all backups"),
    (
        errors.BackupDamaged("x", "cut short"),
        "backup x: damaged: cut short; use another one, and check the disk",
    ),
    (
        errors.BackupTooNew("x", 3, 1),
        "backup x: made by a later version (format 3, expected at most 1); update Undercroft",
    ),
    (errors.BackupFailed("no space"), "no backup was made: no space"),
    (errors.TransferRefused("n.a", "locked"), "n.a: cannot be transferred: locked; nothing was changed"),
    (errors.RestoreRefused("x", "damaged"), "backup x: not restored: damaged; nothing was changed"),
    (
        errors.PassphraseWrong("f"),
        "f: the passphrase is not the one of the export; nothing was changed",
    ),
    (
        errors.PassphraseTooShort(3, 10),
        "the passphrase has 3 characters, expected at least 10; use several words",
    ),
    (
        errors.ExportDamaged("f", "cut"),
        "f: cut; nothing was changed; copy the file again, or use another one",
    ),
]


@pytest.mark.parametrize(("error", "words"), FOUND, ids=[type(error).__name__ for error, _ in FOUND])
def test_its_words_and_its_way_through_a_pickle(error: UndercroftError, words: str) -> None:
    assert str(error) == words
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert vars(again) == vars(error)


def test_what_a_person_has_to_put_right_is_told_apart_from_what_failed() -> None:
    assert issubclass(errors.PassphraseWrong, OperatorError)
    assert not issubclass(errors.BackupDamaged, OperatorError)
