"""The client's half of the protocol, frame by frame, against the golden frames of the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from undercroft_client.errors import HelloRefused, RequestFailed
from undercroft_client.outbox import Frames
from undercroft_client.protocol import Protocol

PAGE = (Path(__file__).parents[3] / "bus" / "PROTOCOL.md").read_text(encoding="utf-8")
EVENT = msgspec.msgpack.encode({"type": "app.n"})


def golden(name: str) -> list[bytes]:
    """Frames of a golden message."""
    (block,) = re.findall(r"```golden\n(.*?)```", PAGE, re.DOTALL)
    (found,) = re.findall(rf"^{name} \(.*\)\n((?:  [0-9a-f]+\n)+)", block, re.MULTILINE)
    return [bytes.fromhex(line) for line in found.split()]


class Answers:
    """Outcomes, in the order in which they came."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def __call__(self, frames: Frames, error: Exception | None) -> None:
        self.found.append(error or (msgspec.msgpack.decode(frames[2]) if frames[:1] == [b"REPLY"] else None))


def sent(protocol: Protocol) -> list[tuple[str, list[Any]]]:
    """Verb and header of what is to be sent since the last look."""
    found = [(frames[0].decode(), msgspec.msgpack.decode(frames[1])) for frames in protocol.outgoing]
    protocol.outgoing.clear()
    return found


def say(protocol: Protocol, verb: str, header: list[Any], *body: bytes) -> None:
    protocol.lane([verb.encode(), msgspec.msgpack.encode(header), *body], 0.0)


def welcomed(epoch: str = "e1") -> Protocol:
    protocol = Protocol("me", "token")
    protocol.connected()
    say(protocol, "WELCOME", [2, epoch, 0, 0, "public", "guest"])
    protocol.outgoing.clear()
    return protocol


def test_hello_is_the_golden_hello() -> None:
    protocol = Protocol("tray-icon", "c2VjcmV0")
    protocol._instance = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    protocol.connected()
    assert list(protocol.outgoing.popleft()) == golden("hello")


def test_a_published_event_has_the_header_of_the_golden_one() -> None:
    protocol = welcomed()
    _, header, body = golden("publish")
    (event,) = msgspec.msgpack.decode(body, type=list[msgspec.Raw])
    for _ in range(2):
        protocol.publish("config.settings_changed", bytes(event), "", None, None)
    serial, topic, count, first, key, correlation, _ = msgspec.msgpack.decode(header)
    found = sent(protocol)[-1]
    assert found == ("PUBLISH", [2, topic, count, 2, key, correlation, False])
    assert (serial, first) == (1, 3)


def test_golden_answers_are_understood() -> None:
    protocol, answers = welcomed(), Answers()
    protocol._last_id = 6
    protocol.request("config.request", EVENT, 5.0, None, answers)
    frames = protocol.outgoing.pop()
    verb, header, _ = golden("request")
    assert frames[0] == verb
    assert msgspec.msgpack.decode(header)[:4] == msgspec.msgpack.decode(frames[1])
    protocol.lane(golden("replied"), 0.0)
    assert answers.found[0]["type"] == "config.response"


def test_the_golden_failure_says_its_kind() -> None:
    protocol, answers = welcomed(), Answers()
    protocol._last_id = 6
    protocol.request("config.request", EVENT, 5.0, None, answers)
    protocol.lane(golden("failed"), 0.0)
    assert (answers.found[0].kind, answers.found[0].topic) == ("no_responder", "config.request")


def test_the_golden_request_is_asked_and_answered_with_its_id() -> None:
    protocol = welcomed()
    protocol.lane(golden("request_forwarded"), 0.0)
    asked = protocol.asked.popleft()
    assert (asked.id, asked.topic, asked.source) == (19, "config.request", "tray-icon")
    protocol.answer(asked, EVENT, 0)
    protocol.answer(asked, EVENT, 0)
    assert sent(protocol) == [("REPLY", [19, 0])]


