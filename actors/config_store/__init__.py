"""Owns the live settings of the app: applies a change at once, publishes it, and answers once it is on disk.

Owns:
    `<config>/config.json`, which stores only what the user set, and its backups `config.json.v<N>.bak`.
    Values of secrets are in the system's keychain. Presets and the administrator's policy are read, never
    written.

Serves:
    `config.request` (read, update, reset), `config.explain`, `config.describe` and `config.reveal_secret`.

Publishes:
    `config.settings_changed`, retained, with the whole settings; and the alerts in `store_alerts.py`.

Promises:
    A request is taken as a whole or not at all. A change is in effect and published before it is on disk. A
    reply that says durable survives a power cut. Edits of the file by people are taken live or refused as a
    whole,
    and no file is overwritten that does not parse. Secrets are never shown, logged or published.

Where to begin: `setting_changes.py` decides what a change does; `configuration.py` and `setting_layers.py`
decide which value counts. `actor.py` acts on these decisions. `files/` reads and writes, `schema/` knows what
the
app declares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """Build the actor that a profile names with `entry = "actors.config_store:build"`."""
    from actors.config_store.store_builder import build_store

    return build_store(context)
