"""Who may join under which name, and what each peer may publish, serve and ask. Pure.

The supervisor makes the roster from the profile, and hands it to the broker. Everybody else is a guest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from schemas.contract.ownership import EVERYBODY, NAMED_PEERS, published_by, served_by


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one peer may do, besides what everybody may.

    Attributes:
        credential_sha256: `digest_of` its credential; empty: nobody can join under this name.
        publishes: topics, or patterns such as `*`, that it may publish.
        serves: topics or patterns of requests that it may serve.
        reveals_secrets: whether it may make requests whose replies hold secrets.
        is_actor: whether it may make the requests that actors make among themselves.
    """

    credential_sha256: str = ""
    publishes: list[str] = []
    serves: list[str] = []
    reveals_secrets: bool = False
    is_actor: bool = False


class NamespaceRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose the topics of a namespace are. Where several match a topic, the longest decides.

    Attributes:
        namespace: a pattern such as `myapp.*`.
        peers: who may publish and serve there; None: everybody, guests too.
    """

    namespace: str
    peers: list[str] | None = None


class Roster(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All peers that the profile knows, by name, and the namespaces of the app.

    Attributes:
        peers: their names are reserved for them, whether they are connected or not.
        namespaces: those that the profile declares, besides `app.*`, which is everybody's.
        guests: what guests may do besides.
        trusts_everybody: whether there are no guests: those without a credential count as named peers, too.
    """

    peers: dict[str, Grant] = {}
    namespaces: list[NamespaceRule] = []
    guests: Grant = Grant()
    trusts_everybody: bool = False


def digest_of(credential: str) -> str:
    """What the broker knows of a credential: enough to check it, too little to use it."""
    return hashlib.sha256(credential.encode()).hexdigest()


def grant_for(owner: str, credential: str, *, is_actor: bool = False, reveals_secrets: bool = False) -> Grant:
    """The grant of a named peer.

    Args:
        owner: the actor whose topics of the contract it publishes and serves: its own name, as a rule.
        credential: its credential; empty: nobody can join under its name.
        is_actor: whether it is an actor, and not a command or a peer that is no child.
        reveals_secrets: whether the profile names it for secrets.
    """
    return Grant(
        credential_sha256=digest_of(credential) if credential else "",
        publishes=published_by(owner, NAMED_PEERS, EVERYBODY),
        serves=served_by(owner),
        is_actor=is_actor,
        reveals_secrets=reveals_secrets,
    )


def generous_roster(namespaces: Iterable[str] = ()) -> Roster:
    """A roster that trusts everybody, for a bus within one process, and for tests that need no roles."""
    return Roster(
        namespaces=[NamespaceRule(namespace=namespace) for namespace in namespaces],
        guests=Grant(publishes=["*"], serves=["*"], reveals_secrets=True, is_actor=True),
        trusts_everybody=True,
    )
