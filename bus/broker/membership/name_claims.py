"""Names that a newcomer claims while their former connection is still there. Pure.

The broker asks the former connection whether it lives, and holds the HELLO of the newcomer meanwhile.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from bus.broker.membership.peer_record import PeerRecord, Route
from bus.wire import HelloHeader

CLAIM_SECONDS: Final = 2.0
"""How long the former connection has to answer."""

CHECK_SECONDS: Final = 0.02
"""Time between two checks whether the former connection has ended."""

CHECKS_AT_LEAST: Final = 25
"""Checks before time counts: a broker that was stopped itself has its mail to read first."""


def _new_id() -> int:
    return secrets.randbits(47) + 1


@dataclass(slots=True)
class NameClaim:
    """A HELLO that waits.

    Attributes:
        route: connection of the newcomer.
        hello: what it said.
        former: the peer that has the name.
        asked_at: when that one was asked.
        ping_id: with which id.
        checks: how often it was looked whether its connection has ended.
        check_due: when it is looked next.
    """

    route: Route
    hello: HelloHeader
    former: PeerRecord
    asked_at: float
    check_due: float
    ping_id: int = field(default_factory=_new_id)
    checks: int = 0


class NameClaims:
    """At most one claim for each name, and for each connection."""

    def __init__(self) -> None:
        self._by_name: dict[str, NameClaim] = {}
        self._by_route: dict[Route, NameClaim] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def begin(self, route: Route, hello: HelloHeader, former: PeerRecord, now: float) -> NameClaim:
        """Hold a HELLO. There must be no claim to its name, nor from its connection."""
        claim = NameClaim(route, hello, former, now, now + CHECK_SECONDS)
        self._by_name[hello.name] = self._by_route[route] = claim
        return claim

    def of_name(self, name: str) -> NameClaim | None:
        """The claim to a name."""
        return self._by_name.get(name)

    def of_route(self, route: Route) -> NameClaim | None:
        """The claim from a connection."""
        return self._by_route.get(route)

    def routes(self) -> list[Route]:
        """The connections that wait."""
        return list(self._by_route)

    def end(self, claim: NameClaim) -> None:
        """It is decided, or the newcomer is gone."""
        del self._by_name[claim.hello.name], self._by_route[claim.route]

    def due(self, now: float) -> list[NameClaim]:
        """The claims whose former connection is to be looked at now. Each counts the look."""
        found = [claim for claim in self._by_name.values() if now >= claim.check_due]
        for claim in found:
            claim.checks += 1
            claim.check_due = now + CHECK_SECONDS
        return found

    def next_due(self) -> float | None:
        """When a claim is to be looked at next."""
        return min((claim.check_due for claim in self._by_name.values()), default=None)


def is_unanswered(claim: NameClaim, now: float) -> bool:
    """Whether the former connection had its time to answer."""
    return now - claim.asked_at >= CLAIM_SECONDS and claim.checks >= CHECKS_AT_LEAST
