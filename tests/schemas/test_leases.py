"""The lease conversation: what a holder may ask for, and what it is told."""

from __future__ import annotations

import msgspec
import pytest

from schemas.leases import (
    LEASE_SECONDS_LIMIT,
    ModelLeaseRequestEvent,
    ModelReleaseRequestEvent,
    ModelRepairRequestEvent,
    ModelRollbackRequestEvent,
)
from schemas.models import ModelRemoveRequestEvent


def test_lease_needs_a_holder_that_others_can_be_told_of() -> None:
    with pytest.raises(msgspec.ValidationError, match="holder"):
        msgspec.convert({"type": "models.lease", "model_id": "tiny", "holder": ""}, ModelLeaseRequestEvent)


@pytest.mark.parametrize("seconds", [0, -1.0, LEASE_SECONDS_LIMIT + 1])
def test_lease_is_neither_endless_nor_over_at_once(seconds: float) -> None:
    with pytest.raises(msgspec.ValidationError, match="ttl_seconds"):
        msgspec.convert(
            {"type": "models.lease", "model_id": "tiny", "holder": "engine", "ttl_seconds": seconds},
            ModelLeaseRequestEvent,
        )


def test_whoever_does_not_say_how_long_to_wait_for_leases_does_not_wait() -> None:
    assert ModelRollbackRequestEvent(model_id="tiny").wait_seconds == 0
    assert ModelRemoveRequestEvent(model_id="tiny").wait_seconds == 0


def test_repair_and_release_need_no_more_than_names() -> None:
    assert ModelRepairRequestEvent(model_id="tiny").model_id == "tiny"
    assert ModelReleaseRequestEvent(model_id="tiny", lease_id="l").lease_id == "l"
