"""Reads the profile again, away from the event loop: its disk may not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from actors.runtime.supervisor.actor_apart import with_actor_apart
from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.profile_children import children_of
from actors.shared.profile.profile import Profile, ProfileError, read_profile

Apply = Callable[[Profile, tuple[ChildSpec, ...]], None]


class ProfileReload:
    """One reading at a time. A wish during one leads to another one, so that the newest profile counts."""

    def __init__(
        self,
        directory: Path,
        apply: Apply,
        refuse: Callable[[ProfileError], None],
        home: str = "",
        apart: str = "",
    ) -> None:
        """Read nothing yet.

        Args:
            directory: of the profile.
            apply: called on the event loop with what was read.
            refuse: called with why that cannot be used.
            home: what `{home}` stands for.
            apart: name of an actor that somebody else runs; empty for none.
        """
        self._directory = directory
        self._home = home
        self._apart = apart
        self._apply = apply
        self._refuse = refuse
        self._task: asyncio.Task[None] | None = None
        self._is_asked = False

    def ask(self) -> None:
        """Read the profile soon."""
        self._is_asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    def cancel(self) -> None:
        """Apply nothing any more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while self._is_asked:
            self._is_asked = False
            try:
                profile, specs = await asyncio.to_thread(self._read)
            except ProfileError as error:
                if not self._is_asked:
                    self._refuse(error)
                continue
            if not self._is_asked:
                self._apply(profile, specs)

    def _read(self) -> tuple[Profile, tuple[ChildSpec, ...]]:
        profile = with_actor_apart(read_profile(self._directory), self._apart)
        return profile, children_of(profile, self._home)
