"""What a client publishes again, and what it does not."""

from __future__ import annotations

import msgspec

from undercroft_client.errors import PublishRefused
from undercroft_client.outbox import TAIL_LIMIT_MESSAGES, TAIL_SECONDS, Frames, Outbox

EVENT = msgspec.msgpack.encode({"type": "app.n"})


class Ending:
    """How a message ended."""

    def __init__(self) -> None:
        self.errors: list[Exception | None] = []

    def __call__(self, frames: Frames, error: Exception | None) -> None:
        self.errors.append(error)


def offer(outbox: Outbox, topic: str = "app.n", key: str | None = None, ending: Ending | None = None) -> None:
    outbox.offer(topic, EVENT, key, None, ending)


def serials(outbox: Outbox) -> list[int]:
    return [msgspec.msgpack.decode(frames[1])[0] for frames in outbox.unaccepted()]


def test_serials_count_messages_and_firsts_count_the_events_of_a_topic() -> None:
    outbox = Outbox()
    for topic in ("app.a", "app.b", "app.a"):
        offer(outbox, topic)
    assert [msgspec.msgpack.decode(frames[1])[:4] for frames in outbox.unaccepted()] == [
        [1, "app.a", 1, 1],
        [2, "app.b", 1, 1],
        [3, "app.a", 1, 2],
    ]


def test_acceptance_covers_all_serials_up_to_it_and_is_told_once() -> None:
    outbox, ending = Outbox(), Ending()
    for _ in range(3):
        offer(outbox, ending=ending)
    outbox.accepted(2, 0.0)
    outbox.accepted(2, 0.0)
    assert (serials(outbox), ending.errors) == ([3], [None, None])


def test_a_refused_message_is_not_sent_again() -> None:
    outbox, ending = Outbox(), Ending()
    offer(outbox, ending=ending)
    outbox.refused(1, "unknown_topic", "there is no such topic")
    outbox.refused(1, "unknown_topic", "there is no such topic")
    outbox.start_over(0.0)
    (error,) = ending.errors
    assert isinstance(error, PublishRefused)
    assert error.reason == "unknown_topic"
    assert serials(outbox) == []


def test_a_new_broker_gets_what_is_retained_what_was_accepted_of_late_and_what_was_not_in_order() -> None:
    outbox = Outbox()
    for key in ("a", "a", "b", None, None):
        offer(outbox, key=key)
    outbox.accepted(3, 0.0)
    outbox.accepted(4, TAIL_SECONDS)
    outbox.start_over(TAIL_SECONDS + 1)
    assert serials(outbox) == [2, 3, 4, 5]


def test_what_was_sent_again_is_told_as_accepted_only_the_first_time() -> None:
    outbox, ending = Outbox(), Ending()
    offer(outbox, ending=ending)
    outbox.accepted(1, 0.0)
    outbox.start_over(1.0)
    outbox.accepted(1, 1.0)
    assert ending.errors == [None]
    assert serials(outbox) == []


def test_the_tail_is_bounded() -> None:
    outbox = Outbox()
    for _ in range(TAIL_LIMIT_MESSAGES + 10):
        offer(outbox)
    outbox.accepted(TAIL_LIMIT_MESSAGES + 10, 0.0)
    outbox.start_over(0.0)
    assert len(serials(outbox)) == TAIL_LIMIT_MESSAGES


def test_whoever_waits_when_the_client_leaves_is_told() -> None:
    outbox, ending = Outbox(), Ending()
    offer(outbox, ending=ending)
    outbox.abandon("left", "this client left the bus")
    (error,) = ending.errors
    assert isinstance(error, PublishRefused)
    assert error.reason == "left"
