"""Owns the user's choice of directories: looks at each one, judges it, stores the choice and publishes it.

Owns:
    `<config>/locations.json`. Config and state lie below the home; only the other categories can be chosen.

Serves:
    `paths.list`, `paths.choose` and `paths.settle`. Asks the owner of the models, `paths.relocate_models`, to
    move them.

Publishes:
    `paths.changed`, retained, with the whole state whenever it differs; the alerts `location` and
    `location.disk_space`.

Promises:
    An accepted choice is on disk when it is answered. If models have to move, it counts once they are there.
    A chosen directory that is missing is never created without being asked for. Every problem has a kind, a
    sentence and offers. A drive that does not answer blocks a worker thread, never the actor.

Where to begin: `observed_directory.py` looks at a directory, and `directory_rules.py` judges what was seen.
`location_survey.py` does so for every category; `choice_plan.py` judges a choice. `actor.py` acts on both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """Build the actor that a profile names with `entry = "actors.locations:build"`."""
    from actors.locations.actor import LocationRegistry

    return LocationRegistry(context, context.locations, context.defaults or context.locations)
