"""Every event once and in order, whatever the feed loses, repeats or brings late."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from undercroft_client.ordering import (
    FETCH_LIMIT_HEARTBEATS,
    HELD_LIMIT_MESSAGES,
    Answer,
    Fetch,
    Heard,
    Lost,
    Ordering,
    Run,
    Step,
)

TOPIC = "app.n"
Message = tuple[str, Run, bytes]


def message(
    number: int,
    count: int = 1,
    epoch: str = "e1",
    source_number: int | None = None,
    key: str | None = None,
    topic: str = TOPIC,
) -> Message:
    """A run whose events are numbers: those that their publisher gave them."""
    first = number if source_number is None else source_number
    run = Run(epoch, number, number, count, 0, "publisher", "instance", first, key)
    return topic, run, msgspec.msgpack.encode(list(range(first, first + count)))


def told(steps: list[Step]) -> list[object]:
    """Events that were handed on, and losses."""
    found: list[object] = []
    for step in steps:
        if isinstance(step, Heard):
            found += msgspec.msgpack.decode(step.body)[step.skip :]
        elif isinstance(step, Lost):
            found.append((step.reason, step.count))
    return found


def fetches(steps: list[Step]) -> list[tuple[int, int]]:
    return [(step.first, step.last) for step in steps if isinstance(step, Fetch)]


def replayed(
    ordering: Ordering, epoch: str, topic: str, lost: int, runs: list[Message], first: int | None = None
) -> list[Step]:
    """The answer of the broker to the REPLAY that this ordering has asked for last."""
    begin = ordering._due[topic] if first is None else first
    following = max([begin + lost, *(run.number + run.count for _, run, _ in runs)])
    return ordering.replayed(Answer(1, topic, lost, following, epoch), begin, runs)


def joined(head: int = 0, epoch: str = "e1", pattern: str = "app.*") -> Ordering:
    ordering = Ordering([pattern])
    ordering.join(epoch, {TOPIC: head} if head else {}, [])
    return ordering


def test_what_comes_before_the_snapshot_is_handed_on_behind_it() -> None:
    ordering = Ordering(["app.*"])
    assert ordering.receive(*message(2)) == []
    assert ordering.receive(*message(3)) == []
    steps = ordering.join("e1", {TOPIC: 2}, [message(1, key="a")])
    assert told(steps) == [1, 3]
    assert [step.retained for step in steps if isinstance(step, Heard)] == [True, False]


def test_of_a_retained_run_the_last_event_counts() -> None:
    assert told(Ordering([TOPIC]).join("e1", {TOPIC: 3}, [message(1, 3)])) == [3]


def test_a_topic_that_only_begins_like_the_wanted_one_is_not_heard() -> None:
    assert told(joined(pattern="app.n").receive(*message(1, topic="app.nn"))) == []


def test_a_hole_is_fetched_once_and_then_all_comes_in_order() -> None:
    ordering = joined()
    assert fetches(ordering.receive(*message(3))) == [(1, 2)]
    assert ordering.receive(*message(4)) == []
    assert told(replayed(ordering, "e1", TOPIC, 0, [message(1, 2)])) == [1, 2, 3, 4]


def test_an_answer_that_stops_half_way_is_asked_on() -> None:
    ordering = joined()
    ordering.receive(*message(9))
    steps = replayed(ordering, "e1", TOPIC, 0, [message(1, 4)])
    assert (told(steps), fetches(steps)) == ([1, 2, 3, 4], [(5, 8)])


def test_overlapping_runs_are_cut() -> None:
    ordering = joined(head=2)
    assert told(ordering.receive(*message(1, 4))) == [3, 4]
    assert told(ordering.receive(*message(2, 3))) == []


def test_what_is_beyond_the_ring_is_told_and_the_rest_follows() -> None:
    ordering = joined()
    ordering.receive(*message(8))
    assert told(replayed(ordering, "e1", TOPIC, 5, [message(6, 2)])) == [("ring_exceeded", 5), 6, 7, 8]


def test_retained_events_that_were_lost_are_recalled_once() -> None:
    ordering = joined()
    ordering.receive(*message(5, key="b"))
    replayed(ordering, "e1", TOPIC, 4, [])
    newest = [message(3, key="a"), message(5, key="b")]
    assert told(ordering.recalled(TOPIC, newest)) == [3]
    assert told(ordering.recalled(TOPIC, newest)) == []


def test_a_lost_tail_shows_in_the_heartbeat() -> None:
    ordering = joined(head=1)
    assert fetches(ordering.heartbeat("e1", {TOPIC: 3, "other.topic": 9})) == [(2, 3)]
    assert ordering.heartbeat("e1", {TOPIC: 4}) == []


def test_a_replay_without_an_answer_is_asked_for_again_after_some_heartbeats() -> None:
    ordering = joined(head=1)
    asked = [fetches(ordering.heartbeat("e1", {TOPIC: 3})) for _ in range(FETCH_LIMIT_HEARTBEATS + 1)]
    assert asked == [[(2, 3)], *[[]] * (FETCH_LIMIT_HEARTBEATS - 1), [(2, 3)]]


def test_a_forgotten_replay_is_asked_for_again_with_the_next_heartbeat() -> None:
    ordering = joined(head=1)
    ordering.heartbeat("e1", {TOPIC: 3})
    ordering.forget(TOPIC)
    assert fetches(ordering.heartbeat("e1", {TOPIC: 3})) == [(2, 3)]


def test_after_a_new_epoch_duplicates_are_skipped_and_new_events_are_not() -> None:
    ordering = joined()
    ordering.receive(*message(1, 3))
    assert told(ordering.receive(*message(1, 4, epoch="e2"))) == [4]


def test_messages_and_answers_of_an_epoch_that_is_over_are_ignored() -> None:
    ordering = joined()
    ordering.receive(*message(1))
    ordering.receive(*message(1, epoch="e2", source_number=2))
    assert ordering.receive(*message(2)) == []
    assert ordering.heartbeat("e1", {TOPIC: 9}) == []
    assert replayed(ordering, "e1", TOPIC, 3, [message(2)]) == []


def test_events_that_went_with_the_former_broker_are_told_once() -> None:
    ordering = joined()
    ordering.receive(*message(1, 3))
    assert told(ordering.receive(*message(1, 1, epoch="e2", source_number=6))) == [
        ("broker_restarted", 2),
        6,
    ]
    assert told(ordering.receive(*message(2, 1, epoch="e2", source_number=8))) == [8]


def test_retained_events_skip_numbers_without_a_loss() -> None:
    ordering = joined()
    ordering.receive(*message(1, key="a"))
    assert told(ordering.receive(*message(1, epoch="e2", source_number=6, key="a"))) == [6]


def test_a_long_hold_is_released_without_recursion() -> None:
    ordering = joined()
    for number in range(2, HELD_LIMIT_MESSAGES + 2):
        ordering.receive(*message(number))
    assert len(told(replayed(ordering, "e1", TOPIC, 0, [message(1)]))) == HELD_LIMIT_MESSAGES + 1


@given(st.data())
def test_every_event_is_heard_once_and_in_order_whatever_the_feed_loses(data: st.DataObject) -> None:
    """A publisher, brokers that restart, a feed that loses, a ring that replays from a random place on."""
    ordering = joined()
    heard: list[object] = []
    published = 0
    for epoch in data.draw(
        st.lists(st.just("e"), min_size=1, max_size=3).map(
            lambda found: [f"e{n}" for n in range(1, len(found) + 1)]
        )
    ):
        again = data.draw(
            st.integers(0, published)
        )  # the new broker gets so many events once more, from the end of what there is
        ring: list[Message] = []
        source_number = published - again + 1

        def carry_out(steps: list[Step], ring: list[Message] = ring, epoch: str = epoch) -> None:
            heard.extend(told(steps))
            for first, last in fetches(steps):
                found = [m for m in ring if m[1].number <= last and m[1].number + m[1].count > first]
                carry_out(
                    replayed(ordering, epoch, TOPIC, 0, found[: data.draw(st.integers(1, 3))]), ring, epoch
                )

        for count in data.draw(st.lists(st.integers(1, 4), max_size=8)):
            number = ring[-1][1].number + ring[-1][1].count if ring else 1
            ring.append(message(number, count, epoch, source_number))
            source_number += count
            if data.draw(st.booleans()):
                carry_out(ordering.receive(*ring[-1]))
        published = max(published, source_number - 1)
        head = ring[-1][1].number + ring[-1][1].count - 1 if ring else 0
        carry_out(ordering.heartbeat(epoch, {TOPIC: head} if head else {}))
        if ring and source_number - 1 < published:
            break  # the publisher died with what it had
    assert heard == list(range(1, len(heard) + 1))
    assert len(heard) == published
