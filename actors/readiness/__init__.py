"""Derives what the app can be used for now, and what a frontend shows about it.

Owns no file: everything follows from events and replies of other actors. Its words are in `locales/`.

Hears:
    The states, progress and failed verifications of models, the catalogue, the settings, alerts, directories
    and moves, and the states of actors.

Serves:
    `readiness.report`, `readiness.setup` and `readiness.retry`. Setup and retry send requests to the owner of
    the models and to the supervisor.

Publishes:
    `readiness.changed`, retained, with the whole snapshot and the names of its new fields.

Promises:
    A snapshot follows from the facts alone; the former one only says since when something holds. Its revision
    grows, also across restarts. A check that is stuck delays no snapshot, and a drive that does not answer
    blocks
    nothing.

Where to begin: `readiness_facts.py` folds events into facts. `availability.py` decides which modes can be
used; `readiness_snapshot.py` derives the snapshot, with `checklist.py` and `presentation.py`. These are pure;
`actor.py` is the only module that waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """Build the actor that a profile names with `entry = "actors.readiness:build"`.

    Raises:
        ProfileError: the profile's wording has a text that does not exist.
    """
    from actors.readiness.actor import Readiness
    from actors.readiness.snapshot.availability import ReadinessDeclaration
    from actors.readiness.wording import WordingTables

    profile = context.profile
    tables = WordingTables.of(profile.wording, profile.directory)
    return Readiness(context, ReadinessDeclaration.of(profile), tables)
