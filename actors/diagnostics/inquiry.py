"""Asks everybody at once for what they know, under one deadline; whoever does not answer is named, and nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import anyio
import anyio.to_thread

from bus.client import Peer
from bus.errors import RequestFailed
from bus.instruments import gather_metrics
from schemas.config import RuntimeConfigRequestEvent, SettingExplained, SettingsExplainRequestEvent
from schemas.history import HistoryStatusRequestEvent
from schemas.keys import KeysReport, KeysStateChangedEvent
from schemas.models import ModelsListRequestEvent, PartialsListRequestEvent
from schemas.operations.alerts import Alert, AlertChangedEvent
from schemas.operations.bus import BusStatisticsRequestEvent
from schemas.operations.logs import LogRingRequestEvent
from schemas.operations.metrics import MetricsReportedEvent
from schemas.operations.supervision import LogsRequestEvent, SupervisorStatusRequestEvent
from schemas.paths import PathsListRequestEvent
from schemas.readiness import ReadinessReportRequestEvent
from schemas.state import StateHealthRequestEvent

PATIENCE_SECONDS: Final = 1.2
METRICS_SECONDS: Final = 0.4
"""A sidecar in another language need not tell any metrics, so nobody waits for all of them longer than this."""

THREADS: Final = 8
NOT_ACTORS: Final = frozenset({"broker", "supervisor"})

Question = Callable[[], Awaitable[Any]]


async def gather(
    questions: Mapping[str, Question], patience_seconds: float = PATIENCE_SECONDS
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was found, and why the rest was not, by part."""
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    end = asyncio.get_running_loop().time() + patience_seconds

    async def ask(part: str, question: Question) -> None:
        try:
            async with asyncio.timeout_at(end):
                found[part] = await question()
        except TimeoutError:
            missing[part] = f"no answer within {patience_seconds:g} s"
        except RequestFailed as failed:
            missing[part] = f"{failed.kind}: {failed.message}"
        except Exception as error:  # a report of what is broken must not break with it
            missing[part] = f"{type(error).__name__}: {error}"

    await asyncio.gather(*(ask(part, question) for part, question in questions.items()))
    return found, missing


def of_threads(looks: Mapping[str, Callable[[], Any]]) -> dict[str, Question]:
    """Looks that may block, as questions; one that hangs is left behind."""
    limiter = anyio.CapacityLimiter(THREADS)
    return {
        part: partial(anyio.to_thread.run_sync, look, abandon_on_cancel=True, limiter=limiter)
        for part, look in looks.items()
    }


def of_bus(peer: Peer, log_records: int) -> dict[str, Question]:
    """What the others can be asked."""
    ask = partial(partial, peer.request, timeout_seconds=PATIENCE_SECONDS)
    return {
        "overview": ask(SupervisorStatusRequestEvent()),
        "bus": ask(BusStatisticsRequestEvent()),
        "ring": ask(LogRingRequestEvent(limit=log_records)),
        "lines": ask(LogsRequestEvent(limit=log_records)),
        "readiness": ask(ReadinessReportRequestEvent()),
        "settings": partial(settings, peer),
        "paths": ask(PathsListRequestEvent()),
        "models": ask(ModelsListRequestEvent()),
        "partials": ask(PartialsListRequestEvent()),
        "state": ask(StateHealthRequestEvent()),
        "history": ask(HistoryStatusRequestEvent()),
        "alerts": partial(alerts, peer),
        "keys": partial(keys, peer),
        "metrics": partial(metrics, peer),
    }


async def settings(peer: Peer) -> list[SettingExplained]:
    """Every setting with all its layers.

    Raises:
        RequestFailed: the store does not answer.
    """
    effective = await peer.request(
        RuntimeConfigRequestEvent(operation="get_effective"), timeout_seconds=PATIENCE_SECONDS
    )
    sections = (SettingsExplainRequestEvent(path=name) for name in effective.settings)
    answers = await asyncio.gather(
        *(peer.request(section, timeout_seconds=PATIENCE_SECONDS) for section in sections)
    )
    return [explained for answer in answers for explained in answer.settings]


async def alerts(peer: Peer) -> list[Alert]:
    """What is wrong now, and what was and is over; the newest first."""
    found = [event.alert for event in await peer.retained(AlertChangedEvent)]
    return sorted(found, key=lambda alert: alert.last_at, reverse=True)


async def keys(peer: Peer) -> dict[str, KeysReport]:
    """How the keys of each actor that has some fare; never a key."""
    return {event.source: event.report for event in await peer.retained(KeysStateChangedEvent)}


async def metrics(peer: Peer) -> list[MetricsReportedEvent]:
    """The metrics of all actors that tell theirs in time, by name.

    Raises:
        RequestFailed: the supervisor does not say who there is.
    """
    overview = await peer.request(SupervisorStatusRequestEvent(), timeout_seconds=PATIENCE_SECONDS)
    awaited = {status.actor for status in overview.actors if status.state == "ready"} - NOT_ACTORS
    return await gather_metrics(peer, awaited, METRICS_SECONDS)
