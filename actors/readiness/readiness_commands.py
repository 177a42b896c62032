"""What a person wants done about readiness, asked of those who can do it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from actors.readiness.readiness_facts import Facts
from actors.readiness.readiness_snapshot import failed_services
from actors.readiness.wording import Wording
from bus.client import Peer
from bus.errors import Refused, RequestFailed
from schemas.leases import ModelRepairRequestEvent
from schemas.models import ModelInstallRequestEvent, ModelResumeRequestEvent, ModelStatus
from schemas.operations.supervision import ActorRestartRequestEvent
from schemas.readiness import BundleModel, ReadinessSetupRequestEvent, ReadinessSnapshot
from schemas.sources import LicenceAcceptRequestEvent

WISH_SECONDS: Final = 30.0
"""A wish is answered once it is on disk, and a disk may be slow."""


Heard = Callable[[ModelStatus], None]
"""Told where a model stands as soon as its wish was answered, which may be before the event about it comes."""


def check_bundle(
    event: ReadinessSetupRequestEvent, now: ReadinessSnapshot, words: Wording
) -> list[BundleModel]:
    """The models that the person was shown and confirmed.

    Raises:
        Refused: models go elsewhere by now, or a licence is due that was not accepted.
    """
    models = now.setup.models if now.setup else []
    if event.location and event.location != now.location:
        raise Refused(words.say("refused_location", active=now.location, path=event.location))
    due = [model for model in models if model.licence_due]
    if due and not event.accept_licences:
        raise Refused(words.say("refused_licence", models=", ".join(model.name for model in due)))

    return models


async def fetch_bundle(
    models: list[BundleModel], facts: Facts, peer: Peer, heard: Heard
) -> tuple[list[str], list[str]]:
    """Have every model of the bundle fetched; those that are on their way, and why the others are not."""
    due = {model.model_id: model.licence_due for model in models}

    async def install(model_id: str) -> None:
        if due[model_id]:
            await peer.request(LicenceAcceptRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS)
        if model_id in facts.models and facts.models[model_id].state == "paused":
            heard(
                (
                    await peer.request(
                        ModelResumeRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS
                    )
                ).status
            )
        else:
            heard(
                (
                    await peer.request(
                        ModelInstallRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS
                    )
                ).status
            )

    return await _each(list(due), install)


async def try_again(broken: list[str], facts: Facts, peer: Peer, heard: Heard) -> tuple[list[str], list[str]]:
    """Have models that failed fetched again, those that are damaged mended, and actors that gave up started again."""

    async def restart(actor: str) -> None:
        await peer.request(ActorRestartRequestEvent(actor=actor), timeout_seconds=WISH_SECONDS)

    async def mend(model_id: str) -> None:
        """Repair keeps what is sound; where it is not to be had, the model is fetched again."""
        if facts.models[model_id].state == "damaged":
            with contextlib.suppress(RequestFailed):
                heard(
                    (
                        await peer.request(
                            ModelRepairRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS
                        )
                    ).status
                )
                return
        heard(
            (
                await peer.request(ModelInstallRequestEvent(model_id=model_id), timeout_seconds=WISH_SECONDS)
            ).status
        )

    _, problems = await _each(failed_services(facts), restart)
    begun, more = await _each(broken, mend)
    return begun, [*problems, *more]


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
