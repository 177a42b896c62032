"""An entry on disk is decoded within the limits of today, or named as unfit; it costs only itself."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.history.entries.stored.stored_entry import decode_entry, position_of, read_batch
from schemas.history import HistoryEntry
from tests.support.history_lab import entry
from tests.support.strange_files import strange_documents

GOOD = msgspec.json.encode(entry(1))


def with_fields(**changed: object) -> bytes:
    return json.dumps({**json.loads(GOOD), **changed}).encode()


def batch(*bodies: bytes) -> bytes:
    return msgspec.json.encode({"put": list(map(msgspec.Raw, bodies)), "remove": []})


@pytest.mark.parametrize(
    "body",
    [
        with_fields(at=None),  # how NaN and infinity were written
        with_fields(at=-1.0),
        with_fields(at=1e300),
        with_fields(duration_seconds=None),
        with_fields(duration_seconds=1e11),
        with_fields(tokens=2**63),
        with_fields(tokens=-1),
        with_fields(text="x" * 200_001),
        with_fields(fields={"a": "x" * 5000}),
        with_fields(id="x"),
        with_fields(id="7" * 40),
        b"{}",
        b"[" * 500 + b"]" * 500,
        b"null",
    ],
)
def test_what_is_beyond_the_limits_costs_only_itself(body: bytes) -> None:
    fit, _, unfit = read_batch(batch(GOOD, body, GOOD))
    assert [decode_entry(stored) for _, _, stored in fit] == [entry(1), entry(1)]
    assert [one.body for one in unfit] == [body]
    assert unfit[0].problem


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b"", b"null", b'{"put":5}', b'{"put":[NaN]}', b'{"remove":[1]}', b"\xff"]
)
def test_what_is_no_batch_is_kept_whole(content: bytes) -> None:
    fit, removed, unfit = read_batch(content)
    assert (fit, removed, [one.body for one in unfit]) == ([], [], [content])


def test_fields_of_a_later_version_stay_in_the_body() -> None:
    body = with_fields(of_a_later_version={"a": [1]})
    fit, _, unfit = read_batch(batch(body))
    assert (fit[0][2], unfit) == (body, [])


def test_any_value_in_any_field_is_taken_or_named() -> None:
    full = HistoryEntry(
        **{**msgspec.structs.asdict(entry(1)), "edited_at": 2.0, "fields": {"window": "mail"}, "tokens": 3}
    )
    for name, body in strange_documents(msgspec.json.encode(full)):
        fit, _, unfit = read_batch(batch(body))
        assert len(fit) + len(unfit) == 1, name
        for one in fit:
            assert 0 <= one[0] < 1 << 63
            assert decode_entry(msgspec.json.encode(decode_entry(one[2]))) == decode_entry(one[2])


@given(st.text(max_size=40))
def test_a_position_is_one_that_a_database_holds(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= position_of(text) < 1 << 63
