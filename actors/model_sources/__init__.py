"""Model sources: which models there are, and what the name of a model means.

Hears `config.settings_changed`. Serves `models.resolve`, `models.add`, `models.withdraw`,
`models.accept_licence`, `models.refresh` and `models.catalogue`. Publishes `models.catalogue_changed`, which
is retained.

Owns, in `model_sources/` of the directory for state:
    added.json       models that the user added by name
    accepted.json    licences that the user accepted
    remote.json      the signed manifest that was fetched last, byte by byte

Promises:
    - What was answered is on disk, and what a later version wrote there is not lost.
    - A fetched manifest applies only if a pinned key signed it and it is not older than any before. A bad one
      changes nothing.
    - A token leaves this machine only to its own origin. No server is asked while the app is offline.

Terms:
    catalogue: all models that the app knows: bundled, remote and added ones.
    bundled: in a manifest that comes with the app.
    remote manifest: the signed one that the profile names; it renews bundled models and adds others.
    name: what the user types, such as `hf:org/repo:file`. To resolve it is to make a pinned entry of it.

Read `sources` first (names, and the sources that they stand for), then `remote_manifest`, then `actor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """Return the actor that the supervisor starts under this name.

    Raises:
        SourceEndpointRefused, PinnedKeyRefused: profile or environment are invalid.
    """
    from actors.model_sources.actor import ModelSources

    return ModelSources(context)
