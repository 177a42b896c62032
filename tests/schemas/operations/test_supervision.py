"""The supervision conversation: states, and what is retained."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from schemas.event import retained_key_of
from schemas.operations.supervision import ActorState, ActorStateChangedEvent, ActorStatus, LogsRequestEvent


@pytest.mark.parametrize("state", get_args(ActorState))
def test_the_last_state_of_each_actor_is_retained(state: ActorState) -> None:
    assert (
        retained_key_of(
            ActorStateChangedEvent(actor="broker", status=ActorStatus(actor="broker", state=state))
        )
        == "broker"
    )


def test_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="asleep"):
        msgspec.convert({"actor": "broker", "state": "asleep"}, ActorStatus)


def test_logs_are_those_of_all_actors_unless_one_is_named() -> None:
    assert LogsRequestEvent().actor is None
