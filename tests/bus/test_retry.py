"""Requests are repeated after the named failures, at the given pauses, until the time is over."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from bus.broker.memory_bus import memory_bus
from bus.errors import FailureKind, RequestFailed
from bus.retry import ANY_FAILURE, NOT_REACHED, UNANSWERED, request_until_answered, until_answered
from tests.support.event_samples import AnswerEvent, AskEvent

pytestmark = pytest.mark.anyio


class Script:
    """Fails as scripted, then succeeds; notes the pauses instead of sleeping."""

    def __init__(self, *kinds: FailureKind) -> None:
        self.kinds = list(kinds)
        self.attempts = 0
        self.pauses: list[float] = []

    async def ask(self) -> str:
        self.attempts += 1
        if self.kinds:
            raise RequestFailed(self.kinds.pop(0), "as scripted")
        return "yes"

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def test_the_first_answer_ends_it_without_a_pause() -> None:
    script = Script()
    assert await until_answered(script.ask, sleep=script.sleep) == "yes"
    assert (script.attempts, script.pauses) == (1, [])


async def test_pauses_follow_the_sequence_and_the_last_one_repeats() -> None:
    script = Script("died", "died", "died", "died", "died")
    await until_answered(script.ask, waits=(0.1, 0.5), sleep=script.sleep)
    assert script.pauses == [0.1, 0.5, 0.5, 0.5, 0.5]


async def test_pauses_may_come_from_a_generator_that_never_ends() -> None:
    script = Script("busy", "busy", "busy")
    await until_answered(script.ask, waits=itertools.count(1), sleep=script.sleep)
    assert script.pauses == [1, 2, 3]


async def test_no_pauses_at_all_are_a_mistake_of_the_caller() -> None:
    script = Script("died")
    with pytest.raises(ValueError, match="at least one pause"):
        await until_answered(script.ask, waits=(), sleep=script.sleep)


@pytest.mark.parametrize("kind", sorted(UNANSWERED))
async def test_by_default_everything_but_a_decision_is_tried_again(kind: FailureKind) -> None:
    script = Script(kind)
    assert await until_answered(script.ask, sleep=script.sleep) == "yes"
    assert script.attempts == 2


@pytest.mark.parametrize("kind", ["refused", "invalid"])
async def test_a_decision_ends_it(kind: FailureKind) -> None:
    script = Script("died", kind)
    with pytest.raises(RequestFailed, match=kind):
        await until_answered(script.ask, sleep=script.sleep)
    assert script.attempts == 2


@pytest.mark.parametrize("kind", sorted(ANY_FAILURE - NOT_REACHED))
async def test_a_request_that_may_not_be_repeated_ends_at_the_first_server_that_had_it(
    kind: FailureKind,
) -> None:
    script = Script("restarting", "no_responder", kind)
    with pytest.raises(RequestFailed, match=kind):
        await until_answered(script.ask, retry_on=NOT_REACHED, sleep=script.sleep)
    assert script.attempts == 3


async def test_any_failure_can_be_insisted_upon() -> None:
    script = Script("refused", "invalid", "deadline")
    assert await until_answered(script.ask, retry_on=ANY_FAILURE, sleep=script.sleep) == "yes"


async def test_the_last_failure_is_raised_when_the_next_pause_would_not_fit() -> None:
    script = Script("died", "restarting")
    with pytest.raises(RequestFailed, match="restarting"):
        await until_answered(script.ask, waits=(0.01, 60.0), within_seconds=30.0, sleep=script.sleep)
    assert script.pauses == [0.01]


async def test_a_request_is_sent_until_its_server_is_there() -> None:
    async with memory_bus() as bus, bus.connect("a") as client, bus.connect("b") as server:
        pauses: list[float] = []

        async def serve_later(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                await server.serve([AskEvent], lambda request: request.reply(AnswerEvent(text="here")))

        answer = await request_until_answered(client, AskEvent(text="?"), waits=(0.5,), sleep=serve_later)
        assert answer == AnswerEvent(text="here")
        assert pauses == [0.5, 0.5, 0.5]


async def test_an_attempt_gets_no_more_time_than_is_left() -> None:
    async with memory_bus() as bus, bus.connect("a") as client, bus.connect("b") as server:
        await server.serve([AskEvent], lambda request: None)
        began = asyncio.get_running_loop().time()
        with pytest.raises(RequestFailed, match="deadline"):
            await request_until_answered(client, AskEvent(text="?"), within_seconds=0.05)
        assert asyncio.get_running_loop().time() - began < 5.0
