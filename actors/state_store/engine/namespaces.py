"""Who owns which keys, and how they are stored. Pure: the profile's declarations over the built-in ones."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from actors.shared.places.place_names import is_device
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.engine import key_paths
from actors.state_store.errors import AccessDenied, DeclarationRefused, KeyRefused

MIB: Final = 1024 * 1024
SHIPPED_SCHEMAS: Final = {
    "layout": {"*": "GridLayoutState"},
    "settings": {"preferences": "UserPreferencesState"},
    "history": {"conversations.*": "ConversationHistoryState"},
    "config": {},
}


@dataclass(frozen=True)
class Namespace:
    """The keys `<name>.<rest>`.

    Attributes:
        readers, writers: patterns of the names of peers that may read, and that may write.
        owner: pattern of those that may do both; empty for none.
        encrypt, compress, backup: True applies to every save, whatever it asks for.
        schemas: pattern of the rest of a key to the name of its schema; the first match counts.
        quota_bytes: 0 for no limit of its own.
    """

    name: str
    owner: str = ""
    readers: tuple[str, ...] = ("*",)
    writers: tuple[str, ...] = ("*",)
    encrypt: bool = False
    compress: bool = False
    backup: bool = False
    schemas: Mapping[str, str] = field(default_factory=dict)
    quota_bytes: int = 0

    def may(self, verb: str, peer: str) -> bool:
        """Whether a peer may `read` or `write` these keys."""
        return any(fnmatch.fnmatchcase(peer, pattern) for pattern in self.patterns(verb))

    def patterns(self, verb: str) -> list[str]:
        """Patterns of the peers that may `read` or `write`."""
        others = self.readers if verb == "read" else self.writers
        return [pattern for pattern in (self.owner, *others) if pattern]

    def schema_for(self, rest: str) -> str:
        """Name of the schema that the value of a key must fit; empty for none."""
        return next(
            (schema for pattern, schema in self.schemas.items() if fnmatch.fnmatchcase(rest, pattern)), ""
        )


class Namespaces:
    """All namespaces of an app."""

    def __init__(self, tables: Iterable[NamespaceTable] = ()) -> None:
        """Combine the built-in namespaces with those of the profile, which may redefine them.

        Raises:
            DeclarationRefused: a name is taken, or cannot name a directory.
        """
        self._named = {name: Namespace(name, schemas=schemas) for name, schemas in SHIPPED_SCHEMAS.items()}
        declared: set[str] = set()
        for at, table in enumerate(tables):
            if problem := _problem(table.name, declared):
                raise DeclarationRefused(f"namespaces[{at}].name", problem)
            declared.add(table.name)
            self._named[table.name] = _declared(table, self._named.get(table.name))
        self._named.setdefault(key_paths.DOCUMENTS, Namespace(key_paths.DOCUMENTS))

    def __iter__(self) -> Iterator[Namespace]:
        return iter(self._named.values())

    def of(self, key: str) -> Namespace:
        """The namespace of a key.

        Raises:
            KeyRefused: there is no such namespace.
        """
        found = self._named.get(key_paths.namespace_of(key))
        if found is None:
            names = ", ".join(sorted(name for name in self._named if name != key_paths.DOCUMENTS))
            problem = f"there is no namespace {key_paths.namespace_of(key)!r}, expected one of {names}"
            raise KeyRefused(key, problem)
        return found

    def check(self, verb: str, key: str, peer: str) -> Namespace:
        """Check that a peer may read or write a key.

        Raises:
            KeyRefused: there is no such namespace, or it is the one of typed documents.
            AccessDenied: this peer may not.
        """
        if key_paths.namespace_of(key) == key_paths.DOCUMENTS:
            raise KeyRefused(key, "typed documents are read and written by their type, not by key")
        return self.check_any(verb, key, peer)

    def check_any(self, verb: str, key: str, peer: str) -> Namespace:
        """Check that a peer may read or write a key or a typed document.

        Raises:
            KeyRefused, AccessDenied: see `check`.
        """
        found = self.of(key)
        if not found.may(verb, peer):
            allowed = " or ".join(map(repr, found.patterns(verb))) or "nobody"
            raise AccessDenied(key, peer, verb, allowed)
        return found

    def readable(self, peer: str) -> list[str]:
        """Names of the namespaces whose keys a peer may list."""
        return sorted(
            name
            for name, namespace in self._named.items()
            if name != key_paths.DOCUMENTS and namespace.may("read", peer)
        )


def _problem(name: str, declared: set[str]) -> str:
    if name in declared:
        return f"{name!r} is declared twice"
    if name in key_paths.RESERVED:
        return f"{name!r} is taken by the store itself"
    if is_device(name):
        return f"{name!r} is the name of a device on Windows"
    return ""


def _declared(table: NamespaceTable, shipped: Namespace | None) -> Namespace:
    """The namespace of a table. An owner excludes everybody else, except the named readers and writers."""
    others = () if table.owner else ("*",)
    schemas = {**table.schemas, **({"*": table.schema} if table.schema else {})}
    return Namespace(
        name=table.name,
        owner=table.owner,
        readers=others if table.readers is None else tuple(table.readers),
        writers=others if table.writers is None else tuple(table.writers),
        encrypt=table.encrypt,
        compress=table.compress,
        backup=table.backup,
        schemas=schemas or (shipped.schemas if shipped else {}),
        quota_bytes=table.quota_mib * MIB,
    )
