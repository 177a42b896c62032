"""Catalog and head on disk: read with their key, replaced durably, the head also updated in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from actors.history.segments.segment_catalog import (
    CATALOG_LIMIT_BYTES,
    CATALOG_NAME,
    HEAD_BYTES,
    HEAD_NAME,
    AnchorRefused,
    SegmentCatalog,
    SegmentHead,
    key_of,
    read_catalog,
    read_head,
    write_catalog,
    write_head,
)
from actors.history.segments.segment_findings import SegmentFinding
from actors.history.segments.segment_keys import SegmentKeys
from actors.shared.crypto.envelope_errors import KeyUnavailable
from actors.shared.durable.bounded_read import NEVER_A_FILE, FileUnreadable, read_file
from actors.shared.durable.durable_write import replace_file
from actors.shared.durable.quarantine import claim_directory, claim_file, quarantine

AnchorT = TypeVar("AnchorT")


@dataclass(frozen=True)
class FoundAnchors:
    """The anchors that the last start left.

    Attributes:
        catalog: None if there is none, or if it was refused.
        head: None if there is none, or if it was refused.
        findings: one for each refused anchor, which is quarantined.
    """

    catalog: SegmentCatalog | None = None
    head: SegmentHead | None = None
    findings: list[SegmentFinding] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Id of the key that authenticates the catalog; empty for none."""
        return self.catalog.key if self.catalog else ""


class AnchorFiles:
    """The files `history.json` and `history.head`."""

    def __init__(self, directory: Path, keys: SegmentKeys) -> None:
        self._directory = directory
        self._keys = keys
        self._head_descriptor = -1

    def read(self) -> FoundAnchors:
        """Read both anchors and quarantine those that are not what was written.

        Raises:
            OSError, DurableWriteFailed, FileUnreadable: the disk refused.
            KeyUnavailable: the keys were locked meanwhile.
        """
        claim_directory(self._directory)
        self._keys.anchor_key()
        findings: list[SegmentFinding] = []
        catalog = self._read(CATALOG_NAME, CATALOG_LIMIT_BYTES, read_catalog, findings)
        head = self._read(HEAD_NAME, HEAD_BYTES, read_head, findings)
        return FoundAnchors(catalog, head, findings)

    def _read(
        self,
        name: str,
        limit_bytes: int,
        decode: Callable[[bytes, bytes], AnchorT],
        findings: list[SegmentFinding],
    ) -> AnchorT | None:
        try:
            content = read_file(self._directory / name, limit_bytes)
            return None if content is None else decode(content, self._secret_of(content))
        except FileUnreadable as error:
            if error.found not in NEVER_A_FILE:
                raise
            findings.append(self._refused(name, error.detail))
        except (AnchorRefused, KeyUnavailable) as error:
            findings.append(self._refused(name, str(error)))
        return None

    def write_catalog(self, catalog: SegmentCatalog) -> SegmentCatalog:
        """Replace the catalog durably and return it as written, with the current key and the next revision.

        Raises:
            OSError, DurableWriteFailed: the disk refused.
            KeyUnavailable: the keys were locked meanwhile.
        """
        key = self._keys.anchor_key()
        catalog = msgspec.structs.replace(catalog, key=key, revision=catalog.revision + 1)
        claim_file(self._directory / CATALOG_NAME)
        replace_file(self._directory / CATALOG_NAME, write_catalog(catalog, self._keys.anchor_secret(key)))
        return catalog

    def replace_head(self, head: SegmentHead) -> None:
        """Replace the head durably.

        Raises:
            OSError, DurableWriteFailed: the disk refused.
            KeyUnavailable: the keys were locked meanwhile.
        """
        self.close()
        claim_file(self._directory / HEAD_NAME)
        replace_file(self._directory / HEAD_NAME, self._signed(head))
        self._head_descriptor = os.open(self._directory / HEAD_NAME, os.O_WRONLY | getattr(os, "O_BINARY", 0))

    def update_head(self, head: SegmentHead) -> None:
        """Overwrite the head in place. The system decides when that reaches the disk.

        Raises:
            OSError: the disk refused.
            KeyUnavailable: the keys were locked meanwhile.
        """
        content = self._signed(head)
        if hasattr(os, "pwrite"):
            os.pwrite(self._head_descriptor, content, 0)
        else:
            os.lseek(self._head_descriptor, 0, os.SEEK_SET)
            os.write(self._head_descriptor, content)

    def close(self) -> None:
        """Close the file of the head."""
        if self._head_descriptor >= 0:
            os.close(self._head_descriptor)
            self._head_descriptor = -1

    def _signed(self, head: SegmentHead) -> bytes:
        key = self._keys.anchor_key()
        return write_head(msgspec.structs.replace(head, key=key), self._keys.anchor_secret(key))

    def _secret_of(self, content: bytes) -> bytes:
        return self._keys.anchor_secret(key_of(content))

    def _refused(self, name: str, detail: str) -> SegmentFinding:
        quarantine(self._directory / name)
        return SegmentFinding("anchor", name, detail)
