"""Who belongs to a runtime: a credential for each name, and the roster that the broker judges by. No IO.

`Membership` lives as long as its supervisor, and in its memory alone: the broker gets digests, and each child
its own credential. A child that is started anew, and a broker that is, find the same credentials.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from actors.runtime.supervisor.core.child_spec import SUPERVISOR
from actors.shared.profile.profile import Profile
from actors.shared.profile.profile_tables import ChildTable
from bus.broker.roster import Grant, NamespaceRule, Roster, grant_for
from schemas.contract.ownership import is_owner

CREDENTIAL_BYTES: Final = 32
BUNDLED: Final = "actors."
"""Modules of the actors that come with Undercroft begin with it."""


def new_credential() -> str:
    """A secret that nobody can guess."""
    return secrets.token_urlsafe(CREDENTIAL_BYTES)


class Membership:
    """The names of one runtime, with their credentials.

    Attributes:
        roster: what the broker has to know now.
    """

    def __init__(
        self,
        profile: Profile,
        peer_credentials: Mapping[str, str] | None = None,
        make_credential: Callable[[], str] = new_credential,
    ) -> None:
        """Make the credentials of a profile.

        Args:
            profile: names the children, and the peers that are none.
            peer_credentials: what the launcher chose for such peers, by name.
            make_credential: makes a new one.
        """
        self._given = dict(peer_credentials or {})
        self._make = make_credential
        self._made: dict[str, str] = {}
        self._profile = profile
        self.roster = self._enrolled(profile, {})

    def credential_of(self, name: str) -> str:
        """The credential of a child, or of the supervisor."""
        return self._made[name]

    def secrets(self) -> set[str]:
        """Everything that no log and no report may show."""
        return {*self._made.values(), *self._given.values()}

    def adopt(self, profile: Profile, running: set[str]) -> None:
        """Take the children and peers of a changed profile.

        A child that has left it, but whose process still stops, keeps its grant until `left`.
        """
        departing = {
            name: grant for name, grant in self.roster.peers.items() if name in running and name in self._made
        }
        self._profile = profile
        self.roster = self._enrolled(profile, departing)
        self._forget_strangers()

    def left(self, name: str) -> bool:
        """The process of a removed child has ended; returns whether the roster has changed."""
        if name in roster_names(self._profile) or name not in self.roster.peers:
            return False
        self.roster = self._enrolled(
            self._profile, {other: grant for other, grant in self.roster.peers.items() if other != name}
        )
        self._forget_strangers()
        return True

    def _enrolled(self, profile: Profile, departing: Mapping[str, Grant]) -> Roster:
        for name in (SUPERVISOR, *(child.name for child in profile.children)):
            if name not in self._made:
                self._made[name] = self._make()
        peers = dict(departing) | dict(grants(profile, self._made, self._given))
        return Roster(peers=peers, namespaces=namespace_rules(profile))

    def _forget_strangers(self) -> None:
        """Forget what was made for names that are gone; one that comes back gets a new credential."""
        self._made = {name: made for name, made in self._made.items() if name in self.roster.peers}


def roster_names(profile: Profile) -> set[str]:
    """All names that a profile reserves."""
    return {SUPERVISOR, *(child.name for child in profile.children), *(peer.name for peer in profile.peers)}


def grants(
    profile: Profile, made: Mapping[str, str], given: Mapping[str, str]
) -> Iterator[tuple[str, Grant]]:
    """What each name of a profile may do. Pure.

    Args:
        profile: says what each of them is.
        made: credentials of the supervisor and of all children.
        given: credentials of named peers; without one nobody gets in under the name.
    """
    yield SUPERVISOR, grant_for(SUPERVISOR, made[SUPERVISOR], is_actor=True)
    for peer in profile.peers:
        yield (
            peer.name,
            grant_for(
                peer.name,
                given.get(peer.name, ""),
                is_actor=is_owner(peer.name),
                reveals_secrets=peer.reveal_secrets,
            ),
        )
    for child in profile.children:
        owner = owner_of(child)
        yield (
            child.name,
            grant_for(
                owner,
                made[child.name],
                is_actor=bool(child.entry) or is_owner(owner),
                reveals_secrets=child.reveal_secrets,
            ),
        )


def owner_of(child: ChildTable) -> str:
    """Whose topics of the contract a child has: those of the bundled actor that it runs, else of its name."""
    module = child.entry.partition(":")[0]
    return module.split(".")[1] if module.startswith(BUNDLED) else child.name


def namespace_rules(profile: Profile) -> list[NamespaceRule]:
    """Whose the topics of each namespace of a profile are. Pure."""
    return [
        NamespaceRule(
            namespace=pattern,
            peers=list(profile.namespace_owners[pattern]) if pattern in profile.namespace_owners else None,
        )
        for pattern in profile.namespaces
    ]
