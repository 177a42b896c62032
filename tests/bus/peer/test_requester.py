"""Every question is settled once, whatever comes in."""

from __future__ import annotations

from bus import wire
from bus.peer.requester import Answer, Asking


def test_a_question_is_sent_with_an_id_of_its_own_and_settled_once() -> None:
    sent: list[list[bytes | bytearray]] = []
    settled: list[tuple[Answer, list[bytes]]] = []
    asking = Asking(sent.append)
    ids = [
        asking.begin(wire.Ping, lambda answer, body: settled.append((answer, body)), b"body")
        for _ in range(2)
    ]
    assert ids == [1, 2]
    assert sent == [wire.lane_frames(wire.Ping(id), b"body") for id in ids]
    assert asking.settle(wire.Reply(2), [b"answer"])
    assert not asking.settle(wire.Reply(2), [b"again"])
    assert not asking.settle(wire.Reply(77), [])
    assert settled == [(wire.Reply(2), [b"answer"])]
    assert len(asking) == 1


def test_when_the_connection_is_gone_all_fail_and_one_may_ask_anew_meanwhile() -> None:
    asking = Asking(lambda frames: None)
    kinds: list[str] = []

    def settle(answer: Answer, body: list[bytes]) -> None:
        assert isinstance(answer, wire.Failed)
        kinds.append(answer.kind)
        if len(kinds) == 1:
            asking.begin(wire.Ping, settle)

    for _ in range(3):
        asking.begin(wire.Ping, settle)
    asking.fail_all("died", "gone")
    assert kinds == ["died"] * 3
    assert len(asking) == 1, "what was asked meanwhile is not lost"


def test_a_forgotten_question_is_not_settled() -> None:
    asking = Asking(lambda frames: None)
    id = asking.begin(wire.Ping, lambda answer, body: (_ for _ in ()).throw(AssertionError("settled")))
    assert asking.forget(id)
    assert not asking.forget(id)
    asking.fail(id, "died", "gone")
    assert asking.asked == 1
