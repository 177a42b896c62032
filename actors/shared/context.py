"""What an actor is built from: its connection to the bus, its name, its directories, the app's profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from actors.shared.locations.locations import Locations
from actors.shared.profile.profile import Profile
from bus.actor import BusContext


@dataclass(frozen=True, kw_only=True, slots=True)
class ActorContext(BusContext):
    """Everything an actor needs, available from the first line of its constructor.

    Attributes:
        name: of the actor, as in its child spec.
        locations: where each kind of file lies.
        profile: what the app declares.
        defaults: where each kind of file would lie without a person's choices; None: in the same places.
    """

    name: str
    locations: Locations
    profile: Profile
    defaults: Locations | None = None

    @classmethod
    def on(
        cls,
        bus: BusContext,
        name: str,
        locations: Locations,
        profile: Profile,
        defaults: Locations | None = None,
    ) -> Self:
        """The context of an actor that is connected to the bus."""
        return cls(
            peer=bus.peer,
            tasks=bus.tasks,
            alerts=bus.alerts,
            metrics=bus.metrics,
            name=name,
            locations=locations,
            profile=profile,
            defaults=defaults,
        )
