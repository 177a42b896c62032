"""Errors name their key, say what was found and what to do, and survive pickling."""

from __future__ import annotations

import pickle

import pytest

from actors.state_store import errors
from bus.errors import OperatorError, UndercroftError

EVERY: list[tuple[UndercroftError, str]] = [
    (errors.KeyRefused("x" * 500, "expected a dot"), "is not a key: expected a dot"),
    (
        errors.AccessDenied("notes.a", "eve", "write", "'owner'"),
        "notes.a: 'eve' may not write it, 'owner' may",
    ),
    (
        errors.SaveFailed("notes.a", "no space left on device"),
        "failed to save notes.a: no space left on device",
    ),
    (errors.LoadFailed("notes.a", "locked", True), "failed to load notes.a: locked"),
    (
        errors.ValidationFailed("notes.a", "Note", "text: missing"),
        "validation failed for notes.a: it does not fit Note: text: missing",
    ),
    (errors.RevisionConflict("notes.a", 3, 5), "failed to save notes.a: expected revision 3, found 5"),
    (errors.QuotaExceeded("notes.a", "notes", 11, 10), "namespace 'notes' would take 11 bytes of at most 10"),
    (errors.QuotaExceeded("notes.a", "total", 11, 10), "all state would take 11 bytes"),
    (errors.UnknownType("Nope", ["Marks"]), "no document type 'Nope'; the profile declares Marks"),
    (errors.StoreBroken("notes/a.json", "input/output error"), "notes/a.json: cannot be replaced"),
    (errors.DeclarationRefused("namespaces[0]", "taken"), "profile: namespaces[0]: taken"),
]


@pytest.mark.requirement("S3-13")
@pytest.mark.parametrize(("error", "words"), EVERY, ids=lambda item: type(item).__name__)
def test_an_error_says_what_and_where_and_survives_pickling(error: UndercroftError, words: str) -> None:
    assert words in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_every_error_about_a_key_is_one_family() -> None:
    family = [error for error, _ in EVERY if isinstance(error, errors.StateError)]
    assert len(family) == len(EVERY) - 2
    assert all(error.key for error in family)
    assert isinstance(EVERY[-1][0], OperatorError)
