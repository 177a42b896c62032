"""The one order: numbers without gaps, a bounded ring, and the newest event of each retained key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import wire
from bus.broker.log import retained_events
from bus.broker.log.event_log import PAGE_LIMIT_BYTES, EventLog, SnapshotPage
from bus.broker.log.logged_run import FeedMessage
from bus.errors import ProtocolError
from bus.wire import PublishHeader

TOPICS = ["app.a", "app.b", "app.c"]


def append(
    event_log: EventLog, topic: str, count: int = 1, key: str | None = None, size_bytes: int = 1
) -> wire.Run:
    """Append a run whose events say their number within the topic."""
    first = event_log.heads.get(topic, 0) + 1
    body = wire.encode([{"n": first + i, "filler": bytes(size_bytes)} for i in range(count)])
    message = event_log.append(PublishHeader(1, topic, count, first, key), body, "source", "instance", 123)
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
    event_log = EventLog("epoch", limit_events, limit_bytes)
    appended: list[wire.Run] = []
    retained: dict[tuple[str, str], int] = {}
    topics: list[str] = []
    for topic, count, key, size_bytes in runs:
        count = 1 if key else count
        run = append(event_log, topic, count, key, size_bytes)
        assert run.sequence == sum(r.count for r in appended) + 1
        assert run.number == sum(r.count for r, t in zip(appended, topics, strict=True) if t == topic) + 1
        appended.append(run)
        topics.append(topic)
        if key:
            retained[(topic, key)] = run.sequence
        assert event_log.ring_events <= max(limit_events, run.count), "bounded, but for the newest run"
        assert event_log.ring_bytes <= limit_bytes or event_log.ring_events == run.count
    page = event_log.snapshot(["*"])
    heads, messages = page.heads, page.messages
    assert page.next == 0
    assert heads == {
        topic: sum(r.count for r, t in zip(appended, topics, strict=True) if t == topic)
        for topic in set(topics)
    }
    assert [wire.read_run(bytes(m[1])).sequence for m in messages] == sorted(retained.values())
    for topic in TOPICS:
        head = heads.get(topic, 0)
        first = data.draw(st.integers(1, head + 2))
        last = data.draw(st.integers(first, head + 5))
        lost, following, found = event_log.replay(topic, first, last)
        check_replay(
            event_log, topic, first, last, lost, following, [wire.read_run(bytes(m[1])) for m in found]
        )


def check_replay(
    event_log: EventLog, topic: str, first: int, last: int, lost: int, following: int, runs: list[wire.Run]
) -> None:
    """Lost events and runs together cover the request, without gaps; nothing in the ring counts as lost."""
    head = event_log.heads.get(topic, 0)
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
        assert not event_log.replay(topic, first, first + lost - 1)[2]


def test_an_answer_to_replay_stops_after_a_mebibyte_and_says_where_to_go_on() -> None:
    event_log = EventLog("epoch")
    for _ in range(5):
        append(event_log, "app.a", size_bytes=400_000)
    lost, following, found = event_log.replay("app.a", 1, 5)
    assert (lost, following, len(found)) == (0, 4, 3)
    assert event_log.replay("app.a", following, 5)[1] == 6


def test_a_run_larger_than_the_ring_is_kept_alone() -> None:
    event_log = EventLog("epoch", ring_limit_events=2, ring_limit_bytes=100)
    append(event_log, "app.a")
    append(event_log, "app.b", size_bytes=1000)
    assert event_log.replay("app.a", 1, 1)[0] == 1
    assert len(event_log.replay("app.b", 1, 1)[2]) == 1


def test_a_snapshot_has_the_topics_that_match_and_the_newest_of_each_key() -> None:
    event_log = EventLog("epoch")
    for topic, key in [("app.a", "x"), ("app.a", "y"), ("app.b", ""), ("app.a", "x"), ("apps.c", "z")]:
        append(event_log, topic, key=key)
    assert sequences(event_log.snapshot(["app.*"]).messages) == [2, 3, 4]
    assert event_log.snapshot(["app.a", "app.a"]).heads == {"app.a": 3}
    assert event_log.snapshot([]) == SnapshotPage({}, [], 0)
    assert event_log.snapshot(["app"]).heads == {}
    assert event_log.snapshot(["*"], heads_only=True) == SnapshotPage(event_log.heads, [], 0)


def sequences(messages: list[FeedMessage]) -> list[int]:
    return [wire.read_run(bytes(header)).sequence for _, header, _ in messages]


def pages(event_log: EventLog, patterns: list[str]) -> list[SnapshotPage]:
    """All pages of a snapshot."""
    found = [event_log.snapshot(patterns)]
    while found[-1].next:
        found.append(event_log.snapshot(patterns, found[-1].next))
    return found


def test_a_snapshot_of_many_mebibytes_comes_in_pages_of_one_of_which_the_first_has_the_heads() -> None:
    event_log = EventLog("epoch")
    for n in range(10):
        append(event_log, "app.a", key=str(n), size_bytes=400_000)
        append(event_log, "app.b", key=str(n), size_bytes=400_000)
    found = pages(event_log, ["app.a"])
    assert [len(page.messages) for page in found] == [3, 3, 3, 1]
    assert [page.heads for page in found] == [{"app.a": 10}, {}, {}, {}]
    assert [number for page in found for number in sequences(page.messages)] == list(range(1, 21, 2))


def test_an_event_that_is_larger_than_a_page_has_one_of_its_own() -> None:
    event_log = EventLog("epoch")
    for n in range(3):
        append(event_log, "app.a", key=str(n), size_bytes=PAGE_LIMIT_BYTES)
    assert [len(page.messages) for page in pages(event_log, ["*"])] == [1, 1, 1]


def test_what_is_retained_anew_between_two_pages_comes_with_a_later_one() -> None:
    event_log = EventLog("epoch")
    for n in range(4):
        append(event_log, "app.a", key=str(n), size_bytes=600_000)
    first = event_log.snapshot(["app.a"])
    append(event_log, "app.a", key="0")
    append(event_log, "app.a", key="3")
    assert (sequences(first.messages), first.next) == ([1, 2], 2)
    assert sequences(event_log.snapshot(["app.a"], first.next).messages) == [3, 5, 6]


def test_what_is_refused_takes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retained_events, "RETAINED_LIMIT_KEYS", 1)
    event_log = EventLog("epoch")
    append(event_log, "app.a", key="a")
    with pytest.raises(ProtocolError, match="retained_full"):
        append(event_log, "app.a", key="b")
    assert event_log.heads == {"app.a": 1}


def test_replay_finds_its_place_in_a_full_ring() -> None:
    event_log = EventLog("epoch", ring_limit_events=1000)
    for count in [1, 2, 3] * 200:
        append(event_log, "app.a", count)
    for first in range(1150, 1201):
        lost, following, found = event_log.replay("app.a", first, first)
        run = wire.read_run(bytes(found[0][1]))
        assert (lost, len(found), following) == (0, 1, run.number + run.count)
        assert run.number <= first < following


def test_topics_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.broker.log.topic_quotas.TOPIC_LIMIT", 2)
    event_log = EventLog("epoch")
    append(event_log, "app.a")
    append(event_log, "app.b")
    with pytest.raises(ProtocolError, match="topics_full"):
        append(event_log, "app.c")
    append(event_log, "app.a")
    assert event_log.sequence == 3
    assert "sequence=3" in repr(event_log)
