"""What a person wants done is asked of its owner, and one refusal does not keep the rest waiting."""

from __future__ import annotations

from typing import Any

import pytest

from actors.readiness.readiness_commands import CommandOutcome, check_bundle, retry, set_up
from bus.errors import Refused, RequestFailed
from schemas.event import topic_of
from schemas.leases import ModelRepairAcceptedEvent, ModelRepairRequestEvent
from schemas.models import (
    ModelInstallAcceptedEvent,
    ModelInstallRequestEvent,
    ModelResumedEvent,
    ModelResumeRequestEvent,
)
from schemas.readiness import ReadinessSetupRequestEvent
from tests.support.readiness_lab import ENGLISH, actor_event, facts_of, snapshot_of, status

pytestmark = pytest.mark.anyio


class FakePeer:
    """Answers requests as their owners would, or refuses them.

    Attributes:
        refuses: topics, or model ids, for which there is no reply.
    """

    def __init__(self, *refuses: str) -> None:
        self.refuses = refuses
        self.asked: list[str] = []

    async def request(self, event: Any, timeout_seconds: float) -> Any:
        subject = getattr(event, "model_id", getattr(event, "actor", ""))
        self.asked.append(f"{topic_of(type(event))} {subject}")
        if {topic_of(type(event)), subject} & set(self.refuses):
            raise RequestFailed("refused", "not now", topic_of(type(event)))
        match event:
            case ModelInstallRequestEvent():
                return ModelInstallAcceptedEvent(status=status(subject, "queued"))
            case ModelResumeRequestEvent():
                return ModelResumedEvent(status=status(subject, "queued"))
            case ModelRepairRequestEvent():
                return ModelRepairAcceptedEvent(status=status(subject, "queued"), kept_bytes=0)
        return None


@pytest.mark.requirement("S1-8")
async def test_each_model_of_the_bundle_is_asked_for_and_what_became_of_it_returned() -> None:
    facts = facts_of(
        status("base", "absent"),
        status("chat", "paused"),
        status("voice", "absent", licence_due=True),
        status("ears", "absent"),
    )
    models = check_bundle(ReadinessSetupRequestEvent(accept_licences=True), snapshot_of(facts), ENGLISH)
    peer = FakePeer("ears")
    outcomes = [found async for found in set_up(models, facts, peer)]  # type: ignore[arg-type]  # it can ask, which is all that is needed
    installed = [f"models.install {model_id}" for model_id in ("base", "ears", "voice")]
    assert sorted(peer.asked) == ["models.accept_licence voice", *installed, "models.resume chat"]
    failed = [found for found in outcomes if found.problem]
    assert failed == [CommandOutcome("ears", problem="ears: not now")]
    begun = [found for found in outcomes if not found.problem]
    assert sorted(found.name for found in begun) == ["base", "chat", "voice"]
    assert all(found.is_begun for found in begun)


async def test_each_outcome_is_there_before_the_next_model_is_asked_for() -> None:
    facts = facts_of(status("base", "absent"), status("chat", "absent"))
    models = check_bundle(ReadinessSetupRequestEvent(), snapshot_of(facts), ENGLISH)
    peer = FakePeer()
    commands = set_up(models, facts, peer)  # type: ignore[arg-type]  # as above
    first = await anext(commands)
    assert peer.asked == [f"models.install {first.name}"]


async def test_what_was_not_shown_or_not_accepted_is_refused() -> None:
    due = snapshot_of(facts_of(status("base", "absent", licence_due=True)))
    with pytest.raises(Refused, match="licences of Base"):
        check_bundle(ReadinessSetupRequestEvent(), due, ENGLISH)
    with pytest.raises(Refused, match="the models directory is now /models, not /other"):
        check_bundle(ReadinessSetupRequestEvent(location="/other", accept_licences=True), due, ENGLISH)
    assert check_bundle(ReadinessSetupRequestEvent(), snapshot_of(facts_of()), ENGLISH) == []


@pytest.mark.requirement("S1-16")
async def test_retry_repairs_what_is_damaged_installs_what_failed_and_restarts_what_was_given_up() -> None:
    facts = facts_of(
        status("base", "damaged"),
        status("chat", "failed"),
        status("voice", "absent"),
        events=(actor_event("model_verifier", "failed"),),
    )
    peer = FakePeer()
    outcomes = [found async for found in retry(["base", "chat"], facts, peer)]  # type: ignore[arg-type]  # as above
    assert peer.asked == ["supervision.restart model_verifier", "models.repair base", "models.install chat"]
    assert outcomes == [
        CommandOutcome("model_verifier"),
        CommandOutcome("base", is_begun=True),
        CommandOutcome("chat", is_begun=True),
    ]


async def test_a_model_that_cannot_be_repaired_is_installed_again() -> None:
    facts = facts_of(status("base", "damaged"))
    peer = FakePeer("models.repair")
    outcomes = [found async for found in retry(["base"], facts, peer)]  # type: ignore[arg-type]  # as above
    assert outcomes == [CommandOutcome("base", is_begun=True)]
    assert peer.asked == ["models.repair base", "models.install base"]
