"""Whose each topic of the contract is: who publishes it, or serves it. Pure.

The broker grants a peer what its name owns here. An app's own topics are not in this table: the profile says
whose they are.
"""

from __future__ import annotations

from typing import Final

from schemas.contract.registry import EVENTS, REQUESTS

EVERYBODY: Final = "*"
"""Owner of topics that every peer may publish, guests too."""

NAMED_PEERS: Final = "named peers"
"""Owner of topics that every peer with a credential of its own may publish."""

BROKER: Final = "broker"
SUPERVISOR: Final = "supervisor"

_CONVERSATIONS: Final = {
    "alerts": NAMED_PEERS,
    "backups": "state_store",
    "bus": BROKER,
    "config": "config_store",
    "crashes": SUPERVISOR,
    "diagnostics": "diagnostics",
    "documents": "state_store",
    "history": "history",
    "keys": "state_store",
    "logs": "diagnostics",
    "metrics": NAMED_PEERS,
    "models": "model_downloader",
    "paths": "locations",
    "readiness": "readiness",
    "state": "state_store",
    "supervision": SUPERVISOR,
}
"""The owner of most topics of each conversation."""

_EXCEPTIONS: Final = {
    "logs.recorded": NAMED_PEERS,
    "metrics.wanted": EVERYBODY,
    "models.accept_licence": "model_sources",
    "models.add": "model_sources",
    "models.added": "model_sources",
    "models.catalogue_changed": "model_sources",
    "models.files_verified": "model_verifier",
    "models.licence_accepted": "model_sources",
    "models.catalogue": "model_sources",
    "models.catalogue_stated": "model_sources",
    "models.manifest_refreshed": "model_sources",
    "models.name_resolved": "model_sources",
    "models.refresh": "model_sources",
    "models.resolve": "model_sources",
    "models.verify_files": "model_verifier",
    "models.withdraw": "model_sources",
    "models.withdrawn": "model_sources",
    "paths.admit_models_root": "model_verifier",
    "paths.cancel_move": "model_downloader",
    "paths.models_relocation": "model_downloader",
    "paths.models_root_admitted": "model_verifier",
    "paths.move_cancelled": "model_downloader",
    "paths.move_changed": "model_downloader",
    "paths.relocate_models": "model_downloader",
}
"""Topics whose owner is another than that of their conversation."""

ASKED_BY_ACTORS: Final = frozenset(
    {"models.verify_files", "paths.admit_models_root", "paths.relocate_models", "paths.settle"}
)
"""Requests that actors make among themselves. Others ask them only with the right to secrets."""

SECRETS: Final = frozenset({"config.reveal_secret"})
"""Requests whose replies hold secrets, for peers that the profile names for it."""

KEYED_BY_PUBLISHER: Final = frozenset({"alerts.changed"})
"""Topics of all named peers whose keys begin with the name of the publisher and a slash."""


def owner_of(topic: str) -> str:
    """The peer that publishes or serves a topic of the contract, or who may besides.

    Raises:
        KeyError: the contract has no such topic.
    """
    return _EXCEPTIONS.get(topic) or _CONVERSATIONS[topic.partition(".")[0]]


def is_owner(name: str) -> bool:
    """Whether topics of the contract belong to a peer of this name, so that it is one of the actors."""
    return name in _CONVERSATIONS.values() or name in _EXCEPTIONS.values()


def published_by(*owners: str) -> list[str]:
    """The topics of events that these owners publish."""
    return sorted(topic for topic in EVENTS if topic not in REQUESTS and owner_of(topic) in owners)


def served_by(*owners: str) -> list[str]:
    """The topics of requests that these owners serve."""
    return sorted(topic for topic in REQUESTS if owner_of(topic) in owners)
