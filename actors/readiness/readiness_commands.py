"""Carries out what a person wants: sends requests to the owner of the models and to the supervisor."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Final

from actors.readiness.snapshot.readiness_facts import ReadinessFacts
from actors.readiness.snapshot.readiness_snapshot import failed_services
from actors.readiness.wording import Wording
from bus.client import Peer
from bus.errors import Refused, RequestFailed
from schemas.leases import ModelRepairRequestEvent
from schemas.models import ModelInstallRequestEvent, ModelResumeRequestEvent, ModelStatus
from schemas.operations.supervision import ActorRestartRequestEvent
from schemas.readiness import BundleModel, ReadinessSetupRequestEvent, ReadinessSnapshot
from schemas.sources import LicenceAcceptRequestEvent

COMMAND_TIMEOUT_SECONDS: Final = 30.0
"""A command is answered once it is on disk, and a disk may be slow."""


@dataclass(frozen=True)
class CommandOutcome:
    """What became of a command.

    Attributes:
        name: of the model or the actor.
        is_begun: a model is being installed; not for an actor, nor if the command failed.
        problem: why the command failed; empty if it did not.
    """

    name: str
    is_begun: bool = False
    problem: str = ""


def check_bundle(
    event: ReadinessSetupRequestEvent, now: ReadinessSnapshot, words: Wording
) -> list[BundleModel]:
    """The models that the person saw and confirmed.

    Raises:
        Refused: the models directory is another one now, or a licence was not accepted.
    """
    models = now.setup.models if now.setup else []
    if event.location and event.location != now.location:
        raise Refused(words.say("refused_location", active=now.location, path=event.location))
    due = [model for model in models if model.licence_due]
    if due and not event.accept_licences:
        raise Refused(words.say("refused_licence", models=", ".join(model.name for model in due)))
    return models


async def set_up(
    models: list[BundleModel], facts: ReadinessFacts, peer: Peer
) -> AsyncIterator[CommandOutcome]:
    """Install every model of the bundle. A model that fails does not stop the others."""
    for model in models:
        yield await _outcome(model.model_id, _install_confirmed(model, facts, peer))


async def retry(broken: list[str], facts: ReadinessFacts, peer: Peer) -> AsyncIterator[CommandOutcome]:
    """Restart actors that were given up, then repair or install broken models.

    Args:
        broken: ids of models.
        facts: everything that is known.
        peer: sends the requests.
    """
    for actor in failed_services(facts):
        yield await _outcome(actor, _restart(actor, peer))
    for model_id in broken:
        yield await _outcome(model_id, _repair(model_id, facts, peer))


async def _outcome(name: str, command: Awaitable[ModelStatus | None]) -> CommandOutcome:
    try:
        return CommandOutcome(name, is_begun=await command is not None)
    except RequestFailed as failed:
        return CommandOutcome(name, problem=f"{name}: {failed.message or failed.kind}")


async def _install_confirmed(model: BundleModel, facts: ReadinessFacts, peer: Peer) -> ModelStatus:
    """Accept the licence if that is due, then resume or install the model."""
    if model.licence_due:
        licence = LicenceAcceptRequestEvent(model_id=model.model_id)
        await peer.request(licence, timeout_seconds=COMMAND_TIMEOUT_SECONDS)
    known = facts.models.get(model.model_id)
    if known is None or known.state != "paused":
        return await _install(model.model_id, peer)
    resume = ModelResumeRequestEvent(model_id=model.model_id)
    return (await peer.request(resume, timeout_seconds=COMMAND_TIMEOUT_SECONDS)).status


async def _repair(model_id: str, facts: ReadinessFacts, peer: Peer) -> ModelStatus:
    """Repair a damaged model, which keeps its sound parts; install it if that is impossible."""
    if facts.models[model_id].state == "damaged":
        repair = ModelRepairRequestEvent(model_id=model_id)
        with contextlib.suppress(RequestFailed):
            return (await peer.request(repair, timeout_seconds=COMMAND_TIMEOUT_SECONDS)).status
    return await _install(model_id, peer)


async def _install(model_id: str, peer: Peer) -> ModelStatus:
    install = ModelInstallRequestEvent(model_id=model_id)
    return (await peer.request(install, timeout_seconds=COMMAND_TIMEOUT_SECONDS)).status


async def _restart(actor: str, peer: Peer) -> None:
    await peer.request(ActorRestartRequestEvent(actor=actor), timeout_seconds=COMMAND_TIMEOUT_SECONDS)