def test_the_golden_feed_is_heard_behind_the_golden_snapshot() -> None:
    protocol, heard, answers = welcomed(epoch="0123456789abcdef"), [], Answers()
    protocol._last_id = 8
    protocol.feed_follower.subscribe(["config.*"], heard.append, answers)
    assert list(protocol.outgoing.pop()) == golden("snapshot")
    protocol.lane(golden("snapshotted"), 0.0)
    protocol.feed(golden("feed"))
    assert [step.retained for step in heard] == [True]
    protocol.feed(golden("feed_heartbeat"))
    assert sent(protocol) == []


def test_a_golden_replay_fills_the_hole_that_a_golden_heartbeat_showed() -> None:
    protocol, heard = welcomed(epoch="0123456789abcdef"), []
    protocol.feed_follower.subscribe(["config.*"], heard.append, Answers())
    say(protocol, "SNAPSHOT", [1, "0123456789abcdef", 40, {"config.settings_changed": 2}])
    protocol._last_id = 7
    protocol.outgoing.clear()
    protocol.feed(golden("feed_heartbeat"))
    assert list(protocol.outgoing.pop()) == golden("replay")
    protocol.lane(golden("replayed"), 0.0)
    assert [step.run.number for step in heard] == [3]


def test_a_ping_is_answered() -> None:
    protocol = welcomed()
    protocol.lane(golden("ping"), 0.0)
    assert sent(protocol) == [("PONG", [5])]


def test_verbs_of_a_later_version_are_passed_over_and_so_are_further_fields() -> None:
    protocol = welcomed()
    say(protocol, "NOVELTY", [1, 2, 3])
    say(protocol, "PING", [7, "more"])
    assert sent(protocol) == [("PONG", [7])]


def test_before_welcome_nothing_but_hello_is_sent_and_afterwards_everything_in_order() -> None:
    protocol = Protocol("me", "token")
    protocol.publish("app.n", EVENT, None, None, None)
    protocol.serve(["app.ask"], Answers())
    protocol.request("app.other", EVENT, 1.0, None, Answers())
    protocol.connected()
    assert [verb for verb, _ in sent(protocol)] == ["HELLO"]
    say(protocol, "WELCOME", [2, "e1", 0, 0, "public", "guest"])
    assert [verb for verb, _ in sent(protocol)] == ["PUBLISH", "SERVE", "REQUEST"]


@pytest.mark.parametrize(
    ("epoch", "accepted", "again"), [("e1", 1, [2]), ("e1", 0, [1, 2]), ("e2", 0, [1, 2])]
)
def test_after_a_reconnect_what_the_broker_lacks_is_published_again(
    epoch: str, accepted: int, again: list[int]
) -> None:
    protocol = welcomed()
    for _ in range(2):
        protocol.publish("app.n", EVENT, None, None, None)
    protocol.connected()
    sent(protocol)
    say(protocol, "WELCOME", [2, epoch, accepted, 0, "public", "guest"])
    assert [header[0] for verb, header in sent(protocol) if verb == "PUBLISH"] == again


def test_what_was_asked_on_a_lost_connection_has_died_and_what_was_not_is_asked_on_the_next() -> None:
    protocol, lost, waiting = welcomed(), Answers(), Answers()
    protocol.request("app.ask", EVENT, 1.0, None, lost)
    protocol.disconnected()
    protocol.request("app.ask", EVENT, 1.0, None, waiting)
    assert [error.kind for error in lost.found] == ["died"]
    protocol.connected()
    say(protocol, "WELCOME", [2, "e1", 0, 0, "public", "guest"])
    assert [verb for verb, _ in sent(protocol)] == ["HELLO", "REQUEST"]
    assert waiting.found == []


def test_a_broker_that_does_not_know_the_connection_is_told_hello_and_asked_again() -> None:
    protocol, answers = welcomed(), Answers()
    protocol.request("app.ask", EVENT, 1.0, None, answers)
    sent(protocol)
    say(protocol, "FAILED", [1, "refused", "unknown_peer: say HELLO first", "REQUEST"])
    say(protocol, "FAILED", [1, "refused", "unknown_peer: say HELLO first", "PUBLISH"])
    assert [verb for verb, _ in sent(protocol)] == ["HELLO"]
    say(protocol, "WELCOME", [2, "e1", 0, 0, "public", "guest"])
    assert sent(protocol) == [("REQUEST", [1, "app.ask", 1000, None])]
    assert answers.found == []


