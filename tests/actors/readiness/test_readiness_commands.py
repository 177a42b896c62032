"""What a person wants done is asked of its owner, and one refusal does not keep the rest waiting."""

from __future__ import annotations

from typing import Any

import pytest

from actors.readiness.readiness_commands import check_bundle, fetch_bundle, try_again
from bus.errors import Refused, RequestFailed
from schemas.event import topic_of
from schemas.leases import ModelRepairAcceptedEvent, ModelRepairRequestEvent
from schemas.models import (
    ModelInstallAcceptedEvent,
    ModelInstallRequestEvent,
    ModelResumedEvent,
    ModelResumeRequestEvent,
    ModelStatus,
)
from schemas.readiness import ReadinessSetupRequestEvent
from tests.support.readiness_lab import ENGLISH, actor_event, facts_of, snapshot_of, status

pytestmark = pytest.mark.anyio


class Desk:
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
async def test_each_model_of_the_bundle_is_asked_for_and_heard_of() -> None:
    facts = facts_of(
        status("base", "absent"),
        status("chat", "paused"),
        status("voice", "absent", licence_due=True),
        status("ears", "absent"),
    )
    models = check_bundle(ReadinessSetupRequestEvent(accept_licences=True), snapshot_of(facts), ENGLISH)
    desk, heard = Desk("ears"), list[ModelStatus]()
    begun, problems = await fetch_bundle(models, facts, desk, heard.append)  # type: ignore[arg-type]  # it can ask, which is all that is needed
    installed = [f"models.install {model_id}" for model_id in ("base", "ears", "voice")]
    assert sorted(desk.asked) == ["models.accept_licence voice", *installed, "models.resume chat"]
    assert sorted(begun) == ["base", "chat", "voice"]
    assert problems == ["ears: not now"]
    assert sorted(found.model_id for found in heard) == sorted(begun)


async def test_what_was_not_shown_or_not_accepted_is_refused() -> None:
    due = snapshot_of(facts_of(status("base", "absent", licence_due=True)))
    with pytest.raises(Refused, match="licences of Base"):
        check_bundle(ReadinessSetupRequestEvent(), due, ENGLISH)
    with pytest.raises(Refused, match="models go to /models by now, and not to /other"):
        check_bundle(ReadinessSetupRequestEvent(location="/other", accept_licences=True), due, ENGLISH)
    assert check_bundle(ReadinessSetupRequestEvent(), snapshot_of(facts_of()), ENGLISH) == []


@pytest.mark.requirement("S1-16")
async def test_retry_mends_what_is_damaged_fetches_what_failed_and_starts_what_gave_up() -> None:
    facts = facts_of(
        status("base", "damaged"),
        status("chat", "failed"),
        status("voice", "absent"),
        events=(actor_event("model_verifier", "failed"),),
    )
    desk, heard = Desk(), list[ModelStatus]()
    begun, problems = await try_again(["base", "chat"], facts, desk, heard.append)  # type: ignore[arg-type]  # as above
    assert desk.asked == ["supervision.restart model_verifier", "models.repair base", "models.install chat"]
    assert (begun, problems, len(heard)) == (["base", "chat"], [], 2)


async def test_where_nothing_can_be_mended_the_model_is_fetched_again() -> None:
    facts = facts_of(status("base", "damaged"))
    desk = Desk("models.repair")
    begun, _ = await try_again(["base"], facts, desk, lambda found: None)  # type: ignore[arg-type]  # as above
    assert (begun, desk.asked) == (["base"], ["models.repair base", "models.install base"])
