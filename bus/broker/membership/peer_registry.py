"""Who is connected, under which name and with which rights: admits peers, and says who left. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from bus import wire
from bus.broker.membership.name_claims import NameClaim, NameClaims, is_unanswered
from bus.broker.membership.peer_record import PeerRecord, Route
from bus.broker.membership.peer_rights import PeerRights
from bus.broker.membership.topic_rules import TopicRules
from bus.broker.roster import Roster, digest_of
from bus.errors import ProtocolError

BROKER_NAME: Final = "broker"

PEER_LIMIT: Final = 4096
"""Most peers at a time. Those of the profile always get in."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A peer that is to be welcomed. `is_new`: it was not there before."""

    peer: PeerRecord
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Left:
    """A peer that is gone. `returning`: it is due back."""

    peer: PeerRecord
    returning: bool
    said_bye: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A message that a connection is to get."""

    route: Route
    header: wire.LaneHeader


Change: TypeAlias = Joined | Left | Told


class PeerRegistry:
    """Connects names and connections.

    Attributes:
        by_route: the admitted peer of each connection.
        by_name: the same peers by name.
    """

    def __init__(
        self, token: str, roster: Roster, reach: Callable[[Route], bool], peer_limit: int = PEER_LIMIT
    ) -> None:
        self.by_route: dict[Route, PeerRecord] = {}
        self.by_name: dict[str, PeerRecord] = {}
        self._token = token.encode()
        self._reach = reach
        self._peer_limit = peer_limit
        self._claims = NameClaims()
        self._rights: dict[str, PeerRights] = {}
        self._roster = roster
        self.use(roster)

    def use(self, roster: Roster) -> list[str]:
        """Another roster holds from now on, for peers that are connected, too.

        Returns:
            The names that are reserved no longer, and whose peers are not there.
        """
        former = self._roster.peers
        released = [name for name in former if name not in roster.peers]
        rules = TopicRules(roster.namespaces)
        self._roster = roster
        self._guests = PeerRights(rules, roster.guests, is_guest=not roster.trusts_everybody)
        self._rights = {name: PeerRights(rules, grant, name) for name, grant in roster.peers.items()}
        for peer in self.by_route.values():
            grant = None if peer.rights.is_guest else roster.peers.get(peer.name)
            known = former.get(peer.name)
            is_same = grant and known and grant.credential_sha256 == known.credential_sha256
            peer.rights = self._rights[peer.name] if is_same else self._guests
        return [name for name in released if name not in self.by_name]

    def hello(self, route: Route, hello: wire.HelloHeader, now: float) -> list[Change]:
        """A peer asks to join.

        Raises:
            ProtocolError: reasons `wrong_version`, `invalid_name`, `wrong_token`, `reserved_name`,
                `duplicate_name`, `peers_full`.
        """
        rights = self._judge(hello)
        present = self.by_route.get(route)
        waiting = self._claims.of_route(route)
        known = present or (waiting.hello if waiting else None)
        if known is not None:
            if (known.name, known.instance) != (hello.name, hello.instance):
                raise ProtocolError("invalid_name", f"this connection is that of {known.name!r} already")
            return [Joined(present, is_new=False)] if present else []
        former = self.by_name.get(hello.name)
        if former is None:
            if rights.is_guest and len(self.by_route) >= self._peer_limit:
                raise ProtocolError(
                    "peers_full", f"{len(self.by_route)} peers are connected; there is no room for more"
                )
            return [self._admit(route, hello, rights)]
        if former.rights.is_guest and not rights.is_guest:
            why = "the name belongs to a peer of the profile, which has come"
            changes = self._displace(former, why, returning=False)
            former = self.by_name.get(hello.name)  # another life of that peer may have waited for the name
            if former is None:
                return [*changes, self._admit(route, hello, rights)]
            return [*changes, *self._claim(route, hello, former, now)]
        return self._claim(route, hello, former, now)

    def pong(self, peer: PeerRecord, pong: wire.PongHeader) -> list[Change]:
        """A peer shows that it lives: a newcomer that claims its name is refused."""
        claim = self._claims.of_name(peer.name) if pong.id else None
        if claim is None or claim.former is not peer or claim.ping_id != pong.id:
            return []
        return [self._refuse(claim, _taken(peer.name))]

    def bye(self, peer: PeerRecord, *, returning: bool) -> list[Change]:
        """A peer leaves."""
        return self._leave(peer, returning=returning, said_bye=True)

    def gone(self, route: Route) -> list[Change]:
        """A connection has ended."""
        claim = self._claims.of_route(route)
        if claim is not None:
            self._claims.end(claim)
        peer = self.by_route.get(route)
        return [] if peer is None else self._leave(peer, returning=True, said_bye=False)

    def routes(self) -> list[Route]:
        """The connections of all peers, and of those that wait for a name."""
        return [*self.by_route, *self._claims.routes()]

    def tick(self, now: float) -> list[Change]:
        """Let time pass: decide claims."""
        changes: list[Change] = []
        for claim in self._claims.due(now):
            if not self._reach(claim.former.route):
                changes += self._leave(claim.former, returning=True, said_bye=False)
            elif is_unanswered(claim, now):
                if self._reach(claim.route):
                    changes += self._displace(claim.former, "this connection did not answer", returning=True)
                else:
                    self._claims.end(claim)
        return changes

    def next_due(self) -> float | None:
        """When `tick` next has something to do."""
        return self._claims.next_due() if self._claims else None

    def _judge(self, hello: wire.HelloHeader) -> PeerRights:
        if hello.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolError("wrong_version", version_sentence(hello.protocol))
        if not wire.is_name(hello.name) or hello.name == BROKER_NAME:
            raise ProtocolError(
                "invalid_name", f"{hello.name!r} cannot name a peer; expected letters, digits, '_', '.', '-'"
            )
        credential = hello.credential.encode()
        grant = self._roster.peers.get(hello.name)
        if grant is not None and hmac.compare_digest(digest_of(hello.credential), grant.credential_sha256):
            return self._rights[hello.name]
        if not hmac.compare_digest(credential, self._token):
            raise ProtocolError(
                "wrong_token", "the credential is neither that of this name nor the token in runtime.json"
            )
        if grant is not None:
            raise ProtocolError(
                "reserved_name",
                f"{hello.name!r} is a peer of the profile, and joins with its own credential; "
                "take another name",
            )
        return self._guests

    def _admit(self, route: Route, hello: wire.HelloHeader, rights: PeerRights) -> Joined:
        peer = PeerRecord(route, hello.name, hello.instance, rights)
        self.by_route[route] = self.by_name[hello.name] = peer
        return Joined(peer)

    def _claim(self, route: Route, hello: wire.HelloHeader, former: PeerRecord, now: float) -> list[Change]:
        if self._claims.of_name(hello.name) is not None:
            raise _taken(hello.name)
        claim = self._claims.begin(route, hello, former, now)
        if not self._reach(former.route):
            return self._leave(former, returning=True, said_bye=False)
        return [Told(former.route, wire.PingHeader(claim.ping_id))]

    def _leave(self, peer: PeerRecord, *, returning: bool, said_bye: bool) -> list[Change]:
        """Take a peer out, and admit the newcomer that claims its name."""
        self.by_route.pop(peer.route, None)
        if self.by_name.get(peer.name) is peer:
            del self.by_name[peer.name]
        changes: list[Change] = [Left(peer, returning, said_bye)]
        claim = self._claims.of_name(peer.name)
        if claim is None or claim.former is not peer:
            return changes
        try:
            rights = self._judge(claim.hello)
        except ProtocolError as error:  # another roster came meanwhile
            return [*changes, self._refuse(claim, error)]
        self._claims.end(claim)
        return [*changes, self._admit(claim.route, claim.hello, rights)]

    def _displace(self, former: PeerRecord, why: str, *, returning: bool) -> list[Change]:
        told = wire.FailedHeader(
            0, "refused", f"displaced: {why}; another peer is {former.name!r} now", "HELLO"
        )
        return [Told(former.route, told), *self._leave(former, returning=returning, said_bye=False)]

    def _refuse(self, claim: NameClaim, error: ProtocolError) -> Told:
        self._claims.end(claim)
        return Told(claim.route, wire.FailedHeader(0, "refused", str(error), "HELLO"))


def version_sentence(found: int) -> str:
    """Why a peer that speaks another version is refused, and what to update."""
    old = "client" if found < wire.PROTOCOL_VERSION else "runtime"
    return (
        f"the peer speaks protocol {found}, this runtime speaks {wire.PROTOCOL_VERSION}; "
        f"update the {old}, which is the older of the two"
    )


def _taken(name: str) -> ProtocolError:
    return ProtocolError("duplicate_name", f"another peer is named {name!r}")
