"""Licences that a person has to accept: what exactly was accepted, and whether it still is what it was. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from schemas.manifest import ModelEntry
from schemas.sources import LicenceAcceptance


def licence_digest(entry: ModelEntry) -> str:
    """SHA-256 over licence, licence URL and revision of an entry: what an acceptance of it means."""
    return hashlib.sha256(
        json.dumps([entry.licence, entry.licence_url, entry.revision], ensure_ascii=True).encode()
    ).hexdigest()


def is_licence_due(entry: ModelEntry, accepted: Iterable[LicenceAcceptance]) -> bool:
    """Whether a person still has to accept the licence of this entry before it may be fetched."""
    if not entry.accept_licence:
        return False
    wanted = licence_digest(entry)
    return not any(acceptance.model_id == entry.id and acceptance.digest == wanted for acceptance in accepted)
