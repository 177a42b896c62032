"""Which topics exist, and whose those of an app's namespaces are. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bus.broker.roster import NamespaceRule
from bus.errors import ProtocolError
from bus.wire import matches
from schemas.contract.registry import EVENTS, REQUESTS
from schemas.event import is_topic

APP_NAMESPACE: Final = "app.*"
"""Topics that every app may use without declaring them."""

FACTS: Final = frozenset(EVENTS) - frozenset(REQUESTS)
"""Topics of the contract under which events are published."""


class TopicRules:
    """Tells topics that exist from mistakes."""

    def __init__(self, namespaces: Iterable[NamespaceRule] = ()) -> None:
        owners: dict[str, frozenset[str] | None] = {APP_NAMESPACE: None}
        for rule in namespaces:
            former = owners.get(rule.namespace)
            named = None if rule.peers is None else frozenset(rule.peers)
            owners[rule.namespace] = former if named is None else named | (former or frozenset())
        self._owners = dict(sorted(owners.items(), key=lambda entry: -len(entry[0])))

    def owners_of(self, topic: str) -> frozenset[str] | None:
        """Who may use a topic of the app; None: everybody. The longest namespace that matches decides.

        Raises:
            ProtocolError: reason `unknown_topic`: no namespace has it.
        """
        if is_topic(topic):
            for namespace, owners in self._owners.items():
                if matches(namespace, topic):
                    return owners
        raise ProtocolError(
            "unknown_topic",
            f"there is no topic {topic[:128]!r}; apps publish and serve below {', '.join(self._owners)}",
        )
