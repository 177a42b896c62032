"""Puts damaged documents aside: the evidence keeps another name, and the key no longer exists."""

from __future__ import annotations

from collections import deque

from actors.shared.durable.bounded_read import NEVER_A_FILE, FileUnreadable
from actors.shared.durable.quarantine import quarantine
from actors.state_store.engine.files.state_layout import StateLayout
from actors.state_store.engine.key_index import KeyIndex
from actors.state_store.engine.key_paths import path_of
from actors.state_store.engine.operations import Incident
from actors.state_store.engine.values.value_codec import READ_LIMIT_BYTES, DocumentDamaged
from actors.state_store.errors import LoadFailed


def read_document(layout: StateLayout, key: str) -> bytes | None:
    """The bytes of the file of a key; None if there is no file.

    Raises:
        DocumentDamaged: what lies there can never be a document.
        LoadFailed: it cannot be read now; it may be whole.
    """
    try:
        return layout.read(key, READ_LIMIT_BYTES)
    except FileUnreadable as error:
        if error.found in NEVER_A_FILE:
            raise DocumentDamaged(key, f"it is no document: {error.detail}") from error
        raise LoadFailed(key, error.detail) from error


class DocumentQuarantine:
    """Quarantines the documents of one store. Only for the thread that writes."""

    def __init__(self, layout: StateLayout, index: KeyIndex, incidents: deque[Incident]) -> None:
        self._layout = layout
        self._index = index
        self._incidents = incidents

    def put_aside(self, damaged: DocumentDamaged, source: str = "") -> str:
        """Rename the damaged file and note the incident; returns the path of the evidence.

        Args:
            damaged: what was found.
            source: where a good copy comes from; empty if there is none.

        Raises:
            LoadFailed: the file cannot be renamed.
        """
        try:
            evidence = str(quarantine(self._layout.path(path_of(damaged.key))))
        except OSError as error:
            reason = f"it is damaged ({damaged.problem}) and cannot be put aside ({error.strerror})"
            raise LoadFailed(damaged.key, reason) from error
        self._index.drop(damaged.key)
        self._incidents.append(Incident("corruption", damaged.key, damaged.problem, evidence, source))
        return evidence
