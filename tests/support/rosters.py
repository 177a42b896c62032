"""Rosters for tests that need other roles than guests who are trusted with everything."""

from __future__ import annotations

from bus.broker.roster import Grant, NamespaceRule, Roster, digest_of, generous_roster, grant_for


def credential_of(name: str) -> str:
    """The credential of a named peer in these rosters."""
    return f"credential-of-{name}"


def trusting_roster(*names: str, namespaces: tuple[NamespaceRule, ...] = ()) -> Roster:
    """Everybody may publish, serve and ask everything; these names are peers with a credential."""
    grant = generous_roster().guests
    return Roster(
        peers={
            name: Grant(
                credential_sha256=digest_of(credential_of(name)),
                publishes=grant.publishes,
                serves=grant.serves,
                is_actor=True,
            )
            for name in names
        },
        namespaces=list(namespaces),
        guests=grant,
    )


def strict_roster(*names: str, namespaces: tuple[NamespaceRule, ...] = ()) -> Roster:
    """As that of a runtime: these names own what the contract gives them, and guests own nothing."""
    return Roster(
        peers={name: grant_for(name, credential_of(name), is_actor=True) for name in names},
        namespaces=list(namespaces),
    )