def test_a_second_welcome_on_the_same_connection_changes_nothing() -> None:
    protocol = welcomed()
    protocol.serve(["app.ask"], Answers())
    sent(protocol)
    say(protocol, "WELCOME", [2, "e1", 0, 0, "public", "guest"])
    assert sent(protocol) == []


def test_a_refused_hello_is_kept_until_a_welcome() -> None:
    protocol = Protocol("me", "token")
    protocol.connected()
    say(protocol, "FAILED", [0, "refused", "wrong_token: it is not the one in runtime.json", "HELLO"])
    assert isinstance(protocol.refusal, HelloRefused)
    assert protocol.refusal.reason == "wrong_token"
    say(protocol, "WELCOME", [2, "e1", 0, 0, "public", "guest"])
    assert protocol.refusal is None


def test_serves_are_answered_in_their_order_and_a_refused_one_is_not_tried_again() -> None:
    protocol, first, second = welcomed(), Answers(), Answers()
    protocol.serve(["app.a"], first)
    protocol.serve(["app.b"], second)
    say(protocol, "FAILED", [0, "refused", "duplicate_service: app.a is served by 'x' already", "SERVE"])
    say(protocol, "SERVE", [["app.b"]])
    assert isinstance(first.found[0], RequestFailed)
    assert second.found == [None]
    protocol.connected()
    say(protocol, "WELCOME", [2, "e1", 0, 0, "public", "guest"])
    assert ("SERVE", [["app.b"]]) in sent(protocol)
    assert not any(header == [["app.a"]] for _, header in sent(protocol))


def test_a_cancelled_request_is_not_answered() -> None:
    protocol = welcomed()
    say(protocol, "REQUEST", [3, "app.ask", 1000, None, "x"], EVENT)
    say(protocol, "CANCEL", [3])
    protocol.answer(protocol.asked.popleft(), EVENT, 0)
    assert sent(protocol) == []


def test_a_late_answer_is_not_taken_for_one_to_a_request_of_the_next_broker() -> None:
    protocol = welcomed()
    say(protocol, "REQUEST", [3, "app.ask", 1000, None, "x"], EVENT)
    late = protocol.asked.popleft()
    protocol.connected()
    say(protocol, "WELCOME", [2, "e2", 0, 0, "public", "guest"])
    say(protocol, "REQUEST", [3, "app.ask", 1000, None, "y"], EVENT)
    sent(protocol)
    protocol.answer(late, EVENT, 0)
    protocol.fail(late, "refused", "no")
    assert sent(protocol) == []
    protocol.answer(protocol.asked.popleft(), EVENT, 0)
    assert [verb for verb, _ in sent(protocol)] == ["REPLY"]


def test_whoever_gives_up_cancels() -> None:
    protocol, answers = welcomed(), Answers()
    id = protocol.request("app.ask", EVENT, 1.0, None, answers)
    sent(protocol)
    protocol.give_up(id)
    protocol.give_up(id)
    say(protocol, "REPLY", [id], EVENT)
    assert sent(protocol) == [("CANCEL", [id])]
    assert answers.found == []


def test_while_lane_and_feed_speak_of_different_brokers_no_replay_is_asked_for() -> None:
    protocol, heard = welcomed(epoch="0123456789abcdef"), []
    protocol.feed_follower.subscribe(["config.*"], heard.append, Answers())
    say(protocol, "SNAPSHOT", [1, "0123456789abcdef", 0, {}])
    sent(protocol)
    protocol.feed_follower.lane_epoch = "another"
    protocol.feed(golden("feed"))
    assert sent(protocol) == []
    protocol.feed_follower.lane_epoch = "0123456789abcdef"
    protocol.feed(golden("feed_heartbeat"))
    assert [verb for verb, _ in sent(protocol)] == ["REPLAY"]


