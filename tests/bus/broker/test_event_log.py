"""The one order: numbers without holes, a bounded ring that gives back exactly what it has, the newest of each retained key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import wire
from bus.broker import event_log as ledger_module
from bus.broker.event_log import Ledger
from bus.errors import ProtocolError
from bus.wire import Publish

TOPICS = ["app.a", "app.b", "app.c"]


def append(
    ledger: Ledger, topic: str, count: int = 1, key: str | None = None, size_bytes: int = 1
) -> wire.Run:
    """Append a run whose events say their number within the topic."""
    first = ledger.heads.get(topic, 0) + 1
    body = wire.encode([{"n": first + i, "filler": bytes(size_bytes)} for i in range(count)])
    message = ledger.append(Publish(1, topic, count, first, key), body, "source", "instance", 123)
    return wire.read_run(bytes(message[1]))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(TOPICS), st.integers(1, 9), st.sampled_from([None, "x", "y"]), st.integers(0, 300)
        ),
        max_size=60,
    ),
    st.integers(1, 40),
    st.integers(1, 3000),
    st.data(),
)
def test_whatever_is_appended_the_ring_is_bounded_and_replay_gives_exactly_what_is_there(
    runs: list[tuple[str, int, str | None, int]], limit_events: int, limit_bytes: int, data: st.DataObject
) -> None:
    ledger = Ledger("epoch", limit_events, limit_bytes)
    appended: list[wire.Run] = []
    retained: dict[tuple[str, str], int] = {}
    topics: list[str] = []
    for topic, count, key, size_bytes in runs:
        count = 1 if key else count
        run = append(ledger, topic, count, key, size_bytes)
        assert run.sequence == sum(r.count for r in appended) + 1
        assert run.number == sum(r.count for r, t in zip(appended, topics, strict=True) if t == topic) + 1
        appended.append(run)
        topics.append(topic)
        if key:
            retained[(topic, key)] = run.sequence
        assert ledger.ring_events <= max(limit_events, run.count), "bounded, but for the newest run"
        assert ledger.ring_bytes <= limit_bytes or ledger.ring_events == run.count
    heads, messages = ledger.snapshot(["*"])
    assert heads == {
        topic: sum(r.count for r, t in zip(appended, topics, strict=True) if t == topic)
        for topic in set(topics)
    }
    assert [wire.read_run(bytes(m[1])).sequence for m in messages] == sorted(retained.values())
    for topic in TOPICS:
        head = heads.get(topic, 0)
        first = data.draw(st.integers(1, head + 2))
        last = data.draw(st.integers(first, head + 5))
        lost, following, found = ledger.replay(topic, first, last)
        check_replay(ledger, topic, first, last, lost, following, [wire.read_run(bytes(m[1])) for m in found])


def check_replay(
    ledger: Ledger, topic: str, first: int, last: int, lost: int, following: int, runs: list[wire.Run]
) -> None:
    """Lost ones and runs together cover what was asked for, without holes; nothing that the ring has counts as lost."""
    head = ledger.heads.get(topic, 0)
    due = first + lost
    for run in runs:
        assert run.number <= due < run.number + run.count
        due = run.number + run.count
    assert following == due
    if first <= head:
        assert due > min(last, head), "a short answer stops only at the limit of size"
    else:
        assert (lost, runs) == (0, [])
    if lost:
        assert not ledger.replay(topic, first, first + lost - 1)[2]


def test_an_answer_to_replay_stops_after_a_mebibyte_and_says_where_to_go_on() -> None:
    ledger = Ledger("epoch")
    for _ in range(5):
        append(ledger, "app.a", size_bytes=400_000)
    lost, following, found = ledger.replay("app.a", 1, 5)
    assert (lost, following, len(found)) == (0, 4, 3)
    assert ledger.replay("app.a", following, 5)[1] == 6


def test_a_run_larger_than_the_ring_is_kept_alone() -> None:
    ledger = Ledger("epoch", ring_limit_events=2, ring_limit_bytes=100)
    append(ledger, "app.a")
    append(ledger, "app.b", size_bytes=1000)
    assert ledger.replay("app.a", 1, 1)[0] == 1
    assert len(ledger.replay("app.b", 1, 1)[2]) == 1


def test_a_snapshot_has_the_topics_that_match_and_the_newest_of_each_key() -> None:
    ledger = Ledger("epoch")
    for topic, key in [("app.a", "x"), ("app.a", "y"), ("app.b", ""), ("app.a", "x"), ("apps.c", "z")]:
        append(ledger, topic, key=key)
    assert [wire.read_run(bytes(m[1])).sequence for m in ledger.snapshot(["app.*"])[1]] == [2, 3, 4]
    assert ledger.snapshot(["app.a", "app.a"])[0] == {"app.a": 3}
    assert ledger.snapshot([]) == ({}, [])
    assert ledger.snapshot(["app"])[0] == {}


def test_retained_events_are_bounded_by_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "RETAINED_LIMIT_KEYS", 3)
    monkeypatch.setattr(ledger_module, "RETAINED_LIMIT_BYTES", 2000)
    ledger = Ledger("epoch")
    for key in "abc":
        append(ledger, "app.a", key=key)
    for key, size_bytes in [("d", 1), ("a", 5000)]:
        with pytest.raises(ProtocolError, match="retained_full"):
            append(ledger, "app.a", key=key, size_bytes=size_bytes)
    assert ledger.heads == {"app.a": 3}, "what is refused takes no number"
    append(ledger, "app.a", key="a", size_bytes=500)
    append(ledger, "app.a", key="a")
    assert ledger.retained_keys == 3
    assert ledger.retained_bytes < 500


def test_topics_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "TOPIC_LIMIT", 2)
    ledger = Ledger("epoch")
    append(ledger, "app.a")
    append(ledger, "app.b")
    with pytest.raises(ProtocolError, match="topics_full"):
        append(ledger, "app.c")
    append(ledger, "app.a")
    assert ledger.sequence == 3
    assert "sequence=3" in repr(ledger)
