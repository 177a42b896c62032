"""What is posted leaves in order, gathers within a turn, and lets those wait who post too much."""

from __future__ import annotations

import asyncio

import pytest

from bus import wire
from bus.errors import PublishRefused
from bus.outbox import WAITING_LIMIT_RUNS, WINDOW_RUNS
from bus.publishing import Publishing
from schemas.models import ModelRemovedEvent

pytestmark = pytest.mark.anyio
EPOCH = "0123456789abcdef"


def removed(n: int) -> ModelRemovedEvent:
    return ModelRemovedEvent(model_id="tiny", freed_bytes=n)


class Lane:
    """Collects what is sent."""

    def __init__(self) -> None:
        self.headers: list[wire.LaneHeader] = []

    def send(self, frames: list[wire.Frame]) -> None:
        self.headers.append(wire.read_from_peer([bytes(frame) for frame in frames]))

    @property
    def published(self) -> list[wire.Publish]:
        return [header for header in self.headers if isinstance(header, wire.Publish)]


async def test_the_first_event_of_a_turn_leaves_at_once_and_those_behind_it_leave_as_one() -> None:
    lane = Lane()
    publishing = Publishing(lane.send)
    publishing.welcomed(EPOCH, 0)
    for n in range(5):
        publishing.post(removed(n), None)
    assert [run.count for run in lane.published] == [1]
    await asyncio.sleep(0)
    assert [run.count for run in lane.published] == [1, 4]


async def test_nothing_leaves_before_the_lane_is_open_and_everything_after() -> None:
    lane = Lane()
    publishing = Publishing(lane.send)
    publishing.post(removed(1), None)
    await asyncio.sleep(0)
    assert not lane.headers
    publishing.welcomed(EPOCH, 0)
    assert [run.first for run in lane.published] == [1]


@pytest.mark.requirement("C-4")
async def test_an_idle_peer_that_posts_one_by_one_never_stalls_as_long_as_acceptance_comes() -> None:
    lane = Lane()
    publishing = Publishing(lane.send)
    publishing.welcomed(EPOCH, 0)
    for n in range(10 * WINDOW_RUNS):
        publishing.post(removed(n), None)
        await asyncio.sleep(0)
        if n % WINDOW_RUNS == WINDOW_RUNS - 1:
            publishing.accepted(lane.published[-1].serial)
    assert sum(run.count for run in lane.published) == 10 * WINDOW_RUNS
    assert publishing.outbox.is_settled


async def test_whoever_posts_too_much_waits_until_there_is_room() -> None:
    lane = Lane()
    publishing = Publishing(lane.send)
    for n in range(WAITING_LIMIT_RUNS):
        publishing.post(removed(n), str(n))  # a run holds one correlation id
    publishing.post(removed(0), "another")
    waiting = asyncio.ensure_future(publishing.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    publishing.welcomed(EPOCH, 0)
    while not waiting.done():
        publishing.accepted(lane.published[-1].serial)
        await asyncio.sleep(0)
    assert publishing.outbox.has_room


async def test_settled_asks_instead_of_waiting_for_late_acceptance() -> None:
    lane = Lane()
    publishing = Publishing(lane.send)
    publishing.welcomed(EPOCH, 0)
    publishing.post(removed(1), None)
    waiting = asyncio.ensure_future(publishing.wait_until_settled())
    await asyncio.sleep(0)
    assert isinstance(lane.headers[-1], wire.Ping)
    publishing.accepted(1)
    await waiting


async def test_an_event_without_a_place_is_told_to_whoever_waits() -> None:
    lane = Lane()
    publishing = Publishing(lane.send)
    publishing.welcomed(EPOCH, 0)
    publishing.post(removed(1), None)
    publishing.refused(1, "unknown_topic: there is no such topic")
    with pytest.raises(PublishRefused, match="there is no such topic") as caught:
        await publishing.wait_until_settled()
    assert (caught.value.topic, caught.value.reason) == ("models.removed", "unknown_topic")


async def test_nobody_waits_for_a_peer_that_left() -> None:
    publishing = Publishing(Lane().send)
    publishing.post(removed(1), None)
    waiting = asyncio.ensure_future(publishing.wait_until_settled())
    await asyncio.sleep(0)
    publishing.close()
    with pytest.raises(PublishRefused, match="left"):
        await waiting
