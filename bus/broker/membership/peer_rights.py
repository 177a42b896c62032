"""What one peer may publish, serve and ask. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bus.broker.membership.topic_rules import FACTS, TopicRules
from bus.broker.roster import Grant
from bus.errors import ProtocolError
from bus.wire import matches
from schemas.contract.ownership import (
    ASKED_BY_ACTORS,
    EVERYBODY,
    NAMED_PEERS,
    SECRETS,
    owner_of,
)
from schemas.contract.registry import REQUESTS

KNOWN_LIMIT: Final = 16_384
"""Topics that are remembered as allowed, so that they are not checked again."""

GUEST: Final = "guest"
NAMED: Final = "named"


class PeerRights:
    """The rights of one named peer, or those of all guests.

    Attributes:
        role: `named` or `guest`.
        is_guest: whether these are the rights of guests.
        publishable: topics that were found to be allowed.
    """

    def __init__(
        self,
        rules: TopicRules | None = None,
        grant: Grant | None = None,
        name: str = "",
        *,
        is_guest: bool | None = None,
    ) -> None:
        """Take what the roster says.

        Args:
            rules: which topics exist; None: those of the contract, and `app.*`.
            grant: what is granted besides.
            name: of the peer; empty for guests.
            is_guest: whether it counts as one; None: if it has no name.
        """
        self.is_guest = not name if is_guest is None else is_guest
        self.role = GUEST if self.is_guest else NAMED
        self.publishable: set[str] = set()
        self._rules = rules or TopicRules()
        self._grant = grant or Grant()
        self._name = name
        self._trusts_keys = "*" in self._grant.publishes

    def check_publish(self, topic: str) -> None:
        """Check that events may be published under this topic.

        Raises:
            ProtocolError: reasons `unknown_topic`, `not_yours`.
        """
        if not self._holds(topic, FACTS, self._grant.publishes):
            raise ProtocolError("not_yours", f"{self._alone(topic, 'publish')} {topic}")
        if len(self.publishable) < KNOWN_LIMIT:
            self.publishable.add(topic)

    def check_key(self, topic: str, key: str | None) -> None:
        """Check the key of an event of a topic that is in KEYED_BY_PUBLISHER.

        Raises:
            ProtocolError: reason `not_yours`: the key belongs to another peer.
        """
        if not self._trusts_keys and not (key or "").startswith(f"{self._name}/"):
            found = "no key" if key is None else repr(key[:128])
            raise ProtocolError(
                "not_yours", f"keys of {topic} begin with the name of their publisher; found {found}"
            )

    def check_serve(self, topic: str) -> None:
        """Check that requests may be served under this topic.

        Raises:
            ProtocolError: reasons `unknown_topic`, `not_yours`.
        """
        if not self._holds(topic, REQUESTS, self._grant.serves):
            raise ProtocolError("not_yours", f"{self._alone(topic, 'serve')} {topic}")

    def check_ask(self, topic: str) -> None:
        """Check that this request may be made.

        Raises:
            ProtocolError: reason `not_yours`.
        """
        if topic in SECRETS and not self._grant.reveals_secrets:
            raise ProtocolError(
                "not_yours",
                f"{topic} is for peers that the profile names with 'reveal_secrets = true', with a "
                "credential of their own",
            )
        if topic in ASKED_BY_ACTORS and not (self._grant.is_actor or self._grant.reveals_secrets):
            raise ProtocolError("not_yours", f"{topic} is for actors among themselves")

    def _holds(self, topic: str, contract: Iterable[str], granted: list[str]) -> bool:
        if topic in contract:
            return owner_of(topic) == EVERYBODY or _is_granted(granted, topic)
        owners = self._rules.owners_of(topic)
        return owners is None or self._name in owners or _is_granted(granted, topic)

    def _alone(self, topic: str, verb: str) -> str:
        if topic in FACTS or topic in REQUESTS:
            owner = owner_of(topic)
            found = "peers with a credential of their own" if owner == NAMED_PEERS else repr(owner)
        else:
            found = ", ".join(map(repr, sorted(self._rules.owners_of(topic) or ()))) or "nobody"
        return f"this peer is {repr(self._name) if self._name else 'a guest'}; only {found} may {verb}"


def _is_granted(patterns: list[str], topic: str) -> bool:
    return any(matches(pattern, topic) for pattern in patterns)
