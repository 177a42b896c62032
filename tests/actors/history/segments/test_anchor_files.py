"""Anchors come back as they were written; those that are not are put aside, and the others still count."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.history.segments.anchor_files import AnchorFiles
from actors.history.segments.segment_catalog import (
    CATALOG_NAME,
    HEAD_BYTES,
    HEAD_NAME,
    SegmentCatalog,
    SegmentHead,
    SegmentRef,
)
from actors.history.segments.segment_keys import SegmentKeys
from actors.shared.crypto.envelope_errors import KeyUnavailable
from tests.support.history_lab import FakeKeyRing

REF = SegmentRef(number=1, file="0123456789abcdef", last=3, tag="t")


def anchors_of(root: Path, ring: FakeKeyRing | None = None) -> AnchorFiles:
    return AnchorFiles(root, SegmentKeys(ring or FakeKeyRing(), encrypts=True))


def test_a_new_history_has_no_anchors_and_nothing_is_wrong(tmp_path: Path) -> None:
    found = anchors_of(tmp_path / "new").read()
    assert (found.catalog, found.head, found.findings) == (None, None, [])


def test_a_catalog_is_written_with_the_key_of_now_and_the_next_revision(tmp_path: Path) -> None:
    ring = FakeKeyRing()
    first = anchors_of(tmp_path, ring).write_catalog(SegmentCatalog(segments=[REF], revision=4))
    assert (first.key, first.revision) == ("k1", 5)
    ring.rotate()
    assert anchors_of(tmp_path, ring).write_catalog(first).key == "k2"
    found = anchors_of(tmp_path, ring).read()
    assert found.catalog is not None
    assert (found.catalog.segments, found.catalog.revision, found.findings) == ([REF], 6, [])


def test_a_directory_in_the_place_of_an_anchor_is_put_aside_before_it_is_written(tmp_path: Path) -> None:
    anchors = anchors_of(tmp_path)
    for name in (CATALOG_NAME, HEAD_NAME):
        (tmp_path / name).mkdir()
        (tmp_path / name / "of a stranger").touch()
    anchors.write_catalog(SegmentCatalog(segments=[REF]))
    anchors.replace_head(SegmentHead(number=1, file="f"))
    anchors.close()
    found = anchors_of(tmp_path).read()
    assert found.catalog is not None
    assert found.head is not None
    assert len(list(tmp_path.rglob("of a stranger"))) == 2


def test_a_head_is_updated_in_place(tmp_path: Path) -> None:
    anchors = anchors_of(tmp_path)
    anchors.replace_head(SegmentHead(number=1, file="f"))
    inode = (tmp_path / HEAD_NAME).stat().st_ino
    anchors.update_head(SegmentHead(number=1, file="f", sequence=7, tag="t"))
    anchors.close()
    anchors.close()
    assert ((tmp_path / HEAD_NAME).stat().st_ino, (tmp_path / HEAD_NAME).stat().st_size) == (
        inode,
        HEAD_BYTES,
    )
    head = anchors_of(tmp_path).read().head
    assert head is not None
    assert (head.sequence, head.tag) == (7, "t")


@pytest.mark.parametrize(("name", "other"), [(CATALOG_NAME, "head"), (HEAD_NAME, "catalog")])
def test_an_anchor_that_is_not_what_was_written_is_put_aside(tmp_path: Path, name: str, other: str) -> None:
    anchors = anchors_of(tmp_path)
    anchors.write_catalog(SegmentCatalog(segments=[REF]))
    anchors.replace_head(SegmentHead(number=1, file="f"))
    anchors.close()
    content = bytearray((tmp_path / name).read_bytes())
    content[10] ^= 1
    (tmp_path / name).write_bytes(content)
    found = anchors_of(tmp_path).read()
    assert [(finding.trouble, finding.file) for finding in found.findings] == [("anchor", name)]
    assert getattr(found, other) is not None
    assert (tmp_path / f"{name}.corrupt").read_bytes() == content


def test_without_its_key_nothing_is_read_or_written(tmp_path: Path) -> None:
    ring = FakeKeyRing()
    anchors_of(tmp_path, ring).write_catalog(SegmentCatalog())
    other = FakeKeyRing()
    other.keys = {"k9": other.keys["k1"]}
    assert [finding.file for finding in anchors_of(tmp_path, other).read().findings] == [CATALOG_NAME]
    with pytest.raises(KeyUnavailable):
        SegmentKeys(ring, encrypts=True).anchor_secret("k9")
