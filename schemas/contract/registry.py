"""All conversations together: which events there are, by topic."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from schemas import (
    backups,
    config,
    documents,
    history,
    keys,
    leases,
    models,
    paths,
    readiness,
    sources,
    state,
)
from schemas.event import Event, Request, reply_type_of, topic_of
from schemas.operations import alerts, bus, crashes, diagnostics, logs, metrics, supervision

CONVERSATIONS: tuple[ModuleType, ...] = (
    alerts,
    backups,
    bus,
    config,
    crashes,
    diagnostics,
    documents,
    history,
    keys,
    leases,
    logs,
    metrics,
    models,
    paths,
    readiness,
    sources,
    state,
    supervision,
)


def _events_of(module: ModuleType) -> Iterator[type[Event]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__:
            yield value


EVENTS: dict[str, type[Event]] = {
    topic_of(event): event for module in CONVERSATIONS for event in _events_of(module)
}
"""Every event of the contract by its topic."""

REQUESTS: dict[str, type[Request[Any]]] = {
    topic: event for topic, event in EVENTS.items() if issubclass(event, Request)
}
"""Those of them that ask for an answer."""

REPLIES: dict[str, type[Event]] = {topic: reply_type_of(event) for topic, event in REQUESTS.items()}
"""What answers each request, by the topic of the request."""
