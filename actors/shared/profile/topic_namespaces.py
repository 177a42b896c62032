"""Topics that an app declares for itself, and the peers that these belong to. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, TypeAlias

from actors.shared.profile.profile_tables import PeerTable, TopicNamespaceTable

NAMESPACE_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.\*")
RUNTIME_NAMES: Final = frozenset({"broker", "supervisor"})

DeclaredNamespace: TypeAlias = str | TopicNamespaceTable


def namespace_owners(declared: Sequence[DeclaredNamespace]) -> dict[str, tuple[str, ...] | None]:
    """The patterns in their order, each with the names that it belongs to; None: it is everybody's."""
    return {
        pattern_of(one): tuple(one.peers) if isinstance(one, TopicNamespaceTable) else None
        for one in declared
    }


def pattern_of(declared: DeclaredNamespace) -> str:
    """The pattern, in either form."""
    return declared.namespace if isinstance(declared, TopicNamespaceTable) else declared


def namespace_problems(
    declared: Sequence[DeclaredNamespace], names: Collection[str]
) -> Iterator[tuple[str, str]]:
    """What is wrong with `topics.namespaces`: option and detail.

    Args:
        declared: the namespaces.
        names: of the children and the named peers.
    """
    seen: set[str] = set()
    for at, one in enumerate(declared):
        option, pattern = f"topics.namespaces[{at}]", pattern_of(one)
        if isinstance(one, TopicNamespaceTable):
            for index, name in enumerate(one.peers):
                if name not in names:
                    expected = "the name of one of [[children]] or [[peers]]"
                    yield f"{option}.peers[{index}]", f"expected {expected}, found {name!r}"
            option = f"{option}.namespace"
        if not NAMESPACE_PATTERN.fullmatch(pattern):
            yield option, f"expected a pattern such as 'myapp.*', found {pattern!r}"
        if pattern in seen:
            yield option, f"expected each pattern once, found {pattern!r} twice"
        seen.add(pattern)


def peer_problems(peers: Sequence[PeerTable], children: Collection[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the names of `[[peers]]`: option and detail."""
    seen: set[str] = set()
    for at, peer in enumerate(peers):
        option = f"peers[{at}].name"
        if peer.name in RUNTIME_NAMES:
            yield option, f"{peer.name!r} is a name of the runtime itself, choose another"
        if peer.name in children:
            yield option, f"{peer.name!r} is one of [[children]], which gets its credential by itself"
        if peer.name in seen:
            yield option, f"expected a name of its own, found two peers named {peer.name!r}"
        seen.add(peer.name)
