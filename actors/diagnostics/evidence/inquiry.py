"""Makes many inquiries at once, under one deadline. A part without an answer is named with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import anyio
import anyio.to_thread

from bus.client import Peer
from bus.error_words import in_words
from bus.errors import RequestFailed
from bus.telemetry.instruments import gather_metrics
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

DEADLINE_SECONDS: Final = 1.2
METRICS_SECONDS: Final = 0.4
"""Limit for metrics. A sidecar in another language need not report any, and must not delay the report."""

THREADS: Final = 8
NOT_ACTORS: Final = frozenset({"broker", "supervisor"})

Inquiry = Callable[[], Awaitable[Any]]


async def gather(
    inquiries: Mapping[str, Inquiry], deadline_seconds: float = DEADLINE_SECONDS
) -> tuple[dict[str, Any], dict[str, str]]:
    """Make all inquiries at once.

    Args:
        inquiries: by the part that they are for.
        deadline_seconds: limit for all of them together.

    Returns:
        What was found by part, and the reason for each missing part.
    """
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    end = asyncio.get_running_loop().time() + deadline_seconds

    async def make(part: str, inquiry: Inquiry) -> None:
        try:
            async with asyncio.timeout_at(end):
                found[part] = await inquiry()
        except TimeoutError:
            missing[part] = f"no answer within {deadline_seconds:g} s"
        except RequestFailed as failed:
            missing[part] = f"{failed.kind}: {failed.message}"
        except Exception as error:  # a report about faults must not fail because of one
            missing[part] = in_words(error)

    await asyncio.gather(*(make(part, inquiry) for part, inquiry in inquiries.items()))
    return found, missing


def in_threads(probes: Mapping[str, Callable[[], Any]]) -> dict[str, Inquiry]:
    """Return inquiries that run functions in threads. A function that hangs is abandoned."""
    limiter = anyio.CapacityLimiter(THREADS)
    return {
        part: partial(anyio.to_thread.run_sync, probe, abandon_on_cancel=True, limiter=limiter)
        for part, probe in probes.items()
    }


def to_bus(peer: Peer, log_records: int) -> dict[str, Inquiry]:
    """Return the inquiries to other actors, the supervisor and the broker.

    Args:
        peer: sends the requests.
        log_records: number of the newest log records.
    """
    ask = partial(partial, peer.request, timeout_seconds=DEADLINE_SECONDS)
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
    """Return every setting with all its layers.

    Raises:
        RequestFailed: the config store does not answer.
    """
    effective = await peer.request(
        RuntimeConfigRequestEvent(operation="get_effective"), timeout_seconds=DEADLINE_SECONDS
    )
    sections = (SettingsExplainRequestEvent(path=name) for name in effective.settings)
    answers = await asyncio.gather(
        *(peer.request(section, timeout_seconds=DEADLINE_SECONDS) for section in sections)
    )
    return [explained for answer in answers for explained in answer.settings]


async def alerts(peer: Peer) -> list[Alert]:
    """Return the alerts, active or over, newest first."""
    found = [event.alert for event in await peer.retained(AlertChangedEvent) if event.is_own]
    return sorted(found, key=lambda alert: alert.last_at, reverse=True)


async def keys(peer: Peer) -> dict[str, KeysReport]:
    """Return the state of the keys of each actor that uses some, never a key."""
    return {event.source: event.report for event in await peer.retained(KeysStateChangedEvent)}


async def metrics(peer: Peer) -> list[MetricsReportedEvent]:
    """Return the metrics of all actors that report in time, by name.

    Raises:
        RequestFailed: the supervisor does not answer.
    """
    overview = await peer.request(SupervisorStatusRequestEvent(), timeout_seconds=DEADLINE_SECONDS)
    awaited = {status.actor for status in overview.actors if status.state == "ready"} - NOT_ACTORS
    return await gather_metrics(peer, awaited, METRICS_SECONDS)
