"""Segments with entries that today's limits refuse: those are put aside and told, everything else serves."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from actors.history.engine import AppendEntry, HistoryEngine
from actors.history.segments.segment import read_header, read_segment
from actors.history.segments.segment_keys import SegmentKeys
from actors.history.segments.segment_store import SegmentStore
from actors.shared.durable.quarantine import PARTLY_READ
from schemas.bounds import INTEGER_LIMIT
from schemas.history import HistoryExportRequestEvent, HistorySearchRequestEvent
from tests.support.history_lab import (
    RING,
    bytes_below,
    engine_of,
    entry,
    finish,
    texts,
    troubles,
)

BEYOND = (
    {"at": None},
    {"at": 1e300},
    {"at": -5.0},
    {"duration_seconds": None},
    {"tokens": 2**63},
    {"tokens": "many"},
    {"text": "x" * 300_000},
    {"fields": {"a": 1}},
    {"id": "no id"},
    {"id": "-" * 36},
    {"kind": "k" * 600},
)


def body(number: int, **changed: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps({**json.loads(msgspec.json.encode(entry(number))), **changed}).encode())


def lines(root: Path, *contents: bytes, encrypts: bool) -> None:
    """A history with these lines, as any version may have written them."""
    segments = SegmentStore(root / "history", root / "anchors", SegmentKeys(RING, encrypts=encrypts))
    segments.open()
    for content in contents:
        segments.append(content)
    segments.close()


def batch(*put: msgspec.Raw, remove: tuple[str, ...] = ()) -> bytes:
    return msgspec.json.encode({"put": list(put), "remove": list(remove)})


def asides(root: Path) -> list[bytes]:
    """The contents of all lines that were put aside."""
    found: list[bytes] = []
    for path in sorted((root / "history").glob(f"*{PARTLY_READ}")):
        content = path.read_bytes()
        header = read_header(content)
        found += read_segment(content, header, SegmentKeys(RING, encrypts=True).cipher(header)).batches
    return found


def works(engine: HistoryEngine) -> None:
    """Queries of every kind answer."""
    engine.index.conversations()
    engine.index.sizes()
    engine.index.search(HistorySearchRequestEvent(words="text"), complete=True)
    entries, more = engine.index.oldest_first(HistoryExportRequestEvent(format="csv"))
    assert (len(entries), more) == (engine.index.count, False)


@pytest.mark.requirement("S0-12", "S0-4")
@pytest.mark.parametrize("encrypts", [True, False])
def test_entries_beyond_the_limits_are_put_aside_and_told(tmp_path: Path, encrypts: bool) -> None:
    bad = [body(20 + number, **changed) for number, changed in enumerate(BEYOND)]
    lines(tmp_path, batch(body(1), *bad[:6], body(2)), batch(*bad[6:], body(3)), encrypts=encrypts)
    engine = engine_of(tmp_path, encrypts=encrypts)
    assert texts(engine) == ["text 1", "text 2", "text 3"]
    works(engine)
    (finding,) = engine.findings
    assert f"unfit: some of its entries are beyond today's limits ({len(BEYOND)}, the first: " in str(finding)
    assert PARTLY_READ in str(finding)
    finish(engine)
    engine.commit([AppendEntry(entry(4))])
    engine.close()
    kept = [bytes(one) for content in asides(tmp_path) for one in msgspec.json.decode(content, type=Puts).put]
    assert kept == [bytes(one) for one in bad]
    assert (b"text 21" in bytes_below(tmp_path)) is not encrypts

    again = engine_of(tmp_path, encrypts=encrypts)
    assert texts(again) == ["text 1", "text 2", "text 3", "text 4"]
    assert again.findings == [], "told once: the segment is without them now"
    works(again)


class Puts(msgspec.Struct):
    put: list[msgspec.Raw]


@pytest.mark.parametrize(
    "content",
    [
        b'{"put":5}',
        b"[" * 50_000 + b"]" * 50_000,
        b"null",
        b'{"put":[],"remove":[7]}',
        b'{"put":"' + b"x" * 99 + b'"}',
    ],
    ids=lambda content: content[:9].decode(),
)
@pytest.mark.parametrize("encrypts", [True, False])
def test_a_line_that_is_no_batch_costs_itself(tmp_path: Path, encrypts: bool, content: bytes) -> None:
    lines(tmp_path, batch(body(1)), content, batch(body(2)), encrypts=encrypts)
    engine = engine_of(tmp_path, encrypts=encrypts)
    assert texts(engine) == ["text 1", "text 2"]
    works(engine)
    assert len(engine.findings) == 1
    finish(engine)
    engine.close()
    assert content in b"".join(asides(tmp_path)) or content in bytes_below(tmp_path), "nothing is lost"
    assert texts(engine_of(tmp_path, encrypts=encrypts)) == ["text 1", "text 2"]


def test_what_was_removed_or_replaced_later_is_not_put_aside(tmp_path: Path) -> None:
    lines(
        tmp_path,
        batch(body(1, at=None, text="secret one"), body(2, at=None, text="secret two"), body(3)),
        batch(body(1), remove=(entry(2).id,)),
        encrypts=False,
    )
    engine = engine_of(tmp_path, encrypts=False)
    assert texts(engine) == ["text 1", "text 3"]
    assert engine.findings == []
    finish(engine)
    engine.close()
    assert asides(tmp_path) == []
    assert b"secret" not in bytes_below(tmp_path)


def test_ids_at_the_end_of_all_positions_cost_only_themselves(tmp_path: Path) -> None:
    """Only one of them has a position; the others are put aside."""
    alike = [f"ffffffff-ffff-7fff-bfff-fffffffff{number:03x}" for number in range(3)]
    lines(
        tmp_path, batch(*(body(number, id=one) for number, one in enumerate(alike)), body(9)), encrypts=False
    )
    engine = engine_of(tmp_path, encrypts=False)
    assert troubles(engine) == ["unfit"]
    works(engine)
    finish(engine)
    assert engine.commit([AppendEntry(entry(10))]) == [entry(10)]
    engine.close()
    assert texts(engine_of(tmp_path, encrypts=False)) == ["text 9", "text 10", "text 0"]


def test_clearing_takes_what_does_not_fit_along(tmp_path: Path) -> None:
    lines(tmp_path, batch(body(1), body(2, at=None, text="secret")), encrypts=False)
    engine = engine_of(tmp_path, encrypts=False)
    assert engine.clear() == 1
    finish(engine)
    engine.close()
    assert b"secret" not in bytes_below(tmp_path)


def test_sums_stay_within_what_the_contract_says(tmp_path: Path) -> None:
    many = [
        msgspec.structs.replace(entry(number), tokens=INTEGER_LIMIT, conversation_id="talk")
        for number in range(1100)
    ]
    lines(tmp_path, batch(*(msgspec.Raw(msgspec.json.encode(one)) for one in many)), encrypts=False)
    engine = engine_of(tmp_path, encrypts=False)
    (totals,) = engine.index.conversations()
    assert (totals.entries, totals.tokens) == (1100, INTEGER_LIMIT)


def test_fields_of_a_later_version_survive_a_rewrite(tmp_path: Path) -> None:
    lines(tmp_path, batch(body(1, of_a_later_version={"a": [1]}), body(2, at=None)), encrypts=False)
    engine = engine_of(tmp_path, encrypts=False)
    finish(engine)
    engine.close()
    assert b"of_a_later_version" in bytes_below(tmp_path)
    assert texts(engine_of(tmp_path, encrypts=False)) == ["text 1"]
