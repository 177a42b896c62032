"""The errors of opening say what was found and what to do, and travel between processes."""

from __future__ import annotations

import pickle

import pytest

from actors.shared.crypto.envelope_errors import (
    EnvelopeDamaged,
    EnvelopeLocked,
    EnvelopeTooNew,
    KeyUnavailable,
    NotAnEnvelope,
    StoredValue,
)

STORED = StoredValue(value=1, schema="s", schema_version=1, written_at=1.0, revision=1)


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotAnEnvelope("expected JSON"), "expected JSON; keep the file"),
        (
            EnvelopeDamaged("its digest is 1, expected 2", "2", STORED),
            "damaged: its digest is 1, expected 2; keep the file",
        ),
        (
            EnvelopeLocked("k1", "the keychain is away"),
            "locked: it needs the key k1: the keychain is away; see 'undercroft keys status'",
        ),
        (EnvelopeTooNew(3), "format 3, expected at most 1"),
        (KeyUnavailable("k1", "no keys"), "the key k1 is not available: no keys"),
    ],
)
def test_error_has_its_words_and_its_data_also_after_a_journey(error: Exception, words: str) -> None:
    assert words in str(error)
    arrived = pickle.loads(pickle.dumps(error))
    assert (type(arrived), vars(arrived)) == (type(error), vars(error))
