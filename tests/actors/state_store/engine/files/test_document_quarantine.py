"""A damaged document is renamed, forgotten and noted; if that fails, nothing else happens."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

from actors.state_store.engine.files.document_quarantine import DocumentQuarantine
from actors.state_store.engine.files.state_layout import StateLayout
from actors.state_store.engine.key_index import KeyEntry, KeyIndex
from actors.state_store.engine.operations import Incident
from actors.state_store.engine.values.value_codec import DocumentDamaged
from actors.state_store.errors import LoadFailed


@pytest.mark.requirement("S3-18")
def test_the_evidence_is_kept_and_the_key_no_longer_exists(tmp_path: Path) -> None:
    layout, index, incidents = StateLayout(tmp_path, ["notes"]), KeyIndex(), deque[Incident]()
    layout.prepare()
    path = tmp_path / "notes" / "a.json"
    path.write_bytes(b"{broken")
    index.put("notes.a", KeyEntry(7))
    quarantine = DocumentQuarantine(layout, index, incidents)
    evidence = quarantine.put_aside(DocumentDamaged("notes.a", "cut short"), "backup 7")
    assert Path(evidence).read_bytes() == b"{broken"
    assert not path.exists()
    assert "notes.a" not in index
    assert list(incidents) == [Incident("corruption", "notes.a", "cut short", evidence, "backup 7")]


def test_a_file_that_cannot_be_renamed_stays_known(tmp_path: Path) -> None:
    layout, index, incidents = StateLayout(tmp_path, ["notes"]), KeyIndex(), deque[Incident]()
    index.put("notes.a", KeyEntry(7))
    with pytest.raises(LoadFailed, match=r"notes\.a: it is damaged \(cut short\) and cannot be put aside"):
        DocumentQuarantine(layout, index, incidents).put_aside(DocumentDamaged("notes.a", "cut short"))
    assert "notes.a" in index
    assert not incidents
