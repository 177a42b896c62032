"""A peer waits for the broker that admits it, and knows when it lost it."""

from __future__ import annotations

import asyncio

import pytest

from bus.errors import HelloRefused
from bus.peer.lane.admission import Admission

pytestmark = pytest.mark.anyio

REFUSAL = HelloRefused("me", "duplicate_name", "another peer is named me")


async def test_whoever_waits_goes_on_once_the_broker_admits_the_peer() -> None:
    admission = Admission()
    waiting = [asyncio.ensure_future(admission.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    admission.admit("epoch")
    await asyncio.gather(*waiting)
    assert (admission.is_admitted, admission.epoch, admission.welcomes) == (True, "epoch", 1)


async def test_a_wait_that_is_given_up_leaves_the_others_waiting() -> None:
    admission = Admission()
    given_up, patient = (asyncio.ensure_future(admission.wait()) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.sleep(0)
    admission.admit("epoch")
    await patient


async def test_a_refusal_is_raised_until_another_broker_is_asked() -> None:
    admission = Admission()
    admission.refuse(REFUSAL)
    for _ in range(2):
        with pytest.raises(HelloRefused):
            await admission.wait()
    await admission.wait_until_lost()
    admission.start_over()
    admission.admit("epoch")
    await admission.wait()


async def test_a_lost_connection_is_waited_for_anew() -> None:
    admission = Admission()
    assert not admission.lose(), "it was never admitted"
    admission.admit("epoch")
    lost = asyncio.ensure_future(admission.wait_until_lost())
    await asyncio.sleep(0)
    assert not lost.done()
    assert admission.lose()
    await lost
    again = asyncio.ensure_future(admission.wait())
    await asyncio.sleep(0)
    assert not again.done()
    assert (admission.is_admitted, admission.epoch) == (False, "epoch")
    admission.admit("next")
    await again
    assert admission.welcomes == 2
