"""Whose each retained event is, and how much a peer may retain. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from bus.broker.log.retained_events import RetainedKey
from bus.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Quota:
    """Most keys, and most bytes."""

    keys: int
    size_bytes: int


NAMED_QUOTA: Final = Quota(8192, 32 * 1024 * 1024)
GUEST_QUOTA: Final = Quota(1024, 8 * 1024 * 1024)
ALL_GUESTS_QUOTA: Final = Quota(8192, 32 * 1024 * 1024)
"""Half of what is retained altogether, so that guests never take the room of named peers."""


@dataclass(slots=True)
class Holding:
    """What one peer, or all guests, retain: the size of each key."""

    sizes: dict[RetainedKey, int] = field(default_factory=dict)
    size_bytes: int = 0

    def put(self, key: RetainedKey, size_bytes: int) -> None:
        """Take in a key that is not there."""
        self.sizes[key] = size_bytes
        self.size_bytes += size_bytes

    def remove(self, key: RetainedKey) -> None:
        """Take a key out."""
        self.size_bytes -= self.sizes.pop(key)

    def check(self, key: RetainedKey, size_bytes: int, quota: Quota, who: str) -> None:
        """Check that a key may have this size from now on.

        Raises:
            ProtocolError: reason `retained_full`.
        """
        if key not in self.sizes and len(self.sizes) >= quota.keys:
            raise ProtocolError(
                "retained_full",
                f"{who} may retain {quota.keys} events; there is no room for {key[0]} {key[1][:128]!r}",
            )
        more_bytes = size_bytes - self.sizes.get(key, 0)
        if more_bytes > 0 and self.size_bytes + more_bytes > quota.size_bytes:
            raise ProtocolError(
                "retained_full",
                f"{who} may retain {quota.size_bytes} bytes; {key[0]} {key[1][:128]!r} is too much",
            )


class RetainedOwners:
    """The owner of each key is the name that published it, whichever life of that peer it was."""

    def __init__(self) -> None:
        self._owners: dict[RetainedKey, str] = {}
        self._holdings: dict[str, Holding] = {}
        self._guests = Holding()
        self._topics: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._owners)

    def has_topic(self, topic: str) -> bool:
        """Whether anything is retained of a topic."""
        return topic in self._topics

    def held_by(self, owner: str) -> Holding:
        """What a peer retains."""
        return self._holdings.get(owner) or Holding()

    def check_owner(self, key: RetainedKey, owner: str) -> None:
        """Check that nobody else owns a key.

        Raises:
            ProtocolError: reason `not_yours`.
        """
        found = self._owners.get(key, owner)
        if found != owner:
            raise ProtocolError("not_yours", f"{key[0]} {key[1][:128]!r} is retained for {found!r}")

    def check(self, key: RetainedKey, owner: str, size_bytes: int, *, is_guest: bool) -> None:
        """Check that a peer may retain an event of this size.

        Raises:
            ProtocolError: reasons `not_yours`, `retained_full`.
        """
        self.check_owner(key, owner)
        held = self.held_by(owner)
        if is_guest:
            held.check(key, size_bytes, GUEST_QUOTA, "a guest")
            self._guests.check(key, size_bytes, ALL_GUESTS_QUOTA, "all guests together")
        else:
            held.check(key, size_bytes, NAMED_QUOTA, "a peer")

    def put(self, key: RetainedKey, owner: str, size_bytes: int, *, is_guest: bool) -> None:
        """An event is retained, which was checked."""
        self.remove(key)
        self._owners[key] = owner
        self._holdings.setdefault(owner, Holding()).put(key, size_bytes)
        self._topics[key[0]] += 1
        if is_guest:
            self._guests.put(key, size_bytes)

    def remove(self, key: RetainedKey) -> None:
        """Nothing is retained under this key any more."""
        owner = self._owners.pop(key, None)
        if owner is None:
            return
        holding = self._holdings[owner]
        holding.remove(key)
        if not holding.sizes:
            del self._holdings[owner]
        if key in self._guests.sizes:
            self._guests.remove(key)
        self._topics[key[0]] -= 1
        if not self._topics[key[0]]:
            del self._topics[key[0]]

    def keys_of(self, owner: str) -> list[RetainedKey]:
        """The keys of a peer."""
        return list(self.held_by(owner).sizes)
