"""Which topics exist: those of the contract, and those in the namespaces that an app declares. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bus.errors import ProtocolError
from bus.wire import matches
from schemas.contract.registry import EVENTS, REQUESTS
from schemas.event import is_topic

APP_NAMESPACE = "app.*"
"""Topics that every app may use without declaring them."""

KNOWN_LIMIT = 100_000
"""Topics that are remembered as allowed, so that they are not checked again."""


class TopicRules:
    """Tells topics that exist from mistakes."""

    def __init__(self, namespaces: Iterable[str] = ()) -> None:
        self._namespaces = (APP_NAMESPACE, *namespaces)
        self._publishable = set(EVENTS) - set(REQUESTS)
        self._servable = set(REQUESTS)

    def check_publish(self, topic: str) -> None:
        """Check that events may be published under this topic.

        Raises:
            ProtocolError: reason `unknown_topic`.
        """
        if topic not in self._publishable:
            self._allow(topic, self._publishable)

    def check_serve(self, topic: str) -> None:
        """Check that requests may be served under this topic.

        Raises:
            ProtocolError: reason `unknown_topic`.
        """
        if topic not in self._servable:
            self._allow(topic, self._servable)

    def _allow(self, topic: str, known: set[str]) -> None:
        if not is_topic(topic) or not any(matches(namespace, topic) for namespace in self._namespaces):
            raise ProtocolError(
                "unknown_topic",
                f"there is no topic {topic[:128]!r}; "
                f"apps publish and serve below {', '.join(self._namespaces)}",
            )
        if len(known) < KNOWN_LIMIT:
            known.add(topic)
