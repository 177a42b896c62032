"""Who is connected, under which name: admits peers, and says who left. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from bus import wire
from bus.broker.peer_record import PeerRecord, Route
from bus.broker.roster import Roster, digest_of
from bus.errors import ProtocolError

BROKER_NAME: Final = "broker"


@dataclass(frozen=True, slots=True)
class Joined:
    """A peer that is to be welcomed. `former_route`: where it was until now, if it was there already."""

    peer: PeerRecord
    former_route: Route


@dataclass(frozen=True, slots=True)
class Left:
    """A peer that is gone. `returning`: it is due back."""

    peer: PeerRecord
    returning: bool
    said_bye: bool


class PeerRegistry:
    """Connects names and connections.

    Attributes:
        by_route: the admitted peer of each connection.
        by_name: the same peers by name.
        roster: whose credentials count, besides the token.
    """

    def __init__(self, token: str, reach: Callable[[Route], bool]) -> None:
        self.by_route: dict[Route, PeerRecord] = {}
        self.by_name: dict[str, PeerRecord] = {}
        self._token = token.encode()
        self._reach = reach
        self.roster = Roster()

    def hello(self, route: Route, hello: wire.HelloHeader) -> Iterable[Joined | Left]:
        """A peer asks to join.

        Raises:
            ProtocolError: reasons `wrong_version`, `wrong_token`, `invalid_name`, `duplicate_name`.
        """
        if hello.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolError(
                "wrong_version",
                f"the peer speaks protocol {hello.protocol}, this broker speaks {wire.PROTOCOL_VERSION}",
            )
        grant = self.roster.peers.get(hello.name)
        is_named = grant is not None and digest_of(hello.credential) == grant.credential_sha256
        if not is_named and not hmac.compare_digest(hello.credential.encode(), self._token):
            raise ProtocolError("wrong_token", "the token is not the one in runtime.json")
        if not wire.is_name(hello.name) or hello.name == BROKER_NAME:
            raise ProtocolError(
                "invalid_name", f"{hello.name!r} cannot name a peer; expected letters, digits, '_', '.', '-'"
            )
        present = self.by_route.get(route)
        if present is not None and (present.name, present.instance) != (hello.name, hello.instance):
            raise ProtocolError("invalid_name", f"this connection is that of {present.name!r} already")
        former = self.by_name.get(hello.name)
        outcome: list[Joined | Left] = []
        if former is not None and former.instance != hello.instance:
            if self._reach(former.route):
                raise ProtocolError("duplicate_name", f"another peer is named {hello.name!r}")
            outcome.append(self.leave(former, returning=True, said_bye=False))
            former = None
        if former is None:
            former = PeerRecord(route, hello.name, hello.instance)
        former_route = former.route
        self.by_route.pop(former_route, None)
        former.route = route
        self.by_route[route] = self.by_name[hello.name] = former
        return [*outcome, Joined(former, former_route)]

    def leave(self, peer: PeerRecord, *, returning: bool, said_bye: bool) -> Left:
        """Take a peer out."""
        self.by_route.pop(peer.route, None)
        if self.by_name.get(peer.name) is peer:
            del self.by_name[peer.name]
        return Left(peer, returning, said_bye)
