"""Every event of the contract, by its topic."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from schemas.event import Event, Request, reply_type_of, topic_of

CONVERSATIONS: Final = (
    "schemas.operations.alerts",
    "schemas.backups",
    "schemas.operations.bus",
    "schemas.config",
    "schemas.operations.crashes",
    "schemas.operations.diagnostics",
    "schemas.documents",
    "schemas.history",
    "schemas.keys",
    "schemas.leases",
    "schemas.operations.logs",
    "schemas.operations.metrics",
    "schemas.models",
    "schemas.paths",
    "schemas.readiness",
    "schemas.sources",
    "schemas.state",
    "schemas.operations.supervision",
)
"""One module for each conversation. Their order is that of the published schema."""


def _events_of(module: ModuleType) -> Iterator[type[Event]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__:
            yield value


EVENTS: dict[str, type[Event]] = {
    topic_of(event): event for name in CONVERSATIONS for event in _events_of(importlib.import_module(name))
}
"""Every event, by its topic."""

REQUESTS: dict[str, type[Request[Any]]] = {
    topic: event for topic, event in EVENTS.items() if issubclass(event, Request)
}
"""Every request, by its topic."""

REPLIES: dict[str, type[Event]] = {topic: reply_type_of(event) for topic, event in REQUESTS.items()}
"""The reply to each request, by the topic of the request."""
