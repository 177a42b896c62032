"""Who may ask for the values of secrets: the children and peers that the profile names for it."""

from __future__ import annotations

from collections.abc import Callable

from actors.shared.profile.profile import Profile, ProfileError, read_profile
from bus.errors import Refused


class SecretReaders:
    """Looks at the profile at every request, so a name that was taken out of it counts no more.

    The broker checks it as well, before the request reaches the store.
    """

    def __init__(self, names: Callable[[], frozenset[str]] = frozenset) -> None:
        """Take the source of the names; without one, nobody may ask."""
        self._names = names

    @classmethod
    def of_profile(cls, profile: Profile) -> SecretReaders:
        """Those that the file of a profile names at the moment; while it is faulty, those of before."""

        def names() -> frozenset[str]:
            try:
                return read_profile(profile.directory).secret_readers
            except ProfileError:
                return profile.secret_readers

        return cls(names)

    def check(self, who: str) -> None:
        """Let a peer pass that may ask.

        Raises:
            Refused: it may not.
        """
        if who not in self._names():
            raise Refused(
                f"secrets are not revealed to {who!r}: the profile does not say 'reveal_secrets = true' "
                "in its [[children]] or [[peers]]"
            )
