"""A profile whose supervisor leaves one actor to somebody else, such as a person with a debugger. Pure."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from actors.shared.profile.profile import Profile, ProfileError
from actors.shared.profile.profile_tables import ChildTable, PeerTable


def actor_named(profile: Profile, name: str) -> ChildTable:
    """The table of an actor.

    Raises:
        ProfileError: there is no such child, or it is a program.
    """
    for child in profile.children:
        if child.name == name:
            if child.entry:
                return child
            detail = f"{name!r} is a program, expected an actor; start it yourself: {' '.join(child.command)}"
            raise ProfileError(str(profile.file), f"children.{name}", detail)
    names = ", ".join(child.name for child in profile.children if child.entry) or "none"
    raise ProfileError(str(profile.file), "children", f"expected an actor among {names}, found {name!r}")


def with_actor_apart(profile: Profile, name: str) -> Profile:
    """The profile with a named peer in the place of an actor; nobody waits for it. No name changes nothing.

    Raises:
        ProfileError: there is no such actor.
    """
    if not name:
        return profile
    apart = actor_named(profile, name)
    others = tuple(
        msgspec.structs.replace(child, depends_on=[one for one in child.depends_on if one != name])
        for child in profile.children
        if child is not apart
    )
    peer = PeerTable(name=name, reveal_secrets=apart.reveal_secrets)
    return replace(profile, children=others, peers=(*profile.peers, peer))