def test_a_snapshot_that_a_lost_connection_left_unanswered_is_asked_for_again() -> None:
    protocol, answers = welcomed(), Answers()
    protocol.feed_follower.subscribe(["app.*"], lambda step: None, answers)
    protocol.connected()
    say(protocol, "WELCOME", [2, "e2", 0, 0, "public", "guest"])
    assert [header[1:] for verb, header in sent(protocol) if verb == "SNAPSHOT"] == [
        [["app.*"], False, 0],
        [["app.*"], True, 0],
    ]
    assert answers.found == []


def test_leaving_tells_everybody_who_waits() -> None:
    protocol, asked, published, snapshot = welcomed(), Answers(), Answers(), Answers()
    protocol.request("app.ask", EVENT, 1.0, None, asked)
    protocol.publish("app.n", EVENT, None, None, published)
    protocol.feed_follower.subscribe(["app.*"], lambda step: None, snapshot)
    protocol.leave(returning=True)
    assert sent(protocol)[-1] == ("BYE", [True])
    assert all(isinstance(answers.found[0], Exception) for answers in (asked, published, snapshot))


def test_a_client_that_is_displaced_ends_every_wait_and_says_no_more() -> None:
    protocol, asked, published, served = welcomed(), Answers(), Answers(), Answers()
    protocol.request("app.ask", EVENT, 1.0, None, asked)
    protocol.publish("app.n", EVENT, None, None, published)
    protocol.serve(["app.ask"], served)
    sent(protocol)
    say(protocol, "FAILED", [0, "refused", "displaced: another peer is me now", "HELLO"])
    assert protocol.refusal is not None
    assert (protocol.is_over, protocol.is_welcome, protocol.refusal.reason) == (True, False, "displaced")
    assert [error.kind for error in (*asked.found, *served.found)] == ["died", "died"]
    assert [error.reason for error in published.found] == ["displaced"]
    protocol.connected()
    say(protocol, "FAILED", [1, "refused", "unknown_peer: say HELLO first", "PONG"])
    say(protocol, "WELCOME", [2, "e1", 0, 0, "public", "guest"])
    protocol.moved("another credential")
    protocol.connected()
    assert sent(protocol) == []


def test_a_reserved_name_is_tried_again_only_at_another_runtime() -> None:
    protocol = Protocol("me", "token")
    protocol.connected()
    sent(protocol)
    say(protocol, "FAILED", [0, "refused", "reserved_name: it has a credential", "HELLO"])
    protocol.connected()
    assert sent(protocol) == []
    protocol.moved("another credential")
    protocol.connected()
    assert sent(protocol)[0][1][3] == "another credential"


def test_a_reply_on_which_work_began_before_the_first_message_does_not_hold_as_of_now() -> None:
    protocol = welcomed()
    for id in (3, 4):
        say(protocol, "REQUEST", [id, "app.ask", 1000, None, "x"], EVENT)
    first, second = protocol.asked
    protocol.answer(first, EVENT, protocol.serial)
    serial = protocol.serial
    protocol.publish("app.n", EVENT, None, None, None)
    protocol.answer(second, EVENT, serial)
    assert [header for verb, header in sent(protocol) if verb == "REPLY"] == [[3, 0], [4, 2]]


def test_messages_that_make_no_sense_are_counted() -> None:
    protocol = welcomed()
    for frames in ([b"REPLY"], [b"REPLY", b"\xc1"], [b"FAILED", b"\x91\x07"], [b"REQUEST", b"\xa0"]):
        protocol.lane(frames, 0.0)
    for frames in ([b"app.n"], [b"app.n", b"\x90", b"\x90"], [b"!heartbeat", b"\xc0", b"\xc0"]):
        protocol.feed(frames)
    assert protocol.meaningless == 7
    assert sent(protocol) == []


def test_a_snapshot_that_cannot_be_read_fails_the_subscription() -> None:
    protocol, answers = welcomed(), Answers()
    protocol.feed_follower.subscribe(["app.*"], lambda step: None, answers)
    say(protocol, "SNAPSHOT", [1, "e1", "not a number", {}, 0])
    assert [error.kind for error in answers.found] == ["invalid"]
