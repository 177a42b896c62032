"""Tells whether a person still has to accept the licence of a model. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from schemas.manifest import ModelEntry
from schemas.sources import LicenceAcceptance


def licence_digest(entry: ModelEntry) -> str:
    """SHA-256 over what a person accepts: licence, licence URL and revision of an entry."""
    return hashlib.sha256(
        json.dumps([entry.licence, entry.licence_url, entry.revision], ensure_ascii=True).encode()
    ).hexdigest()


def is_licence_due(entry: ModelEntry, accepted: Iterable[LicenceAcceptance]) -> bool:
    """Whether the licence of this entry has to be accepted before the model may be fetched."""
    if not entry.accept_licence:
        return False
    wanted = licence_digest(entry)
    return not any(acceptance.model_id == entry.id and acceptance.digest == wanted for acceptance in accepted)
