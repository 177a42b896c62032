"""What a person wants done about readiness, asked of those who can do it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from actors.readiness.facts import Facts
from actors.readiness.policy import failed_services
from actors.readiness.wording import Wording
from bus.actor import Later
from bus.client import Peer
from bus.errors import Refused, RequestFailed
from schemas.leases import ModelRepairRequestEvent
from schemas.models import ModelInstallRequestEvent, ModelResumeRequestEvent
from schemas.readiness import BundleModel, ReadinessRetriedEvent, ReadinessSetupAcceptedEvent, ReadinessSetupRequestEvent, ReadinessSnapshot
from schemas.sources import LicenceAcceptRequestEvent
from schemas.supervision import ActorRestartRequestEvent

WISH_SECONDS: Final = 30.0
"""A wish is answered once it is on disk, and a disk may be slow."""


def accept_bundle(event: ReadinessSetupRequestEvent, now: ReadinessSnapshot, facts: Facts, words: Wording, peer: Peer) -> Later:
    """Have every model of the bundle installed that the person was shown.

    Raises:
        Refused: models go elsewhere by now, or a licence is due that was not accepted.
    """
    models = now.setup.models if now.setup else []
    if event.location and event.location != now.location:
        raise Refused(words.say("refused_location", active=now.location, path=event.location))
    due = [model for model in models if model.licence_due]
    if due and not event.accept_licences:
        raise Refused(words.say("refused_licence", models=", ".join(model.name for model in due)))

    async def work() -> ReadinessSetupAcceptedEvent:
        begun, problems = await _each([model.model_id for model in models], lambda model_id: _install(model_id, models, facts, peer))
        return ReadinessSetupAcceptedEvent(model_ids=begun, problems=problems)

    return Later(work)


def try_again(now: ReadinessSnapshot, facts: Facts, peer: Peer) -> Later:
    """Have what failed fetched again, what is damaged mended, and actors that gave up started again."""
    broken = [reason.subject for reason in now.reasons if reason.kind in ("model_failed", "model_damaged")]

    async def work() -> ReadinessRetriedEvent:
        _, problems = await _each(failed_services(facts), lambda actor: _restart(actor, peer))
        begun, more = await _each(broken, lambda model_id: _mend(model_id, facts, peer))
        return ReadinessRetriedEvent(model_ids=begun, problems=[*problems, *more])

    return Later(work)


async def _each(names: list[str], wish: Callable[[str], Awaitable[None]]) -> tuple[list[str], list[str]]:
    """Names for which the wish was taken, and why it was not for the others: one that fails must not keep the rest waiting."""
    taken, problems = [], []
    for name in names:
        try:
            await wish(name)
        except RequestFailed as failed:
            problems.append(f"{name}: {failed.message or failed.kind}")
        else:
            taken.append(name)
    return taken, problems


async def _install(model_id: str, models: list[BundleModel], facts: Facts, peer: Peer) -> None:
    if any(model.model_id == model_id and model.licence_due for model in models):
        await peer.request(LicenceAcceptRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS)
    if model_id in facts.models and facts.models[model_id].state == "paused":
        await peer.request(ModelResumeRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS)
    else:
        await peer.request(ModelInstallRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS)


async def _mend(model_id: str, facts: Facts, peer: Peer) -> None:
    """Repair keeps what is sound; where it is not to be had, the model is fetched again."""
    if facts.models[model_id].state == "damaged":
        try:
            await peer.request(ModelRepairRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS)
        except RequestFailed as failed:
            if failed.kind not in ("no_responder", "invalid", "refused"):
                raise
        else:
            return
    await peer.request(ModelInstallRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS)


async def _restart(actor: str, peer: Peer) -> None:
    await peer.request(ActorRestartRequestEvent(actor=actor), timeout_seconds=WISH_SECONDS)
