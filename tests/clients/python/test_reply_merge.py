"""A reply and the events of its server, in whatever order the two sockets bring them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undercroft_client.events import PeerJoinedEvent
from undercroft_client.ordering import Run
from undercroft_client.reply_merge import (
    JOINED_TOPIC,
    RETRY_KINDS,
    RETRY_SECONDS,
    Came,
    Place,
    ReplyMerge,
)


def came(
    sequence: int, epoch: str = "e1", source: str = "server", event: Any = None, topic: str = "app.n"
) -> Came:
    run = Run(epoch, sequence, sequence, 1, 0, source, "instance", sequence)
    return Came(topic, run, sequence, sequence if event is None else event)


def joined(sequence: int, event: Any, epoch: str = "e1") -> Came:
    return came(sequence, epoch, "broker", event, JOINED_TOPIC)


def merge(place: Place | None = None, over: tuple[str, ...] = ()) -> ReplyMerge:
    found = ReplyMerge(lambda topic: topic.startswith("app."))
    found.asked()
    found.replied(place or Place("e1", 5, "server"), "reply", over)
    return found


@pytest.mark.parametrize(
    ("event", "is_handed_on"),
    [
        (came(5), False),
        (came(6), True),
        (came(4, source="another"), True),
        (came(9, epoch="e0"), False),
        (came(9, epoch="e0", source="another"), True),
        (came(1, epoch="e2"), True),
    ],
)
def test_events_of_the_server_up_to_the_reply_are_in_it(event: Came, is_handed_on: bool) -> None:
    found = merge(over=("e0",)).heard(event)
    assert (found is not None) == is_handed_on


@pytest.mark.parametrize(
    ("event", "is_due"),
    [
        (came(6, source="broker", event={"peer": "server"}, topic=JOINED_TOPIC), True),
        (
            came(6, source="broker", event=PeerJoinedEvent(peer="server", instance="x"), topic=JOINED_TOPIC),
            True,
        ),
        (came(4, source="broker", event={"peer": "server"}, topic=JOINED_TOPIC), False),
        (came(6, source="broker", event={"peer": "another"}, topic=JOINED_TOPIC), False),
        (came(1, epoch="e2", source="broker", event={"peer": "server"}, topic=JOINED_TOPIC), True),
    ],
)
def test_a_server_that_joined_after_its_reply_is_asked_again(event: Came, is_due: bool) -> None:
    found = merge()
    assert found.heard(event) is None
    assert found.is_due(0.0) == is_due


def test_after_a_loss_it_is_asked_again_once() -> None:
    found = merge()
    found.lost()
    assert found.is_due(0.0)
    found.asked()
    assert not found.is_due(9.0)


@pytest.mark.parametrize("kind", sorted(RETRY_KINDS))
def test_a_server_that_replied_once_is_asked_again_after_a_while(kind: str) -> None:
    found = merge()
    found.lost()
    found.asked()
    assert found.failed(kind, 1.0)
    assert (found.is_due(1.0), found.is_due(1.0 + RETRY_SECONDS)) == (False, True)


@pytest.mark.parametrize("kind", ["refused", "invalid"])
def test_a_decision_of_the_server_is_the_end(kind: str) -> None:
    found = merge()
    found.asked()
    assert not found.failed(kind, 0.0)


def test_without_a_first_reply_a_failure_is_the_end() -> None:
    found = ReplyMerge(lambda topic: True)
    assert found.is_due(0.0)
    found.asked()
    assert not found.failed("restarting", 0.0)


ACTIONS = st.sampled_from(["publish", "other", "ask", "answer", "reply", "hear", "lose"])


@given(st.data())
def test_the_state_is_that_of_the_server_however_replies_and_events_interleave(data: st.DataObject) -> None:
    """A server counts up; each event and reply says the count. Both sockets are late by chance."""
    state, sequence, shown, asked_at = 0, 0, -1, 0
    state_at = {0: 0}
    feed: list[Came] = []
    lane: list[tuple[Place, int]] = []
    found = ReplyMerge(lambda topic: True)
    for action in data.draw(st.lists(ACTIONS, min_size=30, max_size=60)):
        match action:
            case "publish":
                state, sequence = state + 1, sequence + 1
                feed.append(came(sequence, event=state))
            case "other":
                sequence += 1
                feed.append(came(sequence, source="another", event="noise"))
            case "ask" if found.is_due(0.0):
                found.asked()
                asked_at, is_answered = sequence, False
            case "answer" if found.is_asking and not is_answered:
                is_answered = True
                place = data.draw(st.sampled_from([asked_at, sequence]))  # a server may say an earlier place
                lane.append((Place("e1", place, "server"), state))
            case "reply" if lane:
                place_of_reply, reply = lane.pop()
                shown = found.replied(place_of_reply, reply, ()).event
            case "hear" if feed and shown >= 0 and not found.is_asking:
                handed_on = found.heard(feed.pop(0))
                if handed_on is not None and isinstance(handed_on.event, int):
                    shown = handed_on.event
                    assert shown > state_at[place_of_reply.sequence]
            case "lose" if feed and shown >= 0 and not found.is_asking:
                feed.pop(0)
                found.lost()
            case _:
                pass
        state_at[sequence] = state
        if shown >= 0 and not feed and not found.is_asking and not found.is_due(0.0):
            assert shown == state
