"""Every question is settled once, whatever comes in."""

from __future__ import annotations

import pytest

from bus import wire
from bus.peer.lane.admission import Admission
from bus.peer.lane.requester import Answer, Requester

pytestmark = pytest.mark.anyio


async def test_a_question_is_sent_with_an_id_of_its_own_and_settled_once() -> None:
    sent: list[list[bytes | bytearray]] = []
    settled: list[tuple[Answer, list[bytes]]] = []
    requester = Requester(sent.append, Admission())
    ids = [
        requester.begin(wire.PingHeader, lambda answer, body: settled.append((answer, body)), b"body")
        for _ in range(2)
    ]
    assert ids == [1, 2]
    assert sent == [wire.lane_frames(wire.PingHeader(id), b"body") for id in ids]
    assert requester.settle(wire.RepliedHeader(2), [b"answer"])
    assert not requester.settle(wire.RepliedHeader(2), [b"again"])
    assert not requester.settle(wire.RepliedHeader(77), [])
    assert settled == [(wire.RepliedHeader(2), [b"answer"])]
    assert len(requester) == 1


async def test_when_the_connection_is_gone_all_fail_and_one_may_ask_anew_meanwhile() -> None:
    requester = Requester(lambda frames: None, Admission())
    kinds: list[str] = []

    def settle(answer: Answer, body: list[bytes]) -> None:
        assert isinstance(answer, wire.FailedHeader)
        kinds.append(answer.kind)
        if len(kinds) == 1:
            requester.begin(wire.PingHeader, settle)

    for _ in range(3):
        requester.begin(wire.PingHeader, settle)
    requester.fail_all("died", "gone")
    assert kinds == ["died"] * 3
    assert len(requester) == 1, "what was asked meanwhile is not lost"


async def test_a_forgotten_question_is_not_settled() -> None:
    requester = Requester(lambda frames: None, Admission())
    id = requester.begin(
        wire.PingHeader, lambda answer, body: (_ for _ in ()).throw(AssertionError("settled"))
    )
    assert requester.forget(id)
    assert not requester.forget(id)
    requester.fail(id, "died", "gone")
    assert requester.asked == 1
