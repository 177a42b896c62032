"""Each topic in order, without duplicates, with every loss reported, whatever the feed does."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.peer.feed import ordering as module
from bus.peer.feed.epoch_succession import EpochSuccession
from bus.peer.feed.ordering import (
    FETCH_LIMIT_HEARTBEATS,
    HELD_LIMIT_MESSAGES,
    Deliver,
    Fetch,
    Lost,
    Ordering,
    OrderingStep,
)
from bus.wire import Run

TOPIC = "app.a"


def run(
    number: int, count: int = 1, *, epoch: str = "e1", first: int | None = None, key: str | None = None
) -> Run:
    return Run(epoch, number, number, count, 0, "source", "i", first or number, key)


def followed(epoch: str = "e1", head: int = 0) -> Ordering:
    """An ordering that follows TOPIC from the number after this head on."""
    ordering = Ordering()
    ordering.expect([TOPIC])
    ordering.join([TOPIC], epoch, {TOPIC: head} if head else {})
    ordering.heartbeat(epoch, {})  # the feed is there, too
    return ordering


def numbers(steps: list[OrderingStep]) -> list[int]:
    """Numbers that were handed on."""
    return [
        n
        for step in steps
        if isinstance(step, Deliver)
        for n in range(step.run.number + step.skip, step.run.number + step.run.count)
    ]


def test_what_comes_in_order_is_handed_on_at_once() -> None:
    ordering = followed()
    assert [numbers(ordering.receive(TOPIC, run(n, 3), b"")) for n in (1, 4, 7)] == [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
    ]


def test_what_was_before_the_snapshot_is_skipped_even_within_a_run() -> None:
    ordering = followed(head=5)
    assert numbers(ordering.receive(TOPIC, run(1, 5), b"")) == []
    assert numbers(ordering.receive(TOPIC, run(4, 4), b"")) == [6, 7]
    assert ordering.skipped == 5


def test_a_hole_is_fetched_once_and_what_follows_waits_for_it() -> None:
    ordering = followed()
    assert ordering.receive(TOPIC, run(4), b"") == [Fetch(TOPIC, 1, 3)]
    assert ordering.receive(TOPIC, run(5), b"") == []
    assert numbers(ordering.replayed(TOPIC, 0, 4, [(run(1, 3), b"")])) == [1, 2, 3, 4, 5]


def test_an_answer_that_stops_early_is_asked_on() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(9), b"")
    steps = ordering.replayed(TOPIC, 0, 5, [(run(1, 4), b"")])
    assert numbers(steps) == [1, 2, 3, 4]
    assert steps[-1] == Fetch(TOPIC, 5, 8)


def test_what_the_ring_lost_is_told_before_what_follows() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(9), b"")
    steps = ordering.replayed(TOPIC, 6, 9, [(run(7, 2), b"")])
    assert steps[0] == Lost(TOPIC, 6, beyond_ring=True)
    assert numbers(steps) == [7, 8, 9]
    assert ordering.lost == 6


def test_an_answer_with_nothing_left_tells_the_whole_loss() -> None:
    ordering = followed()
    ordering.heartbeat("e1", {TOPIC: 5})
    assert ordering.replayed(TOPIC, 5, 6, []) == [Lost(TOPIC, 5, beyond_ring=True)]
    assert numbers(ordering.receive(TOPIC, run(6), b"")) == [6]


def test_a_lost_tail_shows_in_the_heartbeat_and_is_fetched_once() -> None:
    ordering = followed()
    assert ordering.heartbeat("e1", {TOPIC: 2, "app.other": 7}) == [Fetch(TOPIC, 1, 2)]
    assert ordering.heartbeat("e1", {TOPIC: 3}) == []
    assert ordering.replayed(TOPIC, 0, 3, [(run(1, 2), b"")]) == [Deliver(TOPIC, run(1, 2), b"", 0)]
    assert ordering.heartbeat("e1", {TOPIC: 3}) == [Fetch(TOPIC, 3, 3)]


def test_an_answer_that_never_comes_is_asked_for_again() -> None:
    ordering = followed()
    steps = [ordering.heartbeat("e1", {TOPIC: 2}) for _ in range(2 * FETCH_LIMIT_HEARTBEATS + 1)]
    assert [i for i, found in enumerate(steps) if found] == [
        0,
        FETCH_LIMIT_HEARTBEATS,
        2 * FETCH_LIMIT_HEARTBEATS,
    ]


def test_after_a_lost_lane_what_was_asked_is_asked_anew() -> None:
    ordering = followed()
    ordering.heartbeat("e1", {TOPIC: 2})
    ordering.forget_fetches()
    assert ordering.heartbeat("e1", {TOPIC: 2}) == [Fetch(TOPIC, 1, 2)]


def test_what_came_between_question_and_snapshot_is_put_aside_and_judged_by_it() -> None:
    ordering = Ordering()
    ordering.expect(["app.*"])
    assert ordering.receive(TOPIC, run(4), b"") == []
    assert ordering.receive("else.b", run(1), b"") == []
    assert ordering.receive(TOPIC, run(5), b"") == []
    assert numbers(ordering.join(["app.*"], "e1", {TOPIC: 4})) == [5]


def test_a_snapshot_of_a_broker_that_is_no_more_sets_no_numbers() -> None:
    ordering = followed("e1", head=3)
    ordering.receive(TOPIC, run(1, epoch="e2"), b"")
    ordering.expect(["app.b"])
    ordering.join(["app.b"], "e1", {"app.b": 100})
    assert numbers(ordering.receive("app.b", run(1, epoch="e2"), b"")) == [1]


def test_messages_of_a_former_epoch_are_ignored() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(1), b"")
    ordering.receive(TOPIC, run(1, epoch="e2", first=2), b"")
    assert ordering.receive(TOPIC, run(2, first=3), b"") == []
    assert ordering.heartbeat("e1", {TOPIC: 9}) == []


def test_what_is_sent_again_in_a_new_epoch_is_recognised_and_a_hole_is_told() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(1, 5), b"")
    assert numbers(ordering.receive(TOPIC, run(1, 3, epoch="e2", first=3), b"")) == []
    assert numbers(ordering.receive(TOPIC, run(4, 2, epoch="e2", first=5), b"")) == [5]
    steps = ordering.receive(TOPIC, run(1, 1, epoch="e3", first=9), b"")
    assert steps[0] == Lost(TOPIC, 2, beyond_ring=False)
    assert numbers(steps) == [1]


def test_keys_that_are_sent_again_leave_holes_that_are_no_loss() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(1, key="a"), b"")
    steps = ordering.receive(TOPIC, run(1, epoch="e2", first=7, key="b"), b"")
    assert [type(step) for step in steps] == [Deliver]


def test_after_a_loss_the_retained_state_of_what_was_lost_is_handed_on_once() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(1, key="a"), b"")
    ordering.receive(TOPIC, run(9, key="a"), b"")
    ordering.replayed(TOPIC, 6, 9, [(run(8, key="c"), b"")])
    assert numbers(ordering.receive(TOPIC, run(10, key="c"), b"")) == [10]
    assert numbers(ordering.retained(TOPIC, run(5, key="b"), b"")) == [5], (
        "though newer ones of its publisher were handed on"
    )
    assert ordering.retained(TOPIC, run(5, key="b"), b"") == []
    assert ordering.retained(TOPIC, run(9, key="a"), b"") == [], "this one was not lost"
    assert ordering.retained(TOPIC, run(1, key="a"), b"") == []
    assert ordering.retained(TOPIC, run(12, key="a"), b"") == [], "the feed will bring it"


def test_what_is_held_for_one_topic_is_bounded_and_fetched_later() -> None:
    ordering = followed()
    for n in range(2, HELD_LIMIT_MESSAGES + 10):
        ordering.receive(TOPIC, run(n), b"")
    heard = numbers(ordering.replayed(TOPIC, 0, 2, [(run(1), b"")]))
    assert heard == list(range(1, HELD_LIMIT_MESSAGES + 2))
    assert ordering.receive(TOPIC, run(HELD_LIMIT_MESSAGES + 10), b"") == [
        Fetch(TOPIC, HELD_LIMIT_MESSAGES + 2, HELD_LIMIT_MESSAGES + 9)
    ]


def test_a_topic_that_nobody_wants_any_more_is_forgotten() -> None:
    ordering = followed()
    ordering.join([TOPIC], "e1", {})
    ordering.leave([TOPIC])
    assert numbers(ordering.receive(TOPIC, run(1), b"")) == [1], "another subscription still wants it"
    ordering.leave([TOPIC])
    assert ordering.receive(TOPIC, run(2), b"") == []
    assert ordering.replayed(TOPIC, 0, 3, [(run(2), b"")]) == []


def test_what_a_late_joiner_got_as_retained_is_no_loss_and_no_news() -> None:
    ordering = Ordering()
    ordering.expect([TOPIC])
    ordering.join([TOPIC], "e1", {TOPIC: 5}, [(TOPIC, run(5, key="a"))])
    assert numbers(ordering.receive(TOPIC, run(1, epoch="e2", first=5, key="a"), b"")) == []


def test_a_late_joiner_is_told_of_no_loss_where_a_topic_mixes_retained_events_with_others() -> None:
    ordering = Ordering()
    ordering.expect([TOPIC])
    ordering.join([TOPIC], "e1", {TOPIC: 8}, [(TOPIC, run(3, key="a"))])
    assert ordering.receive(TOPIC, run(9), b"") == [Deliver(TOPIC, run(9), b"", 0)]


def test_a_feed_that_still_brings_an_older_broker_than_the_lane_is_not_followed() -> None:
    epochs = EpochSuccession()
    epochs.note("e2")
    ordering = Ordering(epochs)
    ordering.expect([TOPIC])
    ordering.join([TOPIC], "e2", {})
    assert ordering.receive(TOPIC, run(1, epoch="e1"), b"") == [], "e1 ended before the lane came"
    assert numbers(ordering.receive(TOPIC, run(1, epoch="e2"), b"")) == [1]
    assert numbers(ordering.receive(TOPIC, run(1, epoch="e3", first=2), b"")) == [1], "after e2 was there"
    assert ordering.receive(TOPIC, run(2, epoch="e2"), b"") == []


def test_a_feed_that_is_ahead_of_the_lane_is_followed_once_the_lane_names_its_broker() -> None:
    epochs = EpochSuccession()
    epochs.note("e1")
    ordering = Ordering(epochs)
    ordering.expect([TOPIC])
    ordering.join([TOPIC], "e1", {})
    assert ordering.receive(TOPIC, run(1, epoch="e2"), b"") == []
    epochs.note("e2")
    assert ordering.heartbeat("e2", {TOPIC: 1}) == [Fetch(TOPIC, 1, 1)], "nothing of it is lost"


def test_numbers_that_a_topic_never_gave_are_no_loss() -> None:
    ordering = followed()
    assert ordering.receive(TOPIC, run(5001), b"") == [Fetch(TOPIC, 1, 5000)]
    assert numbers(ordering.replayed(TOPIC, 0, 5001, [])) == [5001]
    assert ordering.lost == 0


def test_of_numbers_that_a_topic_never_gave_only_those_that_it_gave_are_lost() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(5101), b"")
    assert ordering.replayed(TOPIC, 100, 5101, [])[0] == Lost(TOPIC, 100, beyond_ring=True)
    assert ordering.lost == 100


def test_an_answer_without_progress_is_not_asked_for_again_at_once() -> None:
    ordering = followed()
    ordering.receive(TOPIC, run(9), b"")
    for _ in range(3):
        assert ordering.replayed(TOPIC, 0, 1, []) == []
        assert ordering.heartbeat("e1", {TOPIC: 9}) == [Fetch(TOPIC, 1, 9)]
    assert numbers(ordering.replayed(TOPIC, 0, 9, [(run(1, 8), b"")])) == list(range(1, 10))


@dataclass
class Broker:
    """A true order of runs in one epoch, with a bounded ring."""

    epoch: str
    ring: int
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def order(self, topic: str, instance: str, first: int, count: int) -> Run:
        runs = self.runs.setdefault(topic, [])
        number = runs[-1].number + runs[-1].count if runs else 1
        sequence = 1 + sum(r.count for rs in self.runs.values() for r in rs)
        runs.append(Run(self.epoch, sequence, number, count, 0, instance, instance, first))
        return runs[-1]

    def head(self, topic: str) -> int:
        runs = self.runs.get(topic)
        return runs[-1].number + runs[-1].count - 1 if runs else 0

    def replay(self, fetch: Fetch, limit: int) -> tuple[int, int, list[Run]]:
        kept = self.runs.get(fetch.topic, [])[-self.ring :]
        last = min(fetch.last, self.head(fetch.topic))
        oldest = kept[0].number if kept else self.head(fetch.topic) + 1
        lost = max(0, min(oldest, last + 1) - fetch.first)
        following = fetch.first + lost
        found = [r for r in kept if r.number <= last and r.number + r.count > following][:limit]
        return lost, found[-1].number + found[-1].count if found else following, found


@settings(max_examples=300)
@given(st.data())
def test_whatever_the_feed_drops_doubles_or_forgets_the_stream_is_in_order_complete_and_honest(
    data: st.DataObject,
) -> None:
    """Several topics and publishers, drops, duplicates, overlapping replays, lost answers, restarts."""
    draw = data.draw
    topics, instances = ["app.a", "app.b"], ["p", "q"]
    ring = draw(st.integers(2, 30), "ring")
    broker = Broker("e0", ring)
    epochs = EpochSuccession()
    ordering = Ordering(epochs)
    ordering.expect(["app.*"])
    ordering.join(["app.*"], "e0", {})
    published: dict[tuple[str, str], int] = {}
    published_runs: list[tuple[str, str, int, int]] = []
    heard: dict[tuple[str, str], list[int]] = {}
    lost: dict[str, int] = {}
    fetches: list[Fetch] = []
    resent_from = 0
    due: dict[str, int] = {}

    def carry_out(steps: list[OrderingStep]) -> None:
        for step in steps:
            match step:
                case Fetch():
                    fetches.append(step)
                case Lost():
                    lost[step.topic] = lost.get(step.topic, 0) + step.count
                    if step.beyond_ring:
                        due[step.topic] = due.get(step.topic, 1) + step.count
                case Deliver(topic, run, _, skip):
                    assert run.epoch == broker.epoch
                    assert run.number + skip >= due.get(topic, 1), "in the order of the broker, none twice"
                    due[topic] = run.number + run.count
                    first = run.source_number + skip
                    seen = heard.setdefault((topic, run.instance), [])
                    assert not seen or first > seen[-1], "in the order of the publisher, none twice"
                    seen += range(first, run.source_number + run.count)

    def answer(fetch: Fetch, limit: int) -> None:
        missing, following, runs = broker.replay(fetch, limit)
        carry_out(ordering.replayed(fetch.topic, missing, following, [(run, b"") for run in runs]))

    for _ in range(draw(st.integers(1, 40), "steps")):
        match draw(
            st.sampled_from(
                ["publish", "publish", "publish", "answer", "heartbeat", "restart", "duplicate", "forget"]
            )
        ):
            case "publish":
                topic, instance, count = (
                    draw(st.sampled_from(topics)),
                    draw(st.sampled_from(instances)),
                    draw(st.integers(1, 4)),
                )
                first = published.get((topic, instance), 0) + 1
                published[(topic, instance)] = first + count - 1
                published_runs.append((topic, instance, first, count))
                run_ = broker.order(topic, instance, first, count)
                if draw(st.booleans(), "arrives"):
                    carry_out(ordering.receive(topic, run_, b""))
            case "answer" if fetches:
                answer(fetches.pop(0), draw(st.integers(1, 5), "limit"))
            case "heartbeat":
                carry_out(ordering.heartbeat(broker.epoch, {t: broker.head(t) for t in broker.runs}))
            case "duplicate":
                known = [(t, r) for t, runs in broker.runs.items() for r in runs[-ring:]]
                if known:
                    topic, run_ = draw(st.sampled_from(known))
                    carry_out(ordering.receive(topic, run_, b""))
            case "forget":
                fetches.clear()
                ordering.forget_fetches()
            case "restart":
                broker = Broker(f"e{int(broker.epoch[1:]) + 1}", ring)
                due.clear()
                fetches.clear()
                ordering.forget_fetches()
                if draw(st.booleans(), "the lane is there first"):
                    epochs.note(broker.epoch)
                resent_from = draw(
                    st.integers(resent_from, len(published_runs)), "resent from"
                )  # what a publisher let go, it has no more
                for topic, instance, first, count in published_runs[resent_from:]:
                    run_ = broker.order(topic, instance, first, count)
                    if draw(st.booleans(), "arrives again"):
                        carry_out(ordering.receive(topic, run_, b""))
            case _:
                pass

    ordering.forget_fetches()
    fetches.clear()
    epochs.note(broker.epoch)
    for _ in range(2 + sum(len(runs) for runs in broker.runs.values())):
        carry_out(ordering.heartbeat(broker.epoch, {t: broker.head(t) for t in broker.runs}))
        while fetches:
            answer(fetches.pop(0), 5)
    for topic in topics:
        ordered = {
            (r.instance, n)
            for r in broker.runs.get(topic, [])
            for n in range(r.source_number, r.source_number + r.count)
        }
        got = {(instance, n) for (t, instance), found in heard.items() if t == topic for n in found}
        holes = sum(found[-1] - found[0] + 1 - len(found) for (t, _), found in heard.items() if t == topic)
        assert max(len(ordered - got), holes) <= lost.get(topic, 0), "what is missing was told"


@given(st.lists(st.tuples(st.integers(2, 40), st.integers(0, 30)), max_size=60))
def test_what_is_held_never_has_more_bytes_than_the_limit(came: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "HELD_LIMIT_BYTES", 100)
        ordering = followed()
        for number, size in came:
            ordering.receive(TOPIC, run(number), bytes(size))
            held = ordering._topics[TOPIC].held
            assert ordering._held_bytes == sum(len(one.body) for one in held) <= 100
        ordering.leave([TOPIC])
        assert ordering._held_bytes == 0


def test_heads_over_the_lane_bring_nothing_back_that_an_earlier_broker_sent() -> None:
    """The lane is ahead by two brokers: what the feed still brings of the one between is over."""
    epochs = EpochSuccession()
    ordering = Ordering(epochs)
    epochs.note("first")
    ordering.expect(["a.b"])
    ordering.join(["a.b"], "first", {})
    ordering.heartbeat("first", {})
    epochs.note("third")
    ordering.heads("third", {})
    assert ordering.receive("a.b", run(1, epoch="second"), b"") == []
    assert [type(step) for step in ordering.receive("a.b", run(1, epoch="third"), b"")] == [Deliver]
